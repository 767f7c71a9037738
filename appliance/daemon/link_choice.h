/*
 * Which links carry and how they rank, kept up to date: steering, fed with the kernel's SAs, with what is said of peers
 * and with the links' own probes. Logs what becomes of links, and why. On the event loop's thread.
 */
#ifndef CULVERT_DAEMON_LINK_CHOICE_H
#define CULVERT_DAEMON_LINK_CHOICE_H

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

struct buf;
struct carrying;
struct link_choice;
struct model;

enum { LINK_CHOICE_SETTLE = 20 * 1000 }; /* microseconds; one call serves what many links go through at once */

/* Called when ranks have changed for another reason than link_choice_sas(). */
typedef void (*link_choice_fn)(void *userdata);

struct link_choice_view { /* of one link, for status */
	bool used; /* devices are reached by it */
	const char *state; /* "down", "good", "unproven", "held" or "suspect" */
	uint64_t seconds; /* since it is sound, or not; 0 before it ever was */
	bool sound; /* neither down nor suspect */
	uint64_t since; /* that, or the contrary; microseconds of CLOCK_BOOTTIME */
	bool probed;
	bool proven; /* a probe was answered since the link came up */
	uint32_t sent, answered, late; /* probes */
	uint64_t round_trip; /* microseconds of the last answer; 0: there was none */
	int error; /* why the last probe could not be sent; 0: it was */
};

/* 0 with *ret (link_choice_free() it), or -ENOMEM. */
int link_choice_new(sd_event *event, link_choice_fn fn, void *userdata, struct link_choice **ret);
/* The links of model, borrowed until the next call; NULL: none. What is known of those that stay is kept. */
void link_choice_use(struct link_choice *c, const struct model *model);
/* The links whose SAs the kernel has. link_choice_carrying() follows at once. */
void link_choice_sas(struct link_choice *c, const struct carrying *sas);
void link_choice_silence(struct link_choice *c, const char *tunnel, bool silent);
/* All that carry, with their ranks. Valid until the loop goes on. */
const struct carrying *link_choice_carrying(const struct link_choice *c);
/* False if there is no such link. Why it is not good is appended to reason. */
bool link_choice_view(const struct link_choice *c, uint32_t if_id, struct link_choice_view *ret, struct buf *reason);
void link_choice_free(struct link_choice *c); /* NULL is allowed */

#endif
