/*
 * The tunnels that wait for their rehearsal and those that are at it. Only a book: it is told what happens and says
 * what to do, it touches no SA. Any thread, also in a listener: nothing of charon is called with its lock held.
 *
 * An SA is named by tunnel and IKE_SA; what is told of another one than the candidate's is ignored.
 */
#ifndef REKEY_STAGE_H_
#define REKEY_STAGE_H_

#include "rekey_candidate.h"
#include "rekey_memory.h"

typedef struct rekey_stage_t rekey_stage_t;

/**
 * @param memory	where begins and results are noted, outlives it
 * @param delay		milliseconds from when a tunnel is up until its turn
 */
rekey_stage_t *rekey_stage_create(rekey_memory_t *memory, u_int delay);

/** Takes back what has begun. */
void rekey_stage_destroy(rekey_stage_t *this);

/** Whether any tunnel waits or is at it. */
bool rekey_stage_is_busy(rekey_stage_t *this);

/** Whether any is at it, for those who need not look further. */
bool rekey_stage_is_lit(rekey_stage_t *this);

/* --- what happens; those that return a bool tell whether there may be something to do or to write --- */

/** A tunnel came up: it waits behind the others, in place of what it was before. */
void rekey_stage_enlist(rekey_stage_t *this, const char *tunnel, ike_sa_id_t *id);

/** Its IKE_SA ends. The note that its rehearsal has begun stays. */
void rekey_stage_leave(rekey_stage_t *this, const char *tunnel, ike_sa_id_t *id);

/** A CHILD_SA ends by its inbound SPI, which was to be rekeyed: likewise. */
void rekey_stage_lose(rekey_stage_t *this, const char *tunnel, ike_sa_id_t *id, uint32_t spi);

/** The peer answered a rekey, with this error or 0. */
void rekey_stage_answer(rekey_stage_t *this, const char *tunnel, ike_sa_id_t *id, u_int notify);

/** The peer did not answer until it was given up. */
bool rekey_stage_give_up(rekey_stage_t *this, const char *tunnel, ike_sa_id_t *id);

/** A CHILD_SA, or the IKE_SA if spi is 0, is again what it was before its rekey began. */
bool rekey_stage_refuse(rekey_stage_t *this, const char *tunnel, ike_sa_id_t *id, uint32_t spi);

/** A CHILD_SA was rekeyed. FALSE if no rehearsal has to do with that. */
bool rekey_stage_replace(rekey_stage_t *this, const char *tunnel, ike_sa_id_t *id, uint32_t spi);

/** The IKE_SA was rekeyed, likewise. */
bool rekey_stage_move(rekey_stage_t *this, const char *tunnel, ike_sa_id_t *old, ike_sa_id_t *new);

/* --- what is to be done; copies are the caller's --- */

/** The next tunnel whose turn it is to be looked at, NULL: none. */
rekey_candidate_t *rekey_stage_take_turn(rekey_stage_t *this);

/** The tunnels that are at it, the caller destroys the array and the candidates in it. */
array_t *rekey_stage_list(rekey_stage_t *this);

/**
 * What the look found. Notes that the rehearsal begins if it is due.
 *
 * @param found		with REKEY_LOOK_READY what it has negotiated, which may be taken over
 */
void rekey_stage_settle(
	rekey_stage_t *this, const rekey_candidate_t *copy, rekey_look_t look, rekey_negotiated_t *found);

/**
 * Drops those that are over time, which have failed.
 *
 * @param remembered	FALSE if what has begun could not be written: that which is only noted has not begun then
 */
void rekey_stage_drop(rekey_stage_t *this, bool remembered);

/** The next one whose next rekey is to be begun now, NULL: none. */
rekey_candidate_t *rekey_stage_take_ready(rekey_stage_t *this);

/** That rekey could not be begun; gone: and never can, the SA is no more. */
void rekey_stage_put_off(rekey_stage_t *this, const rekey_candidate_t *copy, bool gone);

#endif
