/*
 * The plain part of the language: names, texts that stand alone and escape nothing but quotes and backslashes, small
 * decimal numbers without a sign, true and false, and entries with one comma between them. A node is written on the
 * heap, at the top of those that wait for their bracket to close; then all that it holds goes to its lasting place in
 * one piece.
 */
#include "conf/tree.h"

#include "conf/scan.h"
#include "conf/source.h"
#include "conf/tree_build.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

enum {
	DIGITS_MOST = 9, /* of an integer: libconfig has 32 bits for it */
	REAL_DIGITS_MOST = 15, /* both sides of the point: exact in a double, so that one division rounds once */
};

struct parser {
	struct scan scan;
	struct scan_token token; /* the one that comes next */
	const char *behind; /* where the one before it ended */
	const char *text; /* what is scanned */
	char *copy; /* the same octets, in which names and texts end with a NUL */
	struct tree *tree;
	unsigned brackets; /* that are open; as source_build() counts, the first stands for the whole text */
	unsigned values; /* and keys and brackets, as source_build() counts them */
};

static int take_value(struct parser *p, struct node *n);

static void advance(struct parser *p)
{
	p->behind = p->scan.at;
	p->token = scan_next(&p->scan);
}

static bool is(const struct parser *p, enum scan_kind kind, char octet)
{
	return p->token.kind == kind && *p->token.start == octet;
}

/* The octets of a token in the copy, with a NUL behind them. */
static char *cut_out(struct parser *p, const char *start, size_t len)
{
	char *at = p->copy + (start - p->text);

	at[len] = '\0';
	return at;
}

/* --- values --- */

/* The text between the quotes. */
static int take_text(struct parser *p, struct node *n)
{
	char *from = cut_out(p, p->token.start + 1, p->token.len - 2), *to, *end = from + p->token.len - 2;

	n->text = from;
	for (to = from = memchr(from, '\\', (size_t)(end - from)); from && from < end; from++) {
		if (*from == '\\') {
			from++;
			if (*from != '"' && *from != '\\')
				return -EINVAL;
		}
		*to++ = *from;
	}
	if (to)
		*to = '\0';
	n->type = NODE_TEXT;
	advance(p);
	return p->token.kind == SCAN_TEXT ? -EINVAL : 0; /* two are one */
}

static int take_integer(struct parser *p, struct node *n)
{
	const struct scan_token *t = &p->token;
	long long number = 0;

	if (t->len > DIGITS_MOST || (*t->start == '0' && t->len > 1))
		return -EINVAL;
	for (size_t i = 0; i < t->len; i++) {
		if (t->start[i] < '0' || t->start[i] > '9')
			return -EINVAL;
		number = number * 10 + (t->start[i] - '0');
	}
	n->type = NODE_NUMBER;
	n->number = number;
	advance(p);
	return 0;
}

/* Digits, a point, digits. */
static int take_real(struct parser *p, struct node *n)
{
	const struct scan_token *t = &p->token;
	double all = 0, scale = 1;
	bool behind = false;

	if (t->len > REAL_DIGITS_MOST + 1 || *t->start == '.' || t->start[t->len - 1] == '.')
		return -EINVAL;
	for (size_t i = 0; i < t->len; i++) {
		if (t->start[i] == '.' && !behind) {
			behind = true;
			continue;
		}
		if (t->start[i] < '0' || t->start[i] > '9')
			return -EINVAL;
		all = all * 10 + (t->start[i] - '0');
		scale *= behind ? 10 : 1;
	}
	n->type = NODE_REAL;
	n->real = all / scale;
	advance(p);
	return 0;
}

static bool is_word(const struct scan_token *t, const char *word)
{
	return t->len == strlen(word) && !strncasecmp(t->start, word, t->len);
}

static bool is_bool(const struct scan_token *t)
{
	return is_word(t, "true") || is_word(t, "false");
}

static int take_bool(struct parser *p, struct node *n)
{
	if (!is_bool(&p->token))
		return -EINVAL;
	n->type = NODE_BOOL;
	n->number = is_word(&p->token, "true");
	advance(p);
	return 0;
}

/* --- groups and lists --- */

/* True if a setting of the group whose first one is at from has that name. */
static bool has_name(struct parser *p, size_t from, const char *name)
{
	size_t n;
	const struct node *open = tree_open(p->tree, from, &n);

	for (size_t i = 0; i < n; i++) {
		if (*open[i].name == *name && !strcmp(open[i].name, name))
			return true;
	}
	return false;
}

/* True if one more key may stand in the group whose first one is at from. */
static bool has_room(struct parser *p, size_t from)
{
	return tree_mark(p->tree) - from < SOURCE_KEYS_MAX && ++p->values <= SOURCE_VALUES_MAX;
}

/* NAME = VALUE, and what may end it. */
static int take_setting(struct parser *p, size_t from)
{
	struct node n = { .line = p->token.line };
	int r = p->token.kind == SCAN_NAME && !is_bool(&p->token) && has_room(p, from) ? 0 : -EINVAL;

	if (r)
		return r;
	n.name = cut_out(p, p->token.start, p->token.len);
	advance(p);
	if ((!is(p, SCAN_OTHER, '=') && !is(p, SCAN_OTHER, ':')) || has_name(p, from, n.name))
		return -EINVAL;
	advance(p);
	r = take_value(p, &n);
	if (r)
		return r;
	if (is(p, SCAN_OTHER, ';') || is(p, SCAN_OTHER, ','))
		advance(p);
	return tree_push(p->tree, &n);
}

static int take_settings(struct parser *p, struct node *group)
{
	size_t from = tree_mark(p->tree);
	int r = 0;

	while (!r && p->token.kind == SCAN_NAME)
		r = take_setting(p, from);
	return r ? r : tree_close(p->tree, from, group);
}

/* An entry of an array or list. libconfig gives a text the line where it has seen that no other follows. */
static int take_entry(struct parser *p)
{
	struct node n = { .line = p->token.line };
	int r = take_value(p, &n);

	if (n.type == NODE_TEXT)
		n.line = p->token.line;
	return r ? r : tree_push(p->tree, &n);
}

/* Entries with a comma between them, and perhaps one behind the last. */
static int take_entries(struct parser *p, struct node *list)
{
	size_t from = tree_mark(p->tree), n;
	bool more = p->token.kind != SCAN_CLOSE;
	int r = 0;

	while (!r && more) {
		r = take_entry(p);
		more = is(p, SCAN_OTHER, ',');
		if (more) {
			advance(p);
			more = p->token.kind != SCAN_CLOSE;
		}
	}
	const struct node *open = tree_open(p->tree, from, &n);
	for (size_t i = 0; !r && list->type == NODE_ARRAY && i < n; i++) {
		if (node_is_aggregate(&open[i]) || open[i].type != open[0].type)
			r = -EINVAL;
	}
	return r ? r : tree_close(p->tree, from, list);
}

static int take_brackets(struct parser *p, struct node *n)
{
	char open = *p->token.start, close = open == '{' ? '}' : open == '[' ? ']' : ')';

	if (++p->brackets > SOURCE_BRACKETS_MAX)
		return -EINVAL;
	advance(p);
	n->type = open == '{' ? NODE_GROUP : open == '[' ? NODE_ARRAY : NODE_LIST;
	int r = open == '{' ? take_settings(p, n) : take_entries(p, n);
	if (!r && !is(p, SCAN_CLOSE, close))
		r = -EINVAL;
	if (!r)
		advance(p);
	p->brackets--;
	return r;
}

static int take_value(struct parser *p, struct node *n)
{
	if (++p->values > SOURCE_VALUES_MAX)
		return -EINVAL;
	switch (p->token.kind) {
	case SCAN_TEXT:
		return take_text(p, n);
	case SCAN_INTEGER:
		return take_integer(p, n);
	case SCAN_REAL:
		return take_real(p, n);
	case SCAN_NAME:
		return take_bool(p, n);
	case SCAN_OPEN:
		return take_brackets(p, n);
	case SCAN_END:
	case SCAN_HEX:
	case SCAN_CLOSE:
	case SCAN_INCLUDE:
	case SCAN_OTHER:
	case SCAN_TEXT_OPEN:
	case SCAN_COMMENT_OPEN:
		break;
	}
	return -EINVAL;
}

int tree_parse_plain(const char *text, size_t len, struct tree **ret)
{
	struct parser p = { .scan = scan_begin(text, len), .text = text, .tree = tree_new(), .brackets = 1 };
	struct node root = { .type = NODE_GROUP };

	if (!p.tree)
		return -ENOMEM;
	p.copy = tree_copy(p.tree, text, len + 1);
	int r = p.copy ? 0 : -ENOMEM;
	if (!r) {
		advance(&p);
		r = take_settings(&p, &root);
	}
	if (!r && (p.token.kind != SCAN_END || scan_breaks_off(p.behind, (size_t)(text + len - p.behind))))
		r = -EINVAL;
	if (!r)
		r = tree_finish(p.tree, &root);
	if (r)
		tree_free(p.tree);
	else
		*ret = p.tree;
	return r;
}

int tree_parse(const char *text, size_t len, struct tree **ret, struct tree_error *ret_error)
{
	int r = tree_parse_plain(text, len, ret);

	return r == -EINVAL ? tree_parse_any(text, ret, ret_error) : r;
}
