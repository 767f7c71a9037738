/*
 * A question that fails (charon gone, slow, out of memory) is put again by the next sweep_charon_up() or by the timer.
 * Stale SAs that nothing replaces are ended by the kernel at their hard lifetime, so that forgetting them is safe.
 */
#include "appliance/daemon/sweep.h"

#include "appliance/daemon/charon.h"
#include "appliance/daemon/links.h"
#include "appliance/daemon/stale.h"
#include "appliance/daemon/survey.h"
#include "appliance/isolation/sa.h"
#include "appliance/isolation/sa_watch.h"
#include "lib/log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct sweep {
	struct links *links;
	struct charon *charon;
	sd_event_source *again; /* on while stale SAs are remembered, or are still to be collected */
	bool asking;
	bool collect; /* the next answer says what is stale */
	struct stale stale;
};

static void delete_sa(struct sweep *s, const struct sa *sa, const char *why)
{
	struct sa_watch *sas = links_sas(s->links);
	int r = sas ? sa_watch_delete(sas, sa) : -ENOTCONN;

	if (r < 0)
		log_warning(
			"SA %08" PRIx32 " of if_id %" PRIu32 " (%s) cannot be deleted: %s", sa->spi, sa->if_id, why, strerror(-r));
	else if (r > 0)
		log_notice("SA %08" PRIx32 " of if_id %" PRIu32 " deleted: %s", sa->spi, sa->if_id, why);
}

static void on_replaced(void *userdata, const struct sa *sa)
{
	delete_sa(userdata, sa, "an earlier charon left it and it is replaced");
}

static void collect(struct sweep *s, const struct sa *all, size_t n, const struct survey *survey)
{
	if (stale_collect(all, n, survey, &s->stale))
		return;
	s->collect = false;
	if (s->stale.count)
		log_notice("%zu SAs of an earlier charon stay until they are replaced", s->stale.count);
}

static void on_survey(void *userdata, int error, const char *answer)
{
	struct sweep *s = userdata;
	struct survey survey = { 0 };
	struct sa_watch *sas = links_sas(s->links);
	const struct sa *all;
	size_t n = 0;

	s->asking = false;
	/* SAs that cannot be seen now are not gone. */
	if (error || !sas || survey_parse(answer, &survey))
		return;
	all = sa_watch_all(sas, &n);
	if (s->collect)
		collect(s, all, n, &survey);
	else
		stale_resolve(&s->stale, all, n, &survey, on_replaced, s);
	survey_free(&survey);
}

static void ask(struct sweep *s)
{
	if (!s->asking)
		s->asking = !charon_request(s->charon, "report", SWEEP_LIMIT, on_survey, s);
}

static int on_again(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct sweep *s = userdata;

	(void)usec;
	if (!s->collect && !s->stale.count)
		return 0;
	ask(s);
	sd_event_source_set_time_relative(source, SWEEP_AGAIN);
	return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

int sweep_new(sd_event *event, struct links *links, struct charon *charon, struct sweep **ret)
{
	struct sweep *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	s->links = links;
	s->charon = charon;
	r = sd_event_add_time(event, &s->again, CLOCK_BOOTTIME, 0, 1, on_again, s);
	if (r >= 0)
		r = sd_event_source_set_enabled(s->again, SD_EVENT_OFF);
	if (r < 0) {
		sweep_free(s);
		return r;
	}
	*ret = s;
	return 0;
}

void sweep_charon_up(struct sweep *s)
{
	s->collect = true;
	ask(s);
	sd_event_source_set_time_relative(s->again, SWEEP_AGAIN);
	sd_event_source_set_enabled(s->again, SD_EVENT_ONESHOT);
}

void sweep_unknown(struct sweep *s)
{
	struct sa_watch *sas = links_sas(s->links);
	size_t n = 0;
	const struct sa *all = sas ? sa_watch_all(sas, &n) : NULL;

	/* if_id 0 is nobody of ours: an SA that another program on this host made. */
	for (size_t i = 0; i < n; i++)
		if (all[i].if_id && !links_knows(s->links, all[i].if_id))
			delete_sa(s, &all[i], "no link has that if_id");
}

void sweep_free(struct sweep *s)
{
	if (!s)
		return;
	sd_event_source_disable_unref(s->again);
	stale_free(&s->stale);
	free(s);
}
