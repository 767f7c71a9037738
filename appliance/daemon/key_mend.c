#include "appliance/daemon/key_mend.h"

#include "appliance/daemon/order.h"
#include "appliance/daemon/survey.h"
#include "appliance/isolation/sa.h"
#include "lib/log.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct lost {
	uint32_t if_id;
	uint32_t spi;
	unsigned listed; /* answers in a row in which charon had it in use */
};

struct key_mend {
	struct links *links; /* borrowed, as charon */
	struct charon *charon;
	sd_event_source *again; /* on while keys are remembered */
	bool asking;
	size_t orders; /* that charon has not answered */
	struct lost *lost; /* owned */
	size_t count;
	size_t size;
};

static void on_restarted(void *userdata, int error, const char *answer)
{
	struct key_mend *m = userdata;

	(void)error;
	(void)answer;
	/* What came of it the next survey says. */
	m->orders--;
}

/* What is ordered after one survey. */
struct round {
	const char *tunnels[KEY_MEND_ORDERS]; /* borrowed from the survey */
	size_t count;
	bool full; /* charon takes no more now */
};

/* Once in a round, however many keys of it were lost. False if that must wait for the next one. */
static bool restart(struct key_mend *m, struct round *r, const char *tunnel)
{
	for (size_t i = 0; i < r->count; i++)
		if (strcmp(r->tunnels[i], tunnel) == 0)
			return true;
	r->full =
		r->full || m->orders == KEY_MEND_ORDERS || order_give(m->links, m->charon, "restart", tunnel, on_restarted, m);
	if (r->full)
		return false;
	log_notice("tunnel %s is restarted: charon still took keys for its own that had been ended", tunnel);
	m->orders++;
	r->tunnels[r->count++] = tunnel;
	return true;
}

/* Those that charon has in use stay, the others are no more. */
static void resolve(struct key_mend *m, const struct survey *survey)
{
	struct round round = { .count = 0 };
	size_t kept = 0;

	for (size_t i = 0; i < m->count; i++) {
		struct lost *l = &m->lost[i];

		if (!survey_lists(survey, l->if_id, l->spi))
			continue;
		if (++l->listed >= 2 && restart(m, &round, survey_child(survey, l->if_id)->tunnel))
			l->listed = 0;
		m->lost[kept++] = *l;
	}
	m->count = kept;
}

static void on_survey(void *userdata, int error, const char *answer)
{
	struct key_mend *m = userdata;
	struct survey survey = { 0 };

	m->asking = false;
	if (error == -ENOTCONN) /* it is gone, and so is what it knew */
		m->count = 0;
	if (error || survey_parse(answer, &survey))
		return;
	resolve(m, &survey);
	survey_free(&survey);
}

static void ask_later(const struct key_mend *m)
{
	sd_event_source_set_time_relative(m->again, KEY_MEND_PAUSE);
	sd_event_source_set_enabled(m->again, SD_EVENT_ONESHOT);
}

static int on_again(sd_event_source *s, uint64_t usec, void *userdata)
{
	struct key_mend *m = userdata;

	(void)s;
	(void)usec;
	if (!m->count)
		return 0;
	if (!charon_is_up(m->charon))
		m->count = 0;
	else if (!m->asking)
		m->asking = !charon_request(m->charon, "report", KEY_MEND_LIMIT, on_survey, m);
	ask_later(m);
	return 0;
}

int key_mend_new(sd_event *event, struct links *links, struct charon *charon, struct key_mend **ret)
{
	struct key_mend *m = calloc(1, sizeof(*m));
	int r;

	if (!m)
		return -ENOMEM;
	m->links = links;
	m->charon = charon;
	r = sd_event_add_time(event, &m->again, CLOCK_BOOTTIME, 0, 1, on_again, m);
	if (r >= 0)
		r = sd_event_source_set_enabled(m->again, SD_EVENT_OFF);
	if (r < 0) {
		key_mend_free(m);
		return r;
	}
	*ret = m;
	return 0;
}

static bool make_room(struct key_mend *m)
{
	size_t size = m->size ? 2 * m->size : 64;
	struct lost *lost;

	if (m->count < m->size)
		return true;
	lost = size > KEY_MEND_MOST ? NULL : reallocarray(m->lost, size, sizeof(*lost));
	if (!lost)
		return false;
	m->lost = lost;
	m->size = size;
	return true;
}

void key_mend_add(struct key_mend *m, const struct sa *sa)
{
	if (!make_room(m))
		return;
	if (!m->count)
		ask_later(m);
	m->lost[m->count++] = (struct lost){ .if_id = sa->if_id, .spi = sa->spi };
}

void key_mend_free(struct key_mend *m)
{
	if (!m)
		return;
	sd_event_source_disable_unref(m->again);
	free(m->lost);
	free(m);
}
