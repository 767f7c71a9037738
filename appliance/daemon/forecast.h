/*
 * `plan`: what a reload of the operator's file would do, with nothing done. The kernel's part is computed at once,
 * charon is asked to compare the draft of the generation, which is removed when it has answered. One at a time; a
 * reload may run meanwhile and is not disturbed.
 */
#ifndef CULVERT_DAEMON_FORECAST_H
#define CULVERT_DAEMON_FORECAST_H

#include <jansson.h>
#include <stdbool.h>

struct comparison;
struct control_client;
struct daemon;
struct diag_list;
struct forecast;
struct model;
struct outline_difference;
struct preview;

/* All that an answer is made of. Borrowed for the call. */
struct forecast_findings {
	unsigned generation; /* in force */
	const char *file;
	const struct model *next; /* what the file says */
	bool changed; /* a reload would make a generation */
	const struct outline_difference *difference;
	const struct preview *preview;
	const char *charon; /* "up", "down", "slow", or "unable": it does not know the question */
	const struct comparison *comparison; /* NULL unless charon is up and something is to be compared */
	const struct diag_list *diags;
};

/*
 * {"ok":true,"generation":N,"file":TEXT,"changes":BOOL,"interrupts":BOOL,"new_generation":BOOL,
 *  "charon":{"state":TEXT,"kept":N,"tunnels":[{"name","change","also":[WORD],"interruption":TEXT|null,
 *    "seconds":N|null,"children":[{"apn","change","interruption","seconds"}]}]},
 *  "configuration":{"gateway_changed":BOOL,"tunnels":COUNTS,"apns":COUNTS,"changes":[{"kind","name","change"}]},
 *  "kernel":[TEXT],"walls":{"missing":BOOL,"changes":[TEXT]},"warnings":[TEXT]}
 * Without a comparison "interrupts" is true as soon as something that exists changes or goes. NULL when memory is
 * short. Pure.
 */
json_t *forecast_compose(const struct forecast_findings *f);

/* Answers the client, now or when charon has answered; d->forecast is set meanwhile, and must be NULL before. */
void forecast_begin(struct daemon *d, struct control_client *client);
/* Ends it without an answer. NULL is allowed. */
void forecast_free(struct forecast *f);

#endif
