/* What is wrong with an operator's file, collected: "FILE:LINE: KEY: WHAT IS WRONG; WHAT WOULD BE RIGHT". */
#ifndef CULVERT_LIB_DIAG_H
#define CULVERT_LIB_DIAG_H

#include <stdbool.h>
#include <stddef.h>

struct buf;

struct diag {
	char *file; /* owned, may be NULL: about no file */
	unsigned line; /* from 1; 0: about the file as a whole */
	char *key; /* owned, dotted path such as "apns[0].pool", may be NULL */
	char *text; /* owned: what is wrong; what would be right */
	bool warning;
};

/* Zero-initialise. Bounded: after DIAG_MAX entries further ones are only counted. */
enum { DIAG_MAX = 200 };
struct diag_list {
	struct diag *items; /* owned */
	size_t count;
	size_t dropped; /* beyond DIAG_MAX or for want of memory */
	size_t errors; /* entries (dropped ones too) that are no warnings */
};

void diag_error(struct diag_list *l, const char *file, unsigned line, const char *key, const char *format, ...)
	__attribute__((format(printf, 5, 6)));
void diag_warning(struct diag_list *l, const char *file, unsigned line, const char *key, const char *format, ...)
	__attribute__((format(printf, 5, 6)));
/* One line an entry, in order of file and line; a warning says so: "FILE:LINE: warning: KEY: TEXT". */
void diag_print(const struct diag_list *l, struct buf *out);
void diag_free(struct diag_list *l);

#endif
