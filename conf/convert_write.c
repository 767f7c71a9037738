/*
 * What the file did not say is written as "TODO: ..." in quotes: culvert check refuses such a value, and says where.
 * What only has to be looked at is a comment that begins with TODO.
 */
#include "conf/convert_write.h"

#include "conf/convert_apn.h"
#include "conf/convert_conn.h"
#include "conf/convert_foreign.h"
#include "ikev2/suite.h"
#include "lib/buf.h"

#include <string.h>

struct writer {
	struct foreign *s;
	struct buf *out;
};

static void put_quoted(struct writer *w, const char *text)
{
	buf_puts(w->out, "\"");
	for (const char *c = text; *c; c++)
		buf_printf(w->out, *c == '"' || *c == '\\' ? "\\%c" : "%c", *c);
	buf_puts(w->out, "\"");
}

/* INDENT KEY = "VALUE";, with what to do instead of a value that is not known. */
static void put_text(struct writer *w, const char *indent, const char *key, const char *value, const char *todo)
{
	buf_printf(w->out, "%s%s = ", indent, key);
	put_quoted(w, value ? value : todo);
	buf_puts(w->out, ";\n");
}

/* One value alone, several in [ ]. */
static void put_texts(struct writer *w, const char *indent, const char *key, const char *const *values, size_t n)
{
	buf_printf(w->out, "%s%s = %s", indent, key, n > 1 ? "[ " : "");
	for (size_t i = 0; i < n; i++) {
		buf_puts(w->out, i ? ", " : "");
		put_quoted(w, values[i]);
	}
	buf_puts(w->out, n > 1 ? " ];\n" : ";\n");
}

/* BEFORE KEY = VALUE; unless the value is not known. */
static void put_number(struct writer *w, const char *before, const char *key, unsigned value, const char *after)
{
	if (value)
		buf_printf(w->out, "%s%s = %u;%s", before, key, value, after);
}

/* [ "10.64.0.0/16", ... ] */
static void put_prefixes(struct writer *w, const struct side *side, const char *todo)
{
	char text[PREFIX_TEXT];

	buf_puts(w->out, "[ ");
	for (size_t i = 0; i < side->n; i++)
		buf_printf(w->out, "%s\"%s\"", i ? ", " : "", prefix_print(&side->prefixes[i], text));
	if (!side->n)
		put_quoted(w, todo);
	buf_puts(w->out, " ]");
}

/* Where a thing stands in the other file, and its name there if it had to be changed. */
static void put_origin(
	struct writer *w, const char *indent, unsigned line, const char *was, const char *is, const char *what)
{
	buf_printf(w->out, "%s# %s:%u", indent, foreign_name(w->s), line);
	if (strcmp(was, is) != 0)
		buf_printf(w->out, "; the %s is called %s there", what, foreign_show(w->s, was));
	buf_puts(w->out, "\n");
}

/* --- carriers --- */

static void put_credentials(struct writer *w, const struct conn *c)
{
	const char *files[2] = { foreign_printf(w->s, "%s.key", c->new_name),
		foreign_printf(w->s, "%s-ca.pem", c->new_name) };
	const char *certificate = foreign_printf(w->s, "%s.pem", c->new_name);

	if (!files[0] || !files[1] || !certificate)
		return;
	if (c->credentials != CREDENTIALS_CERTIFICATE) {
		buf_printf(w->out,
			"\t\t# TODO: write the key that is in use there with an editor into /etc/culvert/secrets/%s.psk, mode "
			"0600\n"
			"\t\tpsk_file = \"%s.psk\";\n",
			c->new_name, c->new_name);
		return;
	}
	buf_puts(w->out,
		"\t\t# TODO: copy these files to /etc/culvert/secrets; the private key as PEM, without a passphrase, "
		"mode 0600\n");
	if (c->certificates.n)
		put_texts(w, "\t\t", "certificate", c->certificates.names, c->certificates.n);
	else
		put_texts(w, "\t\t", "certificate", &certificate, 1);
	put_texts(w, "\t\t", "key_file", files, 1);
	if (c->cas.n)
		put_texts(w, "\t\t", "ca", c->cas.names, c->cas.n);
	else
		put_texts(w, "\t\t", "ca", files + 1, 1);
	if (c->strict) {
		put_text(w, "\t\t", "crl", NULL, "TODO: the file with the CA's revocation list, which Culvert does not fetch");
		buf_puts(w->out, "\t\trevocation = \"strict\";\n");
	}
}

static void put_peer(struct writer *w, const struct conn *c)
{
	static const char *const any = "any";

	if (c->n_peers)
		put_texts(w, "\t\t\t\t", "peer", c->peers, c->n_peers);
	else
		put_text(w, "\t\t\t\t", "peer", c->any_peer ? any : NULL, "TODO: the address of the carrier's gateway");
	if (c->remote_id || c->any_peer || c->n_peers > 1)
		put_text(w, "\t\t\t\t", "remote_id", c->remote_id, "TODO: the identity that the peer shows");
}

static void put_suites(struct writer *w, const struct conn *c)
{
	const char *names[CONN_SUITES_MAX] = { NULL };

	for (size_t i = 0; i < c->n_suites; i++)
		names[i] = c->suites[i]->name;
	if (c->suite_guessed)
		buf_puts(w->out, "\t\t\t\t# TODO: agree with the carrier on this; the file does not say it\n");
	put_texts(w, "\t\t\t\t", "suite", names, c->n_suites);
}

static void put_rekey(struct writer *w, const struct conn *c)
{
	if (!c->rekey_ike && !c->rekey_child && !c->ceiling)
		return;
	buf_puts(w->out, "\t\t\t\trekey = {");
	put_number(w, " ", "ike", c->rekey_ike, "");
	put_number(w, " ", "child", c->rekey_child, "");
	put_number(w, " ", "ceiling", c->ceiling, "");
	buf_puts(w->out, " };\n");
}

static void put_tunnel(struct writer *w, const struct conn *c)
{
	buf_puts(w->out, "\t\ttunnels = (\n\t\t\t{\n");
	put_text(w, "\t\t\t\t", "name", c->new_name, "");
	put_peer(w, c);
	put_suites(w, c);
	put_text(w, "\t\t\t\t", "initiator", c->gateway_initiates && !c->any_peer ? "gateway" : "carrier", "");
	put_rekey(w, c);
	put_number(w, "\t\t\t\t", "dpd", c->dpd, "\n");
	put_number(w, "\t\t\t\t", "replay_window", c->replay_window, "\n");
	if (c->df)
		put_text(w, "\t\t\t\t", "df", c->df, "");
	if (c->dscp)
		put_text(w, "\t\t\t\t", "dscp", c->dscp, "");
	buf_puts(w->out, "\t\t\t}\n\t\t);\n");
}

static void put_carrier(struct writer *w, const struct conn *c)
{
	buf_puts(w->out, "\t{\n");
	put_origin(w, "\t\t", c->line, c->name, c->new_name, "connection");
	put_text(w, "\t\t", "name", c->new_name, "");
	put_text(w, "\t\t", "local_id", c->local_id ? c->local_id : c->local_address,
		"TODO: the identity that this gateway shows");
	put_credentials(w, c);
	put_tunnel(w, c);
	buf_printf(w->out, "\t}%s\n", c->next ? "," : "");
}

/* --- APNs --- */

static void put_carried(struct writer *w, const struct apn_piece *a)
{
	if (a->devices->any || a->child->apart)
		buf_puts(
			w->out, "\t\t# TODO: if another tunnel carries the same APN, name both here and remove its other entry\n");
	buf_puts(w->out, "\t\ttunnels = [ ");
	for (const struct carried *i = a->carried; i; i = i->next)
		buf_printf(w->out, "\"%s\"%s", i->conn->new_name, i->next ? ", " : "");
	buf_puts(w->out, " ];\n");
}

/* Only where it is not simply the cloud's prefixes and the pool. */
static void put_selectors(struct writer *w, const struct apn_piece *a)
{
	bool each = (a->n_children > 1 && a->pairs) || a->child->pairs;

	if (!a->cloud->any && !a->devices->any && !each)
		return;
	buf_puts(w->out, "\t\tselectors = {");
	if (a->cloud->any)
		buf_puts(w->out, " cloud = [ \"any\" ];");
	if (a->devices->any)
		buf_puts(w->out, " devices = [ \"any\" ];");
	if (each)
		buf_puts(w->out, " children = \"each-pair\";");
	buf_puts(w->out, " };\n");
}

static void put_cloud(struct writer *w, const struct apn_piece *a)
{
	buf_puts(w->out, "\t\tcloud = {\n\t\t\tattach = \"dedicated\"; # TODO: or as the cloud side needs it\n");
	put_text(w, "\t\t\t", "interface", NULL, "TODO: the interface towards the cloud");
	put_text(w, "\t\t\t", "address", NULL, "TODO: the gateway's address there, with its length");
	buf_puts(w->out, "\t\t\t# TODO: next_hop, the router to those prefixes that are not in the subnet of address\n"
					 "\t\t\tprefixes = ");
	put_prefixes(w, a->cloud, "TODO: the cloud's networks");
	buf_puts(w->out, ";\n\t\t};\n");
}

static void put_apn(struct writer *w, const struct apn_piece *a)
{
	buf_puts(w->out, "\t{\n");
	put_origin(w, "\t\t", a->child->line, a->child->name, a->name, "child");
	put_text(w, "\t\t", "name", a->name, "");
	buf_puts(w->out, "\t\tpool = ");
	put_prefixes(w, a->devices, "TODO: the addresses that the carrier gives to devices");
	buf_puts(w->out, ";\n");
	put_carried(w, a);
	put_selectors(w, a);
	put_cloud(w, a);
	buf_puts(w->out,
		"\t\t# TODO: services = ( { name = \"ingest\"; host = \"...\"; udp = [ 5684 ]; } ); nothing passes "
		"without\n");
	buf_printf(w->out, "\t}%s\n", a->next ? "," : "");
}

/* A child that is not one pair cannot be told from several that are: say it where several became one APN. */
static void note_children(struct writer *w, const struct apn_piece *a)
{
	if (a->n_children > 1 && !a->pairs)
		foreign_note(w->s, a->child->line, a->child->path,
			"is one of %zu children with the same devices and several selectors each; Culvert makes one CHILD_SA of "
			"all "
			"selectors of an APN, or one of each pair (selectors.children): agree with the carrier on one of them",
			a->n_children);
}

void convert_write(struct foreign *s, const struct conns *all, struct buf *out)
{
	const struct apn_piece *apns = apn_pieces(s, all);
	struct writer w = { s, out };

	for (const struct apn_piece *a = apns; a; a = a->next)
		note_children(&w, a);
	buf_puts(out, "carriers = (\n");
	for (const struct conn *c = all->first; c; c = c->next)
		put_carrier(&w, c);
	buf_puts(out, ");\n\napns = (\n");
	for (const struct apn_piece *a = apns; a; a = a->next)
		put_apn(&w, a);
	buf_puts(out, ");\n");
}
