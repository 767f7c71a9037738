/* The wall text in force held against the one to be: what an operator reads of it, and whether it closes anything. */
#include "appliance/isolation/preview.h"

#include "appliance/isolation/nft_diff.h"
#include "lib/prefix.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char element_prefix[] = "add element inet culvert ";

/* The lines of a text that count, sorted. */
struct lines {
	char *text; /* owned */
	char **items; /* owned; into text */
	size_t n;
};

static int compare_lines(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void lines_free(struct lines *l)
{
	free(l->items);
	free(l->text);
}

static bool starts(const char *line, const char *start)
{
	return strncmp(line, start, strlen(start)) == 0;
}

static bool starts_with_any(const char *line, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (starts(line, list[i]))
			return true;
	return false;
}

/* What says in another way what stands in other lines: short ways through, and what one APN or interface has alone. */
static bool is_repetition(const char *line)
{
	static const char *const starts_of[] = { "table inet culvert { chain in_", "table inet culvert { chain down_",
		"table inet culvert { chain shared_", "add map inet culvert ", "add element inet culvert arrive ",
		"add element inet culvert way " };

	return starts_with_any(line, starts_of, sizeof(starts_of) / sizeof(*starts_of));
}

/* Ports are in one of two sets by their number, which says nothing. */
static void unite_ranges(char *line)
{
	static const char word[] = "_range { ";
	char *at = starts(line, "add element ") ? strstr(line, word) : NULL;

	if (at)
		memmove(at, at + strlen("_range"), strlen(at + strlen("_range")) + 1);
}

static int lines_of(const char *text, struct lines *ret)
{
	struct lines l = { .text = strdup(text) };
	size_t room = 1;
	char *rest = l.text;
	char *line;

	for (const char *c = text; *c; c++)
		room += *c == '\n';
	l.items = calloc(room, sizeof(*l.items));
	if (!l.text || !l.items) {
		lines_free(&l);
		return -ENOMEM;
	}
	while ((line = strsep(&rest, "\n"))) {
		line += strspn(line, "\t ");
		if (!*line || *line == '#' || is_repetition(line))
			continue;
		unite_ranges(line);
		l.items[l.n++] = line;
	}
	qsort(l.items, l.n, sizeof(*l.items), compare_lines);
	*ret = l;
	return 0;
}

/* Elements without the words that are the same in all of them. */
static void print_line(char sign, const char *line, struct buf *out)
{
	size_t skip = starts(line, element_prefix) ? strlen(element_prefix) : 0;

	buf_printf(out, "%c %s\n", sign, line + skip);
}

/* Takes what stands up to the next space. */
static struct nft_piece take_word(const char **at)
{
	struct nft_piece word = { *at, strcspn(*at, " ") };

	*at += word.len;
	*at += strspn(*at, " ");
	return word;
}

/* "5684" or "5684-5690". */
static bool read_ports(const struct nft_piece *word, unsigned long *ret_first, unsigned long *ret_last)
{
	char *end;

	if (word->len == 0 || strspn(word->text, "0123456789-") < word->len)
		return false;
	*ret_first = *ret_last = strtoul(word->text, &end, 10);
	if (*end == '-')
		*ret_last = strtoul(end + 1, &end, 10);
	return end == word->text + word->len;
}

static bool read_prefix(const struct nft_piece *word, struct prefix *ret)
{
	char text[PREFIX_TEXT];

	if (word->len >= sizeof(text) || !memchr(word->text, '/', word->len))
		return false;
	memcpy(text, word->text, word->len);
	text[word->len] = '\0';
	return prefix_parse(text, ret) == 0;
}

/* Of ports and of prefixes one word can say more than another. */
static bool word_covers(const struct nft_piece *wide, const struct nft_piece *word)
{
	unsigned long first, last, wide_first, wide_last;
	struct prefix prefix, wide_prefix;

	if (nft_compare_pieces(wide, word) == 0)
		return true;
	if (read_ports(word, &first, &last) && read_ports(wide, &wide_first, &wide_last))
		return wide_first <= first && last <= wide_last;
	return read_prefix(word, &prefix) && read_prefix(wide, &wide_prefix) && prefix_covers(&wide_prefix, &prefix);
}

/* What a map leads to, behind the colon, is the same or another. */
static bool element_covers(const char *wide, const char *line)
{
	bool key = true;

	while (*wide && *line) {
		struct nft_piece a = take_word(&wide), b = take_word(&line);
		if (key ? !word_covers(&a, &b) : nft_compare_pieces(&a, &b) != 0)
			return false;
		key = key && !(b.len == 1 && *b.text == ':');
	}
	return !*wide && !*line;
}

/* The octets of an element up to the first word that a wider one need not share; 0: the line is none. */
static size_t common_start(const char *line)
{
	const char *at = starts(line, element_prefix) ? strstr(line, " { ") : NULL;

	if (!at)
		return 0;
	at += 3;
	while (*at == '"') {
		take_word(&at);
		if (*at == '.')
			take_word(&at);
	}
	return (size_t)(at - line);
}

/* True if among the lines is one that lets the same pass and more: ports that grew together, a pool that grew. */
static bool is_widened(const char *line, const struct lines *in)
{
	size_t len = common_start(line), low = 0, high = in->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (strncmp(in->items[middle], line, len) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	for (; len > 0 && low < in->n && strncmp(in->items[low], line, len) == 0; low++)
		if (element_covers(in->items[low], line))
			return true;
	return false;
}

/*
 * What lets nothing pass: limits, which preview_limits() holds against each other (their values are in names), and what
 * the gateway itself sends to know how a link does.
 */
static bool opens_nothing(const char *line)
{
	static const char *const starts_of[] = { "add limit inet culvert ", "add ct timeout inet culvert ",
		"table inet culvert { chain begin_", "add element inet culvert packets ", "add element inet culvert begin ",
		"add element inet culvert probe4 ", "add element inet culvert probe6 " };

	return starts_with_any(line, starts_of, sizeof(starts_of) / sizeof(*starts_of));
}

/* Both are walked in order. True if something that was let through no longer is. */
static bool print_difference(const struct lines *was, const struct lines *is, struct buf *out)
{
	bool narrower = false;
	size_t w = 0, i = 0;

	while (w < was->n || i < is->n) {
		int c = w == was->n ? 1 : i == is->n ? -1 : strcmp(was->items[w], is->items[i]);
		if (c < 0) {
			narrower = narrower || !(opens_nothing(was->items[w]) || is_widened(was->items[w], is));
			print_line('-', was->items[w++], out);
		} else if (c > 0) {
			print_line('+', is->items[i++], out);
		} else {
			w++;
			i++;
		}
	}
	return narrower;
}

int preview_walls(const char *old, const char *next, struct buf *out, bool *ret_narrower)
{
	struct lines was = { 0 }, is = { 0 };
	bool narrower = false;
	int r = lines_of(old, &was);

	if (r == 0)
		r = lines_of(next, &is);
	if (r == 0) {
		narrower = print_difference(&was, &is, out);
		r = out->error;
	}
	lines_free(&was);
	lines_free(&is);
	if (r == 0)
		*ret_narrower = narrower;
	return r;
}
