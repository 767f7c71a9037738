#include "appliance/isolation/report.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Takes text, which may be NULL for want of memory: then the entry is only counted. */
static void add(struct report *r, bool pending, char *text)
{
	if (text && r->count < REPORT_MAX) {
		struct report_entry *entries = reallocarray(r->entries, r->count + 1, sizeof(*entries));
		if (entries) {
			entries[r->count++] = (struct report_entry){ .pending = pending, .text = text };
			r->entries = entries;
			return;
		}
	}
	free(text);
	r->dropped++;
}

void report_failure(struct report *r, const char *format, ...)
{
	va_list args;
	char *text = NULL;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		text = NULL;
	va_end(args);
	r->failed++;
	add(r, false, text);
}

static bool has(const struct report *r, const char *text)
{
	for (size_t i = 0; i < r->count; i++)
		if (r->entries[i].pending && strcmp(r->entries[i].text, text) == 0)
			return true;
	return false;
}

void report_missing(struct report *r, const char *interface)
{
	char *text = NULL;

	if (asprintf(&text, "interface %s is missing", interface) < 0)
		text = NULL;
	if (text && has(r, text)) {
		free(text);
		return;
	}
	r->pending++;
	add(r, true, text);
}

void report_free(struct report *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->count; i++)
		free(r->entries[i].text);
	free(r->entries);
	*r = (struct report){ 0 };
}
