// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * How a mapping is filled: its runs are as long as memory is contiguous, and
 * no request makes more calls than its budget (design: flows and what they
 * may cost).
 */
#include "tests/support/world.h"

#define RW (MF_READ | MF_WRITE)

static void setup(struct world *w, u64 pages, enum mf_ram_layout layout)
{
	world_init(w, pages, layout);
	world_open(w, MF_TYPE1V2, 100);
	assert_int_equal(mf_attach(w->c, world_group(w, world_unit(w, &world_plain)), 0, NULL), 0);
}

static u64 calls(struct world *w, enum mf_call_type type)
{
	return mf_user_host_calls(&w->host, type);
}

static u64 runs_of(struct world *w, u64 iova)
{
	struct mf_mapping_info m;

	assert_true(mf_next_mapping(w->c, iova, &m));
	return m.runs;
}

static void test_contiguous_gigabyte_is_one_run(void **state)
{
	struct world w;

	(void)state;
	setup(&w, GIB / PAGE, MF_RAM_CONTIGUOUS);
	assert_int_equal(world_map(&w, GIB, VADDR, GIB, RW, NULL), 0);
	assert_true(runs_of(&w, GIB) == 1);
	assert_true(calls(&w, MF_CALL_DOMAIN_MAP) == 1);
	assert_true(calls(&w, MF_CALL_PIN) == 1);
	check(world_end(&w));
}

struct one_map {
	u32 maps;
	u64 runs;
};

static int count_maps(void *context, const struct mf_call *call)
{
	struct one_map *o = context;

	if (call->type == MF_CALL_DOMAIN_MAP) {
		o->maps++;
		o->runs += call->amount;
	}
	return 0;
}

/* Pins that yield little do not make runs short. */
static void test_short_pins_do_not_cut_runs(void **state)
{
	static const u64 most[] = { 1, 3, 7, 511 };
	struct one_map o;
	struct world w;
	u32 i;

	(void)state;
	for (i = 0; i < 4; i++) {
		setup(&w, 16384, MF_RAM_CONTIGUOUS);
		w.owner[0]->pin_most = most[i];
		o = (struct one_map){ 0 };
		w.watch = count_maps;
		w.watch_context = &o;
		assert_int_equal(world_map(&w, 0, VADDR, 16384 * PAGE, RW, NULL), 0);
		assert_int_equal(o.maps, 1);
		assert_true(o.runs == 1);
		check(world_end(&w));
	}
}

static void test_chunks_end_at_a_gigabyte(void **state)
{
	struct world w;

	(void)state;
	setup(&w, 4096, MF_RAM_CONTIGUOUS);
	assert_int_equal(world_map(&w, GIB - 1024 * PAGE, VADDR, 4096 * PAGE, RW, NULL), 0);
	assert_true(runs_of(&w, 0) == 2);
	assert_true(calls(&w, MF_CALL_DOMAIN_MAP) == 2);
	check(world_check_domains(&w, w.c));
	check(world_end(&w));
}

static void test_run_as_long_as_a_chunk_and_one_page_more(void **state)
{
	u64 pages = GIB / PAGE + 1;
	struct world w;

	(void)state;
	setup(&w, pages, MF_RAM_CONTIGUOUS);
	assert_int_equal(world_map(&w, 0, VADDR, pages * PAGE, RW, NULL), 0);
	assert_true(runs_of(&w, 0) == 2);
	assert_true(calls(&w, MF_CALL_DOMAIN_MAP) == 2);
	check(world_end(&w));
}

/*
 * Blocks of 64 KiB in an order of chance: a unit that maps nothing smaller
 * takes them only if no batch cuts one.
 */
static void test_granule_is_never_cut(void **state)
{
	struct mf_model_config coarse = world_plain;
	struct world w;
	u64 most, i;

	(void)state;
	coarse.pgsizes = 64 * KIB;
	for (most = 0; most < 50; most += 1 + most / 4) {
		world_init(&w, 16 * 1200, MF_RAM_CONTIGUOUS);
		world_open(&w, MF_TYPE1V2, 100);
		assert_int_equal(mf_attach(w.c, world_group(&w, world_unit(&w, &coarse)), 0, NULL),
				 0);
		/* Turn the order of the blocks round, so that none follows its neighbour. */
		for (i = 0; i < 16 * 1200; i++) {
			u64 block = 1199 - i / 16;
			u64 base = mf_ram_owner_pfn(w.owner[1], VADDR);

			mf_ram_owner_place(w.owner[0], VADDR + i * PAGE,
					   base + block * 16 + i % 16);
		}
		w.owner[0]->pin_most = most;
		assert_int_equal(world_map(&w, 0, VADDR, 16 * 1200 * PAGE, RW, NULL), 0);
		assert_true(runs_of(&w, 0) == 1200);
		check(world_check_domains(&w, w.c));
		check(world_end(&w));
	}
}

static void test_scattered_gets_one_run_a_page(void **state)
{
	struct world w;
	u64 i;

	(void)state;
	setup(&w, 2000, MF_RAM_CONTIGUOUS);
	for (i = 0; i < 2000; i++)
		mf_ram_owner_place(w.owner[0], VADDR + i * PAGE,
				   mf_ram_owner_pfn(w.owner[1], VADDR) + 1999 - i);
	assert_int_equal(world_map(&w, 0, VADDR, 2000 * PAGE, RW, NULL), 0);
	assert_true(runs_of(&w, 0) == 2000);
	/* In batches of about 500: no call per page. */
	assert_true(calls(&w, MF_CALL_DOMAIN_MAP) <= 2000 / 400 + 1);
	assert_true(calls(&w, MF_CALL_PIN) <= 2 * (2000 / 400) + 2);
	assert_true(calls(&w, MF_CALL_BILL) <= 2000 / 400 + 2);
	assert_true(calls(&w, MF_CALL_DOMAIN_SYNC) == 1);
	check(world_end(&w));
}

/* An allocation fails: the large batch's, which is the first of its size. */
static int refuse_large_batch(void *context, const struct mf_call *call)
{
	bool *refused = context;

	if (call->type != MF_CALL_ALLOC || call->amount != 512 * sizeof(mf_run) || *refused)
		return 0;
	*refused = true;
	return -ENOMEM;
}

static void test_without_memory_small_batches_do(void **state)
{
	bool refused = false;
	struct world w;

	(void)state;
	setup(&w, 1000, MF_RAM_SCATTERED);
	w.watch = refuse_large_batch;
	w.watch_context = &refused;
	assert_int_equal(world_map(&w, 0, VADDR, 1000 * PAGE, RW, NULL), 0);
	assert_true(calls(&w, MF_CALL_DOMAIN_MAP) > 1000 / 40);
	check(world_check_domains(&w, w.c));
	check(world_end(&w));
}

/* A mapping that is live may be unmapped by others: its maker is done with it. */
struct after {
	struct world *w;
	bool refused;
	u32 allocs;
	u32 late;
};

static int see_late_calls(void *context, const struct mf_call *call)
{
	struct after *a = context;

	/* The first of this size is the batch. */
	if (call->type == MF_CALL_ALLOC && call->amount == 512 * sizeof(mf_run) && !a->refused) {
		a->refused = true;
		return -ENOMEM;
	}
	a->allocs += call->type == MF_CALL_ALLOC;
	if (a->w->events[MF_EVENT_MAPPED] && call->type != MF_CALL_FREE)
		a->late++;
	return 0;
}

static void test_live_mapping_is_left_alone(void **state)
{
	struct after after;
	struct world w;

	(void)state;
	setup(&w, 130, MF_RAM_SCATTERED);
	after = (struct after){ .w = &w };
	w.watch = see_late_calls;
	w.watch_context = &after;
	/* In small batches, so that the list of runs grows, and is trimmed at the end. */
	assert_int_equal(world_map(&w, 0, VADDR, 130 * PAGE, RW, NULL), 0);
	assert_true(after.refused && after.allocs >= 5);
	assert_int_equal(after.late, 0);
	w.watch = NULL;
	check(world_end(&w));
}

static void test_small_pages_are_runs_of_one_page_in_leaves_of_one(void **state)
{
	struct mf_model_config other = world_plain;
	struct mf_translation t;
	struct world w;

	(void)state;
	setup(&w, 1024, MF_RAM_CONTIGUOUS);
	assert_int_equal(mf_map(w.c, &w.owner[0]->owner, 0, VADDR, 1024 * PAGE, RW,
				MF_MAP_SMALL_PAGES, NULL), 0);
	assert_true(runs_of(&w, 0) == 1024);
	/* Replay keeps them apart as well. */
	other.kind = 2;
	assert_int_equal(mf_attach(w.c, world_group(&w, world_unit(&w, &other)), 0, NULL), 0);
	assert_int_equal(mf_model_walk(&w.units[1], w.groups[1].domain, 5 * PAGE, &t),
			 MF_FAULT_NONE);
	assert_true(t.span.last - t.span.first + 1 == PAGE);
	check(world_end(&w));
}

static void test_large_leaves_where_memory_allows(void **state)
{
	struct mf_translation t;
	struct world w;

	(void)state;
	setup(&w, 4 * 512, MF_RAM_CLUSTERED);
	assert_int_equal(world_map(&w, 4 * MIB, VADDR, 8 * MIB, RW, NULL), 0);
	assert_int_equal(mf_model_walk(&w.units[0], w.groups[0].domain, 7 * MIB, &t),
			 MF_FAULT_NONE);
	assert_true(t.span.last - t.span.first + 1 == 2 * MIB);
	check(world_end(&w));
}

static void test_foreign_pages_end_a_run(void **state)
{
	struct world w;

	(void)state;
	setup(&w, 16, MF_RAM_CONTIGUOUS);
	mf_ram_reserve(w.ram, mf_ram_owner_pfn(w.owner[0], VADDR + 4 * PAGE), 4);
	assert_int_equal(world_map(&w, 0, VADDR, 16 * PAGE, RW, NULL), 0);
	assert_true(runs_of(&w, 0) == 3);
	assert_true(calls(&w, MF_CALL_DOMAIN_MAP) == 1);
	check(world_end(&w));
}

static void test_budget_of_unmap(void **state)
{
	struct mf_model_config other = world_plain;
	struct world w;
	u64 unmaps, flushes;
	u32 i;

	(void)state;
	setup(&w, 1024, MF_RAM_SCATTERED);
	other.kind = 2;
	assert_int_equal(mf_attach(w.c, world_group(&w, world_unit(&w, &other)), 0, NULL), 0);
	for (i = 0; i < 8; i++)
		assert_int_equal(world_map(&w, i * 128 * PAGE, VADDR + i * 128 * PAGE, 128 * PAGE,
					   RW, NULL), 0);
	unmaps = calls(&w, MF_CALL_DOMAIN_UNMAP);
	flushes = calls(&w, MF_CALL_DOMAIN_FLUSH);
	w.no_alloc = true;
	assert_int_equal(mf_unmap(w.c, 0, 1024 * PAGE, NULL, NULL), 0);
	/* Neighbours go by one call a domain, with one flush a domain. */
	assert_true(calls(&w, MF_CALL_DOMAIN_UNMAP) - unmaps == 2);
	assert_true(calls(&w, MF_CALL_DOMAIN_FLUSH) - flushes == 2);
	assert_true(calls(&w, MF_CALL_UNPIN) == 8);
	assert_true(calls(&w, MF_CALL_UNBILL) == 1);
	assert_int_equal(w.bad_allocs, 0);
	check(world_end(&w));
}

static void test_budget_of_unmap_with_gaps(void **state)
{
	struct world w;
	u32 i;

	(void)state;
	setup(&w, 64, MF_RAM_CONTIGUOUS);
	for (i = 0; i < 8; i++)
		assert_int_equal(world_map(&w, 2 * i * PAGE, VADDR, PAGE, RW, NULL), 0);
	assert_int_equal(mf_unmap_all(w.c, NULL, NULL), 0);
	assert_true(calls(&w, MF_CALL_DOMAIN_UNMAP) == 8);
	assert_true(calls(&w, MF_CALL_DOMAIN_FLUSH) == 1);
	assert_true(calls(&w, MF_CALL_UNBILL) == 1);
	check(world_end(&w));
}

static void test_budget_of_the_bill(void **state)
{
	u64 pages = 192 * MIB / PAGE;
	struct world w;

	(void)state;
	setup(&w, pages, MF_RAM_CONTIGUOUS);
	w.owner[0]->pin_most = 512;
	assert_int_equal(world_map(&w, 0, VADDR, pages * PAGE, RW, NULL), 0);
	/* Not once a call for pages, let alone a run or a page. */
	assert_true(calls(&w, MF_CALL_PIN) == pages / 512);
	assert_true(calls(&w, MF_CALL_BILL) == pages / 16384);
	check(world_end(&w));
}

static void test_budget_of_one_page(void **state)
{
	struct world w;
	u64 allocs;

	(void)state;
	setup(&w, 4, MF_RAM_CONTIGUOUS);
	allocs = calls(&w, MF_CALL_ALLOC);
	assert_int_equal(world_map(&w, 0, VADDR, PAGE, RW, NULL), 0);
	assert_true(calls(&w, MF_CALL_ALLOC) - allocs == 1);
	assert_true(calls(&w, MF_CALL_PIN) == 1 && calls(&w, MF_CALL_BILL) == 1);
	assert_true(calls(&w, MF_CALL_DOMAIN_MAP) == 1 && calls(&w, MF_CALL_DOMAIN_SYNC) == 1);
	check(world_end(&w));
}

static void test_budget_of_detach(void **state)
{
	struct mf_model_config other = world_plain;
	struct world w;
	u32 i;

	(void)state;
	setup(&w, 64, MF_RAM_CONTIGUOUS);
	other.kind = 2;
	assert_int_equal(mf_attach(w.c, world_group(&w, world_unit(&w, &other)), 0, NULL), 0);
	for (i = 0; i < 8; i++)
		assert_int_equal(world_map(&w, 2 * i * PAGE, VADDR, PAGE, RW, NULL), 0);
	/* Domains are dropped whole: nothing is unmapped. */
	mf_detach(w.c, &w.groups[0]);
	mf_detach(w.c, &w.groups[1]);
	assert_true(calls(&w, MF_CALL_DOMAIN_UNMAP) == 0);
	assert_true(calls(&w, MF_CALL_UNBILL) == 1);
	check(world_end(&w));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_contiguous_gigabyte_is_one_run),
		cmocka_unit_test(test_short_pins_do_not_cut_runs),
		cmocka_unit_test(test_chunks_end_at_a_gigabyte),
		cmocka_unit_test(test_run_as_long_as_a_chunk_and_one_page_more),
		cmocka_unit_test(test_granule_is_never_cut),
		cmocka_unit_test(test_scattered_gets_one_run_a_page),
		cmocka_unit_test(test_without_memory_small_batches_do),
		cmocka_unit_test(test_live_mapping_is_left_alone),
		cmocka_unit_test(test_small_pages_are_runs_of_one_page_in_leaves_of_one),
		cmocka_unit_test(test_large_leaves_where_memory_allows),
		cmocka_unit_test(test_foreign_pages_end_a_run),
		cmocka_unit_test(test_budget_of_unmap),
		cmocka_unit_test(test_budget_of_unmap_with_gaps),
		cmocka_unit_test(test_budget_of_the_bill),
		cmocka_unit_test(test_budget_of_one_page),
		cmocka_unit_test(test_budget_of_detach),
	};

	return cmocka_run_group_tests_name("fill", tests, NULL, NULL);
}
