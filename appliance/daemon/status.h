/* The JSON of `status`, composed from what is configured, what charon reports and what the kernel carries. Pure. */
#ifndef CULVERT_DAEMON_STATUS_H
#define CULVERT_DAEMON_STATUS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct key_age_record;
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
	/* Seconds since the oldest key of a link was made, by the kernel; false if it has none. */
	bool (*oldest)(void *userdata, uint32_t if_id, uint64_t *ret);
	const struct key_age_record *ended; /* keys that culvertd ended */
	void *userdata;
	const char *const *messages; /* what the operator should know: refused configuration, missing interfaces */
	size_t n_messages;
};

/*
 * {"ok":true,"gateway":NAME|null,"generation":N,"charon":TEXT,"messages":[TEXT...],
 *  "rollback_of":N|null,"walls":"in force"|"left"|"closed",
 *  "keys_ended":{"count":N,"age":SECONDS|null,"tunnel":NAME|null}, of the last one,
 *  "tunnels":[{"name","carrier","peer","state","seconds","suite","failure","failure_age",
 *    "rehearsal":{"result","reason":WORD|null,"advice":TEXT|null,"age":SECONDS|null}}],
 *  "links":[{"apn","tunnel","if_id","interface","vrf","carrying","child":{"spi_in","spi_out","age"}|null,
 *    "oldest_key":SECONDS|null,"ceiling":SECONDS}]}
 * verbs.c adds "verify": verify_summary().
 * result is "passed", "failed" (then with reason and advice), "not yet", "off" or "unknown": what became of the rekeys
 * that were tried once. state is "unknown" and seconds 0 for what charon does not tell. NULL when memory is short; the
 * caller json_decref()s.
 */
json_t *status_compose(const struct status *s);

#endif
