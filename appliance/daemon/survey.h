/* charon's answer to `report`: what became of every tunnel, and which CHILD_SAs are installed. Pure. */
#ifndef CULVERT_DAEMON_SURVEY_H
#define CULVERT_DAEMON_SURVEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ikev2/rehearsal.h"

/* Strings point into the text. */
struct survey_tunnel {
	const char *name;
	const char *state; /* "down", "connecting" or "up" */
	uint64_t seconds; /* in that state */
	const char *suite; /* NULL: none agreed */
	const char *failure; /* the last one, a sentence; NULL: none since it was last up */
	uint64_t failure_age; /* seconds; only with failure */
};

struct survey_child {
	const char *tunnel;
	const char *apn;
	uint32_t if_id;
	uint32_t spi_in; /* host order */
	uint32_t spi_out;
	uint64_t age; /* seconds since it was installed */
};

/* The rekeys of a tunnel were tried. */
struct survey_rehearsal {
	const char *tunnel;
	enum rehearsal_result result;
	uint64_t age; /* seconds since then */
};

/* What the policy refused last of a tunnel, or of a peer, and how often. */
struct survey_refusal {
	const char *tunnel; /* NULL: it is not known which one the peer means */
	const char *peer; /* address */
	const char *exchange; /* "IKE_SA_INIT", "IKE_AUTH" or "CREATE_CHILD_SA" */
	bool ours; /* it was our own message */
	const char *offered; /* proposals; "" if there were none */
	const char *allowed;
	const char *reason; /* a sentence */
	uint64_t count;
	uint64_t age; /* seconds */
};

struct survey {
	char *text; /* owned */
	struct survey_tunnel *tunnels; /* owned, sorted by name */
	size_t n_tunnels;
	struct survey_child *children; /* owned, sorted by if_id, the youngest first */
	size_t n_children;
	struct survey_rehearsal *rehearsals; /* owned, sorted by tunnel */
	size_t n_rehearsals;
	struct survey_refusal *refusals; /* owned, of tunnels, sorted by tunnel */
	size_t n_refusals;
	struct survey_refusal *refused_peers; /* owned, of those without a tunnel, the latest first */
	size_t n_refused_peers;
};

/*
 * Takes the lines before `end`:
 *   tunnel NAME STATE SECONDS SUITE|- FAILURE_AGE|- FAILURE TEXT...|-
 *   child TUNNEL APN IF_ID SPI_IN SPI_OUT AGE
 *   rehearsal TUNNEL RESULT AGE
 *   refusal TUNNEL|- PEER EXCHANGE peer|gateway COUNT AGE OFFERED<tab>ALLOWED<tab>SENTENCE
 * 0 with *ret (survey_free() it), -EPROTO if a line is none of these, or -ENOMEM.
 */
int survey_parse(const char *text, struct survey *ret);
/* NULL if charon does not name it. */
const struct survey_tunnel *survey_tunnel(const struct survey *r, const char *name);
/* NULL if its rekeys have not been tried. */
const struct survey_rehearsal *survey_rehearsal(const struct survey *r, const char *tunnel);
/* NULL if nothing of it was refused. */
const struct survey_refusal *survey_refusal(const struct survey *r, const char *tunnel);
/* The youngest CHILD_SA of a link, or NULL. */
const struct survey_child *survey_child(const struct survey *r, uint32_t if_id);
/* True if an installed CHILD_SA of that link uses the SPI, in either direction. */
bool survey_lists(const struct survey *r, uint32_t if_id, uint32_t spi);
/* A zeroed survey is allowed. */
void survey_free(struct survey *r);

#endif
