/* The JSON of `status`, composed from what is configured, what charon reports and what the kernel carries. Pure. */
#ifndef CULVERT_DAEMON_STATUS_H
#define CULVERT_DAEMON_STATUS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct drift_log;
struct key_age_record;
struct link_choice_view;
struct link_mtus;
struct model;
struct survey;

/* Everything is borrowed for the call. */
struct status {
	unsigned generation; /* 0: none in force */
	const struct model *model; /* NULL: none in force */
	unsigned rollback_of; /* of the generation in force; 0: it is none */
	bool walls_left; /* without a generation: walls of an earlier culvertd stand as it left them */
	const char *charon; /* "up", "down", or "slow": it is there but did not answer in time */
	const struct survey *survey; /* NULL unless charon is up */
	bool (*carrying)(void *userdata, uint32_t if_id);
	/* How a link does, with the reason appended; false if nothing is known. */
	bool (*view)(void *userdata, uint32_t if_id, struct link_choice_view *ret, struct buf *reason);
	/* Seconds since the oldest key of a link was made, by the kernel; false if it has none. */
	bool (*oldest)(void *userdata, uint32_t if_id, uint64_t *ret);
	const struct link_mtus *mtus; /* NULL: nothing is known */
	const struct key_age_record *ended; /* keys that culvertd ended */
	void *userdata;
	const struct drift_log *drift;
	uint64_t now; /* microseconds since boot */
	const char *const *strangers; /* chains of other tables that packets meet */
	size_t n_strangers;
	const char *const *messages; /* what the operator should know: refused configuration, missing interfaces */
	size_t n_messages;
};

/*
 * {"ok":true,"gateway":NAME|null,"generation":N,"charon":TEXT,"messages":[TEXT...],
 *  "rollback_of":N|null,"walls":"in force"|"left"|"closed",
 *  "keys_ended":{"count":N,"age":SECONDS|null,"tunnel":NAME|null}, of the last one,
 *  "drift":{"count":N,"last":[{"age":SECONDS,"what":TEXT,"by":TEXT|null,"repaired":BOOL}...],"foreign_chains":[TEXT...]},
 *  "tunnels":[{"name","carrier","peer","state","seconds","suite","failure","failure_age","refusal":REFUSAL|null,
 *    "rehearsal":{"result","reason":WORD|null,"advice":TEXT|null,"age":SECONDS|null}}],
 *  "refused_peers":[REFUSAL...],
 *  "links":[{"apn","tunnel","if_id","interface","vrf","carrying","child":{"spi_in","spi_out","age"}|null,
 *    "oldest_key":SECONDS|null,"ceiling":SECONDS,"mtu":{"inner":OCTETS,"outer":OCTETS,"from":WORD}|null,
 *    "used","state","since":SECONDS|null,"reason":TEXT|null,
 *    "probe":{"sent","answered","late","rtt":MICROSECONDS|null,"error":TEXT|null}|null}]}
 * REFUSAL: {"peer":ADDRESS,"exchange":NAME,"sender":"peer"|"gateway","offered":TEXT|null,"allowed":TEXT,"reason":TEXT,
 *  "count":N,"age":SECONDS}
 * verbs.c adds "verify": verify_summary().
 * result is "passed", "failed" (then with reason and advice), "not yet", "off" or "unknown": what became of the rekeys
 * that were tried once. mtu is the largest packet inside and outside, from "interface", "path" (a router has said
 * so), "measured" (what was larger stayed unanswered) or "assumed" (no way is known). used: devices are reached by this
 * link. Its state is "down" (no SA), "good", "unproven" (no probe was answered yet), "held" (after a failure behind the
 * good ones, for a while) or "suspect" (behind all others); reason says why it is not good, since how long it is up, or
 * not. probe is null where none go over it. A tunnel's state is "unknown" and seconds 0 for what charon does not tell.
 * A refusal is the last one that the policy made for the tunnel, or for a peer of which it is not known which tunnel it
 * means (at most 256, the latest first): which proposals the sender offers or has chosen, and which suites are allowed.
 * Before authentication it may be anybody who sends in a peer's name.
 * NULL when memory is short; the caller json_decref()s.
 */
json_t *status_compose(const struct status *s);

#endif
