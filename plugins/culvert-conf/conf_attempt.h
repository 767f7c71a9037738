/* Bringing one tunnel up that the gateway initiates: what it lacks, when to try, how long to pause. */
#ifndef CONF_ATTEMPT_H_
#define CONF_ATTEMPT_H_

#include "conf_lookup.h"
#include "conf_pace.h"
#include "conf_survey.h"
#include "conf_tunnel.h"

/**
 * What a tunnel lacks: its CHILD configurations that none of its CHILD_SAs fits. Those of lost IKE_SAs do not count.
 *
 * @param survey	survey just taken
 * @param tunnel	tunnel in force
 * @return			child_cfg_t, references
 */
linked_list_t *conf_attempt_missing(conf_survey_t *survey, conf_tunnel_t *tunnel);

/** Begins from the start: the next attempt is the first one, and may be made at once. */
void conf_attempt_reset(conf_tunnel_t *tunnel);

/** Puts the next attempt off: by a pause that grows with each, a quarter of it random. */
void conf_attempt_put_off(conf_tunnel_t *tunnel, time_t now);

/**
 * Initiates what a tunnel lacks, if anything, if nothing of it is on its way, and if its pause is over. Beside an
 * IKE_SA that is lost another one is made: the peer may have begun anew, or be elsewhere.
 *
 * @param survey	survey just taken
 * @param tunnel	tunnel in force; its retry state is used
 * @param lookup	who looks its peer up if it is given by name
 * @param pace		how many may be made with one address
 * @param now		monotonic seconds
 * @return			TRUE if an attempt was made
 */
bool conf_attempt(conf_survey_t *survey, conf_tunnel_t *tunnel, conf_lookup_t *lookup, conf_pace_t *pace, time_t now);

#endif
