/* Any text as the kernel's ruleset: taken apart and held against the constant rules, it neither crashes nor leaks. */
#include "appliance/isolation/verify_facts.h"
#include "appliance/isolation/verify_ruleset.h"
#include "appliance/isolation/verify_span.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What parses as addresses prints as what parses as the same. */
static void look_at(const struct element *e)
{
	for (size_t i = 0; i < ELEMENT_FIELDS && e->fields[i]; i++) {
		struct span s, again;
		char text[SPAN_TEXT];
		if (span_parse(e->fields[i], &s) == 0 &&
			(span_parse(span_print(&s, text), &again) < 0 || !span_equal(&s, &again)))
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct facts unproven = { 0 };
	struct ruleset r = { 0 };
	char *text = malloc(size + 1);

	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	if (ruleset_parse(text, &r) == 0) {
		ruleset_check(&r, &unproven);
		for (size_t i = 0; i < r.n_elements; i++)
			look_at(&r.elements[i]);
	}
	facts_free(&unproven);
	ruleset_free(&r);
	free(text);
	return 0;
}
