/* The walls in a real kernel: loaded anew, in place, and over those of another Culvert. In a network namespace of its
 * own. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "appliance/isolation/nft.h"
#include "appliance/isolation/nft_delta.h"
#include "appliance/isolation/report.h"
#include "appliance/isolation/strangers.h"
#include "appliance/isolation/walls.h"
#include "appliance/isolation/walls_change.h"
#include "appliance/isolation/walls_watch.h"
#include "conf/conf.h"
#include "conf/ids.h"
#include "conf/model.h"
#include "lib/buf.h"
#include "lib/diag.h"
#include "lib/io.h"

#include <errno.h>
#include <nftables/libnftables.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct model *load(const char *path)
{
	struct diag_list diags = { 0 };
	struct model *m = NULL;
	struct ids *ids = NULL;
	char *text = NULL;
	size_t len;

	assert_int_equal(io_read_file(path, CONF_FILE_MAX, &text, &len), 0);
	assert_int_equal(conf_load_text(text, len, path, &diags, &m), 0);
	assert_int_equal(ids_load("tests/golden/no-such-file", &ids), 0);
	assert_int_equal(ids_assign(ids, m), 0);
	ids_free(ids);
	diag_free(&diags);
	free(text);
	return m;
}

static int put(int (*render)(const struct model *, struct buf *), const struct model *m)
{
	struct buf text = { 0 };
	char *error = NULL;

	assert_int_equal(render(m, &text), 0);
	int r = walls_load(buf_text(&text), &error);
	buf_free(&text);
	free(error);
	return r;
}

/* What nft prints of the table; with_handles also shows whether a chain is still the same one. The caller frees it. */
static char *list(const char *command, bool with_handles)
{
	struct nft_ctx *nft = nft_ctx_new(NFT_CTX_DEFAULT);

	assert_non_null(nft);
	if (with_handles)
		nft_ctx_output_set_flags(nft, NFT_CTX_OUTPUT_HANDLE);
	nft_ctx_buffer_output(nft);
	assert_int_equal(nft_run_cmd_from_buffer(nft, command), 0);
	char *text = strdup(nft_ctx_get_output_buffer(nft));
	nft_ctx_free(nft);
	return text;
}

static int compare_octets(const void *a, const void *b)
{
	return *(const char *)a - *(const char *)b;
}

/* Elements of a set have no order that nft would keep, nor do lines break where they did: what counts is what is there.
 */
static void sort_octets(char *text)
{
	qsort(text, strlen(text), 1, compare_octets);
	memmove(text, text + strspn(text, "\t\n "), strlen(text + strspn(text, "\t\n ")) + 1);
}

static unsigned long chain_handle(void)
{
	char *text = list("list chain inet culvert forward", true);
	const char *at = strstr(text, "chain forward { # handle ");

	assert_non_null(at);
	unsigned long handle = strtoul(at + strlen("chain forward { # handle "), NULL, 10);
	free(text);
	return handle;
}

static int enter_namespace(void **state)
{
	struct model **m = calloc(2, sizeof(*m));

	if (!m || unshare(CLONE_NEWNET | (geteuid() == 0 ? 0 : CLONE_NEWUSER)) < 0)
		return -1;
	m[0] = load("tests/golden/services/culvert.conf");
	m[1] = load("tests/golden/example/culvert.conf");
	*state = m;
	return 0;
}

static int leave(void **state)
{
	struct model **m = *state;

	conf_free(m[0]);
	conf_free(m[1]);
	free(m);
	return 0;
}

static void in_place_needs_the_table(void **state)
{
	struct model **m = *state;

	assert_false(walls_stand());
	assert_int_not_equal(put(nft_render_in_place, m[1]), 0);
	assert_false(walls_stand());
}

static void in_place_gives_the_same_as_anew(void **state)
{
	struct model **m = *state;

	assert_int_equal(put(nft_render, m[1]), 0);
	char *wanted = list("list table inet culvert", false);
	assert_int_equal(put(nft_render, m[0]), 0);
	char *other = list("list table inet culvert", false);
	unsigned long handle = chain_handle();
	assert_string_not_equal(wanted, other);

	assert_int_equal(put(nft_render_in_place, m[1]), 0);
	char *got = list("list table inet culvert", false);
	assert_string_equal(got, wanted);
	assert_int_equal(chain_handle(), handle);
	free(wanted);
	free(other);
	free(got);
}

/* What only some models need: maps of shared interfaces, and chains with hooks, which go when nobody needs them. */
static void in_place_takes_hooks_and_maps_along(void **state)
{
	static const struct {
		const char *golden, *chain;
	} some[] = { { "mapped", "chain presented" }, { "shared", "map zone4_" }, { "outer-ipv6", "chain untracked_in" } };
	struct model **m = *state;

	for (size_t i = 0; i < sizeof(some) / sizeof(*some); i++) {
		char path[64];
		snprintf(path, sizeof(path), "tests/golden/%s/culvert.conf", some[i].golden);
		struct model *one = load(path);
		assert_int_equal(put(nft_render, one), 0);
		char *wanted = list("list table inet culvert", false);
		assert_non_null(strstr(wanted, some[i].chain));
		assert_int_equal(put(nft_render_in_place, one), 0);
		char *got = list("list table inet culvert", false);
		assert_string_equal(got, wanted);
		assert_int_equal(put(nft_render_in_place, m[1]), 0);
		char *left = list("list table inet culvert", false);
		assert_null(strstr(left, "chain presented"));
		assert_null(strstr(left, "chain untracked_in"));
		free(wanted);
		free(got);
		free(left);
		conf_free(one);
	}
}

static void in_place_mends_what_was_changed_by_hand(void **state)
{
	struct model **m = *state;

	assert_int_equal(put(nft_render, m[1]), 0);
	char *wanted = list("list table inet culvert", false);
	char *none = list("flush chain inet culvert from_device", false);
	assert_int_equal(put(nft_render_in_place, m[1]), 0);
	char *got = list("list table inet culvert", false);
	assert_string_equal(got, wanted);
	free(wanted);
	free(none);
	free(got);
}

static void other_rules_are_replaced_not_mixed(void **state)
{
	struct model **m = *state;
	const char *other = "table inet culvert {}\ndelete table inet culvert\n"
						"table inet culvert {\nchain layout_00000000 {\n}\nset pool4 { type ipv4_addr; }\n}\n";
	char *error = NULL;

	assert_int_equal(walls_load(other, &error), 0);
	assert_int_not_equal(put(nft_render_in_place, m[1]), 0);
	assert_int_equal(put(nft_render, m[1]), 0);
	assert_true(walls_stand());
}

/* The table as nft prints it, made comparable. The caller frees it. */
static char *list_sorted(void)
{
	char *text = list("list table inet culvert", false);

	sort_octets(text);
	return text;
}

/* Changes the walls of one model into those of another. False if that is not to be had by their difference. */
static bool try_difference(const struct model *old, const struct model *new)
{
	struct buf from = { 0 }, to = { 0 }, delta = { 0 };
	char *error = NULL;
	uint32_t before, after;

	assert_int_equal(nft_render(old, &from), 0);
	assert_int_equal(nft_render(new, &to), 0);
	int r = nft_delta(buf_text(&from), buf_text(&to), &delta);
	assert_true(r == 0 || r == -EAGAIN);
	if (r == 0 && delta.len > 0) {
		assert_int_equal(walls_load(buf_text(&to), &error), 0);
		char *wanted = list_sorted();
		assert_int_equal(walls_load(buf_text(&from), &error), 0);

		assert_int_equal(walls_generation(&before), 0);
		assert_int_equal(walls_check(buf_text(&delta), &error), 0);
		assert_int_equal(walls_generation(&after), 0);
		assert_int_equal(after, before);
		assert_int_equal(walls_load(buf_text(&delta), &error), 0);
		assert_int_equal(walls_generation(&after), 0);
		assert_int_equal(after, before + 1);
		char *got = list_sorted();
		assert_string_equal(got, wanted);
		free(got);
		free(wanted);
	}
	buf_free(&from);
	buf_free(&to);
	buf_free(&delta);
	return r == 0;
}

static void a_difference_gives_the_same_as_anew(void **state)
{
	static const char *const goldens[] = { "services", "example", "vlan", "shared", "mapped", "machine", "ipv6",
		"limits", "outer-ipv6" };
	enum { COUNT = sizeof(goldens) / sizeof(*goldens) };
	struct model *m[COUNT];
	char path[64];

	(void)state;
	for (size_t i = 0; i < COUNT; i++) {
		snprintf(path, sizeof(path), "tests/golden/%s/culvert.conf", goldens[i]);
		m[i] = load(path);
	}
	for (size_t i = 0; i < COUNT; i++)
		for (size_t j = 0; j < COUNT; j++)
			assert_true(try_difference(m[i], m[j]));
	for (size_t i = 0; i < COUNT; i++)
		conf_free(m[i]);
}

static void in_few_statements_they_are_the_same(void **state)
{
	static const char *const paths[] = { "tests/golden/services/culvert.conf", "tests/golden/mapped/culvert.conf",
		"tests/golden/limits/culvert.conf" };

	(void)state;
	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
		struct model *m = load(paths[i]);
		struct buf text = { 0 }, gathered = { 0 };
		char *error = NULL;

		assert_int_equal(nft_render(m, &text), 0);
		assert_int_equal(walls_load(buf_text(&text), &error), 0);
		char *wanted = list_sorted();
		assert_int_equal(nft_gather(buf_text(&text), &gathered), 0);
		assert_int_equal(walls_load(buf_text(&gathered), &error), 0);
		char *got = list_sorted();
		assert_string_equal(got, wanted);
		free(got);
		free(wanted);
		buf_free(&text);
		buf_free(&gathered);
		conf_free(m);
	}
}

/* Another one once the table was replaced. */
static unsigned long table_handle(void)
{
	static const char begin[] = "table inet culvert { # handle ";
	char *text = list("list table inet culvert", true);
	const char *at = strstr(text, begin);

	assert_non_null(at);
	unsigned long handle = strtoul(at + strlen(begin), NULL, 10);
	free(text);
	return handle;
}

/* Walls of m that are known and watched. */
static void watch(struct walls_memory *w, struct walls_watch *watch, const struct model *m)
{
	struct report report = { 0 };
	uint32_t number;

	assert_int_equal(walls_watch_open(watch), 0);
	assert_int_equal(walls_change(w, m, &report), 0);
	assert_true(walls_unchanged(w, &number));
	walls_watch_mended(watch, number);
	assert_int_equal(walls_watch_process(watch), 0);
	assert_false(watch->damage.any);
}

/* What others do by hand is noticed in these words, and put back; what was not touched is not. */
static void assert_mended(struct walls_memory *w, struct walls_watch *events, const struct model *m, const char *hand,
	const char *said, bool anew)
{
	struct report report = { 0 };
	uint32_t number;
	char *wanted = list_sorted();
	unsigned long before = table_handle();

	free(list(hand, false));
	assert_int_equal(walls_watch_process(events), 0);
	assert_true(events->damage.any);
	assert_false(events->damage.lost);
	assert_string_equal(events->damage.first, said);
	assert_non_null(strstr(events->damage.by, "walls_test"));
	assert_false(walls_unchanged(w, &number));
	assert_int_equal(walls_mend(w, m, &events->damage, &report), 0);
	assert_true(walls_unchanged(w, &number));
	walls_watch_mended(events, number);
	assert_int_equal(walls_watch_process(events), 0);
	assert_false(events->damage.any);
	char *got = list_sorted();
	assert_string_equal(got, wanted);
	assert_int_equal(anew, table_handle() != before);
	free(wanted);
	free(got);
}

struct hand {
	const char *does, *said;
	bool anew;
};

static void damage_and_mend(const char *golden, const struct hand *hands, size_t n)
{
	struct model *m = load(golden);
	struct walls_memory w = { 0 };
	struct walls_watch events = { 0 };

	assert_int_equal(put(nft_render, m), 0);
	watch(&w, &events, m);
	for (size_t i = 0; i < n; i++)
		assert_mended(&w, &events, m, hands[i].does, hands[i].said, hands[i].anew);
	walls_watch_close(&events);
	walls_forget(&w);
	conf_free(m);
}

static void what_others_damage_is_told_and_mended(void **state)
{
	static const struct hand hands[] = {
		{ "flush chain inet culvert from_device", "rule of chain from_device deleted", false },
		{ "insert rule inet culvert forward accept", "rule of chain forward added", false },
		{ "flush set inet culvert path", "element of set path deleted", false },
		{ "add element inet culvert pool4 { \"culv-x1\" . 10.99.0.0/16 }", "element of set pool4 added", false },
		{ "flush map inet culvert way; flush chain inet culvert input", "element of set way deleted", false },
		{ "flush map inet culvert arrive; flush chain inet culvert up", "element of set arrive deleted", false },
		{ "flush chain inet culvert in_1001; flush chain inet culvert down_1002", "rule of chain in_1001 deleted",
			false },
		{ "flush map inet culvert segment; flush chain inet culvert clamp", "element of set segment deleted", false },
		{ "flush chain inet culvert begin_1001", "rule of chain begin_1001 deleted", false },
		{ "add chain inet culvert forward { policy accept; }", "chain forward added or changed", true },
		{ "add chain inet culvert way { type filter hook forward priority -10; }", "chain way added or changed", true },
		{ "add chain inet culvert idle", "chain idle added or changed", true },
		{ "add set inet culvert idle { type ipv4_addr; }", "set idle added", true },
		{ "add table inet culvert { flags dormant; }", "table culvert added or changed", true },
		{ "flush chain inet culvert output; delete chain inet culvert output", "rule of chain output deleted", true },
	};
	static const struct hand shared[] = {
		{ "flush map inet culvert zone4_1005; flush map inet culvert mark6_1006", "element of set zone4_1005 deleted",
			false },
		{ "flush chain inet culvert shared_1005", "rule of chain shared_1005 deleted", false },
		{ "flush chain inet culvert unmark; flush chain inet culvert real", "rule of chain unmark deleted", false },
		{ "flush chain inet culvert presented; delete chain inet culvert presented", "rule of chain presented deleted",
			true },
	};

	(void)state;
	damage_and_mend("tests/golden/limits/culvert.conf", hands, sizeof(hands) / sizeof(*hands));
	damage_and_mend("tests/golden/mapped/culvert.conf", shared, sizeof(shared) / sizeof(*shared));
}

static void tables_of_others_move_the_number_on(void **state)
{
	struct model **m = *state;
	struct walls_memory w = { 0 };
	struct walls_watch events = { 0 };
	struct strangers strangers = { 0 };
	uint32_t number;

	watch(&w, &events, m[1]);
	events.chains = false;
	free(list("table ip other { chain post { type nat hook postrouting priority 100; }; }", false));
	assert_int_equal(walls_watch_process(&events), 0);
	assert_false(events.damage.any);
	assert_true(events.chains);
	assert_false(walls_unchanged(&w, &number));
	walls_moved_on(&w, events.number);
	assert_true(walls_unchanged(&w, &number));
	assert_int_equal(strangers_read(&strangers), 0);
	assert_int_equal(strangers.count, 1);
	assert_string_equal(strangers.texts[0], "table ip other, chain post (nat, hook postrouting, priority 100)");
	free(list("delete table ip other", false));
	assert_int_equal(strangers_read(&strangers), 0);
	assert_int_equal(strangers.count, 0);
	walls_watch_close(&events);
	walls_forget(&w);
}

/* What others added just before a change of ours was noticed is read after that change. */
static void a_chain_of_others_is_seen_behind_a_change_of_ours(void **state)
{
	struct model **m = *state;
	struct walls_memory w = { 0 };
	struct walls_watch events = { 0 };
	struct report report = { 0 };
	uint32_t number;

	watch(&w, &events, m[1]);
	events.chains = false;
	free(list("table ip other { chain post { type nat hook postrouting priority 100; }; }", false));
	assert_int_equal(walls_change(&w, m[0], &report), 0);
	assert_true(walls_unchanged(&w, &number));
	walls_watch_mended(&events, number);
	assert_int_equal(walls_watch_process(&events), 0);
	assert_false(events.damage.any);
	assert_true(events.chains);
	free(list("delete table ip other", false));
	walls_watch_close(&events);
	walls_forget(&w);
}

static void a_hook_in_our_table_that_is_not_ours_does_not_stay(void **state)
{
	struct model **m = *state;
	struct walls_memory w = { 0 };
	struct report report = { 0 };

	assert_int_equal(put(nft_render, m[1]), 0);
	assert_int_equal(walls_change(&w, m[1], &report), 0);
	char *wanted = list_sorted();
	/* By nobody who was watched, as before culvertd began. */
	walls_forget(&w);
	free(list("add chain inet culvert way { type filter hook forward priority -10; }", false));
	assert_int_equal(walls_change(&w, m[1], &report), 0);
	char *got = list_sorted();
	assert_string_equal(got, wanted);
	walls_forget(&w);
	free(wanted);
	free(got);
}

static void a_number_that_is_missed_is_a_loss(void **state)
{
	struct model **m = *state;
	struct walls_memory w = { 0 };
	struct walls_watch events = { 0 };

	watch(&w, &events, m[1]);
	walls_watch_close(&events);
	free(list("flush chain inet culvert input", false));
	assert_int_equal(walls_watch_open(&events), 0);
	free(list("flush chain inet culvert output", false));
	assert_int_equal(walls_watch_process(&events), 0);
	assert_true(events.damage.lost);
	walls_watch_close(&events);
	walls_forget(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_place_needs_the_table),
		cmocka_unit_test(in_place_gives_the_same_as_anew),
		cmocka_unit_test(in_place_takes_hooks_and_maps_along),
		cmocka_unit_test(in_place_mends_what_was_changed_by_hand),
		cmocka_unit_test(other_rules_are_replaced_not_mixed),
		cmocka_unit_test(a_difference_gives_the_same_as_anew),
		cmocka_unit_test(in_few_statements_they_are_the_same),
		cmocka_unit_test(what_others_damage_is_told_and_mended),
		cmocka_unit_test(tables_of_others_move_the_number_on),
		cmocka_unit_test(a_chain_of_others_is_seen_behind_a_change_of_ours),
		cmocka_unit_test(a_hook_in_our_table_that_is_not_ours_does_not_stay),
		cmocka_unit_test(a_number_that_is_missed_is_a_loss),
	};

	return cmocka_run_group_tests(tests, enter_namespace, leave);
}
