/*
 * Kept sorted by kind and name, so that looking up is a binary search and the text comes out in order. Numbers of
 * names that left the configuration stay taken: what remembers them (monitoring, kernel state) must not meet another.
 * Only when numbers run out, or the file would become too large to be read again, are all such names forgotten.
 */
#include "conf/ids.h"

#include "conf/model.h"
#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/grow.h"
#include "lib/io.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	FILE_MAX = 64 * 1024 * 1024,
	ENTRIES_MAX = 600000, /* of 82 octets at most; no operator's file has as many names */
	NAME_OCTETS = 65, /* APN/TUNNEL, 32 octets each */
};

enum kind { IF_ID, TABLE, TUNNEL, N_KINDS };

static const struct {
	const char *word;
	uint32_t first, last;
} kinds[] = {
	[IF_ID] = { "if_id", IDS_IF_ID_FIRST, 99999999 },
	[TABLE] = { "table", IDS_TABLE_FIRST, IDS_TABLE_LAST },
	[TUNNEL] = { "tunnel", 1, 99999999 },
};

struct entry {
	enum kind kind;
	char name[NAME_OCTETS + 1];
	uint32_t number; /* 0: not given yet */
};

struct ids {
	struct entry *entries; /* owned */
	size_t n, room;
};

static int compare_names(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	return x->kind != y->kind ? (int)x->kind - (int)y->kind : strcmp(x->name, y->name);
}

static int compare_numbers(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* A file that was written here is in order already. */
static void sort(struct ids *ids)
{
	size_t i = 1;

	while (i < ids->n && compare_names(&ids->entries[i - 1], &ids->entries[i]) < 0)
		i++;
	if (i < ids->n)
		qsort(ids->entries, ids->n, sizeof(*ids->entries), compare_names);
}

static int append(struct ids *ids, const struct entry *e)
{
	struct entry *entries = grow(ids->entries, ids->n, &ids->room, sizeof(*entries));
	if (!entries)
		return -ENOMEM;
	ids->entries = entries;
	ids->entries[ids->n++] = *e;
	return 0;
}

static struct entry *find(const struct ids *ids, const struct entry *key)
{
	return ids->n ? bsearch(key, ids->entries, ids->n, sizeof(*key), compare_names) : NULL;
}

/* The numbers of a kind in order, and how many; the caller frees *ret. */
static int numbers_of(const struct ids *ids, enum kind kind, uint32_t **ret, size_t *ret_n)
{
	uint32_t *numbers = calloc(ids->n + 1, sizeof(*numbers));
	size_t n = 0;

	if (!numbers)
		return -ENOMEM;
	for (size_t i = 0; i < ids->n; i++) {
		if (ids->entries[i].kind == kind && ids->entries[i].number)
			numbers[n++] = ids->entries[i].number;
	}
	qsort(numbers, n, sizeof(*numbers), compare_numbers);
	*ret = numbers;
	*ret_n = n;
	return 0;
}

/* --- text --- */

static bool in_name(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '/';
}

/* A name of the operator's file, two with a slash between, or an interface behind "@". */
static bool is_name(const char *text, enum kind kind)
{
	const char *slash = strchr(text, '/');
	size_t len = 0;

	while (in_name(text[len]))
		len++;

	if (kind == TABLE && *text == '@') {
		len = strspn(text + 1, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-");
		return len > 0 && len < 16 && !text[1 + len];
	}
	if (!len || text[len] || len > NAME_OCTETS || *text == '/')
		return false;
	if (kind != IF_ID)
		return !slash;
	return slash && slash[1] && !strchr(slash + 1, '/');
}

static int parse_number(const char *text, enum kind kind, uint32_t *ret)
{
	uint32_t number = 0;
	size_t len = 0;

	for (; len <= 8 && text[len] >= '0' && text[len] <= '9'; len++)
		number = number * 10 + (uint32_t)(text[len] - '0');
	if (!len || len > 8 || text[len] || text[0] == '0')
		return -EINVAL;
	*ret = number;
	return *ret < kinds[kind].first || *ret > kinds[kind].last ? -EINVAL : 0;
}

/* "WORD NAME NUMBER"; the line is taken apart. */
static int parse_line(char *line, struct entry *ret)
{
	char *rest = line, *word = strsep(&rest, " "), *name = strsep(&rest, " ");

	if (!name || !rest)
		return -EINVAL;
	*ret = (struct entry){ .kind = N_KINDS };
	for (unsigned k = 0; k < N_KINDS; k++) {
		if (!strcmp(word, kinds[k].word))
			ret->kind = (enum kind)k;
	}
	if (ret->kind == N_KINDS || !is_name(name, ret->kind))
		return -EINVAL;
	memcpy(ret->name, name, strlen(name) + 1); /* is_name() has seen that it fits */
	return parse_number(rest, ret->kind, &ret->number);
}

/* No name twice, no number of a kind twice: entries are sorted. */
static int check_doubles(const struct ids *ids)
{
	for (size_t i = 1; i < ids->n; i++) {
		if (!compare_names(&ids->entries[i - 1], &ids->entries[i]))
			return -EINVAL;
	}
	for (unsigned k = 0; k < N_KINDS; k++) {
		CLEANUP(cleanup_free) uint32_t *numbers = NULL;
		size_t n;
		int r = numbers_of(ids, (enum kind)k, &numbers, &n);
		if (r)
			return r;
		for (size_t i = 1; i < n; i++) {
			if (numbers[i - 1] == numbers[i])
				return -EINVAL;
		}
	}
	return 0;
}

/* Cuts off the last line. 0 with what it counts, or -EINVAL. */
static int parse_end(char *text, size_t len, size_t *ret)
{
	char again[32];

	if (strlen(text) < len || !len || text[len - 1] != '\n')
		return -EINVAL;
	text[len - 1] = '\0';
	char *newline = strrchr(text, '\n'), *last = newline ? newline + 1 : text;
	size_t count = strncmp(last, "end ", 4) != 0 ? 0 : strtoul(last + 4, NULL, 10);
	snprintf(again, sizeof(again), "end %zu", count);
	if (strcmp(last, again) != 0)
		return -EINVAL;
	*last = '\0';
	*ret = count;
	return 0;
}

static int parse(char *text, size_t len, struct ids *ids)
{
	size_t count;

	if (parse_end(text, len, &count))
		return -EINVAL;
	for (char *rest = text, *line = strsep(&rest, "\n"); rest; line = strsep(&rest, "\n")) {
		struct entry e;
		int r = parse_line(line, &e);
		if (!r)
			r = append(ids, &e);
		if (r)
			return r;
	}
	if (ids->n != count)
		return -EINVAL;
	sort(ids);
	return check_doubles(ids);
}

int ids_load(const char *path, struct ids **ret)
{
	char *text = NULL;
	size_t len = 0;

	int r = io_read_file(path, FILE_MAX, &text, &len);
	if (r && r != -ENOENT)
		return r;
	struct ids *ids = calloc(1, sizeof(*ids));
	if (!ids)
		r = -ENOMEM;
	else
		r = text ? parse(text, len, ids) : 0;
	free(text);
	if (r)
		ids_free(ids);
	else
		*ret = ids;
	return r;
}

void ids_print(const struct ids *ids, struct buf *out)
{
	for (size_t i = 0; i < ids->n; i++) {
		const struct entry *e = &ids->entries[i];
		buf_puts(out, kinds[e->kind].word);
		buf_puts(out, " ");
		buf_puts(out, e->name);
		buf_puts(out, " ");
		buf_put_number(out, e->number);
		buf_puts(out, "\n");
	}
	buf_printf(out, "end %zu\n", ids->n);
}

/* --- numbers for a model --- */

/* A name of two parts with mark between them, of which each may be "". As much as has room. */
static struct entry name_key(enum kind kind, const char *first, const char *mark, const char *second)
{
	const char *const parts[] = { first, mark, second };
	struct entry e = { .kind = kind };
	size_t len = 0;

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		size_t n = strnlen(parts[i], NAME_OCTETS - len);
		memcpy(e.name + len, parts[i], n);
		len += n;
	}
	return e;
}

/* Of each thing that has a number, where that stands: calls back until one call fails. */
static int for_numbers(struct model *m, int (*use)(const struct entry *key, uint32_t *number, void *ids), void *ids)
{
	struct entry key;
	int r = 0;

	for (size_t a = 0; a < m->n_apns && !r; a++) {
		struct apn *apn = &m->apns[a];
		key = name_key(TABLE, apn->name, "", "");
		r = use(&key, &apn->table, ids);
		for (size_t l = 0; l < apn->n_links && !r; l++) {
			key = name_key(IF_ID, apn->name, "/", apn->links[l].tunnel->name);
			r = use(&key, &apn->links[l].if_id, ids);
		}
	}
	for (size_t i = 0; i < m->n_shared && !r; i++) {
		key = name_key(TABLE, "@", m->shared[i].interface, "");
		r = use(&key, &m->shared[i].table, ids);
	}
	for (size_t c = 0; c < m->n_carriers && !r; c++) {
		for (size_t t = 0; t < m->carriers[c].n_tunnels && !r; t++) {
			key = name_key(TUNNEL, m->carriers[c].tunnels[t].name, "", "");
			r = use(&key, &m->carriers[c].tunnels[t].index, ids);
		}
	}
	return r;
}

/* ids with the new names, of which the first n_known are sorted. */
struct adding {
	struct ids *ids;
	size_t n_known;
};

static int add_new(const struct entry *key, uint32_t *number, void *userdata)
{
	struct adding *a = userdata;
	struct ids known = { .entries = a->ids->entries, .n = a->n_known };

	const struct entry *found = find(&known, key);
	if (!found)
		return append(a->ids, key);
	*number = found->number;
	return 0;
}

static int take_number(const struct entry *key, uint32_t *number, void *ids)
{
	*number = find(ids, key)->number;
	return 0;
}

/* The lowest free numbers of a kind, to the new entries from n_known on, in the order of the model; -ENOSPC: too few.
 */
static int number_new(struct ids *ids, size_t n_known, enum kind kind)
{
	CLEANUP(cleanup_free) uint32_t *taken = NULL;
	uint32_t next = kinds[kind].first;
	size_t at = 0, n_taken;

	if (n_known == ids->n)
		return 0;
	if (numbers_of(ids, kind, &taken, &n_taken))
		return -ENOMEM;
	for (size_t i = n_known; i < ids->n; i++) {
		if (ids->entries[i].kind != kind)
			continue;
		for (; at < n_taken && taken[at] <= next; at++)
			next += taken[at] == next;
		if (next > kinds[kind].last)
			return -ENOSPC;
		ids->entries[i].number = next++;
	}
	return 0;
}

/*
 * Gives a number to each name in m that has none; m has those that were known. *ret_new: there were others. On failure
 * ids is as before, but for its order.
 */
static int add_all(struct ids *ids, struct model *m, bool *ret_new)
{
	struct adding adding = { .ids = ids, .n_known = ids->n };
	int r = for_numbers(m, add_new, &adding);

	if (!r && ids->n > ENTRIES_MAX)
		r = -ENOSPC;
	for (unsigned k = 0; k < N_KINDS && !r; k++)
		r = number_new(ids, adding.n_known, (enum kind)k);
	*ret_new = ids->n > adding.n_known;
	if (r)
		ids->n = adding.n_known;
	sort(ids);
	return r;
}

struct keeping {
	const struct ids *all;
	struct ids *kept;
};

static int keep_known(const struct entry *key, uint32_t *number, void *userdata)
{
	struct keeping *k = userdata;
	const struct entry *known = find(k->all, key);

	(void)number;
	return known ? append(k->kept, known) : 0;
}

/* Leaves only what m names. */
static int forget_unused(struct ids *ids, struct model *m)
{
	struct ids kept = { 0 };
	struct keeping keeping = { ids, &kept };

	int r = for_numbers(m, keep_known, &keeping);
	if (r) {
		free(kept.entries);
		return r;
	}
	sort(&kept);
	free(ids->entries);
	*ids = kept;
	return 0;
}

int ids_assign(struct ids *ids, struct model *m)
{
	bool any_new;
	int r = add_all(ids, m, &any_new);

	if (r == -ENOSPC) {
		r = forget_unused(ids, m);
		if (!r)
			r = add_all(ids, m, &any_new);
	}
	return r || !any_new ? r : for_numbers(m, take_number, ids);
}

void ids_free(struct ids *ids)
{
	if (!ids)
		return;
	free(ids->entries);
	free(ids);
}
