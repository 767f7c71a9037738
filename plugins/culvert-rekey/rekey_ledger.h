/*
 * How old the keys of every IKE_SA and CHILD_SA are, and what is due for each of them when. Only a book: it is told
 * what happens and says what to do, it touches no SA. Ages count by CLOCK_BOOTTIME, so that a machine that slept finds
 * its keys as old as they are.
 *
 * Invariant: from begin() until forget() an SA has an appointment at its ceiling or earlier.
 */
#ifndef REKEY_LEDGER_H_
#define REKEY_LEDGER_H_

#include <daemon.h>

#include "ikev2/lifetime.h"

typedef enum rekey_kind_t rekey_kind_t;
typedef enum rekey_step_t rekey_step_t;
typedef struct rekey_due_t rekey_due_t;
typedef struct rekey_ledger_t rekey_ledger_t;

enum rekey_kind_t {
	REKEY_IKE,
	REKEY_CHILD,
};

/** What an SA's age asks for */
enum rekey_step_t {
	/** new keys */
	REKEY_STEP_REKEY,
	/** a DELETE, in agreement with the peer */
	REKEY_STEP_FAREWELL,
	/** its end, whatever the peer says; repeated until it is gone */
	REKEY_STEP_END,
};

struct rekey_due_t {
	rekey_kind_t kind;
	rekey_step_t step;
	/** unique ID of the IKE_SA or of the CHILD_SA */
	uint32_t id;
	/** of an IKE_SA what finds it, owned; NULL for a CHILD_SA and while it is half open */
	ike_sa_id_t *ike_id;
};

/** All methods may be called from any thread, also from a listener: none calls anything that waits. */
struct rekey_ledger_t {

	/**
	 * The making of keys begins. Again for one that is not planned yet: it begins anew.
	 *
	 * @param ike		unique ID of the IKE_SA in which a CHILD_SA is made, 0: unknown. From an answer: its keys count
	 *					from our request, since the peer may have had them as long.
	 */
	void (*begin)(rekey_ledger_t *this, rekey_kind_t kind, uint32_t id, uint32_t ike);

	/** An IKE_SA sends a request that makes keys. */
	void (*ask)(rekey_ledger_t *this, uint32_t ike);

	/** What an IKE_SA has received and is about to process: an answer, or a request. */
	void (*hear)(rekey_ledger_t *this, uint32_t ike, bool answer);

	/** What finds an IKE_SA; cloned. Until it is known, it is only ended, by its unique ID. */
	void (*identify)(rekey_ledger_t *this, uint32_t id, ike_sa_id_t *ike_id);

	/**
	 * The SA is in use, and to be rekeyed in time. For one that is already and whose lifetime is the same, this means
	 * that a rekey was refused: if it was due it is tried again after a pause.
	 *
	 * @param lifetime	NULL: the one that it has, by default at first
	 * @param others	unique IDs of SAs of the other kind in the same tunnel, from whose rekeys to keep away
	 */
	void (*plan)(rekey_ledger_t *this, rekey_kind_t kind, uint32_t id, const struct lifetime *lifetime,
		const uint32_t *others, u_int count);

	/** As plan(), for an SA that stays as it is but has others beside it now: chooses another time if it has to. */
	void (*keep_apart)(rekey_ledger_t *this, rekey_kind_t kind, uint32_t id, const uint32_t *others, u_int count);

	/**
	 * The SA has been replaced or is about to go: it is not rekeyed any more.
	 *
	 * @param replaced	it is empty and ends soon even if the peer does not delete it
	 */
	void (*retire)(rekey_ledger_t *this, rekey_kind_t kind, uint32_t id, bool replaced);

	/** It is gone. */
	void (*forget)(rekey_ledger_t *this, rekey_kind_t kind, uint32_t id);

	/** @return whether its keys have reached the ceiling; an unknown one's have not */
	bool (*is_over)(rekey_ledger_t *this, rekey_kind_t kind, uint32_t id);

	/**
	 * Takes the earliest appointment whose time has come. It is made again for soon after, should its step not succeed.
	 *
	 * @param due		receives it, destroy ike_id
	 * @return			FALSE if there is none
	 */
	bool (*take_due)(rekey_ledger_t *this, rekey_due_t *due);

	/**
	 * Tells what became of REKEY_STEP_REKEY.
	 *
	 * @param begun		FALSE if something else was under way
	 */
	void (*tried)(rekey_ledger_t *this, rekey_kind_t kind, uint32_t id, bool begun);

	/** @return descriptor that becomes readable when an appointment's time has come */
	int (*get_fd)(rekey_ledger_t *this);

	void (*destroy)(rekey_ledger_t *this);
};

/**
 * @return				empty ledger, NULL without a timer or memory
 */
rekey_ledger_t *rekey_ledger_create(void);

#endif
