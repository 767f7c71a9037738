#include "conf/convert_conn.h"

#include "conf/convert_rules.h"
#include "conf/convert_foreign.h"
#include "ikev2/lifetime.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { SECONDS_MAX = 1000000000, FILE_NAME_MAX = 64, DPD_MOST = 600 };

/* --- numbers and times --- */

/* Digits at *at, which moves behind them. 0, or -EINVAL if there are none or too many. */
static int take_number(const char **at, unsigned *ret)
{
	unsigned long n = 0;

	if (!isdigit((unsigned char)**at))
		return -EINVAL;
	for (; isdigit((unsigned char)**at); (*at)++) {
		n = n * 10 + (unsigned long)(**at - '0');
		if (n > SECONDS_MAX)
			return -EINVAL;
	}
	*ret = (unsigned)n;
	return 0;
}

int conn_seconds(const char *text, unsigned *ret)
{
	static const struct {
		const char *unit;
		unsigned seconds;
	} units[] = { { "", 1 }, { "s", 1 }, { "m", 60 }, { "h", 3600 }, { "d", 86400 } };
	unsigned n;

	if (take_number(&text, &n))
		return -EINVAL;
	text += strspn(text, " ");
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcmp(text, units[i].unit) != 0)
			continue;
		*ret = n > SECONDS_MAX / units[i].seconds ? SECONDS_MAX : n * units[i].seconds;
		return 0;
	}
	return -EINVAL;
}

bool conn_is_yes(const char *text)
{
	return !strcmp(text, "yes") || !strcmp(text, "true") || !strcmp(text, "1") || !strcmp(text, "on") ||
		   !strcmp(text, "enabled");
}

static unsigned rekey_most(void)
{
	return LIFETIME_CEILING - (unsigned)retransmission_total(&retransmission_default) - 1;
}

void conn_set_rekey(struct foreign *s, unsigned *field, unsigned seconds, unsigned line, const char *key)
{
	if (seconds < LIFETIME_REKEY_FEW || seconds > rekey_most())
		foreign_note(s, line, key,
			"keys would be renewed after %u s; Culvert renews them after %d to %u s, so that none gets an hour old, "
			"and takes its own default",
			seconds, LIFETIME_REKEY_FEW, rekey_most());
	else if (*field && *field != seconds)
		foreign_note(
			s, line, key, "is another value than elsewhere in this tunnel (%u s), which is taken for all", *field);
	else
		*field = seconds;
}

void conn_set_number(
	struct foreign *s, unsigned *field, const struct setting *i, unsigned least, unsigned most, const char *key)
{
	const char *at;
	unsigned n;

	if (!i)
		return;
	at = i->value;
	if (take_number(&at, &n) || *at || n < least || n > most)
		foreign_note(s, i->line, key, "%s is out of Culvert's range, %u to %u; its default is taken",
			foreign_show(s, i->value), least, most);
	else if (*field && *field != n)
		foreign_note(
			s, i->line, key, "is another value than elsewhere in this tunnel (%u), which is taken for all", *field);
	else
		*field = n;
}

void conn_set_word(struct foreign *s, const char **field, const char *word, unsigned line, const char *key)
{
	if (*field && strcmp(*field, word) != 0)
		foreign_note(
			s, line, key, "is another value than elsewhere in this tunnel, where \"%s\" is taken for all", *field);
	else
		*field = word;
}

void conn_set_dpd(struct foreign *s, struct conn *c, const struct setting *i, const char *key)
{
	unsigned seconds;

	if (!i)
		return;
	if (conn_seconds(i->value, &seconds))
		foreign_note(s, i->line, key, RULE_TIME, foreign_show(s, i->value));
	else if (!seconds || seconds > DPD_MOST)
		foreign_note(s, i->line, key,
			"Culvert asks a silent peer after 1 to %d s, so that a dead tunnel is seen; its default is taken",
			DPD_MOST);
	else
		c->dpd = seconds;
}

/* --- texts --- */

const char *conn_file(struct foreign *s, const char *path, const char *fallback)
{
	const char *slash = strrchr(path, '/');
	const char *base = slash ? slash + 1 : path;
	char *name = foreign_strndup(s, base, strnlen(base, FILE_NAME_MAX));

	for (char *c = name; c && *c; c++) {
		if (!isalnum((unsigned char)*c) && !strchr("_.-", *c))
			*c = '_';
	}
	return name && (isalnum((unsigned char)name[0]) || name[0] == '_') ? name : fallback;
}

char *conn_entry(struct foreign *s, const char **at)
{
	*at += strspn(*at, ", \t");
	size_t len = strcspn(*at, ",");
	const char *from = *at;

	*at += len;
	while (len && strchr(" \t", from[len - 1]))
		len--;
	return len ? foreign_strndup(s, from, len) : NULL;
}

/* --- making --- */

struct conn *conn_new(struct foreign *s, const char *name, const char *path, unsigned line)
{
	struct conn *c = foreign_alloc(s, sizeof(*c));

	if (!c)
		return NULL;
	c->name = name;
	c->path = path;
	c->line = line;
	return c;
}

void conn_add(struct conns *all, struct conn *c)
{
	if (!all->last)
		all->last = &all->first;
	*all->last = c;
	all->last = &c->next;
}

struct child *conn_child(struct foreign *s, struct conns *all, struct conn *c, const char *name, unsigned line)
{
	struct child **last = &c->children, *child;

	if (all->n_children++ == CONN_CHILDREN_MAX) {
		foreign_fail(s, line, "has more than %d children; is it the right file?", CONN_CHILDREN_MAX);
		return NULL;
	}
	child = foreign_alloc(s, sizeof(*child));
	if (!child)
		return NULL;
	while (*last)
		last = &(*last)->next;
	child->name = name;
	child->path = c->path;
	child->line = line;
	*last = child;
	return child;
}
