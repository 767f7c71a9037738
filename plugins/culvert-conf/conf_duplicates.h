/*
 * One IKE_SA for each tunnel, one CHILD_SA for each of its selectors: what is there twice, because both ends initiated
 * or a peer has forgotten, is ended but for one. Two gateways of ours choose the same one.
 */
#ifndef CONF_DUPLICATES_H_
#define CONF_DUPLICATES_H_

#include "conf_survey.h"
#include "conf_tunnel.h"

/**
 * Ends the duplicates of a tunnel, once they have stood side by side for a while: a rekey makes some that pass.
 *
 * @param survey	survey just taken
 * @param tunnel	tunnel in force
 * @param now		monotonic seconds
 */
void conf_duplicates_end(conf_survey_t *survey, conf_tunnel_t *tunnel, time_t now);

#endif
