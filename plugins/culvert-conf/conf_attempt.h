/* Bringing one tunnel up that the gateway initiates: what it lacks, when to try, how long to pause. */
#ifndef CONF_ATTEMPT_H_
#define CONF_ATTEMPT_H_

#include "conf_survey.h"
#include "conf_tunnel.h"

/**
 * Initiates what a tunnel lacks, if anything, if nothing of it is on its way, and if its pause is over.
 *
 * @param survey	survey just taken
 * @param tunnel	tunnel in force; its retry state is used
 * @param now		monotonic seconds
 * @return			TRUE if an attempt was made
 */
bool conf_attempt(conf_survey_t *survey, conf_tunnel_t *tunnel, time_t now);

#endif
