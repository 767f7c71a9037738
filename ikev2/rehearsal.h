/*
 * Rehearsals: soon after a tunnel came up with what was never negotiated before, its rekeys are tried once, so that a
 * peer whose PFS differs shows on the first day and not at the first rekey. Here is what is remembered of them: a book
 * with one note for each tunnel, and its file. Pure.
 *
 * The file is one line "TUNNEL DIGEST RESULT WHEN" for each tunnel, by name, between a first line that tells the format
 * and a last one that tells their number. It is taken as a whole or not at all.
 */
#ifndef CULVERT_IKEV2_REHEARSAL_H
#define CULVERT_IKEV2_REHEARSAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;

enum {
	REHEARSAL_DIGEST = 32, /* octets */
	REHEARSAL_NAME_MAX = 64, /* characters of a tunnel's name */
	REHEARSAL_FILE_MAX = 8 * 1024 * 1024, /* octets: far more than there are tunnels for */
};

enum rehearsal_result {
	REHEARSAL_BEGUN, /* and no more is known: the IKE_SA or charon ended before it did */
	REHEARSAL_AGAIN, /* the same, for the second time */
	REHEARSAL_PASSED,
	REHEARSAL_CHILD_PROPOSAL, /* the peer refused our proposal or our key exchange for a CHILD_SA */
	REHEARSAL_CHILD_SELECTORS, /* it refused the selectors that it accepted before */
	REHEARSAL_CHILD_FAILED, /* the CHILD_SA could not be rekeyed otherwise */
	REHEARSAL_IKE_PROPOSAL,
	REHEARSAL_IKE_FAILED,
	REHEARSAL_NO_ANSWER,
	REHEARSAL_ENDED, /* whenever a rehearsal was begun, the tunnel ended */
};

/* One word: "passed", "child-proposal". */
const char *rehearsal_word(enum rehearsal_result result);
/* False if it is no such word. */
bool rehearsal_of_word(const char *word, enum rehearsal_result *ret);
/* Whether the tunnel is going to have trouble at its next rekey. */
bool rehearsal_failed(enum rehearsal_result result);
/* Of a failure, the sentence that says what to check; NULL for other results. */
const char *rehearsal_advice(enum rehearsal_result result);
/* What an error notification means (RFC 7296 section 3.10.1), 0: none, for the rekey of a CHILD_SA or of the IKE_SA. */
enum rehearsal_result rehearsal_refused(bool child, unsigned notify);
/* Whether that notification, or none, is no refusal: the rekey is tried again. */
bool rehearsal_goes_on(unsigned notify);

struct rehearsal_note {
	char *tunnel;
	uint8_t digest[REHEARSAL_DIGEST]; /* of what was negotiated */
	enum rehearsal_result result;
	int64_t when; /* wall clock, seconds */
};

struct rehearsal_book {
	struct rehearsal_note *notes; /* by name */
	size_t n, room;
};

/* NULL if there is none. Valid until the book changes. */
const struct rehearsal_note *rehearsal_find(const struct rehearsal_book *b, const char *tunnel);
/* Makes a note, in place of the tunnel's last one. 0, or -ENOMEM with the book as it was. */
int rehearsal_set(struct rehearsal_book *b, const struct rehearsal_note *note);
/* Removes a tunnel's note, if there is one. */
void rehearsal_remove(struct rehearsal_book *b, const char *tunnel);
/* Removes the notes of all tunnels for which known() is false. */
void rehearsal_prune(struct rehearsal_book *b, bool (*known)(void *data, const char *tunnel), void *data);
void rehearsal_free(struct rehearsal_book *b);

/*
 * Whether a rehearsal is due for what was negotiated. *ret_result is then what is to be noted before it begins, and
 * otherwise what is noted. If that is REHEARSAL_AGAIN, it is REHEARSAL_ENDED: what was begun twice is not begun again.
 */
bool rehearsal_due(const struct rehearsal_note *note, const uint8_t digest[static REHEARSAL_DIGEST],
	enum rehearsal_result *ret_result);

/* 0 with *ret, -EPROTO if it is not such a file, with the line in *ret_line, or -ENOMEM. */
int rehearsal_parse(const char *text, size_t len, struct rehearsal_book *ret, size_t *ret_line);
void rehearsal_print(const struct rehearsal_book *b, struct buf *out);

#endif
