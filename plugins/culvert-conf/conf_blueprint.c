#include "conf_blueprint.h"

#include <errno.h>

#include "conf/model.h"
#include "ikev2/suite.h"
#include "lib/buf.h"

static void print_peer(struct buf *print, const struct peer *peer)
{
	char text[IP_TEXT];

	switch (peer->kind) {
	case PEER_ADDRESS:
		buf_printf(print, "peer %s\n", ip_print(&peer->address, text));
		break;
	case PEER_NAME:
		buf_printf(print, "peer name %s\n", peer->name);
		break;
	case PEER_ANY:
	case PEER_UNSET:
		buf_puts(print, "peer any\n");
		break;
	}
}

static void print_ike(struct buf *print, const struct gateway *gateway, const struct tunnel *tunnel)
{
	const struct retransmission *repeat = &tunnel->retransmission;
	const struct outer *outer = &gateway->outer;
	char text[IP_TEXT];
	size_t i;

	buf_printf(print, "%s\nlocal %s %d %s\nremote %s\n", tunnel->name,
		outer->address.dhcp ? "dhcp" : ip_print(&outer->address.ip, text), outer->encapsulate,
		tunnel->carrier->local_id, tunnel->remote_id);
	for (i = 0; i < tunnel->n_peers; i++)
		print_peer(print, &tunnel->peers[i]);
	for (i = 0; i < tunnel->n_suites; i++)
		buf_printf(print, "suite %s\n", tunnel->suites[i]->name);
	buf_printf(print, "ike %u %u %u dpd %u\n", tunnel->ike.rekey, tunnel->ike.jitter, tunnel->ike.ceiling, tunnel->dpd);
	/* As they lie in memory: a digest does not leave this process. */
	buf_add(print, &repeat->timeout, sizeof(repeat->timeout));
	buf_add(print, &repeat->base, sizeof(repeat->base));
	buf_add(print, &repeat->tries, sizeof(repeat->tries));
}

static int compare_texts(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void print_selectors(struct buf *print, const char *side, const struct prefix *prefixes, size_t count)
{
	char(*texts)[PREFIX_TEXT];
	char text[PREFIX_TEXT];
	size_t i;

	if (count == 1) {
		buf_printf(print, "%s %s\n", side, prefix_print(prefixes, text));
		return;
	}
	texts = calloc(max(count, (size_t)1), PREFIX_TEXT);
	if (!texts) {
		print->error = -ENOMEM;
		return;
	}
	for (i = 0; i < count; i++)
		prefix_print(&prefixes[i], texts[i]);
	qsort(texts, count, PREFIX_TEXT, compare_texts);
	for (i = 0; i < count; i++)
		buf_printf(print, "%s %s\n", side, texts[i]);
	free(texts);
}

static void print_link(struct buf *print, const struct apn *apn, const struct link *link)
{
	const struct tunnel *tunnel = link->tunnel;

	buf_printf(print, "link %s if_id %u each_pair %d\n", apn->name, link->if_id, link->each_pair);
	buf_printf(print, "child %u %u %u\n", tunnel->child.rekey, tunnel->child.jitter, tunnel->child.ceiling);
	buf_printf(print, "replay %u df %d dscp %d\n", tunnel->replay_window, tunnel->df, tunnel->dscp);
	print_selectors(print, "local", link->local, link->n_local);
	print_selectors(print, "remote", link->remote, link->n_remote);
}

/** Empties print, but keeps its room. */
static bool hash_print(struct buf *print, hasher_t *hasher, uint8_t digest[HASH_SIZE_SHA256])
{
	chunk_t text = chunk_create((uint8_t *)print->text, print->len);
	bool ok = !print->error && hasher->get_hash(hasher, text, digest);

	buf_cut(print, 0);
	return ok;
}

static int compare_links(const void *a, const void *b)
{
	const conf_blueprint_link_t *one = a, *other = b;

	return strcmp(one->apn->name, other->apn->name);
}

void conf_blueprint_add_link(conf_blueprint_t *this, const struct apn *apn, const struct link *link)
{
	conf_blueprint_link_t *links = realloc(this->links, (this->n_links + 1) * sizeof(*links));

	if (!links) {
		this->incomplete = TRUE;
		return;
	}
	this->links = links;
	this->links[this->n_links++] = (conf_blueprint_link_t){ .apn = apn, .link = link };
}

/** The digests, with print for the texts. */
static bool compute_digests(conf_blueprint_t *this, hasher_t *hasher, struct buf *print)
{
	size_t i;

	print_ike(print, this->gateway, this->tunnel);
	if (!hash_print(print, hasher, this->ike_digest))
		return FALSE;
	if (this->n_links > 1)
		qsort(this->links, this->n_links, sizeof(*this->links), compare_links);
	for (i = 0; i < this->n_links; i++) {
		print_link(print, this->links[i].apn, this->links[i].link);
		if (!hash_print(print, hasher, this->links[i].digest))
			return FALSE;
	}
	buf_printf(print, "initiate %d rehearse %d\n", this->tunnel->initiate, this->tunnel->rehearse);
	buf_add(print, this->ike_digest, sizeof(this->ike_digest));
	buf_add(print, this->carrier->digest, sizeof(this->carrier->digest));
	for (i = 0; i < this->n_links; i++)
		buf_add(print, this->links[i].digest, sizeof(this->links[i].digest));
	return hash_print(print, hasher, this->digest);
}

bool conf_blueprint_seal(conf_blueprint_t *this, hasher_t *hasher)
{
	struct buf print = {};
	bool ok;

	ok = !this->incomplete && compute_digests(this, hasher, &print);
	buf_free(&print);
	return ok;
}

void conf_blueprint_clear(conf_blueprint_t *this)
{
	free(this->links);
	this->links = NULL;
	this->n_links = 0;
}
