/* What charon's alerts and the peers' error notifies mean, as sentences for a network person. */
#ifndef CONF_FAILURE_H_
#define CONF_FAILURE_H_

#include <daemon.h>

#include "conf_tunnel.h"

/**
 * Sentence for an error notify that the peer answered with.
 *
 * @param tunnel	tunnel it happened to
 * @param peer		address the answer came from
 * @param exchange	exchange it ended
 * @param type		error notify
 * @param scope		receives what has to come up to clear it
 * @return			allocated sentence, NULL if the notify is an ordinary step and no failure
 */
char *conf_failure_of_notify(
	conf_tunnel_t *tunnel, host_t *peer, exchange_type_t exchange, notify_type_t type, conf_scope_t *scope);

/**
 * Sentence for an alert.
 *
 * @param tunnel	tunnel it happened to
 * @param ike_sa	IKE_SA it happened to
 * @param alert		alert
 * @param args		arguments of the alert (copied before use)
 * @param scope		receives what has to come up to clear it
 * @return			allocated sentence, NULL if the alert is no failure
 */
char *conf_failure_of_alert(conf_tunnel_t *tunnel, ike_sa_t *ike_sa, alert_t alert, va_list args, conf_scope_t *scope);

#endif
