/* Markdown for readers of the repository, and roff, man(7), for those of the machine. */
#include "conf/page.h"

#include "lib/buf.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

/* --- Markdown --- */

static void markdown_begin(const char *title, const char *purpose, struct buf *out)
{
	buf_printf(out, "# %s: %s\n", title, purpose);
}

static void markdown_section(const char *name, struct buf *out)
{
	buf_printf(out, "\n## %s\n", name);
}

static void markdown_part(const char *name, struct buf *out)
{
	buf_printf(out, "\n### %s\n", name);
}

static void markdown_paragraph(const char *text, struct buf *out)
{
	buf_printf(out, "\n%s\n", text);
}

static void markdown_row(const char *const *heads, const char *const *cells, size_t n, struct buf *out)
{
	(void)heads;
	for (size_t i = 0; i < n; i++)
		buf_printf(out, "| %s ", cells[i]);
	buf_puts(out, "|\n");
}

static void markdown_table(const char *const *heads, size_t n, struct buf *out)
{
	buf_puts(out, "\n");
	markdown_row(heads, heads, n, out);
	for (size_t i = 0; i < n; i++)
		buf_puts(out, "|---");
	buf_puts(out, "|\n");
}

const struct page_style page_markdown = {
	.begin = markdown_begin,
	.section = markdown_section,
	.part = markdown_part,
	.paragraph = markdown_paragraph,
	.table = markdown_table,
	.row = markdown_row,
};

/* --- roff --- */

/* A hyphen that is meant to be copied, a backslash, and what begins a request at the begin of a line. */
static void roff_text(const char *text, struct buf *out)
{
	bool literal = false;

	if (*text == '.' || *text == '\'')
		buf_puts(out, "\\&");
	for (; *text; text++) {
		if (*text == '`')
			buf_puts(out, literal ? "\\fR" : "\\fB");
		else if (*text == '\\')
			buf_puts(out, "\\e");
		else if (*text == '-' && literal)
			buf_puts(out, "\\-");
		else
			buf_add(out, text, 1);
		literal ^= *text == '`';
	}
}

static void roff_begin(const char *title, const char *purpose, struct buf *out)
{
	buf_puts(out, ".\\\" Made from the schema table by make reference.\n.TH ");
	for (const char *s = title; *s; s++)
		buf_printf(out, "%c", toupper((unsigned char)*s));
	buf_printf(out, " 5 \"\" Culvert Culvert\n.SH NAME\n%s \\- %s\n.SH DESCRIPTION\n", title, purpose);
}

static void roff_section(const char *name, struct buf *out)
{
	buf_puts(out, ".SH ");
	for (const char *s = name; *s; s++)
		buf_printf(out, "%c", toupper((unsigned char)*s));
	buf_puts(out, "\n");
}

static void roff_part(const char *name, struct buf *out)
{
	buf_printf(out, ".SS %s\n", name);
}

static void roff_paragraph(const char *text, struct buf *out)
{
	buf_puts(out, ".PP\n");
	roff_text(text, out);
	buf_puts(out, "\n");
}

static void roff_table(const char *const *heads, size_t n, struct buf *out)
{
	(void)heads, (void)n, (void)out;
}

/* The first cell with the last one below it, and those between as "head: cell" on a line of their own. */
static void roff_row(const char *const *heads, const char *const *cells, size_t n, struct buf *out)
{
	buf_puts(out, ".TP\n");
	roff_text(cells[0], out);
	buf_puts(out, "\n");
	roff_text(cells[n - 1], out);
	buf_puts(out, n > 2 ? "\n.br\n" : "\n");
	for (size_t i = 1; i + 1 < n; i++) {
		buf_printf(out, "%s%c%s: ", i > 1 ? " " : "", toupper((unsigned char)heads[i][0]), heads[i] + 1);
		roff_text(cells[i], out);
		buf_puts(out, i + 2 < n ? "." : ".\n");
	}
}

const struct page_style page_manual = {
	.begin = roff_begin,
	.section = roff_section,
	.part = roff_part,
	.paragraph = roff_paragraph,
	.table = roff_table,
	.row = roff_row,
};
