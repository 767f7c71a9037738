/* Following the kernel, with walls, interfaces and SAs that the test plays. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "appliance/daemon/drift_log.h"
#include "appliance/daemon/links.h"
#include "appliance/isolation/carrying.h"
#include "appliance/isolation/drift.h"
#include "appliance/isolation/isolation.h"
#include "appliance/isolation/report.h"
#include "appliance/isolation/sa_watch.h"
#include "conf/model.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

static sd_event *event;
static struct links *links;
static int fd; /* stands for both sockets; readable: an SA event */
static int quiet;
static bool walls_fail;
static bool sas_heard;
static unsigned followed;
static struct carrying carried;
static struct carrying asked; /* what isolation_follow() was told last */
static bool suspects;
static bool doubted;
static uint64_t takes; /* microseconds for a look */
static uint64_t looked; /* when the last one ended */
static struct drifts drifts;
static bool others; /* tables of others have changed */
static unsigned told;

static uint64_t clock_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

int isolation_open(struct isolation **ret)
{
	*ret = (struct isolation *)&links;
	return 0;
}

void isolation_free(struct isolation *i)
{
	(void)i;
}

void isolation_set_mtus(struct isolation *i, const struct link_mtus *mtus)
{
	(void)i;
	(void)mtus;
}

int isolation_close_walls(struct isolation *i, struct report *r)
{
	(void)i;
	(void)r;
	return 0;
}

int isolation_prepare(struct isolation *i, const struct model *now, const struct model *m, struct report *r)
{
	(void)i;
	(void)now;
	(void)m;
	(void)r;
	return 0;
}

int isolation_apply(struct isolation *i, const struct model *m, const struct carrying *c, struct report *r)
{
	(void)i;
	(void)m;
	(void)c;
	if (walls_fail)
		report_failure(r, "nftables: no memory");
	return walls_fail ? -EIO : 0;
}

int isolation_follow(struct isolation *i, const struct model *m, const struct carrying *c, struct report *r)
{
	uint64_t began = clock_now();

	followed++;
	(void)i;
	(void)m;
	carrying_free(&asked);
	for (size_t n = 0; n < c->count; n++)
		assert_int_equal(carrying_put(&asked, c->links[n].if_id, c->links[n].rank), 0);
	(void)r;
	while (clock_now() < began + takes)
		;
	looked = clock_now();
	return 0;
}

int isolation_fd(const struct isolation *i)
{
	(void)i;
	return quiet;
}

int isolation_process(struct isolation *i)
{
	(void)i;
	return 0;
}

bool isolation_doubted(const struct isolation *i)
{
	(void)i;
	return doubted;
}

void isolation_doubt(struct isolation *i)
{
	(void)i;
}

bool isolation_suspects(const struct isolation *i)
{
	(void)i;
	return suspects;
}

bool isolation_others_changed(struct isolation *i)
{
	bool changed = others;

	(void)i;
	others = false;
	return changed;
}

const struct drifts *isolation_drifts(const struct isolation *i)
{
	(void)i;
	return &drifts;
}

const char *const *isolation_strangers(const struct isolation *i, size_t *ret_count)
{
	(void)i;
	*ret_count = 0;
	return NULL;
}

int sa_watch_open(const struct ip *outer_address, struct sa_clock *clock, struct sa_watch **ret)
{
	(void)clock;
	(void)outer_address;
	*ret = (struct sa_watch *)&fd;
	return 0;
}

void sa_watch_free(struct sa_watch *w)
{
	(void)w;
}

int sa_watch_set_outer(struct sa_watch *w, const struct ip *outer_address, bool *ret_changed)
{
	(void)w;
	(void)outer_address;
	*ret_changed = false;
	return 0;
}

const struct sa *sa_watch_of(const struct sa_watch *w, uint32_t if_id, size_t *ret_count)
{
	(void)w;
	(void)if_id;
	*ret_count = 0;
	return NULL;
}

int sa_watch_fd(const struct sa_watch *w)
{
	(void)w;
	return fd;
}

int sa_watch_process(struct sa_watch *w, bool *ret_changed)
{
	eventfd_t count;

	(void)w;
	*ret_changed = true;
	return eventfd_read(fd, &count);
}

const struct carrying *sa_watch_carrying(const struct sa_watch *w)
{
	(void)w;
	return &carried;
}

static void on_sas(void *userdata)
{
	(void)userdata;
	sas_heard = true;
}

static int start(void **state)
{
	(void)state;
	alarm(30);
	fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	quiet = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (fd < 0 || quiet < 0 || sd_event_new(&event) < 0)
		return -1;
	return links_open(event, NULL, on_sas, NULL, &links);
}

static int stop(void **state)
{
	(void)state;
	links_close(links);
	sd_event_unref(event);
	close(fd);
	close(quiet);
	return 0;
}

/* An SA comes or goes. */
static void sas_change(void)
{
	sas_heard = false;
	assert_int_equal(eventfd_write(fd, 1), 0);
	while (!sas_heard)
		assert_true(sd_event_run(event, UINT64_MAX) >= 0);
}

static void walls_that_fail_stay_in_the_report(void **state)
{
	static const struct model model;

	(void)state;
	walls_fail = true;
	assert_int_equal(links_use(links, &model), -EIO);
	sas_change();
	assert_int_equal(links_report(links)->failed, 1);
	assert_int_equal(links_extend(links, &model), 0);
	assert_int_equal(links_report(links)->failed, 1);
	walls_fail = false;
	assert_int_equal(links_use(links, &model), 0);
	assert_int_equal(links_report(links)->failed, 0);
	sas_change();
	assert_int_equal(links_report(links)->failed, 0);
}

static void what_a_reload_makes_stays_until_its_end(void **state)
{
	static const struct model model;

	(void)state;
	assert_int_equal(links_use(links, &model), 0);
	followed = 0;
	sas_change();
	assert_int_equal(followed, 1);
	assert_int_equal(links_extend(links, &model), 0);
	sas_change();
	/* The look that was put off comes and is put off again. */
	for (int i = 0; i < 3; i++)
		assert_true(sd_event_run(event, 2 * (uint64_t)LINKS_SETTLE) >= 0);
	assert_int_equal(followed, 1);
	assert_int_equal(links_use(links, &model), 0);
	while (followed == 1)
		assert_true(sd_event_run(event, UINT64_MAX) >= 0);
}

static uint32_t rank_of(uint32_t if_id)
{
	const struct carrying_link *l = carrying_find(&asked, if_id);

	assert_non_null(l);
	return l->rank;
}

/* Of APN a link 1 goes and link 2 stays, APN b goes altogether. */
static void what_goes_is_left_before_it_goes(void **state)
{
	struct tunnel tunnels[] = { { .name = (char[]){ "s" } }, { .name = (char[]){ "t" } } };
	struct link first[] = { { .tunnel = &tunnels[0], .if_id = 1 }, { .tunnel = &tunnels[1], .if_id = 2 } };
	struct link second[] = { { .tunnel = &tunnels[1], .if_id = 3 } };
	struct apn apns[] = { { .name = (char[]){ "a" }, .links = first, .n_links = 2 },
		{ .name = (char[]){ "b" }, .links = second, .n_links = 1 } };
	struct apn later[] = { { .name = (char[]){ "a" }, .links = first + 1, .n_links = 1 } };
	struct model model = { .apns = apns, .n_apns = 2 }, next = { .apns = later, .n_apns = 1 };

	(void)state;
	for (uint32_t i = 1; i <= 3; i++)
		assert_int_equal(carrying_add(&carried, i), 0);
	assert_int_equal(links_use(links, &model), 0);
	followed = 0;
	assert_int_equal(links_extend(links, &next), 0);
	assert_int_equal(followed, 1);
	assert_true(rank_of(1) > rank_of(2));
	assert_int_equal(rank_of(3), 0);
	links_leave(links, "t"); /* not while a reload makes ready */
	assert_int_equal(followed, 1);
	/* A tunnel that ends on purpose. */
	assert_int_equal(links_use(links, &model), 0);
	links_leave(links, "t");
	assert_int_equal(followed, 2);
	assert_true(rank_of(2) > rank_of(1));
	assert_int_equal(rank_of(3), 0);
	/* Where the other one does not carry there is nothing to go to. */
	assert_int_equal(links_use(links, &model), 0);
	carrying_free(&carried);
	assert_int_equal(carrying_add(&carried, 1), 0);
	sas_change();
	followed = 0;
	assert_int_equal(links_extend(links, &next), 0);
	assert_int_equal(followed, 0);
	assert_int_equal(links_use(links, NULL), 0);
	carrying_free(&carried);
	carrying_free(&asked);
}

static void await_look(void)
{
	for (unsigned before = followed; followed == before;)
		assert_true(sd_event_run(event, UINT64_MAX) >= 0);
}

/* Of doubts without end, as where somebody changes the outer interface all the time, most of the time is left. */
static void looks_that_take_long_are_rare(void **state)
{
	static const struct model model;

	(void)state;
	doubted = true;
	takes = LINKS_SETTLE / 2;
	assert_int_equal(links_use(links, &model), 0);
	await_look();
	uint64_t before = looked;
	await_look();
	assert_true(looked - before >= LINKS_REST * takes);
	doubted = false;
	takes = 0;
}

static void count_told(void *userdata)
{
	(void)userdata;
	told++;
}

/* A repair, and what is not ours to repair: each once. */
static void what_others_change_is_told(void **state)
{
	static const struct model model;

	(void)state;
	assert_int_equal(links_use(links, &model), 0);
	links_tell_drift(links, count_told, NULL);
	sas_change();
	assert_int_equal(told, 0);
	drifts_add_walls(&drifts, "", true, "table inet culvert: changed");
	sas_change();
	assert_int_equal(told, 1);
	drifts_cut(&drifts, 0);
	others = true;
	assert_int_equal(eventfd_write(quiet, 1), 0);
	while (told == 1)
		assert_true(sd_event_run(event, UINT64_MAX) >= 0);
	assert_true(sd_event_run(event, 0) >= 0);
	assert_int_equal(told, 2);
	drifts_add_later(&drifts, "XFRM policies are gone");
	links_add_drift(links, &drifts);
	assert_int_equal(told, 3);
	assert_false(links_drift(links)->last[1].repaired);
	drifts_cut(&drifts, 0);
	sas_change();
	assert_false(links_drift(links)->last[1].repaired);
	links_drift_mended(links);
	assert_true(links_drift(links)->last[1].repaired);
	assert_int_equal(told, 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(walls_that_fail_stay_in_the_report, start, stop),
		cmocka_unit_test_setup_teardown(looks_that_take_long_are_rare, start, stop),
		cmocka_unit_test_setup_teardown(what_others_change_is_told, start, stop),
		cmocka_unit_test_setup_teardown(what_a_reload_makes_stays_until_its_end, start, stop),
		cmocka_unit_test_setup_teardown(what_goes_is_left_before_it_goes, start, stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
