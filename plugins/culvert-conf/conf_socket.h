/*
 * The hand-over socket RUN/charon.sock, for root alone: one request a line, answered in order.
 *   prepare N        ok added=A changed=C removed=R kept=K | error TEXT
 *   compare N        lines as conf_compare.h says, the last one "end" | error TEXT
 *   commit, abort    ok | error TEXT
 *   rekey TUNNEL, restart TUNNEL
 *                    ok | error TEXT
 *   report           lines as conf_report.h says, the last one "end"
 *   ask TUNNEL       ok | error TEXT: its peer is asked for a sign of life (conf_liveness.h)
 *   watch            lines as conf_liveness.h says, the last one "end": what has changed since the connection's last
 *                    watch, of the first one all. The answer waits until there is something, and later requests for it.
 * What a connection prepared and did not commit is aborted when it closes.
 */
#ifndef CONF_SOCKET_H_
#define CONF_SOCKET_H_

#include "conf_backend.h"
#include "conf_keeper.h"
#include "conf_liveness.h"
#include "conf_report.h"

typedef struct conf_socket_t conf_socket_t;

struct conf_socket_t {

	/**
	 * Listens, and serves once charon runs.
	 *
	 * @return			FALSE if the socket cannot be made, said in the log
	 */
	bool (*start)(conf_socket_t *this);

	/** Closes and removes the socket. No request is being served any more. */
	void (*destroy)(conf_socket_t *this);
};

/**
 * Creates the server; all given things outlive it.
 *
 * @param run		run folder
 */
conf_socket_t *conf_socket_create(
	const char *run, conf_backend_t *backend, conf_keeper_t *keeper, conf_report_t *report, conf_liveness_t *liveness);

#endif
