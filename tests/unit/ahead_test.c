// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * A host may want to know what it is about to pin: that it is told of large
 * maps, finds what it answered in each pin, and hears the end once, whatever
 * fails, when there is nothing left that it could be waited for with.
 */
#include "tests/support/world.h"

#define RW	(MF_READ | MF_WRITE)
#define SIZE	(16 * MIB)

/* What the host was told; and where it answers. */
static struct told {
	const struct mf_host_ops *real;
	struct mf_host_ops ops;
	struct world *w;
	bool refuses;
	u32 begun, ended;
	struct mf_owner *owner;
	u64 vaddr, pages;
	u32 prot;
	u64 pins, strange_pins;
	u64 pins_left;
	bool live;
} told;

static struct mf_ahead *answer(void)
{
	return (struct mf_ahead *)&told;
}

static struct mf_ahead *begin(struct mf_host *host, struct mf_owner *owner, u64 vaddr, u64 pages,
			      u32 prot)
{
	(void)host;
	told.begun++;
	told.owner = owner;
	told.vaddr = vaddr;
	told.pages = pages;
	told.prot = prot;
	return told.refuses ? NULL : answer();
}

static void end(struct mf_host *host, struct mf_ahead *ahead)
{
	(void)host;
	assert_ptr_equal(ahead, answer());
	told.ended++;
	told.pins_left = mf_user_host_live(&told.w->host).pins;
	told.live = told.w->events[MF_EVENT_MAPPED];
}

static s64 pin(struct mf_host *host, struct mf_owner *owner, u64 vaddr, u64 pages, u32 prot,
	       struct mf_batch *batch)
{
	bool under_way = told.begun > told.ended && !told.refuses;

	told.pins++;
	told.strange_pins += batch->ahead != (under_way ? answer() : NULL);
	return told.real->pin(host, owner, vaddr, pages, prot, batch);
}

static void setup(struct world *w, enum mf_ram_layout layout)
{
	world_init(w, SIZE / PAGE, layout);
	told = (struct told){ .real = w->host.host.ops, .ops = *w->host.host.ops, .w = w };
	told.ops.ahead_begin = begin;
	told.ops.ahead_end = end;
	told.ops.pin = pin;
	w->host.host.ops = &told.ops;
	world_open(w, MF_TYPE1V2, 100);
	assert_int_equal(mf_attach(w->c, world_group(w, world_unit(w, &world_plain)), 0, NULL), 0);
	w->owner[0]->pin_most = 100;
}

static void test_large_map_is_told(void **state)
{
	struct world w;

	(void)state;
	setup(&w, MF_RAM_SCATTERED);
	assert_int_equal(world_map(&w, GIB, VADDR, SIZE, RW, NULL), 0);
	assert_int_equal(told.begun, 1);
	assert_ptr_equal(told.owner, &w.owner[0]->owner);
	assert_true(told.vaddr == VADDR && told.pages == SIZE / PAGE);
	assert_int_equal(told.prot, RW);
	assert_true(told.pins > SIZE / PAGE / 100);
	assert_int_equal(told.strange_pins, 0);
	assert_int_equal(told.ended, 1);
	/* Nobody waits for a mapping that is there. */
	assert_true(told.live);
	assert_true(told.pins_left == SIZE / PAGE);
	check(world_end(&w));
}

static void test_small_map_is_not(void **state)
{
	struct world w;

	(void)state;
	setup(&w, MF_RAM_SCATTERED);
	assert_int_equal(world_map(&w, GIB, VADDR, SIZE - PAGE, RW, NULL), 0);
	assert_int_equal(told.begun, 0);
	assert_int_equal(told.strange_pins, 0);
	check(world_end(&w));
}

static void test_host_may_not_care(void **state)
{
	struct world w;

	(void)state;
	setup(&w, MF_RAM_SCATTERED);
	told.refuses = true;
	assert_int_equal(world_map(&w, GIB, VADDR, SIZE, RW, NULL), 0);
	assert_int_equal(told.begun, 1);
	assert_int_equal(told.ended, 0);
	assert_int_equal(told.strange_pins, 0);
	check(world_end(&w));
}

/* The pages of a replay are pinned; what a first domain brings to be filled, is under its lock. */
static void test_attach_tells_nothing(void **state)
{
	struct mf_host_group *group;
	struct world w;

	(void)state;
	setup(&w, MF_RAM_CONTIGUOUS);
	group = world_group(&w, world_unit(&w, &world_plain));
	mf_detach(w.c, &w.groups[0]);
	assert_int_equal(mf_attach(w.c, group, MF_ATTACH_EMULATED, NULL), 0);
	assert_int_equal(world_map(&w, GIB, VADDR, SIZE, RW, NULL), 0);
	assert_true(told.pins == 0);
	assert_int_equal(mf_attach(w.c, &w.groups[0], 0, NULL), 0);
	assert_true(told.pins > 0);
	assert_int_equal(told.begun, 0);
	assert_int_equal(told.strange_pins, 0);
	check(world_end(&w));
}

static void test_end_is_told_whatever_fails(void **state)
{
	u32 nth, failures = 0;
	struct world w;
	int err;

	(void)state;
	setup(&w, MF_RAM_CLUSTERED);
	for (nth = 1;; nth++) {
		told.begun = 0;
		told.ended = 0;
		world_fail(&w, nth, false, -EIO);
		err = world_map(&w, GIB, VADDR, SIZE, RW, NULL);
		assert_int_equal(told.begun, told.ended);
		assert_int_equal(told.strange_pins, 0);
		if (!err && !w.failed)
			break;
		if (!err) {
			/* Without memory for large batches, say. */
			assert_int_equal(mf_unmap_all(w.c, NULL, NULL), 0);
			continue;
		}
		failures += told.ended;
		assert_true(told.pins_left == 0);
		check(world_check(&w));
	}
	/* A pin or more for every hundred pages can fail. */
	assert_true(failures > SIZE / PAGE / 100);
	assert_int_equal(told.ended, 1);
	world_fail(&w, 0, false, 0);
	check(world_end(&w));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_large_map_is_told),
		cmocka_unit_test(test_small_map_is_not),
		cmocka_unit_test(test_host_may_not_care),
		cmocka_unit_test(test_attach_tells_nothing),
		cmocka_unit_test(test_end_is_told_whatever_fails),
	};

	return cmocka_run_group_tests_name("ahead", tests, NULL, NULL);
}
