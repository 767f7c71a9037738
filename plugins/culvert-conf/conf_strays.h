/*
 * A tunnel has one IKE_SA, and one CHILD_SA for each configuration. charon replaces an IKE_SA of the same identities,
 * but takes every CHILD_SA that a peer makes beside another one, and two that come up at the same moment do not see
 * each other. Which of two carries the packets nobody can say, so those too many end.
 */
#ifndef CONF_STRAYS_H_
#define CONF_STRAYS_H_

#include "conf_survey.h"
#include "conf_tunnel.h"

/**
 * Ends what a tunnel has too many of, once it has had it for a while: rekeys that collide leave it for a moment.
 *
 * @param survey	survey just taken
 * @param tunnel	tunnel in force; its retry state is used
 * @param now		monotonic seconds
 */
void conf_strays_end(conf_survey_t *survey, conf_tunnel_t *tunnel, time_t now);

#endif
