// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The ledger: what is billed, against plain arrays; what it takes; and that
 * nothing is left of it, whatever fails.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "core/manifold.h"
#include "user/host.h"
#include "user/memory/memory.h"

#define BLOCK		512
#define PACKED_BYTES	512
#define LEAF_BYTES	(4096 + 24)
#define BRANCH_BYTES	1024
#define BITS_BYTES	(512 * BLOCK / 8)
#define DETAIL_BYTES	24

struct books {
	struct mf_user_host host;
	struct mf_owner owner;
	u64 allocs;
	u64 fail_alloc;		/* this alloc from now on, and all that follow */
	int bill_err;
};

static struct books b;

static int hook(void *context, const struct mf_call *call)
{
	struct books *books = context;

	if (call->type == MF_CALL_BILL)
		return books->bill_err;
	if (call->type != MF_CALL_ALLOC)
		return 0;
	return ++books->allocs >= books->fail_alloc && books->fail_alloc ? -ENOMEM : 0;
}

static int setup(void **state)
{
	(void)state;
	memset(&b, 0, sizeof(b));
	mf_user_host_init(&b.host);
	b.host.hook = hook;
	b.host.hook_context = &b;
	mf_owner_init(&b.owner, NULL);
	return 0;
}

static struct mf_ledger_info info(void)
{
	struct mf_ledger_info i;

	mf_get_ledger(&b.host.host, &b.owner, &i);
	return i;
}

/* Nothing is left, and no contract was broken. */
static int teardown(void **state)
{
	struct mf_ledger_info i = info();
	struct mf_user_live live = mf_user_host_live(&b.host);
	u64 misuse = mf_user_host_misuse(&b.host);

	(void)state;
	mf_owner_fini(&b.owner);
	mf_user_host_fini(&b.host);
	return i.pages || i.pins || i.bytes || i.pieces || live.allocations || live.billed ||
	       misuse;
}

static int charge_runs(const mf_run *runs, u64 nr, struct mf_charge *what)
{
	return mf_ledger_charge(&b.host.host, &b.owner, runs, nr, false, what);
}

static void refund_runs(const mf_run *runs, u64 nr)
{
	u64 allocs = b.allocs;

	mf_ledger_refund(&b.host.host, &b.owner, runs, nr);
	assert_true(b.allocs == allocs);
}

/* Charge pages and expect so many to be new. */
static void charge(u64 pfn, u64 pages, u64 fresh)
{
	mf_run run = mf_run_make(pfn, pages, 0);
	struct mf_charge what;

	assert_int_equal(charge_runs(&run, 1, &what), 0);
	assert_true(what.asked == pages && what.fresh == fresh && !what.refused);
}

/* Refund pages and expect so many to have gone. */
static void refund(u64 pfn, u64 pages, u64 gone)
{
	mf_run run = mf_run_make(pfn, pages, 0);
	u64 billed = b.owner.billed;

	refund_runs(&run, 1);
	assert_true(billed - b.owner.billed == gone);
}

static void expect(u64 pages, u64 pins)
{
	struct mf_ledger_info i = info();

	assert_true(i.pages == pages && i.pins == pins);
	assert_true(b.owner.billed == pages);
}

static void test_one_page_takes_no_memory(void **state)
{
	u32 i;

	(void)state;
	for (i = 0; i < 5; i++)
		charge(12345, 1, !i);
	expect(1, 5);
	for (i = 0; i < 5; i++)
		refund(12345, 1, i == 4);
	assert_true(b.allocs == 0);
}

static void test_one_block_takes_no_memory(void **state)
{
	u32 i;

	(void)state;
	for (i = 0; i < 5; i++)
		charge(7 * BLOCK, BLOCK, i ? 0 : BLOCK);
	expect(BLOCK, 5 * BLOCK);
	for (i = 0; i < 5; i++)
		refund(7 * BLOCK, BLOCK, i == 4 ? BLOCK : 0);
	assert_true(b.allocs == 0);
}

/* Nor does one run that is a part of a block. */
static void test_one_run_takes_no_memory(void **state)
{
	u32 i;

	(void)state;
	for (i = 0; i < 5; i++)
		charge(3 * BLOCK + 1, BLOCK - 1, i ? 0 : BLOCK - 1);
	expect(BLOCK - 1, 5 * (BLOCK - 1));
	for (i = 0; i < 5; i++)
		refund(3 * BLOCK + 1, BLOCK - 1, i == 4 ? BLOCK - 1 : 0);
	assert_true(b.allocs == 0);
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
	assert_true(info().bytes == LEAF_BYTES);
	charge(3, 7, 3);
	assert_true(info().bytes == LEAF_BYTES + BITS_BYTES + DETAIL_BYTES + BLOCK);
	expect(7 * n + 3, 7 * n * 3 / 2 + 7);
	/* Those that were charged twice still need no more than their entries. */
	for (i = 2; i < n; i += 2)
		refund(i * BLOCK + i, 7, 0);
	for (i = 0; i < n; i++)
		refund(i * BLOCK + i, 7, i ? 7 : 0);
	expect(10, 14);
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
	bytes = info().bytes;
	charge(9 * BLOCK, BLOCK, BLOCK - 16);
	assert_true(info().bytes == bytes + DETAIL_BYTES);
	refund(9 * BLOCK, BLOCK, BLOCK - 16);
	assert_true(info().bytes == bytes);
	charge(9 * BLOCK, BLOCK, BLOCK - 16);
	refund(9 * BLOCK + 8, 8, 0);
	refund(9 * BLOCK + 80, 8, 0);
	assert_true(info().bytes == bytes);
	refund(9 * BLOCK, BLOCK, BLOCK);
}

/* A GiB of 2 MiB pages that is one run, or many: a byte each. */
static void test_large_pages_take_a_byte_each(void **state)
{
	u64 pages = 512 * BLOCK, i;

	(void)state;
	charge(pages, pages - BLOCK, pages - BLOCK);
	charge(2 * pages - BLOCK, BLOCK, BLOCK);
	assert_true(info().bytes == PACKED_BYTES && info().pieces == 1);
	for (i = 0; i < 512; i++)
		charge(pages + i * BLOCK, BLOCK, 0);
	assert_true(info().bytes == PACKED_BYTES);
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
	assert_true(info().bytes == PACKED_BYTES);
	/* Alone in its block, and a part of one that is charged whole. */
	charge(first + 5 * BLOCK + 3, 9, 9);
	assert_true(info().bytes == LEAF_BYTES && info().pieces == 2);
	charge(first + 7 * BLOCK - 1, 2, 2);
	charge(first + 2 * BLOCK + 3, 9, 0);
	expect(3 * BLOCK + 11, 5 * BLOCK + 20);
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
		assert_int_equal(charge_runs(two, 2, &what), 0);
		assert_true(what.asked == 3 * BLOCK && what.fresh == (i ? 0 : 3 * BLOCK));
		assert_true(info().bytes == (i < 255 ? PACKED_BYTES : LEAF_BYTES));
	}
	for (i = 0; i < n; i++)
		refund_runs(two, 2);
	assert_true(info().pieces == 0);

	/* The only block, and then there is another. */
	for (n = 255; n <= 256; n++) {
		for (i = 0; i < n; i++)
			charge(BLOCK, BLOCK, i ? 0 : BLOCK);
		charge(2 * BLOCK, BLOCK, BLOCK);
		assert_true(info().bytes == (n == 255 ? PACKED_BYTES : LEAF_BYTES));
		expect(2 * BLOCK, (n + 1) * BLOCK);
		for (i = 0; i < n; i++)
			refund(BLOCK, BLOCK, i + 1 == n ? BLOCK : 0);
		refund(2 * BLOCK, BLOCK, BLOCK);
	}

	/* One of a run's blocks has no room for another time, those before it have. */
	for (i = 0; i < 255; i++)
		charge(6 * BLOCK, BLOCK, i ? 0 : BLOCK);
	charge(BLOCK, BLOCK, BLOCK);
	charge(4 * BLOCK, 4 * BLOCK, 3 * BLOCK);
	expect(5 * BLOCK, 260 * BLOCK);
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
		expect((20 + shift) * BLOCK, (60 + shift) * BLOCK);
		refund(first, (20 + shift) * BLOCK, 0);
		refund(first, 20 * BLOCK, shift * BLOCK);
		expect(20 * BLOCK, 20 * BLOCK);
		assert_true(info().bytes == PACKED_BYTES);
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
	assert_int_equal(charge_runs(runs, n, &what), 0);
	assert_true(what.asked == 2 * n * BLOCK && what.fresh == 2 * n * BLOCK);
	assert_true(info().bytes == BRANCH_BYTES + (n + 1) * PACKED_BYTES);
	assert_int_equal(charge_runs(runs, n, &what), 0);
	assert_true(what.fresh == 0);
	expect(2 * n * BLOCK, 4 * n * BLOCK);
	refund_runs(runs, n);
	expect(2 * n * BLOCK, 2 * n * BLOCK);
	refund_runs(runs, n);
}

/* Scattered pages: a bit each. Those that another container has as well: a byte. */
static void test_scattered_pages_take_a_bit_each_and_shared_ones_a_byte(void **state)
{
	u64 i, once, blocks = 64;

	(void)state;
	for (i = 0; i < blocks * BLOCK; i += 2)
		charge(i, 1, 1);
	once = info().bytes;
	assert_true(once == LEAF_BYTES + BITS_BYTES);
	for (i = 0; i < blocks * BLOCK; i += 2)
		charge(i, 1, 0);
	assert_true(info().bytes == once + blocks * (BLOCK + DETAIL_BYTES));
	expect(blocks * BLOCK / 2, blocks * BLOCK);
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
		bytes = info().bytes;
		charge(4, 1, 0);
		assert_true((info().bytes != bytes) == (i == 0 || i == 255));
	}
	for (; i < n; i++) {
		bytes = info().bytes;
		charge(4, 1, 0);
		assert_true((info().bytes != bytes) == (i == 65535));
	}
	expect(5, 5 + n);
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
		expect(12, often[n] + 12);
		refund(500, 12, 11);
		for (i = 0; i < often[n]; i++)
			refund(511, 1, i + 1 == often[n]);
		expect(0, 0);
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
	expect(50, 60);
	charge(BLOCK, BLOCK, BLOCK - 50);
	refund(BLOCK + 100, 30, 0);
	refund(BLOCK + 120, 30, 0);
	expect(BLOCK, BLOCK);
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
		expect(0, 0);
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
	assert_true(info().bytes == 0);

	/* And a single block needs no way to it, wherever it is. */
	charge(1ull << 42, BLOCK, BLOCK);
	assert_true(info().bytes == 0);
	refund(1ull << 42, BLOCK, BLOCK);
}

static void test_foreign_pages_do_not_count(void **state)
{
	mf_run runs[] = { mf_run_make(9, 4, MF_RUN_FOREIGN), mf_run_make(20, 3, 0),
			  mf_run_make(5 * BLOCK, BLOCK, MF_RUN_FOREIGN) };
	struct mf_charge what;

	(void)state;
	assert_int_equal(charge_runs(runs, 3, &what), 0);
	assert_true(what.asked == 3 && what.fresh == 3);
	expect(3, 3);
	refund_runs(runs, 3);
	assert_int_equal(charge_runs(runs, 1, &what), 0);
	assert_true(what.asked == 0 && what.fresh == 0);
	assert_true(mf_user_host_calls(&b.host, MF_CALL_BILL) == 1);
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
	assert_true(b.allocs == 0);
}

/* The limit is for what is new; and what is refused leaves nothing behind. */
static void test_the_limit_is_for_new_pages(void **state)
{
	mf_run runs[] = { mf_run_make(BLOCK + 1, BLOCK, 0), mf_run_make(77, 1, 0) };
	struct mf_charge what;

	(void)state;
	b.owner.limit = BLOCK + 3;
	charge(BLOCK, BLOCK, BLOCK);
	charge(BLOCK, BLOCK, 0);
	charge(77, 1, 1);
	assert_int_equal(charge_runs(runs, 2, &what), 0);
	assert_true(what.asked == BLOCK + 1 && what.fresh == 1);
	expect(BLOCK + 2, 3 * BLOCK + 2);
	refund_runs(runs, 2);

	runs[0] = mf_run_make(BLOCK - 3, BLOCK, 0);
	assert_int_equal(charge_runs(runs, 2, &what), -ENOMEM);
	assert_true(what.refused && what.asked == BLOCK + 1 && what.fresh == 3);
	expect(BLOCK + 1, 2 * BLOCK + 1);
	assert_int_equal(mf_ledger_charge(&b.host.host, &b.owner, runs, 2, true, &what), 0);
	expect(BLOCK + 4, 3 * BLOCK + 2);
	refund_runs(runs, 2);
	refund(77, 1, 1);
	refund(BLOCK, BLOCK, 0);
	refund(BLOCK, BLOCK, BLOCK);
}

static void test_any_error_of_the_bill_is_the_charge_s(void **state)
{
	mf_run run = mf_run_make(BLOCK - 5, 3 * BLOCK, 0);
	struct mf_charge what;

	(void)state;
	b.bill_err = -EINTR;
	assert_int_equal(charge_runs(&run, 1, &what), -EINTR);
	assert_true(what.refused);
	assert_true(info().pieces == 0);
	b.bill_err = 0;
	charge(BLOCK - 5, 3 * BLOCK, 3 * BLOCK);
	/* What is billed already is not asked for. */
	b.bill_err = -EINTR;
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
	assert_int_equal(charge_runs(runs, n, &what), 0);
	assert_true(mf_user_host_calls(&b.host, MF_CALL_BILL) == 1);
	refund_runs(runs, n);
	assert_true(mf_user_host_calls(&b.host, MF_CALL_UNBILL) == 2);
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
			before = info();
			b.allocs = 0;
			b.fail_alloc = nth;
			err = charge_runs(mixed, MIXED, &what);
			b.fail_alloc = 0;
			after = info();
			if (err) {
				assert_int_equal(err, -ENOMEM);
				assert_true(!what.refused);
				assert_true(before.pages == after.pages &&
					    before.pins == after.pins);
				assert_true(i || !after.pieces);
				failed++;
			} else {
				refund_runs(mixed, MIXED);
			}
			befores[i].empty();
			assert_true(info().pieces == 0 && b.owner.billed == 0);
		}
	}
	assert_true(failed >= 20);
}

/* splitmix64 */
static u64 chance(u64 *seed)
{
	u64 z = *seed += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

#define WORLD_PAGES	(8 * BLOCK)
#define HELD		24

/* Part of the pages are close together, part in two far regions. */
static u64 pfn_of(u32 page)
{
	if (page < 4 * BLOCK)
		return page;
	if (page < 6 * BLOCK)
		return (1ull << 30) + page;
	return (1ull << 43) + page * 512ull;
}

struct reference {
	u32 count[WORLD_PAGES];
	u64 pages;
	u64 pins;
};

static struct reference ref;

/* Add (or take) a run in the reference; how many pages have left (are back at) 0. */
static u64 reflect(u32 page, u32 pages, int by)
{
	u64 changed = 0;
	u32 i;

	for (i = page; i < page + pages; i++) {
		changed += by > 0 ? !ref.count[i] : ref.count[i] == 1;
		ref.count[i] += (u32)by;
	}
	ref.pages += by > 0 ? changed : -changed;
	ref.pins += by > 0 ? pages : -(u64)pages;
	return changed;
}

/* What a mapping has, as it will be refunded. */
struct held {
	u32 page;
	u32 pages;
};

/* Charge a stretch by pieces; when one is refused, take back those before it. */
static bool charge_pieces(struct held h, u64 *seed)
{
	u32 done, some;

	for (done = 0; done < h.pages; done += some) {
		struct mf_charge what;
		mf_run run;
		int err;

		some = chance(seed) & 1 ? h.pages : 1 + (u32)chance(seed) % h.pages;
		some = (u32)mf_min(some, h.pages - done);
		run = mf_run_make(pfn_of(h.page + done), some, 0);
		b.allocs = 0;
		b.fail_alloc = chance(seed) % 8 ? 0 : 1 + chance(seed) % 2;
		err = charge_runs(&run, 1, &what);
		b.fail_alloc = 0;
		if (err && done) {
			run = mf_run_make(pfn_of(h.page), done, 0);
			refund_runs(&run, 1);
			reflect(h.page, done, -1);
		}
		if (err)
			return false;
		assert_true(what.asked == some);
		assert_true(what.fresh == reflect(h.page + done, some, 1));
	}
	return true;
}

static struct held any_stretch(u64 *seed)
{
	struct held h;
	u32 end;

	/* Far pages are alone; the others are in stretches, often of whole blocks. */
	h.page = (u32)chance(seed) % WORLD_PAGES;
	if (h.page >= 6 * BLOCK)
		return (struct held){ h.page, 1 };
	end = h.page < 4 * BLOCK ? 4 * BLOCK : 6 * BLOCK;
	if (chance(seed) & 1)
		h.page = h.page / BLOCK * BLOCK;
	switch (chance(seed) % 4) {
	case 0:
		h.pages = 1;
		break;
	case 1:
		h.pages = BLOCK;
		break;
	case 2:
		h.pages = 2 * BLOCK;
		break;
	default:
		h.pages = 1 + (u32)chance(seed) % 700;
		break;
	}
	h.pages = (u32)mf_min(h.pages, end - h.page);
	return h;
}

static void give_back(struct held *h)
{
	mf_run run = mf_run_make(pfn_of(h->page), h->pages, 0);

	refund_runs(&run, 1);
	reflect(h->page, h->pages, -1);
	h->pages = 0;
}

static void test_against_plain_counts(void **state)
{
	struct held held[HELD] = { { 0, 0 } };
	u64 seed = 6;
	u32 i, step;

	(void)state;
	for (step = 0; step < 60000; step++) {
		struct held *h = &held[chance(&seed) % HELD];

		if (h->pages) {
			give_back(h);
		} else {
			*h = any_stretch(&seed);
			if (!charge_pieces(*h, &seed))
				h->pages = 0;
		}
		expect(ref.pages, ref.pins);
		/* Now and then all goes, and with it all memory. */
		for (i = 0; step % 997 == 0 && i < HELD; i++) {
			if (held[i].pages)
				give_back(&held[i]);
		}
		assert_true(ref.pages || !info().pieces);
	}
	for (i = 0; i < HELD; i++) {
		if (held[i].pages)
			give_back(&held[i]);
	}
}

#define BATCH	40

/* A mapping that was charged at once: many runs, as often as not of one kind. */
struct batch {
	struct held part[BATCH];
	mf_run runs[BATCH];
	u32 nr;
};

static struct held any_part(u64 *seed, u32 kind)
{
	u32 page = (u32)(chance(seed) % (6 * BLOCK)), pages, end;

	switch (kind) {
	case 0:
		return (struct held){ page, 1 };
	case 1:
		pages = 1 + (u32)(chance(seed) % (64 - page % 64));
		return (struct held){ page, pages };
	case 2:
		return (struct held){ page / BLOCK * BLOCK, BLOCK };
	case 3:
		end = page < 4 * BLOCK ? 4 * BLOCK : 6 * BLOCK;
		page = page / BLOCK * BLOCK;
		return (struct held){ page, (u32)mf_min(2 * BLOCK, end - page) };
	default:
		return any_stretch(seed);
	}
}

/* Charge a batch, now and then with little memory, and keep it if that was enough. */
static void charge_batch(struct batch *h, u64 *seed, u32 first, u32 kinds)
{
	u32 kind = first + (u32)(chance(seed) % kinds), i;
	struct mf_charge what;
	u64 fresh = 0, asked = 0;
	int err;

	h->nr = 1 + (u32)(chance(seed) % BATCH);
	for (i = 0; i < h->nr; i++) {
		struct held *p = &h->part[i];

		*p = any_part(seed, chance(seed) % 16 ?
			      kind : first + (u32)(chance(seed) % kinds));
		h->runs[i] = mf_run_make(pfn_of(p->page), p->pages,
					 chance(seed) & 1 ? MF_RUN_WHOLE : 0);
	}
	b.allocs = 0;
	b.fail_alloc = chance(seed) % 8 ? 0 : 1 + chance(seed) % 4;
	err = charge_runs(h->runs, h->nr, &what);
	b.fail_alloc = 0;
	if (err) {
		h->nr = 0;
		return;
	}
	for (i = 0; i < h->nr; i++) {
		fresh += reflect(h->part[i].page, h->part[i].pages, 1);
		asked += h->part[i].pages;
	}
	assert_true(what.asked == asked && what.fresh == fresh);
}

static void refund_batch(struct batch *h)
{
	u32 i;

	refund_runs(h->runs, h->nr);
	for (i = 0; i < h->nr; i++)
		reflect(h->part[i].page, h->part[i].pages, -1);
	h->nr = 0;
}

/* By turns of all kinds, of whole blocks alone, which stay packed, and of pages and words. */
static void test_batches_against_plain_counts(void **state)
{
	static const u32 from[] = { 0, 2, 0 }, kinds[] = { 5, 2, 2 };
	static struct batch held[8];
	u32 i, step, turn = 0;
	u64 seed = 11;

	(void)state;
	for (step = 0; step < 40000; step++) {
		struct batch *h = &held[chance(&seed) % 8];

		if (h->nr)
			refund_batch(h);
		else
			charge_batch(h, &seed, from[turn], kinds[turn]);
		expect(ref.pages, ref.pins);
		if (step % 499 == 0) {
			for (i = 0; i < 8; i++)
				refund_batch(&held[i]);
			assert_true(!info().pieces);
			turn = (turn + 1) % 3;
		}
	}
	for (i = 0; i < 8; i++)
		refund_batch(&held[i]);
}

#define LEDGER_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		LEDGER_TEST(test_one_page_takes_no_memory),
		LEDGER_TEST(test_one_block_takes_no_memory),
		LEDGER_TEST(test_one_run_takes_no_memory),
		LEDGER_TEST(test_runs_alone_take_no_bits),
		LEDGER_TEST(test_details_go_when_whole_blocks_do),
		LEDGER_TEST(test_large_pages_take_a_byte_each),
		LEDGER_TEST(test_a_packed_leaf_is_unpacked),
		LEDGER_TEST(test_packed_blocks_are_charged_often),
		LEDGER_TEST(test_long_runs_of_packed_blocks),
		LEDGER_TEST(test_large_pages_in_many_leaves),
		LEDGER_TEST(test_scattered_pages_take_a_bit_each_and_shared_ones_a_byte),
		LEDGER_TEST(test_counters_widen),
		LEDGER_TEST(test_a_page_alone_gets_company),
		LEDGER_TEST(test_parts_of_whole_blocks),
		LEDGER_TEST(test_runs_over_the_edges_of_blocks),
		LEDGER_TEST(test_runs_are_refunded_put_together),
		LEDGER_TEST(test_memory_far_apart),
		LEDGER_TEST(test_foreign_pages_do_not_count),
		LEDGER_TEST(test_runs_of_no_page_do_not_count),
		LEDGER_TEST(test_the_limit_is_for_new_pages),
		LEDGER_TEST(test_any_error_of_the_bill_is_the_charge_s),
		LEDGER_TEST(test_many_refunds_are_one),
		LEDGER_TEST(test_memory_fails_at_every_point),
		LEDGER_TEST(test_against_plain_counts),
		LEDGER_TEST(test_batches_against_plain_counts),
	};

	return cmocka_run_group_tests_name("ledger", tests, NULL, NULL);
}
