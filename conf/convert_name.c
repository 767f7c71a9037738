#include "conf/convert_name.h"

#include "conf/convert_foreign.h"

#include <ctype.h>
#include <errno.h>
#include <search.h>
#include <stdio.h>
#include <string.h>

enum { NAME_MAX_LEN = 32, SUFFIX_MAX = 6 };

struct name {
	char text[NAME_MAX_LEN + 1];
	unsigned next; /* the number that is tried for the next one of this name */
};

static int compare(const void *a, const void *b)
{
	return strcmp(((const struct name *)a)->text, ((const struct name *)b)->text);
}

/* wanted with what does not fit made '-'. */
static void fit(const char *wanted, char text[static NAME_MAX_LEN + 1])
{
	size_t n = 0;

	for (; *wanted && n < NAME_MAX_LEN; wanted++) {
		char c = (char)tolower((unsigned char)*wanted);
		bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
		if (plain)
			text[n++] = c;
		else if (n && text[n - 1] != '-')
			text[n++] = '-';
	}
	while (n && text[n - 1] == '-')
		n--;
	text[n] = '\0';
	if (!n)
		snprintf(text, NAME_MAX_LEN + 1, "unnamed");
}

/* The entry of that name, made if new with *ret_new. NULL: s->error is set. */
static struct name *enter(struct foreign *s, struct names *names, const char *text, bool *ret_new)
{
	struct name *name = foreign_alloc(s, sizeof(*name));

	if (!name)
		return NULL;
	snprintf(name->text, sizeof(name->text), "%s", text);
	name->next = 2;
	void *node = tsearch(name, &names->tree, compare);
	if (!node) {
		s->error = s->error ? s->error : -ENOMEM;
		return NULL;
	}
	struct name *found = *(struct name **)node;
	*ret_new = found == name;
	return found;
}

const char *names_take(struct foreign *s, struct names *names, const char *wanted)
{
	char text[NAME_MAX_LEN + 1], numbered[NAME_MAX_LEN + 1];
	bool new = false;

	fit(wanted, text);
	struct name *first = enter(s, names, text, &new), *name = first;
	while (name && !new) {
		snprintf(numbered, sizeof(numbered), "%.*s-%u", NAME_MAX_LEN - SUFFIX_MAX, text, first->next++ % 100000);
		name = enter(s, names, numbered, &new);
	}
	return name ? name->text : "";
}

static void keep(void *name)
{
	(void)name; /* the source owns it */
}

void names_free(struct names *names)
{
	tdestroy(names->tree, keep);
	names->tree = NULL;
}
