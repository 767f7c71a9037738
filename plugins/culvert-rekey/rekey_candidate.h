/* A tunnel whose rekeys may be rehearsed: whether it is time, where the rehearsal is, and its next step. */
#ifndef REKEY_CANDIDATE_H_
#define REKEY_CANDIDATE_H_

#include <collections/array.h>
#include <collections/hashtable.h>
#include <daemon.h>

#include "ikev2/turns.h"
#include "plugins/culvert-conf/conf_generation.h"
#include "rekey_negotiated.h"

typedef struct rekey_candidate_t rekey_candidate_t;
typedef enum rekey_look_t rekey_look_t;

/** What a look at a tunnel says */
enum rekey_look_t {
	/** gone, or not to be rehearsed */
	REKEY_LOOK_NEVER,
	/** not now: it is busy, or another tunnel of its APNs is not up, not for long, or at it */
	REKEY_LOOK_LATER,
	REKEY_LOOK_READY,
};

/** Times are milliseconds of rekey_candidate_now() */
struct rekey_candidate_t {
	/** first member */
	struct turn turn;
	/** of its IKE_SA: an ike_sa_id_t is six times as large, and thousands may wait */
	uint64_t spi_initiator, spi_responder;
	/** when its rehearsal has begun */
	uint64_t began;
	/** when the next step is to be done; 0: one is being done */
	uint64_t act_at;
	/** inbound SPIs of its CHILD_SAs, network order, owned; behind the last one it is the IKE_SA's turn */
	uint32_t *spis;
	u_int count, next;
	/** the error in the peer's last answer, 0: none */
	u_int notify;
	u_int tries;
	/** whether the IKE_SA was initiated by us, its rehearsal has begun, and anything was sent for it */
	bool initiator, begun, acted;
	/** of the tunnel */
	char name[];
};

rekey_candidate_t *rekey_candidate_create(const char *name, ike_sa_id_t *id);
rekey_candidate_t *rekey_candidate_clone(const rekey_candidate_t *this);
void rekey_candidate_destroy(rekey_candidate_t *this);

/** Whether it is of that IKE_SA. */
bool rekey_candidate_is_of(const rekey_candidate_t *this, ike_sa_id_t *id);

/** Checks its IKE_SA out, NULL if that is gone. */
ike_sa_t *rekey_candidate_checkout(const rekey_candidate_t *this);

/** Monotonic milliseconds. */
uint64_t rekey_candidate_now(void);

/** Its rehearsal begins; takes the SPIs over. */
void rekey_candidate_start(rekey_candidate_t *this, rekey_negotiated_t *found);

/** What is to be done next is the next SA. */
void rekey_candidate_step(rekey_candidate_t *this);

/** The next step is due in ms milliseconds. */
void rekey_candidate_put_off(rekey_candidate_t *this, u_int ms);

/** Its IKE_SA has been replaced. */
void rekey_candidate_move(rekey_candidate_t *this, ike_sa_id_t *id);

/** @return SPI of the CHILD_SA whose turn it is, 0 if it is the IKE_SA's */
uint32_t rekey_candidate_spi(const rekey_candidate_t *this);

/**
 * Looks whether it may begin. Waits for the IKE_SA.
 *
 * @param settled	seconds that the other tunnels of its APNs must have been up
 * @param rehearsing	those that are at it (rekey_candidate_t)
 * @param found		receives what it has negotiated if REKEY_LOOK_READY is returned
 */
rekey_look_t rekey_candidate_look(const rekey_candidate_t *this, conf_generation_t *generation, u_int settled,
	array_t *rehearsing, rekey_negotiated_t *found);

/**
 * Begins the next rekey.
 *
 * @param ike_sa	its IKE_SA, checked out
 * @param begun		receives whether it has; if not, it is for later
 * @param gone		receives whether the SA whose turn it was is no more
 * @return			DESTROY_ME if the IKE_SA is to be destroyed
 */
status_t rekey_candidate_begin(const rekey_candidate_t *this, ike_sa_t *ike_sa, bool *begun, bool *gone);

#endif
