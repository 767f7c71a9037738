/*
 * What culvert-conf tells the other plugins, found by lib->get(lib, CONF_QUERY). Plugins carry their own copies of the
 * archives below them, so nothing here compares pointers to static rows: suites go by name.
 */
#ifndef CONF_QUERY_H_
#define CONF_QUERY_H_

#include "conf_backend.h"

#define CONF_QUERY      "culvert-conf-query"
#define CONF_REHEARSALS "culvert-conf-rehearsals"
#define CONF_REFUSALS   "culvert-conf-refusals"

struct buf;

typedef struct conf_query_t conf_query_t;
typedef struct conf_rehearsals_t conf_rehearsals_t;
typedef struct conf_refusals_t conf_refusals_t;

struct conf_query_t {

	/**
	 * The tunnel in force that an IKE_SA belongs to. Any thread, also in a listener.
	 *
	 * @return			reference (destroy() it), or NULL: too early to tell, of a generation that is gone, or of a
	 *					configuration that did not come from culvert-conf
	 */
	conf_tunnel_t *(*get_tunnel)(conf_query_t *this, ike_sa_t *ike_sa);

	/**
	 * The tunnel that an IKE_SA most likely belongs to, for what is told to people: before a peer has said who it is,
	 * the one whose configuration it began with. Nothing may be allowed for it.
	 *
	 * @param ret_known	whether it can be no other one: the peer has said who it is, or only this tunnel has its address
	 * @return			reference, or NULL
	 */
	conf_tunnel_t *(*get_likely_tunnel)(conf_query_t *this, ike_sa_t *ike_sa, bool *ret_known);

	/** @return reference to the generation in force. Any thread, also in a listener. */
	conf_generation_t *(*get_generation)(conf_query_t *this);

	void (*destroy)(conf_query_t *this);
};

/** What culvert-rekey adds to the report, found by lib->get(lib, CONF_REHEARSALS) while it is there. */
struct conf_rehearsals_t {

	/** Prints "rehearsal TUNNEL RESULT AGE" (ikev2/rehearsal.h) for the tunnels whose rekeys have been tried. */
	void (*print)(conf_rehearsals_t *this, struct buf *out);
};

/** What culvert-policy adds to the report, found by lib->get(lib, CONF_REFUSALS) while it is there. */
struct conf_refusals_t {

	/**
	 * Prints "refusal TUNNEL|- PEER EXCHANGE peer|gateway COUNT AGE OFFERED<tab>ALLOWED<tab>SENTENCE" of what was
	 * refused last for each tunnel, and for each peer of which it is not known which tunnel it means ("-"), the latest
	 * first.
	 */
	void (*print)(conf_refusals_t *this, struct buf *out);
};

/**
 * Creates it and makes it known; destroy() takes it back.
 *
 * @param backend	holder of the generation in force, outlives it
 */
conf_query_t *conf_query_create(conf_backend_t *backend);

#endif
