/* ipsec.conf of strongSwan and libreswan: left is this gateway, unless only right is said to be it. */
#include "conf/convert_read.h"

#include "conf/convert_conn.h"
#include "conf/convert_source.h"

#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

enum { WINDOW_LEAST = 32, WINDOW_MOST = 4096, MARGIN = 540 /* seconds; default of rekeymargin */ };

#define NO_MARK                                                                                                        \
	"Culvert keeps APNs apart by interfaces and VRFs, not by marks or if_ids of the file; nothing is to be done"
#define NO_COUNT "Culvert renews keys by time alone; nothing is to be done"
#define NO_SCRIPT                                                                                                      \
	"Culvert runs no scripts: it makes routes and walls itself; say in services and downlink what may pass"
#define NO_POOL   "devices get their addresses from the carrier; the gateway neither asks for any nor gives any"
#define NO_V1     "is of IKEv1, which Culvert does not speak"
#define NO_EAP    "Culvert has no EAP or XAuth; agree with the carrier on a pre-shared key or certificates"
#define OWN_WAY   "Culvert does this in its own way, the same for all tunnels; nothing is to be done"
#define OWN_ROUTE "Culvert makes routes itself, from pool and cloud; nothing is to be done"
#define OWN_PORT  "Culvert uses UDP ports 500 and 4500 alone; agree with the carrier on these"
#define NO_PORTS  "selectors have no protocol or port in Culvert, as carriers want it; services say what is let through"
#define NO_RSA    "Culvert has no raw keys; agree with the carrier on certificates"
#define BY_IDS    "Culvert judges the peer by its identity and CA alone; give remote_id and ca"

/* Behind "left" and "right" as well. */
static const struct rule end_rules[] = {
	{ "allowany", "no", "Culvert wants the peer's addresses, or peer = \"any\"" },
	{ "auth2", NULL, NO_EAP },
	{ "ca2", NULL, BY_IDS },
	{ "cert2", NULL, BY_IDS },
	{ "certpolicy", NULL, BY_IDS },
	{ "dns", NULL, NO_POOL },
	{ "firewall", "no", NO_SCRIPT },
	{ "groups", NULL, BY_IDS },
	{ "groups2", NULL, BY_IDS },
	{ "hostaccess", "no", NO_SCRIPT },
	{ "id2", NULL, BY_IDS },
	{ "ikeport", "500|4500", OWN_PORT },
	{ "nexthop", "%defaultroute|%direct", OWN_ROUTE },
	{ "protoport", NULL, NO_PORTS },
	{ "rsasigkey", "%cert", NO_RSA },
	{ "sendcert", "*", NULL },
	{ "sigkey", NULL, NO_RSA },
	{ "sourceip", NULL, "the gateway has no address of its own in the tunnel, but the one of cloud.address; " NO_POOL },
	{ "updown", "%disabled", NO_SCRIPT },
	{ "vti", NULL, OWN_ROUTE },
};

static const struct rule conn_rules[] = {
	{ "aggressive", "no", NO_V1 },
	{ "ah", NULL, "Culvert has ESP alone; agree with the carrier on ESP" },
	{ "closeaction", "none|restart|hold", OWN_WAY },
	{ "compress", "no", "Culvert does not compress; agree with the carrier on that" },
	{ "dpdaction", "clear|hold|restart", "Culvert always watches whether the peer lives; nothing is to be done" },
	{ "dpdtimeout", "*", NULL },
	{ "eap_identity", NULL, NO_EAP },
	{ "esn", "no|either", OWN_WAY },
	{ "fragmentation", "yes|accept", "Culvert fragments IKE messages where the peer can; nothing is to be done" },
	{ "hidetos", NULL, OWN_WAY },
	{ "if_id_in", NULL, NO_MARK },
	{ "if_id_out", NULL, NO_MARK },
	{ "inactivity", NULL, "Culvert keeps tunnels up; nothing is to be done" },
	{ "installpolicy", "yes", OWN_WAY },
	{ "ipsec-interface", "no", NO_MARK },
	{ "keyingtries", "%forever|0", "Culvert tries again for ever; nothing is to be done" },
	{ "lifebytes", NULL, NO_COUNT },
	{ "lifepackets", NULL, NO_COUNT },
	{ "marginbytes", NULL, NO_COUNT },
	{ "marginpackets", NULL, NO_COUNT },
	{ "mark", NULL, NO_MARK },
	{ "mark_in", NULL, NO_MARK },
	{ "mark_out", NULL, NO_MARK },
	{ "mark-in", NULL, NO_MARK },
	{ "mark-out", NULL, NO_MARK },
	{ "mediation", "no", "Culvert has no mediation; the peer must be reachable itself" },
	{ "metric", NULL, OWN_ROUTE },
	{ "mobike", "no", "Culvert does not move tunnels to other addresses; give the carrier's addresses as peer" },
	{ "modecfgclient", "no", NO_POOL },
	{ "modecfgpull", "*", NULL },
	{ "modeconfig", "*", NULL },
	{ "mtu", NULL, OWN_ROUTE },
	{ "narrowing", "no", "Culvert's selectors are what both sides have agreed on, never less" },
	{ "pfsgroup", NULL, NO_V1 },
	{ "phase2", "esp", "Culvert has ESP alone; agree with the carrier on ESP" },
	{ "reauth", "no", "Culvert renews keys without authenticating anew; nothing is to be done" },
	{ "rekey", "yes", "Culvert always renews keys itself; nothing is to be done" },
	{ "rekeyfuzz", NULL, "Culvert spreads rekeys by an eighth of the rekey time; nothing is to be done" },
	{ "reqid", NULL, OWN_WAY },
	{ "sha2-truncbug", "no", "Culvert uses the standard's 128 bit of SHA-256; let the carrier do so too" },
	{ "sha256_96", "no", "Culvert uses the standard's 128 bit of SHA-256; let the carrier do so too" },
	{ "tfc", NULL, "Culvert does not pad against traffic analysis; nothing is to be done" },
	{ "type", "tunnel", NULL }, /* other types end earlier */
	{ "vti-interface", NULL, NO_MARK },
	{ "vti-routing", NULL, OWN_ROUTE },
	{ "vti-shared", NULL, NO_MARK },
	{ "xauth", NULL, NO_EAP },
	{ "xauth_identity", NULL, NO_EAP },
};

/* --- looking at a conn --- */

/* Which of "left" and "right" is this gateway. */
struct ends {
	const char *near, *far;
};

static struct setting *take_end(
	struct source *s, const struct section *conn, const char *end, const char *rest, const char **ret_key)
{
	char *name = source_printf(s, "%s%s", end, rest);

	*ret_key = name;
	return name ? source_take(conn, name) : NULL;
}

/* The first of several spellings that is there; the others count as taken too. */
static struct setting *take_one(const struct section *conn, const char *const *names, size_t n)
{
	struct setting *found = NULL;

	for (size_t i = 0; i < n; i++) {
		struct setting *one = source_take(conn, names[i]);
		found = found ? found : one;
	}
	return found;
}

static bool is_value(const struct section *conn, const char *name, const char *value)
{
	const struct setting *i = source_get(conn, name);

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
static bool read_auth(struct source *s, struct conn *c, const struct section *conn, struct ends ends)
{
	const char *key;
	const struct setting *both = source_take(conn, "authby"), *near = take_end(s, conn, ends.near, "auth", &key);
	const struct setting *far = take_end(s, conn, ends.far, "auth", &key);
	const char *mine = near ? near->value : both ? both->value : "pubkey";
	const char *theirs = far ? far->value : both ? both->value : "pubkey";

	c->credentials = credentials_of(mine);
	if (c->credentials != CREDENTIALS_UNKNOWN && c->credentials == credentials_of(theirs))
		return true;
	source_note(s, both ? both->line : c->line, c->path,
		"the conn is left out: Culvert authenticates both sides by a pre-shared key, or both by certificates; agree "
		"with "
		"the carrier on one of them");
	return false;
}

static void read_certificates(struct source *s, struct conn *c, const struct section *conn, struct ends ends)
{
	const char *key;

	const struct setting *i = take_end(s, conn, ends.near, "cert", &key);
	if (i)
		c->certificates.names[c->certificates.n++] = conn_file(s, i->value, "certificate.pem");
	i = take_end(s, conn, ends.far, "cert", &key);
	if (i)
		source_note(s, i->line, key,
			"Culvert does not pin the peer's certificate; it takes what its ca has signed for remote_id");
	take_end(s, conn, ends.near, "ca", &key);
	i = take_end(s, conn, ends.far, "ca", &key);
	if (i && strcmp(i->value, "%same") != 0)
		source_note(s, i->line, key,
			"%s: the file has the CA's name, Culvert wants its certificate; copy it to the secrets folder as ca",
			source_show(s, i->value));
}

/* --- ends --- */

static void read_ends(struct source *s, struct conn *c, const struct section *conn, struct ends ends)
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

static void read_side(struct source *s, struct side *side, const struct section *conn, const char *end)
{
	const char *one, *many;
	const struct setting *i = take_end(s, conn, end, "subnet", &one), *k = take_end(s, conn, end, "subnets", &many);

	conn_set_side(s, side, i, one);
	if (!side->any)
		conn_set_side(s, side, k, many);
	if (!i && !k)
		source_note(s, conn->line, one,
			"is not given, and the end's own address alone would be in the tunnel; write the prefixes");
}

static void read_child(
	struct source *s, struct conns *all, struct conn *c, const struct section *conn, struct ends ends)
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
	child->pairs &= source_get(conn, "leftsubnets") || source_get(conn, "rightsubnets");
	for (size_t i = 0; i < COUNT(apart); i++)
		child->apart |= source_get(conn, apart[i]) != NULL;
	const struct setting *esp = take_one(conn, spellings, COUNT(spellings));
	child->esp = (struct proposals){ esp ? esp->value : NULL, esp ? esp->name : "esp", esp ? esp->line : 0 };
}

/* --- times and packets --- */

static void read_rekey(
	struct source *s, unsigned *field, const struct section *conn, const char *const *names, size_t n, unsigned margin)
{
	const struct setting *i = take_one(conn, names, n);
	unsigned seconds;

	if (!i)
		return;
	if (conn_seconds(i->value, &seconds))
		source_note(s, i->line, i->name, "%s is no time; Culvert's default is taken", source_show(s, i->value));
	else
		conn_set_rekey(s, field, seconds > margin ? seconds - margin : 0, i->line, i->name);
}

static void read_times(struct source *s, struct conn *c, const struct section *conn)
{
	static const char *const ike[] = { "ikelifetime" }, *const child[] = { "lifetime", "keylife", "salifetime" };
	static const char *const margins[] = { "margintime", "rekeymargin" };
	const struct setting *i = take_one(conn, margins, COUNT(margins));
	unsigned margin = MARGIN;

	if (i && conn_seconds(i->value, &margin)) {
		source_note(s, i->line, i->name, "%s is no time; 9 minutes are taken", source_show(s, i->value));
		margin = MARGIN;
	}
	read_rekey(s, &c->rekey_ike, conn, ike, COUNT(ike), margin);
	read_rekey(s, &c->rekey_child, conn, child, COUNT(child), margin);
	conn_set_dpd(s, c, source_take(conn, "dpddelay"), "dpddelay");
}

static void read_packets(struct source *s, struct conn *c, const struct section *conn)
{
	static const char *const windows[] = { "replay_window", "replay-window" };
	const struct setting *i = take_one(conn, windows, COUNT(windows));

	conn_set_number(s, &c->replay_window, i, WINDOW_LEAST, WINDOW_MOST, i ? i->name : windows[0]);
	i = source_take(conn, "copy_dscp");
	if (i && (!strcmp(i->value, "out") || !strcmp(i->value, "in")))
		c->dscp = i->value;
	else if (i)
		c->dscp = conn_is_yes(i->value) ? "both" : "none";
	i = source_take(conn, "nopmtudisc");
	if (i && conn_is_yes(i->value))
		c->df = "clear";
}

static void read_ike(struct source *s, struct conn *c, const struct section *conn)
{
	static const char *const udp[] = { "forceencaps", "encapsulation" };
	const struct setting *i = source_take(conn, "ike");
	const struct setting *pfs = source_take(conn, "pfs");

	c->ike = (struct proposals){ i ? i->value : NULL, "ike", i ? i->line : 0 };
	/* libreswan's way, and what its own keys and spellings show; strongSwan has no pfs= for IKEv2. */
	c->pfs_implied = pfs ? conn_is_yes(pfs->value)
						 : source_get(conn, "ikev2") || source_get(conn, "phase2alg") || (i && strchr(i->value, '_'));
	i = take_one(conn, udp, COUNT(udp));
	if (i && conn_is_yes(i->value))
		source_note(s, i->line, i->name,
			"is of the gateway as a whole in Culvert: write encapsulation = \"udp\" in gateway.outer, for all tunnels");
}

/* --- conns --- */

/* Why the conn cannot be Culvert's, with the setting that says so, or NULL. */
static const char *why_not(const struct section *conn, const struct setting **ret)
{
	static const char *const version_1[] = { "no", "never", "permit" };
	const struct setting *exchange = source_take(conn, "keyexchange"), *ikev2 = source_take(conn, "ikev2");
	const struct setting *type = source_get(conn, "type"), *automatic = source_take(conn, "auto");

	*ret = exchange;
	if (exchange && strstr(exchange->value, "v1"))
		return "it is IKEv1, and Culvert speaks IKEv2 alone; ask the carrier for IKEv2";
	*ret = ikev2;
	for (size_t i = 0; ikev2 && i < COUNT(version_1); i++) {
		if (!strcmp(ikev2->value, version_1[i]))
			return "it is IKEv1, and Culvert speaks IKEv2 alone; ask the carrier for IKEv2";
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
	bool loaded = source_get(conn, "auto") && !is_value(conn, "auto", "ignore");

	return !strcmp(conn->name, "conn %default") || (conn->referenced && !loaded);
}

static void note_rest(struct source *s, const struct section *conn)
{
	struct rule rules[COUNT(conn_rules) + 2 * COUNT(end_rules)];
	size_t n = 0;

	for (size_t i = 0; i < COUNT(conn_rules); i++)
		rules[n++] = conn_rules[i];
	for (size_t i = 0; i < 2 * COUNT(end_rules); i++) {
		rules[n] = end_rules[i / 2];
		rules[n].name = source_printf(s, "%s%s", i % 2 ? "left" : "right", end_rules[i / 2].name);
		if (!rules[n++].name)
			return;
	}
	source_note_rest(s, conn, "", rules, n);
}

static void read_conn(struct source *s, struct conns *all, const struct section *conn)
{
	const struct setting *i;
	const char *why = why_not(conn, &i);
	struct ends ends = find_ends(conn);

	if (why) {
		source_note(s, i->line, conn->name, "the conn is left out: %s", why);
		return;
	}
	struct conn *c = conn_new(s, conn->name + strlen("conn "), conn->name, conn->line);
	if (!c || !read_auth(s, c, conn, ends))
		return;
	read_ends(s, c, conn, ends);
	if (!c->n_peers && !c->any_peer)
		source_note(
			s, conn->line, ends.far, "is not given as Culvert can take it; write the address of the carrier's gateway");
	read_certificates(s, c, conn, ends);
	read_ike(s, c, conn);
	read_child(s, all, c, conn, ends);
	read_times(s, c, conn);
	read_packets(s, c, conn);
	i = source_get(conn, "auto");
	c->gateway_initiates = i && strcmp(i->value, "add") != 0 && strcmp(i->value, "ignore") != 0;
	note_rest(s, conn);
	conn_add(all, c);
}

static void note_setup(struct source *s, const struct section *section)
{
	for (const struct setting *i = section->settings; i; i = i->next)
		source_note(
			s, i->line, i->name, "is about the other program itself; Culvert sets up its own, nothing is to be done");
}

void convert_read_ipsec(struct source *s, struct conns *ret)
{
	for (const struct section *i = s->root->sections; i && !s->error; i = i->next) {
		if (!strncmp(i->name, "config ", 7))
			note_setup(s, i);
		else if (!strncmp(i->name, "ca ", 3))
			source_note(s, i->line, i->name,
				"Culvert takes CAs and CRLs from files: copy them to the secrets folder, name them with ca and crl");
		else if (!is_template(i))
			read_conn(s, ret, i);
	}
}
