/* media_slots: ids come back late, changes are queued once, orphans and the dying are kept apart. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/mem.h"
#include "media_slots.h"

static struct media_slots s;
static const struct media_spec spec = {.call_id = 5};

static int setup(void **state)
{
	(void)state;
	media_slots_init(&s);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	media_slots_free(&s);
	assert_int_equal(mem_live(), 0);
	return 0;
}

static uint32_t fresh(void)
{
	uint32_t id = MEDIA_NONE;

	assert_int_equal(media_slots_new(&s, &id), 0);
	return id;
}

static uint32_t live(void)
{
	uint32_t id = fresh();

	assert_int_equal(media_slots_set(&s, id, &spec), 0);
	return id;
}

static void the_id_longest_free_comes_back_first(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < 5; i++)
		assert_int_equal(fresh(), i);
	media_slots_release(&s, 3);
	media_slots_release(&s, 1);
	assert_null(media_slots_get(&s, 3));
	assert_int_equal(s.used, 3);
	assert_int_equal(fresh(), 3);
	assert_int_equal(fresh(), 1);
	assert_int_equal(fresh(), 5);
}

static void a_dying_id_is_not_free(void **state)
{
	uint32_t id = live();

	(void)state;
	media_slots_kill(&s, id);
	for (int i = 0; i < 200; i++)
		assert_int_not_equal(fresh(), id);
	media_slots_release(&s, id);
	assert_int_equal(fresh(), id);
}

static void ids_end_at_their_maximum(void **state)
{
	uint32_t id;

	(void)state;
	for (uint32_t i = 0; i < MEDIA_ID_MAX; i++)
		assert_int_equal(fresh(), i);
	assert_int_equal(media_slots_new(&s, &id), ERR_FULL);
	media_slots_release(&s, 7);
	assert_int_equal(fresh(), 7);
}

static void changes_are_queued_once_in_their_order(void **state)
{
	uint32_t a = live(), b = live(), c = live();

	(void)state;
	assert_int_equal(media_slots_set(&s, a, &spec), 0);
	media_slots_kill(&s, b);
	assert_int_equal(media_slots_todo(&s), a);
	assert_int_equal(media_slots_todo(&s), b);
	media_slots_todo_again(&s, b);
	assert_int_equal(media_slots_set(&s, a, &spec), 0);
	assert_int_equal(media_slots_todo(&s), b);
	media_slots_release(&s, c);
	assert_int_equal(media_slots_todo(&s), a);
	assert_int_equal(media_slots_todo(&s), MEDIA_NONE);
}

static void saying_all_anew_starts_with_the_dying(void **state)
{
	uint32_t a = live(), b = live(), c = live();

	(void)state;
	(void)fresh();
	assert_int_equal(media_slots_adopt(&s, 40, &spec), 0);
	assert_int_equal(media_slots_todo(&s), a);
	media_slots_kill(&s, c);
	media_slots_todo_all(&s);
	assert_int_equal(media_slots_todo(&s), c);
	assert_int_equal(media_slots_todo(&s), a);
	assert_int_equal(media_slots_todo(&s), b);
	assert_int_equal(media_slots_todo(&s), MEDIA_NONE);
}

static void orphans_take_their_ids(void **state)
{
	(void)state;
	assert_int_equal(media_slots_adopt(&s, 1, &spec), 0);
	assert_int_equal(media_slots_adopt(&s, 1, &spec), ERR_INUSE);
	assert_int_equal(media_slots_adopt(&s, MEDIA_ID_MAX - 1, &spec), 0);
	assert_int_equal(fresh(), 0);
	assert_int_equal(fresh(), 2);
	assert_int_equal(media_slots_adopt(&s, 2, &spec), ERR_INUSE);
	assert_int_equal(media_slots_get(&s, 1)->state, SLOT_ORPHAN);
	media_slots_kill(&s, 1);
	assert_true(media_slots_get(&s, 1)->orphan && media_slots_get(&s, 1)->reported);
	assert_int_equal(media_slots_todo(&s), 1);
	media_slots_release(&s, 1);
	assert_int_equal(s.used, 3);
}

static void failing_allocations_change_nothing(void **state)
{
	uint32_t id = 77;

	(void)state;
	(void)mem_fail_nth(1);
	assert_int_equal(media_slots_new(&s, &id), ERR_NOMEM);
	assert_int_equal(id, 77);
	id = fresh();
	(void)mem_fail_nth(1);
	assert_int_equal(media_slots_set(&s, id, &spec), ERR_NOMEM);
	assert_int_equal(media_slots_get(&s, id)->state, SLOT_NEW);
	assert_int_equal(media_slots_todo(&s), MEDIA_NONE);
	(void)mem_fail_nth(1);
	assert_int_equal(media_slots_adopt(&s, 1000, &spec), ERR_NOMEM);
	(void)mem_fail_nth(2);
	assert_int_equal(media_slots_adopt(&s, 1000, &spec), ERR_NOMEM);
	(void)mem_fail_nth(0);
	assert_null(media_slots_get(&s, 1000));
	assert_int_equal(s.used, 1);
	assert_int_equal(media_slots_adopt(&s, 1000, &spec), 0);
}

int main(void)
{
#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(the_id_longest_free_comes_back_first),
		T(a_dying_id_is_not_free),
		T(ids_end_at_their_maximum),
		T(changes_are_queued_once_in_their_order),
		T(saying_all_anew_starts_with_the_dying),
		T(orphans_take_their_ids),
		T(failing_allocations_change_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
