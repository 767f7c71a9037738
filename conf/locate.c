#include "conf/locate.h"

#include "conf/source.h"

#include <libconfig.h>
#include <stdbool.h>
#include <string.h>

/* Start of line (from 1) in the text; NULL if there is none. */
static const char *line_start(const struct source *s, unsigned line)
{
	const char *at = buf_text(&s->text), *end = at + s->text.len;

	for (unsigned i = 1; at && i < line; i++) {
		at = memchr(at, '\n', (size_t)(end - at));
		at = at ? at + 1 : NULL;
	}
	return at;
}

static bool line_has(const struct source *s, const char *start, const char *value)
{
	size_t len = (size_t)(buf_text(&s->text) + s->text.len - start);
	const char *end = memchr(start, '\n', len);

	return memmem(start, end ? (size_t)(end - start) : len, value, strlen(value));
}

/*
 * libconfig notes the line where it has seen that a value ends. Two strings beside each other are one, so for the last
 * text in a list that is the line of the next bracket: go back to where the text stands.
 */
static unsigned line_of(const struct source *s, const config_setting_t *setting)
{
	unsigned line = config_setting_source_line(setting);
	const config_setting_t *parent = config_setting_parent(setting);

	if (config_setting_name(setting) || config_setting_type(setting) != CONFIG_TYPE_STRING || !parent)
		return line;
	const char *value = config_setting_get_string(setting), *text = buf_text(&s->text), *start = line_start(s, line);
	for (unsigned at = line; start && at >= config_setting_source_line(parent); at--) {
		if (line_has(s, start, value))
			return at;
		const char *before = start > text + 1 ? memrchr(text, '\n', (size_t)(start - 1 - text)) : NULL;
		if (start == text)
			break;
		start = before ? before + 1 : text;
	}
	return line;
}

struct origin locate_setting(const struct locator *l, const config_setting_t *setting)
{
	return source_origin(l->source, line_of(l->source, setting));
}

/* libconfig's own search takes each octet for a part of a path. */
const config_setting_t *locate_member(const config_setting_t *group, const char *name)
{
	unsigned n = config_setting_is_group(group) ? (unsigned)config_setting_length(group) : 0;

	for (unsigned i = 0; i < n; i++) {
		const config_setting_t *member = config_setting_get_elem(group, i);
		if (!strcmp(config_setting_name(member), name))
			return member;
	}
	return NULL;
}

/* The entry of setting that key begins with; *key moves behind it. NULL if it has none such. */
static const config_setting_t *step(const config_setting_t *setting, const char **key)
{
	char name[64];

	if (**key == '[') {
		unsigned at = 0;
		for ((*key)++; **key >= '0' && **key <= '9'; (*key)++)
			at = at * 10 + (unsigned)(**key - '0');
		*key += **key == ']';
		return config_setting_is_aggregate(setting) ? config_setting_get_elem(setting, at) : NULL;
	}
	*key += **key == '.';
	size_t len = 0;
	while ((*key)[len] && (*key)[len] != '.' && (*key)[len] != '[')
		len++;
	if (len >= sizeof(name))
		return NULL;
	memcpy(name, *key, len);
	name[len] = '\0';
	*key += len;
	return locate_member(setting, name);
}

/* The setting at key, or the nearest around it; *ret_rest is what of key was not found. */
static const config_setting_t *find(const struct locator *l, const char *key, const char **ret_rest)
{
	const config_setting_t *at = l->root;

	*ret_rest = key;
	while (*key) {
		const config_setting_t *next = step(at, &key);
		if (!next)
			break;
		at = next;
		*ret_rest = key;
	}
	return at;
}

struct origin locate_key(const struct locator *l, const char *key)
{
	const char *rest;

	return key ? locate_setting(l, find(l, key, &rest)) : source_origin(l->source, 0);
}

const config_setting_t *locate_at(const struct locator *l, const char *key)
{
	const char *rest;
	const config_setting_t *at = find(l, key, &rest);

	return *rest ? NULL : at;
}

bool locate_has(const struct locator *l, const char *key)
{
	return locate_at(l, key);
}
