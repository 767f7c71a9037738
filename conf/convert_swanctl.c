/* swanctl.conf: connections, their authentication rounds and children. */
#include "conf/convert_read.h"

#include "conf/convert_conn.h"
#include "conf/convert_source.h"

#include <string.h>
#include <strings.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

enum { WINDOW_LEAST = 32, WINDOW_MOST = 4096 };

#define NO_IF_ID "Culvert numbers its XFRM interfaces itself, one for each APN on each tunnel; nothing is to be done"
#define NO_MARK  "Culvert keeps APNs apart by interfaces and VRFs, not by marks; nothing is to be done"
#define NO_COUNT "Culvert renews keys by time alone; nothing is to be done"
#define NO_SCRIPT                                                                                                      \
	"Culvert runs no scripts: it makes routes and walls itself; say in services and downlink what may pass"
#define NO_POOL   "devices get their addresses from the carrier; the gateway neither asks for any nor gives any"
#define NO_POLICY "Culvert makes the policies itself; nothing is to be done"
#define NO_LIFE   "Culvert ends keys by a ceiling of its own (rekey.ceiling), below 3600 s; nothing is to be done"
#define NO_PPK    "Culvert has no post-quantum pre-shared keys; agree with the carrier on a tunnel without"
#define OWN_PORT  "Culvert uses UDP ports 500 and 4500 alone; agree with the carrier on these"
#define OWN_WAY   "Culvert does this in its own way, the same for all tunnels; nothing is to be done"

static const struct rule conn_rules[] = {
	{ "aggressive", "no", "is of IKEv1, which Culvert does not speak" },
	{ "childless", "never|allow", "Culvert makes the first CHILD_SA with the IKE_SA; agree with the carrier on that" },
	{ "dpd_timeout", "*", NULL },
	{ "dscp", "000000", "IKE packets have no DSCP of their own; nothing is to be done" },
	{ "fragmentation", "yes|accept", "Culvert fragments IKE messages where the peer can; nothing is to be done" },
	{ "if_id_in", NULL, NO_IF_ID },
	{ "if_id_out", NULL, NO_IF_ID },
	{ "keyingtries", "0", "Culvert tries again for ever; nothing is to be done" },
	{ "local_port", "500|0", OWN_PORT },
	{ "mediation", "no", "Culvert has no mediation; the peer must be reachable itself" },
	{ "mobike", "no", "Culvert does not move tunnels to other addresses; give the carrier's addresses as peer" },
	{ "over_time", NULL, NO_LIFE },
	{ "pools", NULL, NO_POOL },
	{ "ppk_id", NULL, NO_PPK },
	{ "ppk_required", "no", NO_PPK },
	{ "pull", "*", NULL },
	{ "rand_time", NULL, "Culvert spreads rekeys by an eighth of the rekey time; nothing is to be done" },
	{ "reauth_time", "0|0s", "Culvert renews keys without authenticating anew; nothing is to be done" },
	{ "remote_port", "500", OWN_PORT },
	{ "send_cert", "ifasked|always", "Culvert always sends its certificate; nothing is to be done" },
	{ "send_certreq", "yes", OWN_WAY },
	{ "ocsp", "never", "Culvert does not ask over the network whether a certificate is revoked; give it a crl" },
	{ "unique", "replace", "a new IKE_SA of the same peer replaces the old one in Culvert; nothing is to be done" },
	{ "vips", NULL, NO_POOL },
};

static const struct rule auth_rules[] = {
	{ "round", "0|1", "Culvert authenticates once; agree with the carrier on a pre-shared key or a certificate" },
	{ "eap_id", NULL, "Culvert has no EAP" },
	{ "aaa_id", NULL, "Culvert has no EAP" },
	{ "xauth_id", NULL, "is of IKEv1, which Culvert does not speak" },
	{ "pubkeys", NULL, "Culvert has no raw public keys; agree with the carrier on certificates" },
	{ "groups", NULL, "Culvert judges the peer by its identity and CA alone; give remote_id and ca" },
	{ "cert_policy", NULL, "Culvert judges the peer by its identity and CA alone; give remote_id and ca" },
	{ "ca_id", NULL, "Culvert judges the peer by its identity and CA alone; give remote_id and ca" },
};

static const struct rule child_rules[] = {
	{ "ah_proposals", NULL, "Culvert has ESP alone; agree with the carrier on ESP" },
	{ "close_action", "none|start|trap", OWN_WAY },
	{ "copy_ecn", "yes", "ECN is copied, as the standard has it; nothing is to be done" },
	{ "dpd_action", "*", NULL },
	{ "hostaccess", "no", NO_SCRIPT },
	{ "hw_offload", "no", "Culvert does not use offload to a network card; nothing is to be done" },
	{ "if_id_in", NULL, NO_IF_ID },
	{ "if_id_out", NULL, NO_IF_ID },
	{ "inactivity", "0|0s", "Culvert keeps tunnels up; nothing is to be done" },
	{ "interface", NULL, NO_POLICY },
	{ "ipcomp", "no", "Culvert does not compress; agree with the carrier on that" },
	{ "label", NULL, "Culvert has no security labels; agree with the carrier on a tunnel without" },
	{ "life_bytes", NULL, NO_COUNT },
	{ "life_packets", NULL, NO_COUNT },
	{ "mark_in", NULL, NO_MARK },
	{ "mark_in_sa", "no", NO_MARK },
	{ "mark_out", NULL, NO_MARK },
	{ "mode", "tunnel", NULL }, /* other modes end earlier */
	{ "policies", "yes", NO_POLICY },
	{ "policies_fwd_out", "*", NULL },
	{ "priority", "0", NO_POLICY },
	{ "rand_bytes", NULL, NO_COUNT },
	{ "rand_packets", NULL, NO_COUNT },
	{ "rand_time", NULL, "Culvert spreads rekeys by an eighth of the rekey time; nothing is to be done" },
	{ "rekey_bytes", "0", NO_COUNT },
	{ "rekey_packets", "0", NO_COUNT },
	{ "reqid", "0", OWN_WAY },
	{ "set_mark_in", NULL, NO_MARK },
	{ "set_mark_out", NULL, NO_MARK },
	{ "sha256_96", "no", "Culvert uses the standard's 128 bit of SHA-256; let the carrier do so too" },
	{ "tfc_padding", "0", "Culvert does not pad against traffic analysis; nothing is to be done" },
	{ "updown", NULL, NO_SCRIPT },
	{ "per_cpu_sas", "no", "Culvert has one pair of SAs for each CHILD_SA; nothing is to be done" },
};

static struct setting *take(
	struct source *s, const struct section *section, const char *path, const char *name, const char **ret_key)
{
	*ret_key = source_printf(s, "%s%s", path, name);
	if (!*ret_key)
		*ret_key = name;
	return source_take(section, name);
}

/* --- authentication --- */

/* The first "local", "local-x"; further rounds are noted. */
static const struct section *find_round(
	struct source *s, const struct section *conn, const char *side, const char *path)
{
	const struct section *found = NULL;
	size_t len = strlen(side);

	for (const struct section *i = conn->sections; i; i = i->next) {
		if (strncmp(i->name, side, len) != 0 || (i->name[len] && i->name[len] != '-'))
			continue;
		if (found)
			source_note(s, i->line, path,
				"%s: Culvert authenticates once, and the first round is taken; agree with the carrier on it",
				source_show(s, i->name));
		else
			found = i;
	}
	return found;
}

static bool begins(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

/* What the round's auth= comes to; false with a note if Culvert has nothing like it. */
static bool read_auth(struct source *s, const struct section *round, const char *path, enum credentials *ret)
{
	const struct setting *i = round ? source_take(round, "auth") : NULL;
	const char *auth = i ? i->value : "pubkey";

	if (!strcmp(auth, "psk")) {
		*ret = CREDENTIALS_PSK;
	} else if (begins(auth, "eap") || begins(auth, "xauth") || begins(auth, "any")) {
		source_note(s, i->line, path,
			"the connection is left out: Culvert authenticates both sides by a pre-shared key or "
			"by certificates, not by EAP or XAuth");
		return false;
	} else {
		*ret = CREDENTIALS_CERTIFICATE;
	}
	return true;
}

static void read_files(struct source *s, struct files *files, const struct setting *i, const char *key)
{
	const char *at = i ? i->value : "", *entry;

	while ((entry = conn_entry(s, &at))) {
		if (files->n == CONN_FILES_MAX)
			source_note(s, i->line, key, "only the first %d files are taken", CONN_FILES_MAX);
		else
			files->names[files->n++] = conn_file(s, entry, "certificate.pem");
	}
}

static void read_local(struct source *s, struct conn *c, const struct section *round, const char *path)
{
	const char *key;

	if (!round)
		return;
	const struct setting *i = take(s, round, path, "id", &key);
	c->local_id = conn_identity(s, i, key);
	i = take(s, round, path, "certs", &key);
	read_files(s, &c->certificates, i, key);
	source_note_rest(s, round, path, auth_rules, COUNT(auth_rules));
}

static void read_remote(struct source *s, struct conn *c, const struct section *round, const char *path)
{
	const struct setting *i, *id;
	const char *key;

	if (!round)
		return;
	id = take(s, round, path, "id", &key);
	c->remote_id = conn_identity(s, id, key);
	if (!id && (c->any_peer || c->n_peers))
		source_note(s, round->line, key,
			"is not given, and any peer with the right key would do; Culvert wants one identity: write as remote_id "
			"what "
			"the peer shows (its address if you leave it out)");
	i = take(s, round, path, "cacerts", &key);
	read_files(s, &c->cas, i, key);
	i = take(s, round, path, "certs", &key);
	if (i)
		source_note(s, i->line, key,
			"Culvert does not pin the peer's certificate; it takes what its ca has signed for "
			"remote_id");
	i = take(s, round, path, "revocation", &key);
	c->strict = i && !strcmp(i->value, "strict");
	source_note_rest(s, round, path, auth_rules, COUNT(auth_rules));
}

/* False if the connection cannot be Culvert's. */
static bool read_rounds(struct source *s, struct conn *c, const struct section *conn)
{
	const struct section *local = find_round(s, conn, "local", c->path),
						 *remote = find_round(s, conn, "remote", c->path);
	enum credentials theirs;
	char *near = source_printf(s, "%s%s.", c->path, local ? local->name : "local");
	char *far = source_printf(s, "%s%s.", c->path, remote ? remote->name : "remote");

	if (!near || !far || !read_auth(s, local, near, &c->credentials) || !read_auth(s, remote, far, &theirs))
		return false;
	if (theirs != c->credentials) {
		source_note(s, c->line, c->path,
			"one side has a pre-shared key, the other a certificate; Culvert wants the same "
			"for both: agree on it with the carrier");
		c->credentials = CREDENTIALS_UNKNOWN;
	}
	read_local(s, c, local, near);
	read_remote(s, c, remote, far);
	return true;
}

/* --- children --- */

static void read_child_times(struct source *s, struct conn *c, const struct section *section, const char *path)
{
	const char *key;
	unsigned seconds;

	const struct setting *i = take(s, section, path, "rekey_time", &key);
	if (i && conn_seconds(i->value, &seconds))
		source_note(s, i->line, key, "%s is no time; Culvert's default is taken", source_show(s, i->value));
	else if (i)
		conn_set_rekey(s, &c->rekey_child, seconds, i->line, key);
	i = take(s, section, path, "life_time", &key);
	if (i && (conn_seconds(i->value, &seconds) || (c->ceiling && c->ceiling != seconds)))
		source_note(s, i->line, key, NO_LIFE);
	else if (i)
		c->ceiling = seconds;
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

static void read_child_packets(struct source *s, struct conn *c, const struct section *section, const char *path)
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
		source_note(s, i->line, key, "is no word for it that is known here; Culvert's default is taken");
}

/* False if the child is none that Culvert could have. */
static bool is_tunnel(struct source *s, const struct section *section, const char *path)
{
	const struct setting *i = source_get(section, "mode");

	if (!i || !strcmp(i->value, "tunnel"))
		return true;
	source_note(s, i->line, path, "the child is left out: its mode is %s, and Culvert has tunnel mode alone",
		source_show(s, i->value));
	return false;
}

static bool has_any(const struct section *section, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (source_get(section, names[i]))
			return true;
	}
	return false;
}

static void read_side(
	struct source *s, struct side *side, const struct section *section, const char *path, const char *name)
{
	const char *key;
	const struct setting *i = take(s, section, path, name, &key);

	conn_set_side(s, side, i, key);
	if (!i)
		source_note(s, section->line, key,
			"is not given, and the end's own address alone would be in the tunnel; write the prefixes");
}

static void read_child(struct source *s, struct conns *all, struct conn *c, const struct section *section)
{
	static const char *const apart[] = { "if_id_in", "if_id_out", "mark_in", "mark_out" };
	const char *path = source_printf(s, "%schildren.%s.", c->path, section->name), *key;

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
	source_note_rest(s, section, path, child_rules, COUNT(child_rules));
}

/* --- connections --- */

static void read_ends(struct source *s, struct conn *c, const struct section *section)
{
	const char *key;

	const struct setting *i = take(s, section, c->path, "local_addrs", &key);
	conn_set_local(s, c, i, key);
	i = take(s, section, c->path, "remote_addrs", &key);
	conn_set_peers(s, c, i, key);
	c->any_peer |= !i;
	i = take(s, section, c->path, "encap", &key);
	if (i && conn_is_yes(i->value))
		source_note(s, i->line, key,
			"is of the gateway as a whole in Culvert: write encapsulation = \"udp\" in gateway.outer, for all tunnels");
}

static void read_ike(struct source *s, struct conn *c, const struct section *section)
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
		source_note(s, i->line, key, "%s is no time; Culvert's default is taken", source_show(s, i->value));
	else if (i)
		conn_set_rekey(s, &c->rekey_ike, seconds, i->line, key);
}

static void read_children(struct source *s, struct conns *all, struct conn *c, const struct section *section)
{
	const struct section *children = source_find(section, "children");

	for (const struct section *child = children ? children->sections : NULL; child && !s->error; child = child->next)
		read_child(s, all, c, child);
	for (struct child *child = c->children; child; child = child->next)
		child->apart |= source_get(section, "if_id_in") || source_get(section, "if_id_out");
	if (!c->children)
		source_note(s, c->line, c->path, "has no child that Culvert could take; write the APN that the tunnel carries");
}

static void read_conn(struct source *s, struct conns *all, const struct section *section)
{
	const char *path = source_printf(s, "connections.%s.", section->name);
	const struct setting *version = source_take(section, "version");
	struct conn *c = path ? conn_new(s, section->name, path, section->line) : NULL;

	if (!c)
		return;
	if (version && !strcmp(version->value, "1")) {
		source_note(s, version->line, path,
			"the connection is left out: it is IKEv1, and Culvert speaks IKEv2 alone; ask the carrier for IKEv2");
		return;
	}
	read_ends(s, c, section);
	if (!read_rounds(s, c, section))
		return;
	read_ike(s, c, section);
	read_children(s, all, c, section);
	source_note_rest(s, section, path, conn_rules, COUNT(conn_rules));
	conn_add(all, c);
}

static void note_section(struct source *s, const struct section *section)
{
	static const struct rule others[] = {
		{ "authorities", NULL,
			"Culvert takes CAs and CRLs from files: copy them to the secrets folder, name them with ca and crl" },
		{ "pools", NULL, NO_POOL },
	};

	for (size_t i = 0; i < COUNT(others); i++) {
		if (!strcmp(section->name, others[i].name)) {
			source_note(s, section->line, section->name, "%s", others[i].why);
			return;
		}
	}
	if (!section->referenced)
		source_note(s, section->line, section->name,
			"is no section that culvert convert knows, and no other inherits from it; look whether the tunnel needs "
			"it");
}

void convert_read_swanctl(struct source *s, struct conns *ret)
{
	for (const struct section *i = s->root->sections; i && !s->error; i = i->next) {
		if (!strcmp(i->name, "connections")) {
			for (const struct section *conn = i->sections; conn && !s->error; conn = conn->next)
				read_conn(s, ret, conn);
		} else if (strcmp(i->name, "secrets") != 0) {
			note_section(s, i);
		}
	}
	source_note_rest(s, s->root, "", NULL, 0);
}

/* --- secrets: only where they stand and where they belong --- */

/* True if the secret's ids name the connection's peer, or if it names nobody. */
static bool is_for(const struct section *secret, const struct conn *c)
{
	bool ids = false;

	for (const struct setting *i = secret->settings; i; i = i->next) {
		if (strncmp(i->name, "id", 2) != 0)
			continue;
		ids = true;
		const char *id = i->value + (i->value[0] == '@');
		if (c->remote_id ? !strcasecmp(id, c->remote_id) : c->n_peers == 1 && !strcasecmp(id, c->peers[0]))
			return true;
	}
	return !ids;
}

static void note_secret(struct source *s, const struct conns *all, const struct section *secret)
{
	char *key = source_printf(s, "secrets.%s", secret->name);
	bool found = false;

	for (const struct conn *c = all->first; c && key; c = c->next) {
		if (c->credentials != CREDENTIALS_PSK || !is_for(secret, c))
			continue;
		found = true;
		source_note(s, secret->line, key,
			"is not printed; write the secret as it stands there, without quotes, with an editor into "
			"/etc/culvert/secrets/%s.psk, mode 0600",
			c->new_name);
	}
	if (!found && key)
		source_note(s, secret->line, key,
			"is not printed, and fits no connection that was taken; if a carrier needs it, write it with an editor "
			"into "
			"its psk_file, mode 0600");
}

void convert_note_secrets(struct source *s, const struct conns *all)
{
	const struct section *secrets = source_find(s->root, "secrets");

	for (const struct section *i = secrets ? secrets->sections : NULL; i; i = i->next) {
		if (begins(i->name, "ike"))
			note_secret(s, all, i);
		else
			source_note(s, i->line, source_printf(s, "secrets.%s", i->name),
				"is not printed; Culvert has pre-shared keys, and private keys (PEM) without a passphrase, as files in "
				"the secrets folder");
	}
}
