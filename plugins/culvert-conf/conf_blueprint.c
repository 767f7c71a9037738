#include "conf_blueprint.h"

#include <errno.h>

#include "conf/model.h"
#include "ikev2/suite.h"
#include "lib/buf.h"

/* Each thing on a line, which is what tells it from the next one. */
static void print_word(struct buf *print, const char *what, const char *word)
{
	buf_puts(print, what);
	buf_puts(print, " ");
	buf_puts(print, word);
	buf_puts(print, "\n");
}

static void print_number(struct buf *print, const char *what, u_int number)
{
	buf_puts(print, what);
	buf_puts(print, " ");
	buf_put_number(print, number);
	buf_puts(print, "\n");
}

static void print_lifetime(struct buf *print, const struct lifetime *lifetime)
{
	print_number(print, "rekey", lifetime->rekey);
	print_number(print, "jitter", lifetime->jitter);
	print_number(print, "ceiling", lifetime->ceiling);
}

static void print_peer(struct buf *print, const struct peer *peer)
{
	char text[IP_TEXT];

	switch (peer->kind) {
	case PEER_ADDRESS:
		print_word(print, "peer", ip_print(&peer->address, text));
		break;
	case PEER_NAME:
		print_word(print, "peer name", peer->name);
		break;
	case PEER_ANY:
	case PEER_UNSET:
		print_word(print, "peer", "any");
		break;
	}
}

static void print_ike(struct buf *print, const struct gateway *gateway, const struct tunnel *tunnel)
{
	const struct retransmission *repeat = &tunnel->retransmission;
	const struct outer *outer = &gateway->outer;
	char text[IP_TEXT];
	size_t i;

	print_word(print, "name", tunnel->name);
	print_word(print, "address", outer->address.dhcp ? "dhcp" : ip_print(&outer->address.ip, text));
	print_number(print, "encapsulate", outer->encapsulate);
	print_word(print, "local", tunnel->carrier->local_id);
	print_word(print, "remote", tunnel->remote_id ?: "");
	for (i = 0; i < tunnel->n_peers; i++)
		print_peer(print, &tunnel->peers[i]);
	for (i = 0; i < tunnel->n_suites; i++)
		print_word(print, "suite", tunnel->suites[i]->name);
	print_lifetime(print, &tunnel->ike);
	print_number(print, "dpd", tunnel->dpd);
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
		print_word(print, side, prefix_print(prefixes, text));
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
		print_word(print, side, texts[i]);
	free(texts);
}

static void print_link(struct buf *print, const struct apn *apn, const struct link *link)
{
	const struct tunnel *tunnel = link->tunnel;

	print_word(print, "link", apn->name);
	print_number(print, "if_id", link->if_id);
	print_number(print, "each_pair", link->each_pair);
	print_lifetime(print, &tunnel->child);
	print_number(print, "replay", tunnel->replay_window);
	print_number(print, "df", tunnel->df);
	print_number(print, "dscp", tunnel->dscp);
	print_selectors(print, "local", link->local, link->n_local);
	print_selectors(print, "remote", link->remote, link->n_remote);
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
	print_word(print, "initiate", this->tunnel->initiate ? "yes" : "no");
	print_word(print, "rehearse", this->tunnel->rehearse ? "yes" : "no");
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
