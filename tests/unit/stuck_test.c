// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Units that do not let go, containers that lose their last domain while a
 * mapping is being made, and requests that wait for one another.
 */
#include <sched.h>

#include "tests/support/world.h"

#define RW (MF_READ | MF_WRITE)

static struct mf_status status_of(struct world *w)
{
	struct mf_status status;

	mf_get_status(w->c, &status);
	return status;
}

static void test_short_unmap_keeps_pages_pinned(void **state)
{
	struct world w;
	u64 unmapped;
	u8 byte = 1;

	(void)state;
	world_ready(&w);
	assert_int_equal(world_map(&w, 0, VADDR, 8 * PAGE, RW, NULL), 0);
	assert_int_equal(mf_device_write(&w.devices[0], 7 * PAGE, &byte, 1), 0);
	w.units[0].faults.short_unmaps = 2;	/* the stretch, and the mapping alone */
	assert_int_equal(mf_unmap(w.c, 0, 8 * PAGE, &unmapped, NULL), 0);
	assert_true(unmapped == 8 * PAGE);
	assert_int_equal(w.events[MF_EVENT_STUCK], 1);
	assert_true(status_of(&w).nr_stuck == 1 && status_of(&w).pages_pinned == 8);
	assert_true(status_of(&w).nr_mappings == 0);
	assert_int_equal(mf_device_write(&w.devices[0], 7 * PAGE, &byte, 1), 0);
	check(world_check(&w));

	/* The IOVAs are free for the engine, but the unit is not done with them. */
	assert_int_equal(world_map(&w, 0, VADDR, 8 * PAGE, RW, NULL), -EADDRINUSE);
	check(world_check(&w));
	mf_detach(w.c, &w.groups[0]);
	assert_true(status_of(&w).nr_stuck == 0 && mf_user_host_live(&w.host).pins == 0);
	check(world_end(&w));
}

static void test_second_attempt_frees_what_the_first_left(void **state)
{
	struct world w;

	(void)state;
	world_ready(&w);
	assert_int_equal(world_map(&w, 0, VADDR, 8 * PAGE, RW, NULL), 0);
	w.units[0].faults.short_unmaps = 1;
	w.units[0].faults.short_bytes = 3 * PAGE;
	assert_int_equal(mf_unmap_all(w.c, NULL, NULL), 0);
	assert_true(status_of(&w).nr_stuck == 0);
	assert_true(mf_user_host_live(&w.host).pins == 0);
	check(world_end(&w));
}

static void test_only_the_mappings_concerned_are_stuck(void **state)
{
	struct world w;
	u32 i;

	(void)state;
	world_ready(&w);
	for (i = 0; i < 4; i++)
		assert_int_equal(world_map(&w, i * 4 * PAGE, VADDR + i * 4 * PAGE, 4 * PAGE, RW,
					   NULL), 0);
	/* The stretch stops in the second mapping, which alone won't go either. */
	w.units[0].faults.short_unmaps = 2;
	w.units[0].faults.short_bytes = 6 * PAGE;
	assert_int_equal(mf_unmap_all(w.c, NULL, NULL), 0);
	assert_true(status_of(&w).nr_stuck == 0);	/* two pages alone were not too many */

	for (i = 0; i < 4; i++)
		assert_int_equal(world_map(&w, i * 4 * PAGE, VADDR + i * 4 * PAGE, 4 * PAGE, RW,
					   NULL), 0);
	w.units[0].faults.short_unmaps = 2;
	w.units[0].faults.short_bytes = PAGE;
	assert_int_equal(mf_unmap_all(w.c, NULL, NULL), 0);
	assert_true(status_of(&w).nr_stuck == 1 && status_of(&w).pages_pinned == 4);
	assert_true(w.last[MF_EVENT_STUCK].span.first == 0);
	check(world_check(&w));
	check(world_end(&w));
}

static void test_stuck_in_one_domain_of_two(void **state)
{
	struct mf_model_config other = world_plain;
	struct world w;

	(void)state;
	world_ready(&w);
	other.kind = 2;
	assert_int_equal(mf_attach(w.c, world_group(&w, world_unit(&w, &other)), 0, NULL), 0);
	assert_int_equal(world_map(&w, 0, VADDR, 8 * PAGE, RW, NULL), 0);
	w.units[1].faults.short_unmaps = 2;
	assert_int_equal(mf_unmap_all(w.c, NULL, NULL), 0);
	assert_true(status_of(&w).nr_stuck == 1);
	check(world_check(&w));
	mf_detach(w.c, &w.groups[0]);
	assert_true(status_of(&w).nr_stuck == 1);
	check(world_check(&w));
	mf_detach(w.c, &w.groups[1]);
	assert_true(mf_user_host_live(&w.host).pins == 0);
	check(world_end(&w));
}

/* The undo of a failed map meets a unit that does not let go. */
static void test_failed_map_whose_undo_is_stuck(void **state)
{
	struct world w;
	u64 hole;

	(void)state;
	for (hole = 100; hole < 1024; hole += 400) {
		world_init(&w, 1024, MF_RAM_SCATTERED);
		world_open(&w, MF_TYPE1V2, 9);
		assert_int_equal(mf_attach(w.c, world_group(&w, world_unit(&w, &world_plain)), 0,
					   NULL), 0);
		mf_ram_owner_flag(w.owner[0], VADDR + hole * PAGE, 1, MF_RAM_ABSENT);
		w.units[0].faults.short_unmaps = 2;
		assert_int_equal(world_map(&w, 0, VADDR, 1024 * PAGE, RW, NULL), -EFAULT);
		check(world_check(&w));
		assert_true(status_of(&w).nr_mappings == 0);
		check(world_end(&w));
	}
}

/*
 * The second domain does not take a batch, and the first then does not let go
 * of it: those pages must stay pinned too.
 */
static void stuck_batch(u32 fail_map, u32 short_unmaps)
{
	struct mf_model_config other = world_plain;
	struct mf_refusal why;
	struct world w;

	world_init(&w, 1024, MF_RAM_SCATTERED);
	world_open(&w, MF_TYPE1V2, 9);
	other.kind = 2;
	assert_int_equal(mf_attach(w.c, world_group(&w, world_unit(&w, &other)), 0, NULL), 0);
	assert_int_equal(mf_attach(w.c, world_group(&w, world_unit(&w, &world_plain)), 0, NULL), 0);
	/* The domain that came last is mapped first. */
	w.units[0].faults.map_in = fail_map;
	w.units[0].faults.map_error = -ENOMEM;
	w.units[1].faults.short_unmaps = short_unmaps;
	assert_int_equal(world_map(&w, 0, VADDR, 1024 * PAGE, RW, &why), -ENOMEM);
	assert_int_equal(why.reason, MF_REASON_UNIT_MAP);
	check(world_check(&w));
	assert_true(status_of(&w).nr_mappings == 0);
	assert_true(status_of(&w).pages_pinned == mf_user_host_live(&w.host).pins);
	assert_true(status_of(&w).nr_stuck == 1);

	mf_detach(w.c, &w.groups[1]);
	check(world_check(&w));
	mf_detach(w.c, &w.groups[0]);
	assert_true(mf_user_host_live(&w.host).pins == 0);
	check(world_end(&w));
}

static void test_failed_batch_is_stuck_in_the_first_domain(void **state)
{
	u32 fail_map, short_unmaps;

	(void)state;
	for (fail_map = 1; fail_map <= 2; fail_map++) {
		for (short_unmaps = 1; short_unmaps <= 5; short_unmaps++)
			stuck_batch(fail_map, short_unmaps);
	}
}

/* Detaches all groups when a pin is asked for the nth time. */
struct leave {
	struct world *w;
	u32 nth;
	bool come_back;
};

static int leave_while_pinning(void *context, const struct mf_call *call)
{
	struct leave *l = context;
	u32 i;

	if (call->type != MF_CALL_PIN || !l->nth || --l->nth)
		return 0;
	for (i = 0; i < l->w->nr_groups; i++)
		mf_detach(l->w->c, &l->w->groups[i]);
	if (l->come_back)
		assert_int_equal(mf_attach(l->w->c, &l->w->groups[0], 0, NULL), 0);
	return 0;
}

static void test_last_domain_leaves_while_a_mapping_is_made(void **state)
{
	struct leave leave;
	struct mf_refusal why;
	struct mf_model *unit;
	struct world w;
	u32 nth, back;

	(void)state;
	for (nth = 1; nth <= 3; nth++) {
		for (back = 0; back < 2; back++) {
			world_init(&w, 1024, MF_RAM_SCATTERED);
			world_open(&w, MF_TYPE1V2, 9);
			unit = world_unit(&w, &world_plain);
			assert_int_equal(mf_attach(w.c, world_group(&w, unit), 0, NULL), 0);
			w.owner[0]->pin_most = 500;
			leave = (struct leave){ .w = &w, .nth = nth, .come_back = back };
			w.watch = leave_while_pinning;
			w.watch_context = &leave;
			assert_int_equal(world_map(&w, 0, VADDR, 1024 * PAGE, RW, &why), -EINVAL);
			assert_int_equal(why.reason, MF_REASON_DETACHED);
			assert_true(mf_user_host_live(&w.host).pins == 0);
			assert_true(status_of(&w).nr_mappings == 0);
			check(world_check(&w));
			check(world_check_domains(&w, w.c));
			/* With a new domain the IOVAs can be used again. */
			assert_int_equal(world_map(&w, 0, VADDR, PAGE, RW, NULL),
					 back ? 0 : -EINVAL);
			check(world_end(&w));
		}
	}
}

/* Attaches a second unit while a mapping is half made. */
static int join_while_pinning(void *context, const struct mf_call *call)
{
	struct leave *l = context;

	if (call->type == MF_CALL_PIN && l->nth && !--l->nth)
		assert_int_equal(mf_attach(l->w->c, &l->w->groups[1], 0, NULL), 0);
	return 0;
}

static void test_attach_while_a_mapping_is_made(void **state)
{
	struct mf_model_config other = world_plain;
	struct leave l;
	struct world w;
	u32 nth;

	(void)state;
	other.kind = 2;
	other.caching = true;
	for (nth = 1; nth <= 4; nth++) {
		u8 byte = 1;

		world_init(&w, 2000, MF_RAM_SCATTERED);
		world_open(&w, MF_TYPE1V2, 9);
		assert_int_equal(mf_attach(w.c, world_group(&w, world_unit(&w, &world_plain)), 0,
					   NULL), 0);
		world_group(&w, world_unit(&w, &other));
		w.owner[0]->pin_most = 400;
		l = (struct leave){ .w = &w, .nth = nth };
		w.watch = join_while_pinning;
		w.watch_context = &l;
		assert_int_equal(world_map(&w, 0, VADDR, 2000 * PAGE, RW, NULL), 0);
		check(world_check(&w));
		check(world_check_domains(&w, w.c));
		assert_int_equal(mf_device_write(&w.devices[1], 0, &byte, 1), 0);
		assert_int_equal(mf_device_write(&w.devices[1], 1999 * PAGE, &byte, 1), 0);
		check(world_end(&w));
	}
}

/* A request in another thread, to be looked at while it waits. */
struct waiter {
	struct world *w;
	pthread_t thread;
	bool map;
	u64 iova, size;
	int result;
	u64 unmapped;
	bool started;
};

static void *wait_in_thread(void *context)
{
	struct waiter *t = context;

	if (t->map)
		t->result = world_map(t->w, t->iova, VADDR, t->size, RW, NULL);
	else
		t->result = mf_unmap(t->w->c, t->iova, t->size, &t->unmapped, NULL);
	return NULL;
}

/* On the second pin, start the other request, and give it every chance to overtake. */
static int start_waiter(void *context, const struct mf_call *call)
{
	struct waiter *t = context;
	struct mf_mapping_info m;
	int i;

	if (call->type != MF_CALL_PIN || t->started)
		return 0;
	t->started = true;
	assert_int_equal(pthread_create(&t->thread, NULL, wait_in_thread, t), 0);
	for (i = 0; i < 1000; i++)
		sched_yield();
	assert_true(mf_next_mapping(t->w->c, 0, &m));
	assert_int_equal(m.state, MF_MAPPING_ADDING);
	assert_true(m.pages == 0);
	return 0;
}

static void overlap_case(struct waiter *t, bool hole, int first, int second)
{
	struct world w;

	world_ready(&w);
	t->w = &w;
	if (hole)
		mf_ram_owner_flag(w.owner[0], VADDR + 7 * PAGE, 1, MF_RAM_ABSENT);
	w.watch = start_waiter;
	w.watch_context = t;
	assert_int_equal(world_map(&w, 0, VADDR, 8 * PAGE, RW, NULL), first);
	pthread_join(t->thread, NULL);
	assert_int_equal(t->result, second);
	check(world_check(&w));
	check(world_check_domains(&w, w.c));
	check(world_end(&w));
}

static void test_overlapping_map_waits_and_finds_it(void **state)
{
	struct waiter t = { .map = true, .iova = 7 * PAGE, .size = PAGE };

	(void)state;
	overlap_case(&t, false, 0, -EEXIST);
}

static void test_overlapping_map_waits_and_finds_it_failed(void **state)
{
	struct waiter t = { .map = true, .iova = 7 * PAGE, .size = PAGE };

	(void)state;
	overlap_case(&t, true, -EFAULT, 0);
}

static void test_disjoint_map_does_not_wait(void **state)
{
	struct waiter t = { .map = true, .iova = 8 * PAGE, .size = PAGE };

	(void)state;
	overlap_case(&t, false, 0, 0);
}

static void test_unmap_waits_for_the_mapping(void **state)
{
	struct waiter t = { .iova = 0, .size = 8 * PAGE };

	(void)state;
	overlap_case(&t, false, 0, 0);
	assert_true(t.unmapped == 8 * PAGE);
}

static void test_unmap_waits_for_a_mapping_that_fails(void **state)
{
	struct waiter t = { .iova = 0, .size = 8 * PAGE };

	(void)state;
	overlap_case(&t, true, -EFAULT, 0);
	assert_true(t.unmapped == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_short_unmap_keeps_pages_pinned),
		cmocka_unit_test(test_second_attempt_frees_what_the_first_left),
		cmocka_unit_test(test_only_the_mappings_concerned_are_stuck),
		cmocka_unit_test(test_stuck_in_one_domain_of_two),
		cmocka_unit_test(test_failed_map_whose_undo_is_stuck),
		cmocka_unit_test(test_failed_batch_is_stuck_in_the_first_domain),
		cmocka_unit_test(test_last_domain_leaves_while_a_mapping_is_made),
		cmocka_unit_test(test_attach_while_a_mapping_is_made),
		cmocka_unit_test(test_overlapping_map_waits_and_finds_it),
		cmocka_unit_test(test_overlapping_map_waits_and_finds_it_failed),
		cmocka_unit_test(test_disjoint_map_does_not_wait),
		cmocka_unit_test(test_unmap_waits_for_the_mapping),
		cmocka_unit_test(test_unmap_waits_for_a_mapping_that_fails),
	};

	return cmocka_run_group_tests_name("stuck", tests, NULL, NULL);
}
