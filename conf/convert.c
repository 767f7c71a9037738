/*
 * From text to text: octets are looked at, one of two parsers makes sections of them, a reader connections of these,
 * and what could be taken over is written. Errors stop it; what is not taken over is listed.
 */
#include "conf/convert.h"

#include "conf/convert_conn.h"
#include "conf/convert_parse.h"
#include "conf/convert_read.h"
#include "conf/convert_foreign.h"
#include "conf/convert_write.h"
#include "lib/utf8.h"
#include "lib/buf.h"
#include "lib/diag.h"
#include "lib/io.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static unsigned line_at(const char *text, size_t at)
{
	unsigned line = 1;

	for (size_t i = 0; i < at; i++)
		line += text[i] == '\n';
	return line;
}

static void check_octets(struct foreign *s, const char *text, size_t len)
{
	size_t valid = len <= CONVERT_FILE_MAX ? utf8_valid(text, len) : 0;
	const char *nul = len <= CONVERT_FILE_MAX ? memchr(text, '\0', len) : NULL;

	if (len > CONVERT_FILE_MAX)
		foreign_fail(s, 0, "is larger than %d octets; is it the right file?", CONVERT_FILE_MAX);
	else if (valid < len)
		foreign_fail(s, line_at(text, valid), "is not UTF-8 from here; save the file as UTF-8");
	else if (nul)
		foreign_fail(s, line_at(text, (size_t)(nul - text)), "has a NUL in it; this is no text file");
	else if (len >= 3 && !memcmp(text, "\xef\xbb\xbf", 3))
		foreign_fail(s, 1, "begins with a byte order mark; save the file as UTF-8 without one");
}

/* What the file says of the gateway itself, as a comment. */
static void write_gateway(struct foreign *s, const struct conns *all, struct buf *out)
{
	const char *address = NULL;

	for (const struct conn *c = all->first; c; c = c->next) {
		if (address && c->local_address && strcmp(address, c->local_address) != 0)
			foreign_note(s, c->line, c->path,
				"has %s as its own address, another connection %s; Culvert has one outer address",
				foreign_show(s, c->local_address), foreign_show(s, address));
		else if (c->local_address)
			address = c->local_address;
	}
	buf_printf(out,
		"# The gateway's part is not made here:\n"
		"#gateway = { name = \"...\"; outer = { interface = \"...\"; address = \"%s\"; }; };\n",
		address ? address : "...");
}

static void write_header(struct foreign *s, bool ipsec, const struct buf *notes, struct buf *out)
{
	buf_printf(out,
		"# Made of %s by culvert convert: carriers and apns, to go into /etc/culvert/culvert.conf.\n"
		"# See to each line with TODO in it; culvert check says what is still wrong.\n",
		foreign_name(s));
	if (ipsec)
		buf_puts(out,
			"# TODO: left was taken as this gateway's end (right where that is %defaultroute); look that it is.\n");
	if (notes->len)
		buf_printf(out, "#\n# Not taken over:\n%s#\n", buf_text(notes));
}

/* Everything behind the parser. */
static void convert(struct foreign *s, bool ipsec, struct buf *out, struct buf *left)
{
	struct buf gateway = { 0 }, body = { 0 }, comments = { 0 };
	struct conns all = { 0 };

	(ipsec ? convert_read_ipsec : convert_read_swanctl)(s, &all);
	if (!s->error && !all.first)
		foreign_fail(s, 0, "has no connection that could be taken over%s", s->n_notes ? "; see the other lines" : "");
	if (!s->error)
		conn_finish(s, &all);
	if (!s->error && !ipsec)
		convert_note_secrets(s, &all);
	if (!s->error) {
		convert_write(s, &all, &body);
		write_gateway(s, &all, &gateway);
		foreign_print_notes(s, "#   ", &comments);
		write_header(s, ipsec, &comments, out);
		buf_add(out, buf_text(&gateway), gateway.len);
		buf_puts(out, "\n");
		buf_add(out, buf_text(&body), body.len);
	}
	if (s->error != -ENOMEM)
		foreign_print_notes(s, "", left);
	if (!s->error && (out->error || left->error || gateway.error || body.error || comments.error))
		s->error = -ENOMEM;
	buf_free(&gateway);
	buf_free(&body);
	buf_free(&comments);
}

/* text has a NUL behind it. */
static void parse(struct foreign *s, const char *text, bool ipsec)
{
	(ipsec ? convert_parse_ipsec : convert_parse_swanctl)(s, text);
	/* Where there are notes, it includes other files, and they say so. */
	if (!s->error && !s->root->sections && !s->root->settings && !s->n_notes)
		foreign_fail(s, 0, "is empty; name a swanctl.conf or an ipsec.conf with a connection in it");
}

int convert_text(
	const char *text, size_t len, const char *name, struct diag_list *diags, struct buf *out, struct buf *left)
{
	struct foreign s = { .file = name, .diags = diags };
	struct buf made = { 0 }, notes = { 0 };

	check_octets(&s, text, len);
	char *copy = s.error ? NULL : foreign_strndup(&s, text, len);
	if (copy) {
		bool ipsec = convert_is_ipsec(copy);
		parse(&s, copy, ipsec);
		if (!s.error)
			convert(&s, ipsec, &made, &notes);
	}
	if (s.error != -ENOMEM)
		buf_add(left, buf_text(&notes), notes.len);
	if (!s.error)
		buf_add(out, buf_text(&made), made.len);
	foreign_free(&s);
	buf_free(&made);
	buf_free(&notes);
	return s.error;
}
