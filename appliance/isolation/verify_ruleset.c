#include "appliance/isolation/verify_ruleset.h"

#include "lib/grow.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Tokens of one statement; "{", "}", "," and "\n" stand for themselves. */
struct tokens {
	const char **items; /* owned; the texts are the ruleset's */
	size_t count;
	size_t size;
};

struct reader {
	const char *at;
	struct ruleset *r;
	struct tokens t; /* of the statement that is being read */
	const char *table;
};

static const char *keep(struct ruleset *r, const char *text, size_t len)
{
	if ((r->n_texts & (r->n_texts - 1)) == 0) {
		char **texts = reallocarray(r->texts, r->n_texts ? 2 * r->n_texts : 1, sizeof(*texts));
		if (!texts) {
			r->error = -ENOMEM;
			return "";
		}
		r->texts = texts;
	}
	char *copy = strndup(text, len);
	if (!copy) {
		r->error = -ENOMEM;
		return "";
	}
	return r->texts[r->n_texts++] = copy;
}

static void push(struct reader *p, const char *token)
{
	const char **items = grow(p->t.items, p->t.count, &p->t.size, sizeof(*items));
	if (!items) {
		p->r->error = -ENOMEM;
		return;
	}
	p->t.items = items;
	p->t.items[p->t.count++] = token;
}

/* A number in hexadecimal as one in decimal. */
static const char *word(struct reader *p, const char *text, size_t len)
{
	char digits[24];

	if (len > 2 && len < 19 && text[0] == '0' && text[1] == 'x') {
		char *end;
		unsigned long n = strtoul(text, &end, 16);
		if (end == text + len) {
			int n_digits = snprintf(digits, sizeof(digits), "%lu", n);
			return keep(p->r, digits, (size_t)n_digits);
		}
	}
	return keep(p->r, text, len);
}

/* The next token, NULL at the end. ";" is a line's end as well. */
static const char *next(struct reader *p)
{
	while (*p->at == ' ' || *p->at == '\t')
		p->at++;
	const char *start = p->at;
	switch (*start) {
	case '\0':
		return NULL;
	case '\n':
	case ';':
		p->at++;
		return "\n";
	case '{':
	case '}':
	case ',':
		p->at++;
		return *start == '{' ? "{" : *start == '}' ? "}" : ",";
	case '"': {
		const char *end = strchr(start + 1, '"');
		p->at = end ? end + 1 : start + strlen(start);
		return keep(p->r, start + 1, (size_t)((end ? end : p->at) - start - 1));
	}
	default:
		p->at += strcspn(start, " \t\n;{},\"");
		return word(p, start, (size_t)(p->at - start));
	}
}

static bool is(const char *token, const char *text)
{
	return strcmp(token, text) == 0;
}

static int compare_words(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Sorts "c , a , b" from i on, if these are single words in braces or outside of any. Returns where it ends. */
static size_t sort_list(struct tokens *t, size_t i)
{
	const char *words[64];
	size_t n = 0, at = i;
	bool braced = i > 0 && is(t->items[i - 1], "{");

	while (at + 1 < t->count && is(t->items[at + 1], ",") && n < 62) {
		words[n++] = t->items[at];
		at += 2;
	}
	if (n == 0 || at >= t->count)
		return at;
	words[n++] = t->items[at];
	if (braced && (at + 1 >= t->count || !is(t->items[at + 1], "}")))
		return at;
	qsort(words, n, sizeof(*words), compare_words);
	for (size_t k = 0; k < n; k++)
		t->items[i + 2 * k] = words[k];
	return at;
}

static const char *join(struct reader *p, size_t first, size_t last)
{
	size_t len = 1;

	for (size_t i = first; i < last; i++)
		len += strlen(p->t.items[i]) + 1;
	char *text = malloc(len), *end = text;
	if (!text) {
		p->r->error = -ENOMEM;
		return "";
	}
	for (size_t i = first; i < last; i++) {
		if (i > first)
			*end++ = ' ';
		end = stpcpy(end, p->t.items[i]);
	}
	*end = '\0';
	const char *kept = keep(p->r, text, (size_t)(end - text));
	free(text);
	return kept;
}

static void *grown(struct ruleset *r, void *items, size_t count, size_t size)
{
	if ((count & (count - 1)) != 0)
		return items;
	void *more = reallocarray(items, count ? 2 * count : 1, size);
	if (!more)
		r->error = -ENOMEM;
	return more;
}

/* Where an element ends without what it counts: "counter", also with "packets 3 bytes 300". */
static size_t without_counter(const struct reader *p, size_t first, size_t last)
{
	for (size_t i = first + 1; i < last; i++)
		if (is(p->t.items[i], "counter"))
			return i;
	return last;
}

static void add_element(struct reader *p, const char *set, size_t first, size_t last)
{
	struct ruleset *r = p->r;
	struct element e = { .set = set, .value = "" };
	size_t n = 0;

	for (size_t i = first; i < last; i++) {
		const char *token = p->t.items[i];
		if (is(token, ":")) {
			e.value = join(p, i + 1, last);
			break;
		}
		if (is(token, "."))
			continue;
		/* A fifth field, a time-out, a comment: as a whole into the last, so that it is like nothing configured. */
		if (n == ELEMENT_FIELDS || (i > first && !is(p->t.items[i - 1], "."))) {
			e.fields[0] = join(p, first, last);
			n = 1;
			break;
		}
		e.fields[n++] = token;
	}
	struct element *elements = n > 0 ? grown(r, r->elements, r->n_elements, sizeof(*elements)) : NULL;
	if (!elements)
		return;
	r->elements = elements;
	r->elements[r->n_elements++] = e;
}

/* "elements = { a . b, c . d }" */
static void take_elements(struct reader *p, const char *set)
{
	size_t first = 3;

	for (size_t i = first; i < p->t.count; i++) {
		bool end = is(p->t.items[i], "}");
		if (!end && !is(p->t.items[i], ","))
			continue;
		if (i > first)
			add_element(p, set, first, without_counter(p, first, i));
		first = i + 1;
		if (end)
			return;
	}
}

static void add_statement(struct reader *p, struct block *b)
{
	for (size_t i = 0; i < p->t.count; i++)
		i = sort_list(&p->t, i);
	const char **statements = grown(p->r, b->statements, b->n_statements, sizeof(*statements));
	if (!statements)
		return;
	b->statements = statements;
	b->statements[b->n_statements++] = join(p, 0, p->t.count);
}

static void end_statement(struct reader *p, struct block *b)
{
	bool elements =
		p->t.count >= 3 && is(p->t.items[0], "elements") && is(p->t.items[1], "=") && is(p->t.items[2], "{");

	if (p->t.count == 0)
		return;
	if (elements && is(p->table, RULESET_OURS))
		take_elements(p, b->name);
	else if (!elements)
		add_statement(p, b);
	p->t.count = 0;
}

/* What stands in a block, up to its closing brace. */
static void take_body(struct reader *p, struct block *b)
{
	const char *token;
	unsigned depth = 0;

	p->t.count = 0;
	while (p->r->error == 0 && (token = next(p))) {
		if (depth == 0 && (is(token, "\n") || is(token, "}"))) {
			end_statement(p, b);
			if (is(token, "}"))
				return;
			continue;
		}
		if (is(token, "\n"))
			continue;
		depth += is(token, "{");
		depth -= is(token, "}");
		push(p, token);
	}
	end_statement(p, b);
}

/* KIND... NAME { */
static void take_block(struct reader *p)
{
	struct ruleset *r = p->r;
	struct block b = { .table = p->table, .kind = "", .name = "" };

	if (p->t.count > 0) {
		b.kind = join(p, 0, p->t.count - 1);
		b.name = p->t.items[p->t.count - 1];
	}
	take_body(p, &b);
	struct block *blocks = grown(r, r->blocks, r->n_blocks, sizeof(*blocks));
	if (!blocks) {
		free(b.statements);
		return;
	}
	r->blocks = blocks;
	r->blocks[r->n_blocks++] = b;
}

static void take_table(struct reader *p)
{
	const char *token;
	bool dormant = false, ours = is(p->table, RULESET_OURS);

	p->t.count = 0;
	while (p->r->error == 0 && (token = next(p)) && !is(token, "}")) {
		if (is(token, "{")) {
			take_block(p);
		} else if (!is(token, "\n")) {
			dormant = dormant || is(token, "dormant");
			push(p, token);
			continue;
		}
		p->t.count = 0;
	}
	p->r->stands = ours ? !dormant : p->r->stands;
}

static int compare_elements(const void *a, const void *b)
{
	const struct element *x = a, *y = b;
	int c = strcmp(x->set, y->set);

	return c != 0 ? c : strcmp(x->fields[0], y->fields[0]);
}

static int compare_blocks(const void *a, const void *b)
{
	const struct block *x = a, *y = b;
	int c = strcmp(x->table, y->table);

	if (c == 0)
		c = strcmp(x->kind, y->kind);
	return c != 0 ? c : strcmp(x->name, y->name);
}

int ruleset_parse(const char *text, struct ruleset *ret)
{
	struct reader p = { .at = text, .r = ret };
	const char *token;

	while (ret->error == 0 && (token = next(&p))) {
		if (is(token, "{")) {
			p.table = p.t.count > 1 ? join(&p, 1, p.t.count) : "";
			take_table(&p);
		} else if (token[0] == '#') {
			p.at += strcspn(p.at, "\n");
		} else if (!is(token, "\n")) {
			push(&p, token);
			continue;
		}
		p.t.count = 0;
	}
	free(p.t.items);
	if (ret->n_elements > 0)
		qsort(ret->elements, ret->n_elements, sizeof(*ret->elements), compare_elements);
	if (ret->n_blocks > 0)
		qsort(ret->blocks, ret->n_blocks, sizeof(*ret->blocks), compare_blocks);
	return ret->error;
}

const struct block *ruleset_block(const struct ruleset *r, const char *kind, const char *name)
{
	struct block key = { .table = RULESET_OURS, .kind = kind, .name = name };

	return r->n_blocks > 0 ? bsearch(&key, r->blocks, r->n_blocks, sizeof(key), compare_blocks) : NULL;
}

const struct element *ruleset_find(const struct ruleset *r, const char *set, const char *first, size_t *ret_n)
{
	size_t low = 0, high = r->n_elements, end;
	struct element key = { .set = set, .fields = { first ? first : "" } };

	while (low < high) {
		size_t middle = (low + high) / 2;
		if (compare_elements(&r->elements[middle], &key) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	for (end = low; end < r->n_elements && is(r->elements[end].set, set); end++)
		if (first && !is(r->elements[end].fields[0], first))
			break;
	*ret_n = end - low;
	return r->elements ? &r->elements[low] : NULL;
}

void ruleset_free(struct ruleset *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->n_blocks; i++)
		free(r->blocks[i].statements);
	for (size_t i = 0; i < r->n_texts; i++)
		free(r->texts[i]);
	free(r->blocks);
	free(r->elements);
	free(r->texts);
	*r = (struct ruleset){ 0 };
}
