#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "appliance/daemon/link_index.h"
#include "conf/model.h"

static void links_are_found_by_if_id(void **state)
{
	struct link first[] = { { .if_id = 7 }, { .if_id = 2 } }, second[] = { { .if_id = UINT32_MAX }, { .if_id = 3 } };
	struct apn apns[] = { { .links = first, .n_links = 2 }, { .n_links = 0 }, { .links = second, .n_links = 2 } };
	const struct model model = { .apns = apns, .n_apns = 3 };
	struct link_index index = { 0 };

	(void)state;
	assert_null(link_index_find(&index, 7));
	assert_int_equal(link_index_make(&index, &model), 0);
	assert_int_equal(index.count, 4);
	for (size_t i = 0; i < 2; i++) {
		assert_ptr_equal(link_index_find(&index, first[i].if_id)->link, &first[i]);
		assert_ptr_equal(link_index_find(&index, first[i].if_id)->apn, &apns[0]);
		assert_ptr_equal(link_index_find(&index, second[i].if_id)->apn, &apns[2]);
	}
	assert_null(link_index_find(&index, 0));
	assert_null(link_index_find(&index, 4));
	assert_int_equal(link_index_make(&index, NULL), 0);
	assert_null(link_index_find(&index, 7));
	link_index_free(&index);
	link_index_free(&index);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(links_are_found_by_if_id),
	};

	return cmocka_run_group_tests_name("link_index", tests, NULL, NULL);
}
