/* ipsec.conf of strongSwan and libreswan: left is this gateway, unless only right is said to be it. */
#include "conf/convert_read.h"

#include "conf/convert_conn.h"
#include "conf/convert_rules.h"
#include "conf/convert_foreign.h"

#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

enum { WINDOW_LEAST = 32, WINDOW_MOST = 4096, MARGIN = 540 /* seconds; default of rekeymargin */ };

/* --- looking at a conn --- */

/* Which of "left" and "right" is this gateway. */
struct ends {
	const char *near, *far;
};

static struct setting *take_end(
	struct foreign *s, const struct section *conn, const char *end, const char *rest, const char **ret_key)
{
	char *name = foreign_printf(s, "%s%s", end, rest);

	*ret_key = name;
	return name ? foreign_take(conn, name) : NULL;
}

static bool is_one_of(const char *name, const char *const *names, size_t n)
{
	size_t i = 0;

	while (i < n && strcmp(name, names[i]) != 0)
		i++;
	return i < n;
}

/* The first of several spellings that is there, before one that is inherited; the others count as taken too. */
static struct setting *take_one(const struct section *conn, const char *const *names, size_t n)
{
	struct setting *found = NULL;

	for (const struct setting *i = conn->settings; i; i = i->next) {
		struct setting *one = is_one_of(i->name, names, n) ? foreign_take(conn, i->name) : NULL;
		found = found ? found : one;
	}
	return found;
}

static bool is_value(const struct section *conn, const char *name, const char *value)
{
	const struct setting *i = foreign_get(conn, name);

	return i && !strcmp(i->value, value);
}

static struct ends find_ends(const struct section *conn)
{
	bool right = is_value(conn, "right", "%defaultroute") && !is_value(conn, "left", "%defaultroute");

	return right ? (struct ends){ "right", "left" } : (struct ends){ "left", "right" };
}

/* --- authentication --- */

static enum credentials credentials_of(const char *auth)
{
	static const char *const psk[] = { "psk", "secret" };
	static const char *const keys[] = { "pubkey", "rsasig", "rsa", "ecdsa", "ecdsasig", "ike:", "rsa-", "ecdsa-" };

	for (size_t i = 0; i < COUNT(psk); i++) {
		if (!strcmp(auth, psk[i]))
			return CREDENTIALS_PSK;
	}
	for (size_t i = 0; i < COUNT(keys); i++) {
		if (!strncmp(auth, keys[i], strlen(keys[i])))
			return CREDENTIALS_CERTIFICATE;
	}
	return CREDENTIALS_UNKNOWN;
}

/* False if the conn cannot be Culvert's. */
static bool read_auth(struct foreign *s, struct conn *c, const struct section *conn, struct ends ends)
{
	const char *key;
	const struct setting *both = foreign_take(conn, "authby"), *near = take_end(s, conn, ends.near, "auth", &key);
	const struct setting *far = take_end(s, conn, ends.far, "auth", &key);
	const char *mine = near ? near->value : both ? both->value : "pubkey";
	const char *theirs = far ? far->value : both ? both->value : "pubkey";

	c->credentials = credentials_of(mine);
	if (c->credentials != CREDENTIALS_UNKNOWN && c->credentials == credentials_of(theirs))
		return true;
	foreign_note(s, both ? both->line : c->line, c->path,
		"the conn is left out: Culvert authenticates both sides by a pre-shared key, or both by certificates; agree "
		"with "
		"the carrier on one of them");
	return false;
}

static void read_certificates(struct foreign *s, struct conn *c, const struct section *conn, struct ends ends)
{
	const char *key;

	const struct setting *i = take_end(s, conn, ends.near, "cert", &key);
	if (i)
		c->certificates.names[c->certificates.n++] = conn_file(s, i->value, "certificate.pem");
	i = take_end(s, conn, ends.far, "cert", &key);
	if (i)
		foreign_note(s, i->line, key, RULE_PINNED);
	take_end(s, conn, ends.near, "ca", &key);
	i = take_end(s, conn, ends.far, "ca", &key);
	if (i && strcmp(i->value, "%same") != 0)
		foreign_note(s, i->line, key,
			"%s: the file has the CA's name, Culvert wants its certificate; copy it to the secrets folder as ca",
			foreign_show(s, i->value));
}

/* --- ends --- */

static void read_ends(struct foreign *s, struct conn *c, const struct section *conn, struct ends ends)
{
	const char *key;

	const struct setting *i = take_end(s, conn, ends.near, "", &key);
	conn_set_local(s, c, i, key);
	i = take_end(s, conn, ends.far, "", &key);
	conn_set_peers(s, c, i, key);
	i = take_end(s, conn, ends.near, "id", &key);
	c->local_id = conn_identity(s, i, key);
	i = take_end(s, conn, ends.far, "id", &key);
	c->remote_id = conn_identity(s, i, key);
}

static void read_side(struct foreign *s, struct side *side, const struct section *conn, const char *end)
{
	static const char *const spellings[] = { "subnet", "subnetwithin", "subnets" };
	const char *key, *first = foreign_printf(s, "%ssubnet", end);
	bool given = false;

	for (size_t i = 0; i < COUNT(spellings) && !side->any; i++) {
		const struct setting *subnets = take_end(s, conn, end, spellings[i], &key);
		conn_set_side(s, side, subnets, key);
		given |= subnets != NULL;
	}
	if (!given)
		foreign_note(s, conn->line, first,
			"is not given, and the end's own address alone would be in the tunnel; write the prefixes");
}

static void read_child(
	struct foreign *s, struct conns *all, struct conn *c, const struct section *conn, struct ends ends)
{
	static const char *const spellings[] = { "esp", "phase2alg" };
	static const char *const apart[] = { "mark", "mark_in", "mark_out", "mark-in", "mark-out", "if_id_in",
		"if_id_out" };
	struct child *child = conn_child(s, all, c, c->name, c->line);

	if (!child)
		return;
	read_side(s, &child->cloud, conn, ends.near);
	read_side(s, &child->devices, conn, ends.far);
	/* libreswan makes a CHILD_SA of each pair of what subnets= lists. */
	child->pairs = child->cloud.n > 1 || child->devices.n > 1;
	child->pairs &= foreign_get(conn, "leftsubnets") || foreign_get(conn, "rightsubnets");
	for (size_t i = 0; i < COUNT(apart); i++)
		child->apart |= foreign_get(conn, apart[i]) != NULL;
	const struct setting *esp = take_one(conn, spellings, COUNT(spellings));
	child->esp = (struct proposals){ esp ? esp->value : NULL, esp ? esp->name : "esp", esp ? esp->line : 0 };
}

/* --- times and packets --- */

static void read_rekey(
	struct foreign *s, unsigned *field, const struct section *conn, const char *const *names, size_t n, unsigned margin)
{
	const struct setting *i = take_one(conn, names, n);
	unsigned seconds;

	if (!i)
		return;
	if (conn_seconds(i->value, &seconds))
		foreign_note(s, i->line, i->name, RULE_TIME, foreign_show(s, i->value));
	else
		conn_set_rekey(s, field, seconds > margin ? seconds - margin : 0, i->line, i->name);
}

static void read_times(struct foreign *s, struct conn *c, const struct section *conn)
{
	static const char *const ike[] = { "ikelifetime" }, *const child[] = { "lifetime", "keylife", "salifetime" };
	static const char *const margins[] = { "margintime", "rekeymargin" };
	const struct setting *i = take_one(conn, margins, COUNT(margins));
	unsigned margin = MARGIN;

	if (i && conn_seconds(i->value, &margin)) {
		foreign_note(s, i->line, i->name, "%s is no time; 9 minutes are taken", foreign_show(s, i->value));
		margin = MARGIN;
	}
	read_rekey(s, &c->rekey_ike, conn, ike, COUNT(ike), margin);
	read_rekey(s, &c->rekey_child, conn, child, COUNT(child), margin);
	conn_set_dpd(s, c, foreign_take(conn, "dpddelay"), "dpddelay");
}

static void read_packets(struct foreign *s, struct conn *c, const struct section *conn)
{
	static const char *const windows[] = { "replay_window", "replay-window" };
	const struct setting *i = take_one(conn, windows, COUNT(windows));

	conn_set_number(s, &c->replay_window, i, WINDOW_LEAST, WINDOW_MOST, i ? i->name : windows[0]);
	i = foreign_take(conn, "copy_dscp");
	if (i && (!strcmp(i->value, "out") || !strcmp(i->value, "in")))
		c->dscp = i->value;
	else if (i)
		c->dscp = conn_is_yes(i->value) ? "both" : "none";
	i = foreign_take(conn, "nopmtudisc");
	if (i && conn_is_yes(i->value))
		c->df = "clear";
}

static void read_ike(struct foreign *s, struct conn *c, const struct section *conn)
{
	static const char *const udp[] = { "forceencaps", "encapsulation" };
	const struct setting *i = foreign_take(conn, "ike");
	const struct setting *pfs = foreign_take(conn, "pfs");

	c->ike = (struct proposals){ i ? i->value : NULL, "ike", i ? i->line : 0 };
	/* libreswan's way, told by its own keys and spellings; strongSwan takes no notice of pfs=. */
	c->pfs_implied = foreign_get(conn, "ikev2") || foreign_get(conn, "phase2alg") || (i && strchr(i->value, '_'));
	c->pfs_implied &= !pfs || conn_is_yes(pfs->value);
	i = take_one(conn, udp, COUNT(udp));
	if (i && conn_is_yes(i->value))
		foreign_note(s, i->line, i->name, RULE_UDP);
}

/* --- conns --- */

/* Why the conn cannot be Culvert's, with the setting that says so, or NULL. */
static const char *why_not(const struct section *conn, const struct setting **ret)
{
	static const char *const version_1[] = { "no", "never", "permit" };
	const struct setting *exchange = foreign_take(conn, "keyexchange"), *ikev2 = foreign_take(conn, "ikev2");
	const struct setting *type = foreign_get(conn, "type"), *automatic = foreign_take(conn, "auto");

	*ret = exchange;
	if (exchange && strstr(exchange->value, "v1"))
		return RULE_IKEV1;
	*ret = ikev2;
	for (size_t i = 0; ikev2 && i < COUNT(version_1); i++) {
		if (!strcmp(ikev2->value, version_1[i]))
			return RULE_IKEV1;
	}
	*ret = type;
	if (type && strcmp(type->value, "tunnel") != 0)
		return "its type is not tunnel, and Culvert has tunnel mode alone";
	*ret = automatic;
	if (automatic && !strcmp(automatic->value, "ignore") && !conn->referenced)
		return "it is not in use (auto=ignore); set auto=add or auto=start to take it over";
	return NULL;
}

/* A part of others, not a connection itself. */
static bool is_template(const struct section *conn)
{
	bool loaded = foreign_get(conn, "auto") && !is_value(conn, "auto", "ignore");

	return !strcmp(conn->name, "conn %default") || (conn->referenced && !loaded);
}

static void note_rest(struct foreign *s, const struct section *conn)
{
	for (const struct setting *i = conn->settings; i && !s->error; i = i->next) {
		size_t end = !strncmp(i->name, "left", 4) ? 4 : !strncmp(i->name, "right", 5) ? 5 : 0;
		if (i->taken || !i->value[0] || foreign_note_rule(s, i, "", i->name, &rules_ipsec_conn))
			continue;
		if (!end || !foreign_note_rule(s, i, "", i->name + end, &rules_ipsec_end))
			foreign_note_unknown(s, i, "");
	}
}

static void read_conn(struct foreign *s, struct conns *all, const struct section *conn)
{
	const struct setting *i;
	const char *why = why_not(conn, &i);
	struct ends ends = find_ends(conn);

	if (why) {
		foreign_note(s, i->line, conn->name, "the conn is left out: %s", why);
		return;
	}
	struct conn *c = conn_new(s, conn->name + strlen("conn "), conn->name, conn->line);
	if (!c || !read_auth(s, c, conn, ends))
		return;
	read_ends(s, c, conn, ends);
	if (!c->n_peers && !c->any_peer)
		foreign_note(
			s, conn->line, ends.far, "is not given as Culvert can take it; write the address of the carrier's gateway");
	read_certificates(s, c, conn, ends);
	read_ike(s, c, conn);
	read_child(s, all, c, conn, ends);
	read_times(s, c, conn);
	read_packets(s, c, conn);
	i = foreign_get(conn, "auto");
	c->gateway_initiates = i && strcmp(i->value, "add") != 0 && strcmp(i->value, "ignore") != 0;
	note_rest(s, conn);
	conn_add(all, c);
}

static void note_setup(struct foreign *s, const struct section *section)
{
	for (const struct setting *i = section->settings; i; i = i->next)
		foreign_note(
			s, i->line, i->name, "is about the other program itself; Culvert sets up its own, nothing is to be done");
}

void convert_read_ipsec(struct foreign *s, struct conns *ret)
{
	for (const struct section *i = s->root->sections; i && !s->error; i = i->next) {
		if (!strncmp(i->name, "config ", 7))
			note_setup(s, i);
		else if (!strncmp(i->name, "ca ", 3))
			foreign_note(s, i->line, i->name, RULE_CAS);
		else if (!is_template(i))
			read_conn(s, ret, i);
	}
}
