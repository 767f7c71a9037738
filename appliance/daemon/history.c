#include "appliance/daemon/history.h"

#include "appliance/daemon/archive.h"
#include "appliance/daemon/control.h"
#include "appliance/daemon/generation.h"
#include "appliance/daemon/meta.h"
#include "lib/cleanup.h"

#include <errno.h>
#include <string.h>

/* jansson takes NULL for a value as "out of memory"; the first such failure makes the whole answer NULL. */
static json_t *text_or_null(const char *text)
{
	return *text ? json_string(text) : json_null();
}

static json_t *number_or_null(unsigned number)
{
	return number ? json_integer(number) : json_null();
}

json_t *history_counts(const struct counts *c)
{
	return json_pack("{s:I, s:I, s:I, s:I}", "added", (json_int_t)c->added, "changed", (json_int_t)c->changed,
		"removed", (json_int_t)c->removed, "kept", (json_int_t)c->kept);
}

static json_t *row(const char *run, unsigned number, unsigned current)
{
	struct meta m;

	generation_meta(run, number, &m);
	return json_pack("{s:I, s:o, s:o, s:o, s:o, s:o, s:b, s:o, s:o, s:o}", "number", (json_int_t)number, "when",
		text_or_null(m.when), "who", text_or_null(m.who), "file", text_or_null(m.file), "rollback_of",
		number_or_null(m.rollback_of), "before", number_or_null(m.before), "in_force", number == current, "tunnels",
		m.counted ? history_counts(&m.tunnels) : json_null(), "apns", m.counted ? history_counts(&m.apns) : json_null(),
		"gateway_changed", m.counted ? json_boolean(m.gateway) : json_null());
}

json_t *history_compose(const char *run, unsigned current)
{
	CLEANUP(cleanup_free) unsigned *numbers = NULL;
	json_t *rows = json_array();
	size_t n = 0;

	if (archive_list(run, &numbers, &n))
		n = 0; /* none was ever in force */
	for (size_t i = 0; i < n; i++)
		json_array_append_new(rows, row(run, numbers[i], current));
	return json_pack("{s:b, s:I, s:o}", "ok", 1, "generation", (json_int_t)current, "generations", rows);
}

json_t *history_config(const char *run, unsigned number)
{
	CLEANUP(cleanup_free) char *text = NULL;
	json_t *answer;
	int error;

	if (!number)
		return control_error("no configuration is in force");
	error = generation_text(run, number, &text);
	if (error == -ENOENT)
		return control_error("generation %u is not kept; culvert history lists those that are", number);
	if (error)
		return control_error("generation %u cannot be read: %s", number, strerror(-error));
	answer = json_pack("{s:b, s:I, s:s}", "ok", 1, "generation", (json_int_t)number, "config", text);
	return answer ? answer : control_error("generation %u is not text", number);
}
