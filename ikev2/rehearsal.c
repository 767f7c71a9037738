#include "ikev2/rehearsal.h"

#include "lib/buf.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const char first_line[] = "culvert rehearsals 1";

enum { /* notify message types of RFC 7296 section 3.10.1 */
	NO_PROPOSAL_CHOSEN = 14,
	INVALID_KE_PAYLOAD = 17,
	TS_UNACCEPTABLE = 38,
	TEMPORARY_FAILURE = 43,
};

/* --- results --- */

static const struct {
	const char *word;
	const char *advice; /* of failures */
} results[] = {
	[REHEARSAL_BEGUN] = { "begun", NULL },
	[REHEARSAL_AGAIN] = { "again", NULL },
	[REHEARSAL_PASSED] = { "passed", NULL },
	[REHEARSAL_CHILD_PROPOSAL] = { "child-proposal",
		"the carrier refused the rekey of the CHILD_SA: check PFS (group) there" },
	[REHEARSAL_CHILD_SELECTORS] = { "child-selectors", "the carrier refused at the rekey of the CHILD_SA the selectors "
													   "that it had accepted: check the crypto ACL there" },
	[REHEARSAL_CHILD_FAILED] = { "child-failed",
		"the CHILD_SA could not be rekeyed: ask the carrier why, and check PFS (group) there" },
	[REHEARSAL_IKE_PROPOSAL] = { "ike-proposal",
		"the carrier refused the rekey of the IKE_SA: check the IKE proposal (group) there" },
	[REHEARSAL_IKE_FAILED] = { "ike-failed", "the IKE_SA could not be rekeyed: ask the carrier why" },
	[REHEARSAL_NO_ANSWER] = { "no-answer",
		"the carrier did not answer a rekey: check that it allows the gateway to rekey" },
	[REHEARSAL_ENDED] = { "ended",
		"the tunnel ended when a rekey was tried: check in the carrier's log why, and PFS (group) there" },
};

enum { RESULTS = sizeof(results) / sizeof(results[0]) };

const char *rehearsal_word(enum rehearsal_result result)
{
	return results[result].word;
}

bool rehearsal_of_word(const char *word, enum rehearsal_result *ret)
{
	for (unsigned i = 0; i < RESULTS; i++) {
		if (!strcmp(word, results[i].word)) {
			*ret = (enum rehearsal_result)i;
			return true;
		}
	}
	return false;
}

bool rehearsal_failed(enum rehearsal_result result)
{
	return results[result].advice;
}

const char *rehearsal_advice(enum rehearsal_result result)
{
	return results[result].advice;
}

enum rehearsal_result rehearsal_refused(bool child, unsigned notify)
{
	if (notify == NO_PROPOSAL_CHOSEN || notify == INVALID_KE_PAYLOAD)
		return child ? REHEARSAL_CHILD_PROPOSAL : REHEARSAL_IKE_PROPOSAL;
	if (notify == TS_UNACCEPTABLE && child)
		return REHEARSAL_CHILD_SELECTORS;
	return child ? REHEARSAL_CHILD_FAILED : REHEARSAL_IKE_FAILED;
}

/* Both ends at the same time (RFC 7296 section 2.25), or something that was not the peer's doing. */
bool rehearsal_goes_on(unsigned notify)
{
	return !notify || notify == TEMPORARY_FAILURE;
}

bool rehearsal_due(
	const struct rehearsal_note *note, const uint8_t digest[static REHEARSAL_DIGEST], enum rehearsal_result *ret_result)
{
	if (!note || memcmp(note->digest, digest, REHEARSAL_DIGEST) != 0) {
		*ret_result = REHEARSAL_BEGUN;
		return true;
	}
	if (note->result == REHEARSAL_BEGUN) {
		*ret_result = REHEARSAL_AGAIN;
		return true;
	}
	*ret_result = note->result;
	return false;
}

/* --- the book --- */

/* The place of the first note that is not before tunnel. */
static size_t place_of(const struct rehearsal_book *b, const char *tunnel)
{
	size_t low = 0;
	size_t high = b->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(b->notes[middle].tunnel, tunnel) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool is_at(const struct rehearsal_book *b, size_t place, const char *tunnel)
{
	return place < b->n && !strcmp(b->notes[place].tunnel, tunnel);
}

const struct rehearsal_note *rehearsal_find(const struct rehearsal_book *b, const char *tunnel)
{
	size_t place = place_of(b, tunnel);

	return is_at(b, place, tunnel) ? &b->notes[place] : NULL;
}

static int make_room(struct rehearsal_book *b)
{
	size_t room = b->room ? b->room * 2 : 16;
	struct rehearsal_note *notes;

	if (b->n < b->room)
		return 0;
	notes = reallocarray(b->notes, room, sizeof(*notes));
	if (!notes)
		return -ENOMEM;
	b->notes = notes;
	b->room = room;
	return 0;
}

int rehearsal_set(struct rehearsal_book *b, const struct rehearsal_note *note)
{
	size_t place = place_of(b, note->tunnel);
	struct rehearsal_note copy = *note;

	if (is_at(b, place, note->tunnel)) {
		copy.tunnel = b->notes[place].tunnel;
		b->notes[place] = copy;
		return 0;
	}
	copy.tunnel = strdup(note->tunnel);
	if (!copy.tunnel || make_room(b)) {
		free(copy.tunnel);
		return -ENOMEM;
	}
	memmove(&b->notes[place + 1], &b->notes[place], (b->n - place) * sizeof(*b->notes));
	b->notes[place] = copy;
	b->n++;
	return 0;
}

void rehearsal_remove(struct rehearsal_book *b, const char *tunnel)
{
	size_t place = place_of(b, tunnel);

	if (!is_at(b, place, tunnel))
		return;
	free(b->notes[place].tunnel);
	b->n--;
	memmove(&b->notes[place], &b->notes[place + 1], (b->n - place) * sizeof(*b->notes));
}

void rehearsal_prune(struct rehearsal_book *b, bool (*known)(void *data, const char *tunnel), void *data)
{
	size_t kept = 0;

	for (size_t i = 0; i < b->n; i++) {
		if (known(data, b->notes[i].tunnel))
			b->notes[kept++] = b->notes[i];
		else
			free(b->notes[i].tunnel);
	}
	b->n = kept;
}

void rehearsal_free(struct rehearsal_book *b)
{
	for (size_t i = 0; i < b->n; i++)
		free(b->notes[i].tunnel);
	free(b->notes);
	*b = (struct rehearsal_book){ 0 };
}

/* --- its file --- */

static int parse_digest(const char *text, uint8_t digest[static REHEARSAL_DIGEST])
{
	static const char digits[] = "0123456789abcdef";

	if (strlen(text) != (size_t)2 * REHEARSAL_DIGEST)
		return -EPROTO;
	for (size_t i = 0; i < (size_t)2 * REHEARSAL_DIGEST; i++) {
		const char *at = strchr(digits, text[i]);
		if (!at)
			return -EPROTO;
		digest[i / 2] = (uint8_t)(digest[i / 2] << 4 | (at - digits));
	}
	return 0;
}

/* As it is printed; at most 15 digits, so that nothing overflows. */
static int parse_number(const char *text, int64_t *ret)
{
	size_t len = strspn(text, "0123456789");
	int64_t n = 0;

	if (!len || len > 15 || text[len] || (*text == '0' && len > 1))
		return -EPROTO;
	for (size_t i = 0; i < len; i++)
		n = n * 10 + (text[i] - '0');
	*ret = n;
	return 0;
}

/* Letters, digits and what names have between them; nothing that would change a line of the report or of a log. */
static bool is_name(const char *text)
{
	size_t len = strlen(text);

	return len && len <= REHEARSAL_NAME_MAX &&
		   strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") == len;
}

static int parse_note(char *line, struct rehearsal_book *b)
{
	char *tunnel = strsep(&line, " ");
	const char *digest = strsep(&line, " ");
	const char *word = strsep(&line, " ");
	struct rehearsal_note note = { .tunnel = tunnel };

	if (!digest || !word || !line || !is_name(tunnel) || parse_digest(digest, note.digest) ||
		!rehearsal_of_word(word, &note.result) || parse_number(line, &note.when))
		return -EPROTO;
	/* Sorted, and so each tunnel once. */
	if (b->n && strcmp(b->notes[b->n - 1].tunnel, tunnel) >= 0)
		return -EPROTO;
	return rehearsal_set(b, &note);
}

static int parse_end(char *line, const struct rehearsal_book *b)
{
	int64_t count;

	if (strncmp(line, "end ", 4) != 0 || parse_number(line + 4, &count) || (uint64_t)count != b->n)
		return -EPROTO;
	return 0;
}

/* The lines of text, which ends with a newline. */
static int parse_lines(char *text, struct rehearsal_book *b, size_t *line_number)
{
	char *line = strsep(&text, "\n");
	int error = strcmp(line, first_line) != 0 ? -EPROTO : 0;

	for (*line_number = 1; !error;) {
		line = strsep(&text, "\n");
		++*line_number;
		if (!text)
			return -EPROTO; /* without an end */
		if (!*text)
			return parse_end(line, b);
		error = parse_note(line, b);
	}
	return error;
}

int rehearsal_parse(const char *text, size_t len, struct rehearsal_book *ret, size_t *ret_line)
{
	struct rehearsal_book b = { 0 };
	int error = -EPROTO;
	size_t line = 1;
	char *copy;

	copy = strndup(text, len);
	if (!copy)
		return -ENOMEM;
	if (strlen(copy) == len && len && copy[len - 1] == '\n')
		error = parse_lines(copy, &b, &line);
	free(copy);
	if (error) {
		rehearsal_free(&b);
		*ret_line = line;
		return error;
	}
	*ret = b;
	return 0;
}

void rehearsal_print(const struct rehearsal_book *b, struct buf *out)
{
	buf_printf(out, "%s\n", first_line);
	for (size_t i = 0; i < b->n; i++) {
		const struct rehearsal_note *note = &b->notes[i];

		buf_printf(out, "%s ", note->tunnel);
		for (size_t k = 0; k < REHEARSAL_DIGEST; k++)
			buf_printf(out, "%02x", note->digest[k]);
		buf_printf(out, " %s %" PRId64 "\n", rehearsal_word(note->result), note->when);
	}
	buf_printf(out, "end %zu\n", b->n);
}
