/*
 * One timer stands at the next SA that comes due; finding it is one pass over the SAs, which are counted anew with each
 * of their events anyway. Failure policy: what cannot be deleted is said and tried again; a clock file that cannot be
 * read makes the SAs that are found as old as the boot, one that cannot be written does so for the successor.
 */
#include "appliance/daemon/key_age.h"

#include "appliance/daemon/key_mend.h"
#include "appliance/daemon/link_index.h"
#include "appliance/daemon/links.h"
#include "appliance/isolation/sa.h"
#include "appliance/isolation/sa_clock.h"
#include "appliance/isolation/sa_watch.h"
#include "conf/model.h"
#include "ikev2/lifetime.h"
#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/io.h"
#include "lib/log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum {
	CLOCK_FILE_MAX = 16384, /* octets */
	ACCURACY = 100 * 1000, /* microseconds */
};

struct key_age {
	struct links *links; /* NULL before key_age_begin() */
	struct key_mend *mend;
	struct sa_clock clock;
	char *path; /* of the clock file */
	int set_fd; /* readable when the wall clock was set, and every KEY_AGE_LOOK */
	sd_event_source *set_io;
	sd_event_source *due;
	uint64_t ended;
	uint64_t last; /* seconds of CLOCK_BOOTTIME; with ended */
	char last_tunnel[64]; /* "": of none */
};

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return (uint64_t)t.tv_sec;
}

/* --- the clocks --- */

static void save_clock(const struct key_age *k)
{
	struct buf text = { 0 };
	int error;

	sa_clock_print(&k->clock, &text);
	error = text.error ? text.error : io_write_file(k->path, buf_text(&text), text.len, 0644);
	if (error)
		log_warning("%s cannot be written: %s", k->path, strerror(-error));
	buf_free(&text);
}

static void load_clock(struct key_age *k)
{
	CLEANUP(cleanup_free) char *text = NULL;
	size_t len;
	struct timespec t;
	int error = io_read_file(k->path, CLOCK_FILE_MAX, &text, &len);

	clock_gettime(CLOCK_BOOTTIME, &t);
	if (!error)
		error = sa_clock_parse(text, t.tv_sec * 1000000000ll + t.tv_nsec, &k->clock);
	if (error && error != -ENOENT)
		log_warning(
			"%s says nothing of use: %s; SAs that are found count as old as the boot", k->path, strerror(-error));
}

/* The kernel tells at once when the wall clock is set, if it was asked with a time by that clock. */
static int wait_for_set(const struct key_age *k)
{
	struct itimerspec at = { 0 };
	int r;

	do {
		clock_gettime(CLOCK_REALTIME, &at.it_value);
		at.it_value.tv_sec += KEY_AGE_LOOK;
		r = timerfd_settime(k->set_fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &at, NULL);
	} while (r && errno == ECANCELED);
	return r ? -errno : 0;
}

static int on_set(sd_event_source *s, int fd, uint32_t events, void *userdata)
{
	struct key_age *k = userdata;
	uint64_t count;

	(void)s;
	(void)events;
	if (read(fd, &count, sizeof(count)) < 0 && errno == ECANCELED)
		log_notice("the wall clock was set; the ages of keys go by the time since boot");
	sa_clock_look(&k->clock);
	save_clock(k);
	return wait_for_set(k);
}

/* --- the keys --- */

static unsigned limit_of(const struct key_age *k, uint32_t if_id)
{
	static const struct lifetime of_no_link = { .ceiling = LIFETIME_CEILING };
	const struct link_entry *entry = links_find(k->links, if_id);

	return lifetime_watch(entry ? &entry->link->tunnel->child : &of_no_link);
}

static const struct sa *all_of(const struct key_age *k, size_t *ret_count)
{
	const struct sa_watch *sas = links_all_sas(k->links);

	*ret_count = 0;
	return sas ? sa_watch_all(sas, ret_count) : NULL;
}

static void note_end(struct key_age *k, const struct sa *sa, uint64_t age)
{
	const struct link_entry *entry = links_find(k->links, sa->if_id);
	const char *direction = sa->outbound ? "outbound" : "inbound";
	const char *most = sa->added ? "the age of" : "an age of up to";

	k->ended++;
	k->last = now();
	snprintf(k->last_tunnel, sizeof(k->last_tunnel), "%s", entry ? entry->link->tunnel->name : "");
	if (entry)
		key_mend_add(k->mend, sa);
	if (entry)
		log_warning("key %08" PRIx32 " (%s) of link %s/%s ended at %s %" PRIu64 " s: it was past its ceiling", sa->spi,
			direction, entry->apn->name, k->last_tunnel, most, age);
	else
		log_warning("key %08" PRIx32 " (if_id %" PRIu32 ") of no link ended at %s %" PRIu64
					" s: it was past the ceiling",
			sa->spi, sa->if_id, most, age);
}

static void end(struct key_age *k, const struct sa *sa, uint64_t age)
{
	int r = sa_watch_delete(links_all_sas(k->links), sa);

	if (r > 0)
		note_end(k, sa, age);
	else if (r < 0)
		log_error("key %08" PRIx32 " of if_id %" PRIu32 " is past its ceiling and cannot be ended: %s", sa->spi,
			sa->if_id, strerror(-r));
}

static void arm(struct key_age *k, uint64_t not_before)
{
	size_t n;
	const struct sa *all = all_of(k, &n);
	uint64_t next = UINT64_MAX;
	unsigned limit = 0;

	for (size_t i = 0; i < n; i++) {
		if (i == 0 || all[i].if_id != all[i - 1].if_id)
			limit = limit_of(k, all[i].if_id);
		if (all[i].added + limit < next)
			next = all[i].added + limit;
	}
	if (!links_all_sas(k->links))
		next = now() + KEY_AGE_RETRY; /* for when they are seen again */
	if (next < not_before)
		next = not_before;
	if (next == UINT64_MAX) {
		sd_event_source_set_enabled(k->due, SD_EVENT_OFF);
		return;
	}
	sd_event_source_set_time(k->due, next * 1000 * 1000);
	sd_event_source_set_enabled(k->due, SD_EVENT_ONESHOT);
}

static int on_due(sd_event_source *s, uint64_t usec, void *userdata)
{
	struct key_age *k = userdata;
	uint64_t time = now();
	size_t n;
	const struct sa *all = all_of(k, &n);

	(void)s;
	(void)usec;
	for (size_t i = 0; i < n; i++)
		if (all[i].added + limit_of(k, all[i].if_id) <= time)
			end(k, &all[i], time - all[i].added);
	/* What was deleted is among them until its event comes. */
	arm(k, time + KEY_AGE_RETRY);
	return 0;
}

void key_age_changed(struct key_age *k)
{
	if (k->links)
		arm(k, 0);
}

/* --- life --- */

static int add_sources(struct key_age *k, sd_event *event)
{
	int r = sd_event_add_io(event, &k->set_io, k->set_fd, EPOLLIN, on_set, k);

	if (r >= 0)
		r = sd_event_add_time(event, &k->due, CLOCK_BOOTTIME, 0, ACCURACY, on_due, k);
	if (r >= 0)
		r = sd_event_source_set_enabled(k->due, SD_EVENT_OFF);
	return r;
}

int key_age_new(sd_event *event, const char *run, struct key_age **ret)
{
	struct key_age *k = calloc(1, sizeof(*k));
	int r = 0;

	if (!k)
		return -ENOMEM;
	k->set_fd = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK);
	if (k->set_fd < 0)
		r = -errno;
	if (!r && asprintf(&k->path, "%s/clock", run) < 0) {
		k->path = NULL;
		r = -ENOMEM;
	}
	if (!r)
		r = add_sources(k, event);
	if (r >= 0)
		r = wait_for_set(k);
	if (r < 0) {
		key_age_free(k);
		return r;
	}
	load_clock(k);
	sa_clock_look(&k->clock);
	save_clock(k);
	*ret = k;
	return 0;
}

struct sa_clock *key_age_clock(struct key_age *k)
{
	return &k->clock;
}

void key_age_begin(struct key_age *k, struct links *links, struct key_mend *mend)
{
	k->links = links;
	k->mend = mend;
	key_age_changed(k);
}

struct key_age_record key_age_record(const struct key_age *k)
{
	return (struct key_age_record){
		.ended = k->ended,
		.age = k->ended ? now() - k->last : 0,
		.tunnel = *k->last_tunnel ? k->last_tunnel : NULL,
	};
}

bool key_age_oldest(const struct key_age *k, uint32_t if_id, uint64_t *ret)
{
	const struct sa_watch *sas = k->links ? links_all_sas(k->links) : NULL;
	size_t n = 0;
	const struct sa *of = sas ? sa_watch_of(sas, if_id, &n) : NULL;
	uint64_t oldest = UINT64_MAX;

	for (size_t i = 0; i < n; i++)
		if (of[i].added < oldest)
			oldest = of[i].added;
	if (n)
		*ret = now() - oldest;
	return n > 0;
}

void key_age_free(struct key_age *k)
{
	if (!k)
		return;
	sd_event_source_disable_unref(k->set_io);
	sd_event_source_disable_unref(k->due);
	if (k->set_fd >= 0)
		close(k->set_fd);
	if (k->path && k->clock.count) {
		sa_clock_look(&k->clock);
		save_clock(k);
	}
	free(k->path);
	free(k);
}
