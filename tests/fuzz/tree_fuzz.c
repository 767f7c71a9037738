/*
 * Any text as a tree: what is read as plain text is what libconfig reads, node for node, with the same lines. So the
 * reader of plain text takes nothing that libconfig refuses, and takes nothing otherwise; nor anything that is to be
 * refused, or put in, before libconfig sees it. What libconfig would read as something else was told before.
 */
#include "conf/mend.h"
#include "conf/source.h"
#include "conf/tree.h"
#include "lib/buf.h"
#include "lib/diag.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(c)                                                                                                     \
	do {                                                                                                               \
		if (!(c))                                                                                                      \
			abort();                                                                                                   \
	} while (0)

static void compare(const struct node *a, const struct node *b)
{
	REQUIRE(a->type == b->type && a->line == b->line && !a->name == !b->name && !a->parent == !b->parent);
	REQUIRE(!a->name || !strcmp(a->name, b->name));
	switch ((enum node_type)a->type) {
	case NODE_TEXT:
		REQUIRE(!strcmp(a->text, b->text));
		return;
	case NODE_NUMBER:
	case NODE_BOOL:
		REQUIRE(a->number == b->number);
		return;
	case NODE_REAL:
		REQUIRE(!memcmp(&a->real, &b->real, sizeof(a->real)));
		return;
	case NODE_GROUP:
	case NODE_ARRAY:
	case NODE_LIST:
		break;
	}
	REQUIRE(a->n == b->n);
	for (unsigned i = 0; i < a->n; i++) {
		REQUIRE(a->entries[i].parent == a && b->entries[i].parent == b);
		compare(&a->entries[i], &b->entries[i]);
	}
}

static void check(const struct source *s)
{
	struct tree *plain = NULL, *any = NULL;
	struct tree_error error = { 0 };

	int one = tree_parse_plain(buf_text(&s->text), s->text.len, &plain);
	int other = tree_parse_any(buf_text(&s->text), &any, &error);
	REQUIRE((!one || one == -EINVAL) && (!other || other == -EINVAL) && (!other == !*error.text));
	REQUIRE(one || !other);
	if (!one)
		compare(tree_root(plain), tree_root(any));
	tree_free(plain);
	tree_free(any);
}

static bool has_told_of_key(const struct diag_list *told)
{
	size_t i = 0;

	while (i < told->count && strncmp(told->items[i].text, "this key stands", 15) != 0)
		i++;
	return i < told->count || told->dropped;
}

/* libconfig finds no mixed array any more, and no key that stands twice but those that were told. */
static void check_mended(struct source *s)
{
	struct diag_list told = { 0 };
	struct tree_error error = { 0 };
	struct tree *tree = NULL;
	bool doubtful = s->doubtful;

	REQUIRE(!mend(s, &told));
	if (tree_parse_any(buf_text(&s->text), &tree, &error))
		REQUIRE(!strncmp(error.text, "syntax error", 12) || !strcmp(error.text, "memory exhausted") ||
				(!strcmp(error.text, tree_key_twice) && has_told_of_key(&told)));
	else
		REQUIRE(!doubtful || told.errors);
	check(s);
	tree_free(tree);
	diag_free(&told);
}

/* What is plain without a look at it beforehand is what source_build() would have left as it is. */
static void check_taken(const struct source *taken, const struct source *built, bool refused)
{
	struct tree *plain;

	if (tree_parse_plain(buf_text(&taken->text), taken->text.len, &plain))
		return;
	REQUIRE(!refused && !strcmp(buf_text(&taken->text), buf_text(&built->text)));
	tree_free(plain);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct diag_list diags = { 0 };
	struct source source, taken;

	bool refused = source_build("x", (const char *)data, size, NULL, NULL, &diags, &source);
	bool doubtful = source.doubtful;
	if (!refused)
		check(&source);
	if (!source_take("x", (const char *)data, size, &diags, &taken))
		check_taken(&taken, &source, refused || doubtful);
	if (!refused)
		check_mended(&source);
	source_free(&source);
	source_free(&taken);
	diag_free(&diags);
	return 0;
}
