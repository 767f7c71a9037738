/*
 * The IKE_SAs and CHILD_SAs that exist, as seen in one pass: what conf_keeper compares with the generation and what the
 * report tells. Taking it waits for SAs that other threads use, so it is never taken from a listener.
 *
 * It lies in pages of its own that go with it: taken from the heap every few seconds while SAs come and go, it would
 * leave a hole beside each of them.
 */
#ifndef CONF_SURVEY_H_
#define CONF_SURVEY_H_

#include <netinet/in.h>

#include <daemon.h>

#include "conf_status.h"

typedef struct conf_child_t conf_child_t;
typedef struct conf_sa_t conf_sa_t;
typedef struct conf_survey_t conf_survey_t;
typedef union conf_address_t conf_address_t;

/** An address and a port */
union conf_address_t {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

/** A CHILD_SA that protects packets: installed, perhaps about to be replaced */
struct conf_child_t {
	conf_child_t *next;
	/** configuration, a reference */
	child_cfg_t *cfg;
	uint32_t if_id;
	/** SPIs in host byte order */
	uint32_t spi_in, spi_out;
	/** whether it is being replaced already */
	bool rekeying;
	/** monotonic seconds */
	time_t installed;
	/** hash of its selectors, whatever their order */
	u_int selectors;
};

/** An IKE_SA that has a configuration */
struct conf_sa_t {
	/** next one of the same tunnel name */
	conf_sa_t *next;
	/** of its ID */
	uint64_t spi_initiator, spi_responder;
	bool initiator;
	/** our address, and the peer's */
	conf_address_t local, remote;
	/** configuration, a reference */
	peer_cfg_t *cfg;
	ike_sa_state_t state;
	/** monotonic seconds; 0 until it is */
	time_t established;
	/** whether CHILD_SAs are being created in it */
	bool creating;
	/** established, but its peer has not answered for long: as good as gone; for conf_keeper */
	bool lost;
	/** negotiated algorithms, NULL until they are and unless asked for; owned */
	proposal_t *proposal;
	conf_child_t *children;
};

struct conf_survey_t {

	/**
	 * @param name		name of a tunnel
	 * @return			first IKE_SA of that name, or NULL
	 */
	conf_sa_t *(*get_first)(conf_survey_t *this, const char *name);

	/**
	 * @return			enumerator over all (conf_sa_t*)
	 */
	enumerator_t *(*create_enumerator)(conf_survey_t *this);

	void (*destroy)(conf_survey_t *this);
};

/**
 * Takes a survey.
 *
 * @param proposals		whether to note what the IKE_SAs have negotiated
 */
conf_survey_t *conf_survey_create(bool proposals);

/**
 * An IKE_SA has been replaced by a rekey, and the new one is entered: surveys that are being taken begin anew.
 */
void conf_survey_outdate(void);

/**
 * Checks the IKE_SA out; NULL if it is gone.
 */
ike_sa_t *conf_survey_checkout(const conf_sa_t *sa);

/**
 * State of a tunnel as its IKE_SAs tell.
 *
 * @param first			first IKE_SA of its name, NULL if there is none
 */
conf_state_t conf_survey_state(const conf_sa_t *first);

/**
 * Ends an IKE_SA: with DELETE if it is established, without a word otherwise. Returns before the peer has answered.
 */
void conf_survey_end(const conf_sa_t *sa);

/**
 * Ends an established IKE_SA whose peer does not answer: what it would be told, it would not hear.
 */
void conf_survey_drop(const conf_sa_t *sa);

/**
 * Whether an IKE_SA's peer is at this address, whatever the port.
 */
bool conf_survey_is_at(const conf_sa_t *sa, host_t *address);

/**
 * Rekeys a CHILD_SA.
 *
 * @param delay			milliseconds until it begins
 */
void conf_survey_rekey_child(const conf_sa_t *sa, const conf_child_t *child, uint32_t delay);

/**
 * Ends a CHILD_SA with DELETE. Returns before the peer has answered.
 */
void conf_survey_end_child(const conf_sa_t *sa, const conf_child_t *child);

#endif
