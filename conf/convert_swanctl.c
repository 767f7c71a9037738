/* swanctl.conf: connections, their authentication rounds and children. */
#include "conf/convert_read.h"

#include "conf/convert_conn.h"
#include "conf/convert_rules.h"
#include "conf/convert_foreign.h"

#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

#define NO_SECTION "is no section that culvert convert knows; look whether the tunnel needs it"

static const struct rules no_rules = { NULL, 0 };

enum { WINDOW_LEAST = 32, WINDOW_MOST = 4096 };

static struct setting *take(
	struct foreign *s, const struct section *section, const char *path, const char *name, const char **ret_key)
{
	*ret_key = foreign_printf(s, "%s%s", path, name);
	if (!*ret_key)
		*ret_key = name;
	return foreign_take(section, name);
}

static bool begins(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

/* --- authentication --- */

/* The first "local", "local-x"; further rounds are noted. */
static const struct section *find_round(
	struct foreign *s, const struct section *conn, const char *side, const char *path)
{
	const struct section *found = NULL;
	size_t len = strlen(side);

	for (const struct section *i = conn->sections; i; i = i->next) {
		if (strncmp(i->name, side, len) != 0 || (i->name[len] && i->name[len] != '-'))
			continue;
		if (found)
			foreign_note(s, i->line, path,
				"%s: Culvert authenticates once, and the first round is taken; agree with the carrier on it",
				foreign_show(s, i->name));
		else
			found = i;
	}
	return found;
}

/* What the round's auth= comes to; false with a note if Culvert has nothing like it. */
static bool read_auth(struct foreign *s, const struct section *round, const char *path, enum credentials *ret)
{
	const struct setting *i = round ? foreign_take(round, "auth") : NULL;
	const char *auth = i ? i->value : "pubkey";

	if (!strcmp(auth, "psk")) {
		*ret = CREDENTIALS_PSK;
	} else if (begins(auth, "eap") || begins(auth, "xauth") || begins(auth, "any")) {
		foreign_note(s, i->line, path,
			"the connection is left out: Culvert authenticates both sides by a pre-shared key or "
			"by certificates, not by EAP or XAuth");
		return false;
	} else {
		*ret = CREDENTIALS_CERTIFICATE;
	}
	return true;
}

static void read_files(struct foreign *s, struct files *files, const struct setting *i, const char *key)
{
	const char *at, *entry;

	if (!i)
		return;
	at = i->value;
	while ((entry = conn_entry(s, &at))) {
		if (files->n == CONN_FILES_MAX)
			foreign_note(s, i->line, key, "only the first %d files are taken", CONN_FILES_MAX);
		else
			files->names[files->n++] = conn_file(s, entry, "certificate.pem");
	}
}

/* Certificates by section: from a file in another place, or from a token. */
static void note_certificates(struct foreign *s, const struct section *round, const char *path)
{
	for (const struct section *i = round->sections; i; i = i->next)
		foreign_note(s, i->line, foreign_printf(s, "%s%s", path, i->name),
			"is not taken over; copy the certificate to the secrets folder (PEM), and name it as certificate or ca");
}

static void read_local(struct foreign *s, struct conn *c, const struct section *round, const char *path)
{
	const char *key;

	if (!round)
		return;
	const struct setting *i = take(s, round, path, "id", &key);
	c->local_id = conn_identity(s, i, key);
	i = take(s, round, path, "certs", &key);
	read_files(s, &c->certificates, i, key);
	foreign_note_rest(s, round, path, &rules_swanctl_round);
	note_certificates(s, round, path);
}

static void read_remote(struct foreign *s, struct conn *c, const struct section *round, const char *path)
{
	const struct setting *i, *id;
	const char *key;

	if (!round)
		return;
	id = take(s, round, path, "id", &key);
	c->remote_id = conn_identity(s, id, key);
	if (!id && (c->any_peer || c->n_peers))
		foreign_note(s, round->line, key,
			"is not given, and any peer with the right key would do; Culvert wants one identity: write as remote_id "
			"what "
			"the peer shows (its address if you leave it out)");
	i = take(s, round, path, "cacerts", &key);
	read_files(s, &c->cas, i, key);
	i = take(s, round, path, "certs", &key);
	if (i)
		foreign_note(s, i->line, key, RULE_PINNED);
	i = take(s, round, path, "revocation", &key);
	c->strict = i && !strcmp(i->value, "strict");
	foreign_note_rest(s, round, path, &rules_swanctl_round);
	note_certificates(s, round, path);
}

/* False if the connection cannot be Culvert's. */
static bool read_rounds(struct foreign *s, struct conn *c, const struct section *conn)
{
	const struct section *local = find_round(s, conn, "local", c->path),
						 *remote = find_round(s, conn, "remote", c->path);
	enum credentials theirs;
	char *near = foreign_printf(s, "%s%s.", c->path, local ? local->name : "local");
	char *far = foreign_printf(s, "%s%s.", c->path, remote ? remote->name : "remote");

	if (!near || !far || !read_auth(s, local, near, &c->credentials) || !read_auth(s, remote, far, &theirs))
		return false;
	if (theirs != c->credentials) {
		foreign_note(s, c->line, c->path,
			"one side has a pre-shared key, the other a certificate; Culvert wants the same "
			"for both: agree on it with the carrier");
		c->credentials = CREDENTIALS_UNKNOWN;
	}
	read_local(s, c, local, near);
	read_remote(s, c, remote, far);
	return true;
}

/* --- children --- */

static void read_child_times(struct foreign *s, struct conn *c, const struct section *section, const char *path)
{
	const char *key;
	unsigned seconds;

	const struct setting *i = take(s, section, path, "rekey_time", &key);
	if (i && conn_seconds(i->value, &seconds))
		foreign_note(s, i->line, key, RULE_TIME, foreign_show(s, i->value));
	else if (i)
		conn_set_rekey(s, &c->rekey_child, seconds, i->line, key);
	i = take(s, section, path, "life_time", &key);
	if (i && (conn_seconds(i->value, &seconds) || (c->ceiling && c->ceiling != seconds)))
		foreign_note(s, i->line, key, RULE_LIFE);
	else if (i) {
		c->ceiling = seconds;
		c->ceiling_line = i->line;
	}
}

static const char *dscp_word(const char *value)
{
	static const char *const words[] = { "out", "in" };

	for (size_t i = 0; i < COUNT(words); i++) {
		if (!strcmp(value, words[i]))
			return words[i];
	}
	return !strcmp(value, "no") ? "none" : conn_is_yes(value) ? "both" : NULL;
}

static void read_child_packets(struct foreign *s, struct conn *c, const struct section *section, const char *path)
{
	const char *key;

	const struct setting *i = take(s, section, path, "replay_window", &key);
	conn_set_number(s, &c->replay_window, i, WINDOW_LEAST, WINDOW_MOST, key);
	i = take(s, section, path, "copy_df", &key);
	if (i)
		conn_set_word(s, &c->df, conn_is_yes(i->value) ? "copy" : "clear", i->line, key);
	i = take(s, section, path, "copy_dscp", &key);
	if (i && dscp_word(i->value))
		conn_set_word(s, &c->dscp, dscp_word(i->value), i->line, key);
	else if (i)
		foreign_note(s, i->line, key, "is no word for it that is known here; Culvert's default is taken");
}

/* False if the child is none that Culvert could have. */
static bool is_tunnel(struct foreign *s, const struct section *section, const char *path)
{
	const struct setting *i = foreign_get(section, "mode");

	if (!i || !strcmp(i->value, "tunnel"))
		return true;
	foreign_note(s, i->line, path, "the child is left out: its mode is %s, and Culvert has tunnel mode alone",
		foreign_show(s, i->value));
	return false;
}

static bool has_any(const struct section *section, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (foreign_get(section, names[i]))
			return true;
	}
	return false;
}

static void read_side(
	struct foreign *s, struct side *side, const struct section *section, const char *path, const char *name)
{
	const char *key;
	const struct setting *i = take(s, section, path, name, &key);

	conn_set_side(s, side, i, key);
	if (!i)
		foreign_note(s, section->line, key,
			"is not given, and the end's own address alone would be in the tunnel; write the prefixes");
}

static void read_child(struct foreign *s, struct conns *all, struct conn *c, const struct section *section)
{
	static const char *const apart[] = { "if_id_in", "if_id_out", "mark_in", "mark_out" };
	const char *path = foreign_printf(s, "%schildren.%s.", c->path, section->name), *key;

	if (!path || !is_tunnel(s, section, path))
		return;
	struct child *child = conn_child(s, all, c, section->name, section->line);
	if (!child)
		return;
	child->path = path;
	child->apart = has_any(section, apart, COUNT(apart));
	read_side(s, &child->cloud, section, path, "local_ts");
	read_side(s, &child->devices, section, path, "remote_ts");
	const struct setting *i = take(s, section, path, "esp_proposals", &child->esp.key);
	child->esp.list = i ? i->value : NULL;
	child->esp.line = i ? i->line : 0;
	read_child_times(s, c, section, path);
	read_child_packets(s, c, section, path);
	i = take(s, section, path, "start_action", &key);
	c->gateway_initiates |= i && strcmp(i->value, "none") != 0;
	foreign_note_rest(s, section, path, &rules_swanctl_child);
}

/* --- connections --- */

static void read_ends(struct foreign *s, struct conn *c, const struct section *section)
{
	const char *key;

	const struct setting *i = take(s, section, c->path, "local_addrs", &key);
	conn_set_local(s, c, i, key);
	i = take(s, section, c->path, "remote_addrs", &key);
	conn_set_peers(s, c, i, key);
	c->any_peer |= !i;
	i = take(s, section, c->path, "encap", &key);
	if (i && conn_is_yes(i->value))
		foreign_note(s, i->line, key, RULE_UDP);
}

static void read_ike(struct foreign *s, struct conn *c, const struct section *section)
{
	const char *key;
	unsigned seconds;

	const struct setting *i = take(s, section, c->path, "proposals", &c->ike.key);
	c->ike.list = i ? i->value : NULL;
	c->ike.line = i ? i->line : 0;
	i = take(s, section, c->path, "dpd_delay", &key);
	conn_set_dpd(s, c, i, key);
	i = take(s, section, c->path, "rekey_time", &key);
	if (i && conn_seconds(i->value, &seconds))
		foreign_note(s, i->line, key, RULE_TIME, foreign_show(s, i->value));
	else if (i)
		conn_set_rekey(s, &c->rekey_ike, seconds, i->line, key);
}

static void read_children(struct foreign *s, struct conns *all, struct conn *c, const struct section *section)
{
	const struct section *children = foreign_find(section, "children");

	for (const struct section *child = children ? children->sections : NULL; child && !s->error; child = child->next)
		read_child(s, all, c, child);
	if (children)
		foreign_note_rest(s, children, c->path, &no_rules);
	for (const struct section *i = section->sections; i; i = i->next) {
		if (i != children && !begins(i->name, "local") && !begins(i->name, "remote"))
			foreign_note(s, i->line, foreign_printf(s, "%s%s", c->path, i->name), NO_SECTION);
	}
	for (struct child *child = c->children; child; child = child->next)
		child->apart |= foreign_get(section, "if_id_in") || foreign_get(section, "if_id_out");
	if (!c->children)
		foreign_note(
			s, c->line, c->path, "has no child that Culvert could take; write the APN that the tunnel carries");
}

static void read_conn(struct foreign *s, struct conns *all, const struct section *section)
{
	const char *path = foreign_printf(s, "connections.%s.", section->name);
	const struct setting *version = foreign_take(section, "version");
	struct conn *c = path ? conn_new(s, section->name, path, section->line) : NULL;

	if (!c)
		return;
	if (version && !strcmp(version->value, "1")) {
		foreign_note(s, version->line, path, "the connection is left out: " RULE_IKEV1);
		return;
	}
	read_ends(s, c, section);
	if (!read_rounds(s, c, section))
		return;
	read_ike(s, c, section);
	read_children(s, all, c, section);
	foreign_note_rest(s, section, path, &rules_swanctl_conn);
	conn_add(all, c);
}

static void note_section(struct foreign *s, const struct section *section)
{
	if (!strcmp(section->name, "authorities"))
		foreign_note(s, section->line, section->name, RULE_CAS);
	else if (!strcmp(section->name, "pools"))
		foreign_note(s, section->line, section->name, RULE_POOL);
	else if (!section->referenced)
		foreign_note(s, section->line, section->name,
			"is no section that culvert convert knows, and no other inherits from it; look whether the tunnel needs "
			"it");
}

void convert_read_swanctl(struct foreign *s, struct conns *ret)
{
	for (const struct section *i = s->root->sections; i && !s->error; i = i->next) {
		if (!strcmp(i->name, "connections")) {
			for (const struct section *conn = i->sections; conn && !s->error; conn = conn->next)
				read_conn(s, ret, conn);
			foreign_note_rest(s, i, "connections.", &no_rules);
		} else if (strcmp(i->name, "secrets") != 0) {
			note_section(s, i);
		}
	}
	foreign_note_rest(s, s->root, "", &no_rules);
}
