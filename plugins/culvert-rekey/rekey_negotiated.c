#include "rekey_negotiated.h"

#include <errno.h>

#include "lib/buf.h"
#include "plugins/culvert-conf/conf_text.h"

/** CHILD_SAs beyond so many are neither looked at nor rekeyed. */
enum { CHILDREN_MAX = 64 };

/** Takes over an allocated text; NULL: memory was short. */
static void add(struct buf *out, char *text)
{
	if (text)
		buf_puts(out, text);
	else
		out->error = -ENOMEM;
	free(text);
}

static void add_selectors(struct buf *out, child_sa_t *child_sa, bool local)
{
	enumerator_t *enumerator;
	traffic_selector_t *ts;

	enumerator = child_sa->create_ts_enumerator(child_sa, local);
	while (enumerator->enumerate(enumerator, &ts))
		add(out, conf_text(" %s %R", local ? "local" : "remote", ts));
	enumerator->destroy(enumerator);
}

static char *describe_child(child_sa_t *child_sa)
{
	proposal_t *proposal = child_sa->get_proposal(child_sa);
	proposal_t *algorithms = proposal ? proposal->clone(proposal, PROPOSAL_SKIP_KE) : NULL;
	struct buf out = {};

	if (algorithms) {
		add(&out, conf_text("child %P", algorithms));
		algorithms->destroy(algorithms);
	}
	add_selectors(&out, child_sa, TRUE);
	add_selectors(&out, child_sa, FALSE);
	return buf_steal(&out);
}

static int compare_texts(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/** Describes the CHILD_SAs, in an order that does not depend on theirs. */
static bool add_children(ike_sa_t *ike_sa, rekey_negotiated_t *this, struct buf *out)
{
	char *texts[CHILDREN_MAX];
	enumerator_t *enumerator;
	child_sa_t *child_sa;
	bool ok = TRUE;
	u_int i;

	enumerator = ike_sa->create_child_sa_enumerator(ike_sa);
	while (this->count < CHILDREN_MAX && enumerator->enumerate(enumerator, &child_sa)) {
		if (child_sa->get_state(child_sa) != CHILD_INSTALLED)
			continue;
		this->spis[this->count] = child_sa->get_spi(child_sa, TRUE);
		texts[this->count++] = describe_child(child_sa);
		ok = ok && texts[this->count - 1];
	}
	enumerator->destroy(enumerator);
	if (ok)
		qsort(texts, this->count, sizeof(*texts), compare_texts);
	for (i = 0; i < this->count; i++) {
		if (ok)
			buf_printf(out, "%s\n", texts[i]);
		free(texts[i]);
	}
	return ok && this->count;
}

static bool compute_digest(struct buf *text, uint8_t digest[REHEARSAL_DIGEST])
{
	hasher_t *hasher = lib->crypto->create_hasher(lib->crypto, HASH_SHA256);
	bool ok;

	ok = hasher && !text->error && hasher->get_hash(hasher, chunk_create((uint8_t *)text->text, text->len), digest);
	DESTROY_IF(hasher);
	return ok;
}

bool rekey_negotiated_read(ike_sa_t *ike_sa, conf_tunnel_t *tunnel, rekey_negotiated_t *this)
{
	proposal_t *proposal = ike_sa->get_proposal(ike_sa);
	struct buf text = {};
	bool ok;

	*this = (rekey_negotiated_t){ .spis = calloc(CHILDREN_MAX, sizeof(uint32_t)) };
	ok = this->spis && proposal;
	if (ok) {
		add(&text, conf_text("%H %Y\n%s\nike %P\n", ike_sa->get_other_host(ike_sa), ike_sa->get_other_id(ike_sa),
					   tunnel->suite_names, proposal));
		ok = add_children(ike_sa, this, &text) && compute_digest(&text, this->digest);
	}
	buf_free(&text);
	if (!ok) {
		free(this->spis);
		this->spis = NULL;
	}
	return ok;
}
