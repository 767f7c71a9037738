/* How a page of reference looks in one format. What it says is up to who calls. */
#ifndef CULVERT_CONF_PAGE_H
#define CULVERT_CONF_PAGE_H

#include <stddef.h>

struct buf;

/* In all texts `backquotes` stand around what is literal. */
struct page_style {
	void (*begin)(const char *title, const char *purpose, struct buf *out);
	void (*section)(const char *name, struct buf *out);
	void (*part)(const char *name, struct buf *out); /* of a section */
	void (*paragraph)(const char *text, struct buf *out);
	void (*table)(const char *const *heads, size_t n, struct buf *out);
	/* Of that table: the first cell is what the row is about, the last one the longest. */
	void (*row)(const char *const *heads, const char *const *cells, size_t n, struct buf *out);
};

extern const struct page_style page_markdown, page_manual;

#endif
