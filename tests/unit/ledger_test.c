// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The ledger: what each kind of memory takes, what is billed of it, and that
 * nothing is left, whatever fails. ledger_counts_test.c has it count at random.
 */
#include <stdlib.h>

#include "tests/support/books.h"

#define PACKED_BYTES	512
#define LEAF_BYTES	(4096 + 24)
#define BRANCH_BYTES	1024
#define BITS_BYTES	(512 * BLOCK / 8)
#define DETAIL_BYTES	24

/* Charge pages and expect so many to be new. */
static void charge(u64 pfn, u64 pages, u64 fresh)
{
	mf_run run = mf_run_make(pfn, pages, 0);
	struct mf_charge what;

	assert_int_equal(books_charge(&run, 1, &what), 0);
	assert_true(what.asked == pages && what.fresh == fresh && !what.refused);
}

/* Refund pages and expect so many to have gone. */
static void refund(u64 pfn, u64 pages, u64 gone)
{
	mf_run run = mf_run_make(pfn, pages, 0);
	u64 billed = books.owner.billed;

	books_refund(&run, 1);
	assert_true(billed - books.owner.billed == gone);
}

static void test_one_page_takes_no_memory(void **state)
{
	u32 i;

	(void)state;
	for (i = 0; i < 5; i++)
		charge(12345, 1, !i);
	books_expect(1, 5);
	for (i = 0; i < 5; i++)
		refund(12345, 1, i == 4);
	assert_true(books.allocs == 0);
}

/* A page comes into a ledger that has none, and goes; or another comes first, near or far. */
static void test_the_only_page(void **state)
{
	static const u64 others[] = { 12345, 12346, 12345 + BLOCK, 1ull << 40 };
	u64 fresh;
	u32 i;

	(void)state;
	for (i = 0; i < 4; i++) {
		fresh = others[i] != 12345;
		charge(12345, 1, 1);
		refund(12345, 1, 1);
		charge(12345, 1, 1);
		charge(others[i], 1, fresh);
		books_expect(1 + fresh, 2);
		refund(12345, 1, fresh);
		books_expect(1, 1);
		charge(12345, 1, fresh);
		refund(others[i], 1, fresh);
		refund(12345, 1, 1);
		assert_true(!books_info().pieces);
	}
	charge(12345, 2, 2);
	charge(12345, 1, 0);
	refund(12345, 2, 1);
	refund(12345, 1, 1);
}

static void test_the_only_page_is_foreign(void **state)
{
	mf_run run = mf_run_make(12345, 1, MF_RUN_FOREIGN);
	struct mf_charge what;

	(void)state;
	assert_int_equal(books_charge(&run, 1, &what), 0);
	assert_true(what.asked == 0 && what.fresh == 0);
	books_expect(0, 0);
	charge(12345, 1, 1);
	books_refund(&run, 1);
	books_expect(1, 1);
	refund(12345, 1, 1);
}

static void test_the_only_page_is_refused(void **state)
{
	mf_run run = mf_run_make(12345, 1, 0);
	struct mf_charge what;

	(void)state;
	books.bill_err = -ENOMEM;
	assert_int_equal(books_charge(&run, 1, &what), -ENOMEM);
	assert_true(what.refused && what.asked == 1 && what.fresh == 1);
	books_expect(0, 0);
	books.bill_err = 0;
	charge(54321, 1, 1);
	charge(12345, 1, 1);
	refund(54321, 1, 1);
	refund(12345, 1, 1);
}

static void test_one_block_takes_no_memory(void **state)
{
	u32 i;

	(void)state;
	for (i = 0; i < 5; i++)
		charge(7 * BLOCK, BLOCK, i ? 0 : BLOCK);
	books_expect(BLOCK, 5 * BLOCK);
	for (i = 0; i < 5; i++)
		refund(7 * BLOCK, BLOCK, i == 4 ? BLOCK : 0);
	assert_true(books.allocs == 0);
}

/* Nor does one run that is a part of a block. */
static void test_one_run_takes_no_memory(void **state)
{
	u32 i;

	(void)state;
	for (i = 0; i < 5; i++)
		charge(3 * BLOCK + 1, BLOCK - 1, i ? 0 : BLOCK - 1);
	books_expect(BLOCK - 1, 5 * (BLOCK - 1));
	for (i = 0; i < 5; i++)
		refund(3 * BLOCK + 1, BLOCK - 1, i == 4 ? BLOCK - 1 : 0);
	assert_true(books.allocs == 0);
}

/* A run in each block of some: a leaf and no bits; and then it gets company. */
static void test_runs_alone_take_no_bits(void **state)
{
	u32 i, n = 100;

	(void)state;
	for (i = 0; i < n; i++)
		charge(i * BLOCK + i, 7, 7);
	for (i = 0; i < n; i += 2)
		charge(i * BLOCK + i, 7, 0);
	assert_true(books_info().bytes == LEAF_BYTES);
	charge(3, 7, 3);
	assert_true(books_info().bytes == LEAF_BYTES + BITS_BYTES + DETAIL_BYTES + BLOCK);
	books_expect(7 * n + 3, 7 * n * 3 / 2 + 7);
	/* Those that were charged twice still need no more than their entries. */
	for (i = 2; i < n; i += 2)
		refund(i * BLOCK + i, 7, 0);
	for (i = 0; i < n; i++)
		refund(i * BLOCK + i, 7, i ? 7 : 0);
	books_expect(10, 14);
	refund(3, 7, 3);
	refund(0, 7, 7);
}

/* A detail goes when it says nothing that the bits don't. */
static void test_details_go_when_whole_blocks_do(void **state)
{
	u64 bytes;

	(void)state;
	charge(9 * BLOCK + 8, 8, 8);
	charge(9 * BLOCK + 80, 8, 8);
	bytes = books_info().bytes;
	charge(9 * BLOCK, BLOCK, BLOCK - 16);
	assert_true(books_info().bytes == bytes + DETAIL_BYTES);
	refund(9 * BLOCK, BLOCK, BLOCK - 16);
	assert_true(books_info().bytes == bytes);
	charge(9 * BLOCK, BLOCK, BLOCK - 16);
	refund(9 * BLOCK + 8, 8, 0);
	refund(9 * BLOCK + 80, 8, 0);
	assert_true(books_info().bytes == bytes);
	refund(9 * BLOCK, BLOCK, BLOCK);
}

/* A GiB of 2 MiB pages that is one run, or many: a byte each. */
static void test_large_pages_take_a_byte_each(void **state)
{
	u64 pages = 512 * BLOCK, i;

	(void)state;
	charge(pages, pages - BLOCK, pages - BLOCK);
	charge(2 * pages - BLOCK, BLOCK, BLOCK);
	assert_true(books_info().bytes == PACKED_BYTES && books_info().pieces == 1);
	for (i = 0; i < 512; i++)
		charge(pages + i * BLOCK, BLOCK, 0);
	assert_true(books_info().bytes == PACKED_BYTES);
	for (i = 0; i < 512; i++)
		refund(pages + i * BLOCK, BLOCK, 0);
	refund(pages, pages, pages);
}

/* A packed leaf gets pages that are no whole block: it is unpacked, and nothing is lost. */
static void test_a_packed_leaf_is_unpacked(void **state)
{
	u64 first = 1000 * 512 * BLOCK, i;

	(void)state;
	charge(first, 3 * BLOCK, 3 * BLOCK);
	charge(first + BLOCK, 2 * BLOCK, 0);
	assert_true(books_info().bytes == PACKED_BYTES);
	/* Alone in its block, and a part of one that is charged whole. */
	charge(first + 5 * BLOCK + 3, 9, 9);
	assert_true(books_info().bytes == LEAF_BYTES && books_info().pieces == 2);
	charge(first + 7 * BLOCK - 1, 2, 2);
	charge(first + 2 * BLOCK + 3, 9, 0);
	books_expect(3 * BLOCK + 11, 5 * BLOCK + 20);
	/* Whole ones go on to be counted, and others come. */
	charge(first + BLOCK, 4 * BLOCK, 2 * BLOCK);
	refund(first + BLOCK, 2 * BLOCK, 0);
	refund(first + BLOCK, 4 * BLOCK, 2 * BLOCK);
	refund(first, 3 * BLOCK, 3 * BLOCK - 9);
	for (i = 0; i < 3; i++)
		charge(first + 5 * BLOCK, BLOCK, i ? 0 : BLOCK - 9);
	refund(first + 5 * BLOCK + 3, 9, 0);
	for (i = 0; i < 3; i++)
		refund(first + 5 * BLOCK, BLOCK, i == 2 ? BLOCK : 0);
	refund(first + 7 * BLOCK - 1, 2, 2);
	refund(first + 2 * BLOCK + 3, 9, 9);
}

/* A byte holds 255, whichever way it came to be. */
static void test_packed_blocks_are_charged_often(void **state)
{
	mf_run two[] = { mf_run_make(BLOCK, BLOCK, MF_RUN_WHOLE),
			 mf_run_make(2 * BLOCK, 2 * BLOCK, MF_RUN_WHOLE) };
	struct mf_charge what;
	u32 i, n = 300;

	(void)state;
	for (i = 0; i < n; i++) {
		assert_int_equal(books_charge(two, 2, &what), 0);
		assert_true(what.asked == 3 * BLOCK && what.fresh == (i ? 0 : 3 * BLOCK));
		assert_true(books_info().bytes == (i < 255 ? PACKED_BYTES : LEAF_BYTES));
	}
	for (i = 0; i < n; i++)
		books_refund(two, 2);
	assert_true(books_info().pieces == 0);

	/* The only block, and then there is another. */
	for (n = 255; n <= 256; n++) {
		for (i = 0; i < n; i++)
			charge(BLOCK, BLOCK, i ? 0 : BLOCK);
		charge(2 * BLOCK, BLOCK, BLOCK);
		assert_true(books_info().bytes == (n == 255 ? PACKED_BYTES : LEAF_BYTES));
		books_expect(2 * BLOCK, (n + 1) * BLOCK);
		for (i = 0; i < n; i++)
			refund(BLOCK, BLOCK, i + 1 == n ? BLOCK : 0);
		refund(2 * BLOCK, BLOCK, BLOCK);
	}

	/* One of a run's blocks has no room for another time, those before it have. */
	for (i = 0; i < 255; i++)
		charge(6 * BLOCK, BLOCK, i ? 0 : BLOCK);
	charge(BLOCK, BLOCK, BLOCK);
	charge(4 * BLOCK, 4 * BLOCK, 3 * BLOCK);
	books_expect(5 * BLOCK, 260 * BLOCK);
	refund(4 * BLOCK, 4 * BLOCK, 3 * BLOCK);
	for (i = 0; i < 255; i++)
		refund(6 * BLOCK, BLOCK, i == 254 ? BLOCK : 0);
	refund(BLOCK, BLOCK, BLOCK);
}

/* Runs that are longer than what is done at a time, and overlap in every way. */
static void test_long_runs_of_packed_blocks(void **state)
{
	u64 first = 77 * BLOCK, shift;

	(void)state;
	for (shift = 0; shift <= 20; shift++) {
		charge(first, 20 * BLOCK, 20 * BLOCK);
		charge(first + shift * BLOCK, 20 * BLOCK, shift * BLOCK);
		charge(first, (20 + shift) * BLOCK, 0);
		books_expect((20 + shift) * BLOCK, (60 + shift) * BLOCK);
		refund(first, (20 + shift) * BLOCK, 0);
		refund(first, 20 * BLOCK, shift * BLOCK);
		books_expect(20 * BLOCK, 20 * BLOCK);
		assert_true(books_info().bytes == PACKED_BYTES);
		refund(first + shift * BLOCK, 20 * BLOCK, 20 * BLOCK);
	}
}

/* Huge pages far apart: a byte a block where they are, and a branch. */
static void test_large_pages_in_many_leaves(void **state)
{
	u64 leaf = 512 * BLOCK, n = 6, i;
	mf_run runs[6];
	struct mf_charge what;

	(void)state;
	for (i = 0; i < n; i++)
		runs[i] = mf_run_make((n - i) * leaf - BLOCK, 2 * BLOCK, i & MF_RUN_WHOLE);
	assert_int_equal(books_charge(runs, n, &what), 0);
	assert_true(what.asked == 2 * n * BLOCK && what.fresh == 2 * n * BLOCK);
	assert_true(books_info().bytes == BRANCH_BYTES + (n + 1) * PACKED_BYTES);
	assert_int_equal(books_charge(runs, n, &what), 0);
	assert_true(what.fresh == 0);
	books_expect(2 * n * BLOCK, 4 * n * BLOCK);
	books_refund(runs, n);
	books_expect(2 * n * BLOCK, 2 * n * BLOCK);
	books_refund(runs, n);
}

/* Scattered pages: a bit each. Those that another container has as well: a byte. */
static void test_scattered_pages_take_a_bit_each_and_shared_ones_a_byte(void **state)
{
	u64 i, once, blocks = 64;

	(void)state;
	for (i = 0; i < blocks * BLOCK; i += 2)
		charge(i, 1, 1);
	once = books_info().bytes;
	assert_true(once == LEAF_BYTES + BITS_BYTES);
	for (i = 0; i < blocks * BLOCK; i += 2)
		charge(i, 1, 0);
	assert_true(books_info().bytes == once + blocks * (BLOCK + DETAIL_BYTES));
	books_expect(blocks * BLOCK / 2, blocks * BLOCK);
	for (i = 0; i < blocks * BLOCK; i += 2)
		refund(i, 1, 0);
	for (i = 0; i < blocks * BLOCK; i += 2)
		refund(i, 1, 1);
}

/* Counts go beyond what bytes, and then what pairs of them, hold; and come back. */
static void test_counters_widen(void **state)
{
	u32 i, n = 70000;
	u64 bytes;

	(void)state;
	charge(3, 5, 5);
	for (i = 0; i < 257; i++) {
		bytes = books_info().bytes;
		charge(4, 1, 0);
		assert_true((books_info().bytes != bytes) == (i == 0 || i == 255));
	}
	for (; i < n; i++) {
		bytes = books_info().bytes;
		charge(4, 1, 0);
		assert_true((books_info().bytes != bytes) == (i == 65535));
	}
	books_expect(5, 5 + n);
	charge(5, 2, 0);
	refund(5, 2, 0);
	for (i = 0; i < n; i++)
		refund(4, 1, 0);
	refund(3, 5, 5);
}

/* The only page of a block, often pinned, gets company. */
static void test_a_page_alone_gets_company(void **state)
{
	static const u32 often[] = { 1, 2, 256, 257, 65536, 65537, 66000 };
	u32 i, n;

	(void)state;
	for (n = 0; n < sizeof(often) / sizeof(often[0]); n++) {
		for (i = 0; i < often[n]; i++)
			charge(511, 1, !i);
		charge(500, 12, 11);
		books_expect(12, often[n] + 12);
		refund(500, 12, 11);
		for (i = 0; i < often[n]; i++)
			refund(511, 1, i + 1 == often[n]);
		books_expect(0, 0);
	}
}

static void test_parts_of_whole_blocks(void **state)
{
	(void)state;
	charge(BLOCK, BLOCK, BLOCK);
	charge(BLOCK + 100, 30, 0);
	charge(BLOCK + 120, 30, 0);
	charge(BLOCK, BLOCK, 0);
	refund(BLOCK, BLOCK, 0);
	refund(BLOCK, BLOCK, BLOCK - 50);
	books_expect(50, 60);
	charge(BLOCK, BLOCK, BLOCK - 50);
	refund(BLOCK + 100, 30, 0);
	refund(BLOCK + 120, 30, 0);
	books_expect(BLOCK, BLOCK);
	refund(BLOCK, BLOCK, BLOCK);
}

static void test_runs_over_the_edges_of_blocks(void **state)
{
	(void)state;
	charge(BLOCK - 1, 2, 2);
	charge(BLOCK - 1, BLOCK + 2, BLOCK);
	charge(1, 3 * BLOCK, 3 * BLOCK - (BLOCK + 2));
	refund(BLOCK - 1, BLOCK + 2, 0);
	refund(1, 3 * BLOCK, 3 * BLOCK - 2);
	refund(BLOCK - 1, 2, 2);
}

/* Charged piece by piece, as batches come; refunded as the mapping has them. */
static void test_runs_are_refunded_put_together(void **state)
{
	u32 i;

	(void)state;
	for (i = 0; i < 8; i++)
		charge(i * 192, 192, 192);
	refund(0, 8 * 192, 8 * 192);

	/* With the whole block charged as well, in any order. */
	for (i = 0; i < 4; i++) {
		charge(0, 300, i & 1 ? 300 : 300);
		charge(300, 212, 212);
		charge(0, BLOCK, 0);
		charge(17, 1, 0);
		refund(0, BLOCK, 0);
		if (i & 1)
			refund(17, 1, 0);
		refund(0, BLOCK, i & 1 ? BLOCK : BLOCK - 1);
		if (!(i & 1))
			refund(17, 1, 1);
		books_expect(0, 0);
	}
}

static void test_memory_far_apart(void **state)
{
	static const u64 places[] = { 5, 1ull << 18, 1ull << 26, (1ull << 26) + (1ull << 18),
				      1ull << 34, 1ull << 42, (1ull << 44) - 1, 6 };
	u32 i, n = sizeof(places) / sizeof(places[0]);

	(void)state;
	for (i = 0; i < n; i++)
		charge(places[i], 1, 1);
	for (i = 0; i < n; i++)
		charge(places[i], 1, 0);
	for (i = 0; i < n; i++)
		refund(places[i], 1, 0);
	for (i = 0; i < n; i++)
		refund(places[i], 1, 1);
	assert_true(books_info().bytes == 0);

	/* And a single block needs no way to it, wherever it is. */
	charge(1ull << 42, BLOCK, BLOCK);
	assert_true(books_info().bytes == 0);
	refund(1ull << 42, BLOCK, BLOCK);
}

static void test_foreign_pages_do_not_count(void **state)
{
	mf_run runs[] = { mf_run_make(9, 4, MF_RUN_FOREIGN), mf_run_make(20, 3, 0),
			  mf_run_make(5 * BLOCK, BLOCK, MF_RUN_FOREIGN) };
	struct mf_charge what;

	(void)state;
	assert_int_equal(books_charge(runs, 3, &what), 0);
	assert_true(what.asked == 3 && what.fresh == 3);
	books_expect(3, 3);
	books_refund(runs, 3);
	assert_int_equal(books_charge(runs, 1, &what), 0);
	assert_true(what.asked == 0 && what.fresh == 0);
	assert_true(mf_user_host_calls(&books.host, MF_CALL_BILL) == 1);
}

/* What is left of a run that was charged before may be nothing. */
static void test_runs_of_no_page_do_not_count(void **state)
{
	(void)state;
	charge(7, 0, 0);
	charge(BLOCK, 0, 0);
	charge(7, 2, 2);
	charge(9, 0, 0);
	refund(7, 2, 2);
	assert_true(books.allocs == 0);
}

/* The limit is for what is new; and what is refused leaves nothing behind. */
static void test_the_limit_is_for_new_pages(void **state)
{
	mf_run runs[] = { mf_run_make(BLOCK + 1, BLOCK, 0), mf_run_make(77, 1, 0) };
	struct mf_charge what;

	(void)state;
	books.owner.limit = BLOCK + 3;
	charge(BLOCK, BLOCK, BLOCK);
	charge(BLOCK, BLOCK, 0);
	charge(77, 1, 1);
	assert_int_equal(books_charge(runs, 2, &what), 0);
	assert_true(what.asked == BLOCK + 1 && what.fresh == 1);
	books_expect(BLOCK + 2, 3 * BLOCK + 2);
	books_refund(runs, 2);

	runs[0] = mf_run_make(BLOCK - 3, BLOCK, 0);
	assert_int_equal(books_charge(runs, 2, &what), -ENOMEM);
	assert_true(what.refused && what.asked == BLOCK + 1 && what.fresh == 3);
	books_expect(BLOCK + 1, 2 * BLOCK + 1);
	assert_int_equal(mf_ledger_charge(&books.host.host, &books.owner, runs, 2, true, &what), 0);
	books_expect(BLOCK + 4, 3 * BLOCK + 2);
	books_refund(runs, 2);
	refund(77, 1, 1);
	refund(BLOCK, BLOCK, 0);
	refund(BLOCK, BLOCK, BLOCK);
}

static void test_any_error_of_the_bill_is_the_charge_s(void **state)
{
	mf_run run = mf_run_make(BLOCK - 5, 3 * BLOCK, 0);
	struct mf_charge what;

	(void)state;
	books.bill_err = -EINTR;
	assert_int_equal(books_charge(&run, 1, &what), -EINTR);
	assert_true(what.refused);
	assert_true(books_info().pieces == 0);
	books.bill_err = 0;
	charge(BLOCK - 5, 3 * BLOCK, 3 * BLOCK);
	/* What is billed already is not asked for. */
	books.bill_err = -EINTR;
	charge(BLOCK, BLOCK, 0);
	refund(BLOCK, BLOCK, 0);
	refund(BLOCK - 5, 3 * BLOCK, 3 * BLOCK);
}

/* Many runs are refunded by few bills, and not all under one lock. */
static void test_many_refunds_are_one(void **state)
{
	u64 n = 100000, i;
	mf_run *runs = calloc(n, sizeof(*runs));
	struct mf_charge what;

	(void)state;
	for (i = 0; i < n; i++)
		runs[i] = mf_run_make(i * 3, 1, 0);
	assert_int_equal(books_charge(runs, n, &what), 0);
	assert_true(mf_user_host_calls(&books.host, MF_CALL_BILL) == 1);
	books_refund(runs, n);
	assert_true(mf_user_host_calls(&books.host, MF_CALL_UNBILL) == 2);
	free(runs);
}

/* A charge that meets every kind of entry, and makes one of each. */
static const mf_run mixed[] = {
	1000ull * BLOCK << MF_RUN_PFN_SHIFT | 3ull * BLOCK << MF_RUN_COUNT_SHIFT,
	(1ull << 40) << MF_RUN_PFN_SHIFT | 1ull << MF_RUN_COUNT_SHIFT,
	5ull << MF_RUN_PFN_SHIFT | 1ull << MF_RUN_COUNT_SHIFT,
	6ull << MF_RUN_PFN_SHIFT | 600ull << MF_RUN_COUNT_SHIFT,
	(3ull * BLOCK + 7) << MF_RUN_PFN_SHIFT | 9ull << MF_RUN_COUNT_SHIFT,
	(5ull * BLOCK + 1) << MF_RUN_PFN_SHIFT | 20ull << MF_RUN_COUNT_SHIFT,
	6ull * BLOCK << MF_RUN_PFN_SHIFT | (u64)BLOCK << MF_RUN_COUNT_SHIFT,
};

#define MIXED (sizeof(mixed) / sizeof(mixed[0]))

/* What is there before: a page alone, a whole block, parts at the edge of a width. */
static void fill_before(void)
{
	u32 i;

	charge(5, 1, 1);
	charge(3 * BLOCK, BLOCK, BLOCK);
	for (i = 0; i < 256; i++)
		charge(5 * BLOCK + 4, 2, i ? 0 : 2);
	for (i = 0; i < 300; i++)
		charge(6 * BLOCK + 9, 1, !i);
}

/* Whole blocks alone: packed, and one of them as often as that will do. */
static void pack_before(void)
{
	u32 i;

	for (i = 0; i < 255; i++)
		charge(6 * BLOCK, BLOCK, i ? 0 : BLOCK);
	charge(999 * BLOCK, 3 * BLOCK, 3 * BLOCK);
	charge(3 * BLOCK, BLOCK, BLOCK);
}

static void unpack_before(void)
{
	u32 i;

	for (i = 0; i < 255; i++)
		refund(6 * BLOCK, BLOCK, i == 254 ? BLOCK : 0);
	refund(999 * BLOCK, 3 * BLOCK, 3 * BLOCK);
	refund(3 * BLOCK, BLOCK, BLOCK);
}

static void nothing_before(void)
{
}

static void empty_before(void)
{
	u32 i;

	refund(5, 1, 1);
	refund(3 * BLOCK, BLOCK, BLOCK);
	for (i = 0; i < 256; i++)
		refund(5 * BLOCK + 4, 2, i == 255 ? 2 : 0);
	for (i = 0; i < 300; i++)
		refund(6 * BLOCK + 9, 1, i == 299);
}

static void test_memory_fails_at_every_point(void **state)
{
	static const struct {
		void (*fill)(void);
		void (*empty)(void);
	} befores[] = {
		{ nothing_before, nothing_before },
		{ fill_before, empty_before },
		{ pack_before, unpack_before },
	};
	struct mf_ledger_info before, after;
	struct mf_charge what;
	u64 i, nth, failed = 0;
	int err;

	(void)state;
	for (i = 0; i < 3; i++) {
		for (nth = 1, err = -ENOMEM; err; nth++) {
			befores[i].fill();
			before = books_info();
			books.allocs = 0;
			books.fail_alloc = nth;
			err = books_charge(mixed, MIXED, &what);
			books.fail_alloc = 0;
			after = books_info();
			if (err) {
				assert_int_equal(err, -ENOMEM);
				assert_true(!what.refused);
				assert_true(before.pages == after.pages &&
					    before.pins == after.pins);
				assert_true(i || !after.pieces);
				failed++;
			} else {
				books_refund(mixed, MIXED);
			}
			befores[i].empty();
			assert_true(books_info().pieces == 0 && books.owner.billed == 0);
		}
	}
	assert_true(failed >= 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOOKS_TEST(test_one_page_takes_no_memory),
		BOOKS_TEST(test_the_only_page),
		BOOKS_TEST(test_the_only_page_is_foreign),
		BOOKS_TEST(test_the_only_page_is_refused),
		BOOKS_TEST(test_one_block_takes_no_memory),
		BOOKS_TEST(test_one_run_takes_no_memory),
		BOOKS_TEST(test_runs_alone_take_no_bits),
		BOOKS_TEST(test_details_go_when_whole_blocks_do),
		BOOKS_TEST(test_large_pages_take_a_byte_each),
		BOOKS_TEST(test_a_packed_leaf_is_unpacked),
		BOOKS_TEST(test_packed_blocks_are_charged_often),
		BOOKS_TEST(test_long_runs_of_packed_blocks),
		BOOKS_TEST(test_large_pages_in_many_leaves),
		BOOKS_TEST(test_scattered_pages_take_a_bit_each_and_shared_ones_a_byte),
		BOOKS_TEST(test_counters_widen),
		BOOKS_TEST(test_a_page_alone_gets_company),
		BOOKS_TEST(test_parts_of_whole_blocks),
		BOOKS_TEST(test_runs_over_the_edges_of_blocks),
		BOOKS_TEST(test_runs_are_refunded_put_together),
		BOOKS_TEST(test_memory_far_apart),
		BOOKS_TEST(test_foreign_pages_do_not_count),
		BOOKS_TEST(test_runs_of_no_page_do_not_count),
		BOOKS_TEST(test_the_limit_is_for_new_pages),
		BOOKS_TEST(test_any_error_of_the_bill_is_the_charge_s),
		BOOKS_TEST(test_many_refunds_are_one),
		BOOKS_TEST(test_memory_fails_at_every_point),
	};

	return cmocka_run_group_tests_name("ledger", tests, NULL, NULL);
}
