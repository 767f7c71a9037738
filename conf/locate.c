#include "conf/locate.h"

#include "conf/source.h"
#include "conf/tree.h"

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
static unsigned line_of(const struct source *s, const struct node *setting)
{
	unsigned line = setting->line;

	if (setting->name || setting->type != NODE_TEXT || !setting->parent)
		return line;
	const char *value = setting->text, *text = buf_text(&s->text), *start = line_start(s, line);
	for (unsigned at = line; start && at >= setting->parent->line; at--) {
		if (line_has(s, start, value))
			return at;
		const char *before = start > text + 1 ? memrchr(text, '\n', (size_t)(start - 1 - text)) : NULL;
		if (start == text)
			break;
		start = before ? before + 1 : text;
	}
	return line;
}

struct origin locate_setting(const struct locator *l, const struct node *setting)
{
	/* What the whole text lacks can stand anywhere in it: at the begin of the first file, say. */
	if (!setting->parent)
		return (struct origin){ source_origin(l->source, 0).file, 1 };
	return source_origin(l->source, line_of(l->source, setting));
}

const struct node *locate_member(const struct node *group, const char *name)
{
	unsigned n = group->type == NODE_GROUP ? group->n : 0;

	for (unsigned i = 0; i < n; i++) {
		if (!strcmp(group->entries[i].name, name))
			return &group->entries[i];
	}
	return NULL;
}

/* The entry of setting that key begins with; *key moves behind it. NULL if it has none such. */
static const struct node *step(const struct node *setting, const char **key)
{
	char name[64];

	if (**key == '[') {
		unsigned at = 0;
		for ((*key)++; **key >= '0' && **key <= '9'; (*key)++)
			at = at * 10 + (unsigned)(**key - '0');
		*key += **key == ']';
		return node_is_aggregate(setting) && at < setting->n ? &setting->entries[at] : NULL;
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
static const struct node *find(const struct locator *l, const char *key, const char **ret_rest)
{
	const struct node *at = l->root;

	*ret_rest = key;
	while (*key) {
		const struct node *next = step(at, &key);
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

const struct node *locate_at(const struct locator *l, const char *key)
{
	const char *rest;
	const struct node *at = find(l, key, &rest);

	return *rest ? NULL : at;
}

bool locate_has(const struct locator *l, const char *key)
{
	return locate_at(l, key);
}
