// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Runs: how they are packed, batched and kept. */
#include "core/runs.h"
#include "tests/support/world.h"

static void test_run_holds_the_largest_values(void **state)
{
	u64 pfn = (1ull << 43) - 1;
	mf_run r = mf_run_make(pfn, MF_CHUNK_PAGES, MF_RUN_FOREIGN);

	(void)state;
	assert_true(mf_run_pfn(r) == pfn);
	assert_true(mf_run_pages(r) == MF_CHUNK_PAGES);
	assert_true(mf_run_foreign(r) && !mf_run_whole(r));
	r = mf_run_make(pfn, MF_CHUNK_PAGES, MF_RUN_WHOLE);
	assert_true(mf_run_pfn(r) == pfn && mf_run_pages(r) == MF_CHUNK_PAGES);
	assert_true(!mf_run_foreign(r) && mf_run_whole(r));
	r = mf_run_make(0, 1, 0);
	assert_true(mf_run_pfn(r) == 0 && mf_run_pages(r) == 1);
	assert_true(!mf_run_foreign(r) && !mf_run_whole(r));
}

static void test_batch_joins_neighbours_only(void **state)
{
	mf_run runs[8];
	struct mf_batch b = { .runs = runs, .max = 8 };

	(void)state;
	mf_batch_add(&b, 100, 2, 0);
	mf_batch_add(&b, 102, 3, 0);			/* follows */
	mf_batch_add(&b, 105, 1, MF_RUN_FOREIGN);	/* follows, but foreign */
	mf_batch_add(&b, 106, 1, MF_RUN_FOREIGN);
	mf_batch_add(&b, 90, 1, MF_RUN_FOREIGN);	/* elsewhere */
	mf_batch_add(&b, 90, 1, MF_RUN_FOREIGN);	/* the same page again */
	assert_int_equal(b.nr, 4);
	assert_true(runs[0] == mf_run_make(100, 5, 0));
	assert_true(runs[1] == mf_run_make(105, 2, MF_RUN_FOREIGN));
	assert_true(runs[2] == mf_run_make(90, 1, MF_RUN_FOREIGN));
	assert_true(b.pages == 9 && b.foreign == 4);
	assert_int_equal(mf_batch_room(&b), 4);
	assert_true(mf_batch_fit(&b, 1000) == 1000);
}

static void test_batch_keeps_whole_pages_apart(void **state)
{
	mf_run runs[8];
	struct mf_batch b = { .runs = runs, .max = 8 };

	(void)state;
	mf_batch_add(&b, 0, 512, 0);
	mf_batch_add(&b, 512, 512, MF_RUN_WHOLE);	/* follows, but is held otherwise */
	mf_batch_add(&b, 1024, 512, MF_RUN_WHOLE);
	mf_batch_add(&b, 1536, 100, 0);
	mf_batch_add(&b, 1636, 1, MF_RUN_FOREIGN);
	assert_int_equal(b.nr, 4);
	assert_true(runs[0] == mf_run_make(0, 512, 0));
	assert_true(runs[1] == mf_run_make(512, 1024, MF_RUN_WHOLE));
	assert_true(runs[2] == mf_run_make(1536, 100, 0));
	assert_true(b.pages == 1637 && b.foreign == 1);
}

static void test_single_batch_keeps_pages_apart(void **state)
{
	mf_run runs[4];
	struct mf_batch b = { .runs = runs, .max = 4, .single = true };

	(void)state;
	assert_true(mf_batch_fit(&b, 9) == 4);
	mf_batch_add(&b, 7, 3, 0);
	assert_int_equal(b.nr, 3);
	assert_true(runs[2] == mf_run_make(9, 1, 0));
	assert_true(mf_batch_fit(&b, 9) == 1);
	assert_true(b.pages == 3);
}

static void fill_chunk(struct mf_host *host, struct mf_chunk *k, u32 nr)
{
	u32 i;

	for (i = 0; i < nr; i++) {
		mf_run r = mf_run_make(2 * (u64)i, 1, 0);

		assert_int_equal(mf_chunk_reserve(host, k, 1, 0), 0);
		mf_chunk_append(k, &r, 1);
	}
}

static void test_chunk_grows_and_keeps_order(void **state)
{
	struct world w;
	struct mf_chunk k;
	u32 i;

	(void)state;
	world_init(&w, 1, MF_RAM_CONTIGUOUS);
	mf_chunk_init(&k);
	fill_chunk(&w.host.host, &k, 1);
	assert_true(mf_user_host_live(&w.host).allocations == 0);	/* the first is inside */
	fill_chunk(&w.host.host, &k, 299);
	assert_int_equal(k.nr, 300);
	assert_true(mf_chunk_runs(&k)[0] == mf_run_make(0, 1, 0));
	for (i = 0; i < 299; i++)
		assert_true(mf_run_pfn(mf_chunk_runs(&k)[1 + i]) == 2 * (u64)i);
	assert_true(mf_user_host_calls(&w.host, MF_CALL_ALLOC) <= 10);	/* it doubles */

	mf_chunk_fit(&w.host.host, &k);
	assert_int_equal(k.max, 300);
	assert_true(mf_run_pfn(mf_chunk_runs(&k)[299]) == 2 * 298);
	mf_chunk_fini(&w.host.host, &k);
	assert_int_equal(k.nr, 0);
	check(world_end(&w));
}

static void test_chunk_without_memory_stays_as_it_was(void **state)
{
	struct world w;
	struct mf_chunk k;

	(void)state;
	world_init(&w, 1, MF_RAM_CONTIGUOUS);
	mf_chunk_init(&k);
	fill_chunk(&w.host.host, &k, 100);
	world_fail(&w, 1, true, -ENOMEM);
	assert_int_equal(mf_chunk_reserve(&w.host.host, &k, 1000, 0), -ENOMEM);
	assert_int_equal(k.nr, 100);
	mf_chunk_fit(&w.host.host, &k);
	assert_true(k.max > 100);
	assert_true(mf_run_pfn(mf_chunk_runs(&k)[99]) == 2 * 99);
	mf_chunk_fini(&w.host.host, &k);
	check(world_end(&w));
}

static void test_runs_pages_counts_foreign_apart(void **state)
{
	mf_run runs[] = { mf_run_make(1, 5, 0), mf_run_make(9, 2, MF_RUN_FOREIGN),
			  mf_run_make(20, MF_CHUNK_PAGES, MF_RUN_WHOLE) };
	u64 foreign = 99;

	(void)state;
	assert_true(mf_runs_pages(runs, 3, &foreign) == 7 + MF_CHUNK_PAGES);
	assert_true(foreign == 2);
	assert_true(mf_runs_pages(runs, 0, NULL) == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_run_holds_the_largest_values),
		cmocka_unit_test(test_batch_joins_neighbours_only),
		cmocka_unit_test(test_batch_keeps_whole_pages_apart),
		cmocka_unit_test(test_single_batch_keeps_pages_apart),
		cmocka_unit_test(test_chunk_grows_and_keeps_order),
		cmocka_unit_test(test_chunk_without_memory_stays_as_it_was),
		cmocka_unit_test(test_runs_pages_counts_foreign_apart),
	};

	return cmocka_run_group_tests_name("runs", tests, NULL, NULL);
}
