/*
 * IKE_SAs of an address that the machine has no longer, as after another DHCP lease: nothing reaches them, and nobody
 * would say so for a minute.
 */
#ifndef CONF_MOVED_H_
#define CONF_MOVED_H_

#include "conf_survey.h"
#include "conf_tunnel.h"

/**
 * Ends the IKE_SAs of a tunnel whose local address is gone while the machine has another one towards the peer, without
 * waiting for the answer to a DELETE, and has the tunnel attempted anew at once. Not those of an address that the
 * operator has set, nor while the address is only on an interface that is down: it may be back in a moment.
 *
 * @return			TRUE if any was ended: the survey is no longer true of this tunnel
 */
bool conf_moved_end(conf_survey_t *survey, conf_tunnel_t *tunnel);

#endif
