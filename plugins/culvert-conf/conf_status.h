/*
 * What is known of one tunnel over time: its state and since when, its last failure as a sentence. Shared by the
 * generations that know the tunnel by this name unchanged; every method may be called from any thread.
 */
#ifndef CONF_STATUS_H_
#define CONF_STATUS_H_

#include <library.h>

typedef enum conf_state_t conf_state_t;
typedef enum conf_scope_t conf_scope_t;
typedef struct conf_status_t conf_status_t;
typedef struct conf_status_view_t conf_status_view_t;

/** State of a tunnel's IKE_SA */
enum conf_state_t {
	CONF_DOWN,
	CONF_CONNECTING,
	CONF_UP,
};

/** Which success ends a failure */
enum conf_scope_t {
	/** the IKE_SA: cleared when an IKE_SA or a CHILD_SA comes up */
	CONF_SCOPE_IKE,
	/** a CHILD_SA: cleared when a CHILD_SA comes up */
	CONF_SCOPE_CHILD,
};

/** A consistent copy of a status */
struct conf_status_view_t {
	conf_state_t state;
	/** seconds in that state */
	time_t seconds;
	/** one line, owned by the caller; NULL if there was no failure since the last success */
	char *failure;
	/** seconds since the failure */
	time_t failure_age;
};

struct conf_status_t {

	/**
	 * Takes note of a state; nothing happens if it is the present one.
	 *
	 * @param state			state seen now
	 */
	void (*observe)(conf_status_t *this, conf_state_t state);

	/** @return the state last seen */
	conf_state_t (*get_state)(conf_status_t *this);

	/**
	 * Takes note of a failure. Of those that one IKE_SA meets within a second the first one stays: it is the cause, the
	 * others are its consequences.
	 *
	 * @param ike_sa		unique ID of the IKE_SA that failed
	 * @param scope			what has to come up to clear it
	 * @param text			sentence (cloned); control characters become spaces
	 * @return				TRUE if it is noted
	 */
	bool (*fail)(conf_status_t *this, uint32_t ike_sa, conf_scope_t scope, const char *text);

	/** @return TRUE once a second: for failures that anybody can cause, as often as he likes */
	bool (*may_tell)(conf_status_t *this);

	/**
	 * Forgets the failure, if success at this scope ends it.
	 *
	 * @param scope			what came up
	 */
	void (*succeed)(conf_status_t *this, conf_scope_t scope);

	/**
	 * Copies the status.
	 *
	 * @param view			receives the copy, free view->failure
	 */
	void (*get_view)(conf_status_t *this, conf_status_view_t *view);

	/** @return another reference to this */
	conf_status_t *(*get_ref)(conf_status_t *this);

	/** Drops a reference. */
	void (*destroy)(conf_status_t *this);
};

/**
 * Creates the status of a tunnel that is down and never failed.
 */
conf_status_t *conf_status_create(void);

#endif
