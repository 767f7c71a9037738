/* What is wrong with an operator's file, collected: "FILE:LINE: KEY: WHAT IS WRONG; WHAT WOULD BE RIGHT". */
#ifndef CULVERT_LIB_DIAG_H
#define CULVERT_LIB_DIAG_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct buf;

/* An error refuses the file; a warning and a note (what a value implies) do not. */
enum diag_severity { DIAG_ERROR, DIAG_WARNING, DIAG_NOTE };

struct diag {
	char *file; /* owned, may be NULL: about no file */
	unsigned line; /* from 1; 0: about the file as a whole */
	char *key; /* owned, dotted path such as "apns[0].pool", may be NULL */
	char *text; /* owned: what is wrong; what would be right */
	enum diag_severity severity;
};

/* Zero-initialise. Bounded: after DIAG_MAX entries further ones are only counted, and errors displace all others. */
enum { DIAG_MAX = 200 };
struct diag_list {
	struct diag *items; /* owned */
	size_t count;
	size_t dropped; /* beyond DIAG_MAX or for want of memory */
	size_t errors; /* entries of that severity, dropped ones too */
};

void diag_error(struct diag_list *l, const char *file, unsigned line, const char *key, const char *format, ...)
	__attribute__((format(printf, 5, 6)));
void diag_warning(struct diag_list *l, const char *file, unsigned line, const char *key, const char *format, ...)
	__attribute__((format(printf, 5, 6)));
void diag_add(struct diag_list *l, enum diag_severity severity, const char *file, unsigned line, const char *key,
	const char *format, va_list ap) __attribute__((format(printf, 6, 0)));
/* Puts the entries of another list, which is empty then, behind those of l. */
void diag_move(struct diag_list *l, struct diag_list *from);
/* True if an entry of that severity would be kept. */
bool diag_has_room(const struct diag_list *l, enum diag_severity severity);
/* "error", "warning", "note" */
const char *diag_word(enum diag_severity severity);
/* All but errors say what they are: "FILE:LINE: warning: KEY: TEXT"; no newline. */
void diag_print_one(const struct diag *d, struct buf *out);
/* One line an entry, in order of file and line. */
void diag_print(const struct diag_list *l, struct buf *out);
/* The entries in that order; returns how many. */
size_t diag_sorted(const struct diag_list *l, const struct diag *ret[static DIAG_MAX]);
void diag_free(struct diag_list *l);

#endif
