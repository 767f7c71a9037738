#include "conf_blueprint.h"

#include <errno.h>

#include "conf/model.h"
#include "ikev2/suite.h"
#include "lib/buf.h"

/*
 * Texts with their NUL and numbers as they lie in memory, since a digest does not leave this process; how many there
 * are of what there may be several.
 */
static void print_text(struct buf *print, const char *text)
{
	buf_add(print, text, strlen(text) + 1);
}

static void print_number(struct buf *print, u_int number)
{
	buf_add(print, &number, sizeof(number));
}

static void print_ip(struct buf *print, const struct ip *ip)
{
	buf_add(print, ip, sizeof(*ip));
}

static void print_lifetime(struct buf *print, const struct lifetime *lifetime)
{
	buf_add(print, lifetime, sizeof(*lifetime));
}

static void print_peer(struct buf *print, const struct peer *peer)
{
	print_number(print, peer->kind);
	switch (peer->kind) {
	case PEER_ADDRESS:
		print_ip(print, &peer->address);
		break;
	case PEER_NAME:
		print_text(print, peer->name);
		break;
	case PEER_ANY:
	case PEER_UNSET:
		break;
	}
}

static void print_ike(struct buf *print, const struct gateway *gateway, const struct tunnel *tunnel)
{
	const struct retransmission *repeat = &tunnel->retransmission;
	const struct outer *outer = &gateway->outer;
	size_t i;

	print_text(print, tunnel->name);
	print_number(print, outer->address.dhcp);
	if (!outer->address.dhcp)
		print_ip(print, &outer->address.ip);
	print_number(print, outer->encapsulate);
	print_text(print, tunnel->carrier->local_id);
	print_text(print, tunnel->remote_id ?: "");
	print_number(print, (u_int)tunnel->n_peers);
	for (i = 0; i < tunnel->n_peers; i++)
		print_peer(print, &tunnel->peers[i]);
	print_number(print, (u_int)tunnel->n_suites);
	for (i = 0; i < tunnel->n_suites; i++)
		print_text(print, tunnel->suites[i]->name);
	print_lifetime(print, &tunnel->ike);
	print_number(print, tunnel->dpd);
	buf_add(print, &repeat->timeout, sizeof(repeat->timeout));
	buf_add(print, &repeat->base, sizeof(repeat->base));
	buf_add(print, &repeat->tries, sizeof(repeat->tries));
}

static int compare_prefixes(const void *a, const void *b)
{
	return prefix_compare(a, b);
}

static void print_prefixes(struct buf *print, const struct prefix *prefixes, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++) {
		print_ip(print, &prefixes[i].ip);
		print_number(print, prefixes[i].len);
	}
}

static void print_selectors(struct buf *print, const struct prefix *prefixes, size_t count)
{
	struct prefix *sorted;

	print_number(print, (u_int)count);
	if (count < 2) {
		print_prefixes(print, prefixes, count);
		return;
	}
	sorted = calloc(count, sizeof(*sorted));
	if (!sorted) {
		print->error = -ENOMEM;
		return;
	}
	memcpy(sorted, prefixes, count * sizeof(*sorted));
	qsort(sorted, count, sizeof(*sorted), compare_prefixes);
	print_prefixes(print, sorted, count);
	free(sorted);
}

static void print_link(struct buf *print, const struct apn *apn, const struct link *link)
{
	const struct tunnel *tunnel = link->tunnel;

	print_text(print, apn->name);
	print_number(print, link->if_id);
	print_number(print, link->each_pair);
	print_lifetime(print, &tunnel->child);
	print_number(print, tunnel->replay_window);
	print_number(print, tunnel->df);
	print_number(print, tunnel->dscp);
	print_selectors(print, link->local, link->n_local);
	print_selectors(print, link->remote, link->n_remote);
}

static bool hash_part(
	const struct buf *print, size_t from, size_t to, hasher_t *hasher, uint8_t digest[HASH_SIZE_SHA256])
{
	return hasher->get_hash(hasher, chunk_create((uint8_t *)print->text + from, to - from), digest);
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

bool conf_blueprint_seal(conf_blueprint_t *this, hasher_t *hasher, struct buf *print)
{
	size_t i;

	if (this->incomplete)
		return FALSE;
	if (this->n_links > 1)
		qsort(this->links, this->n_links, sizeof(*this->links), compare_links);
	buf_cut(print, 0);
	print_ike(print, this->gateway, this->tunnel);
	this->ike_end = print->len;
	for (i = 0; i < this->n_links; i++) {
		print_link(print, this->links[i].apn, this->links[i].link);
		this->links[i].end = print->len;
	}
	print_text(print, ""); /* no APN is called so: these were all */
	print_number(print, this->tunnel->initiate);
	print_number(print, this->tunnel->rehearse);
	buf_add(print, this->carrier->digest, sizeof(this->carrier->digest));
	return !print->error && hash_part(print, 0, print->len, hasher, this->digest);
}

bool conf_blueprint_detail(conf_blueprint_t *this, hasher_t *hasher, const struct buf *print)
{
	size_t i, from = this->ike_end;
	bool ok;

	ok = hash_part(print, 0, from, hasher, this->ike_digest);
	for (i = 0; ok && i < this->n_links; i++) {
		ok = hash_part(print, from, this->links[i].end, hasher, this->links[i].digest);
		from = this->links[i].end;
	}
	return ok;
}

void conf_blueprint_clear(conf_blueprint_t *this)
{
	free(this->links);
	this->links = NULL;
	this->n_links = 0;
}
