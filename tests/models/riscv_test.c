// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * RISC-V IOMMU, second stage. Every 64-bit word here was put together by hand
 * from the specifications, not by the writer: the walker is held to them, and so
 * is the writer.
 */
#include <stdlib.h>

#include "tests/models/agree.h"
#include "tests/models/crosscheck.h"
#include "user/models/riscv/riscv.h"

#define RW	(MF_READ | MF_WRITE)

/* The pool's first pages are handed out one after the other: PPN 0x4000000. */
#define POOL		0x4000000000ull
#define ROOT_39		0x8000700004000000ull
#define ROOT_48		0x9000700004000000ull	/* Sv48x4, GSCID 7 */
#define ROOT_57		0xa000700004000000ull

/* Entry 1025 of 2048 in the root, then 2, 3 and 4 of 512. */
#define IOVA		0x2008080604000ull

static const struct mf_model_config unit_48 = {
	.format = &mf_format_riscv,
	.pgsizes = 4 * KIB | 64 * KIB | 2 * MIB | GIB | 512 * GIB,
	.aperture = { 0, (1ull << 50) - 1 },
	.output_bits = 48,
};

/* A unit's view of some memory that nobody wrote but the test. */
struct bench {
	struct mf_user_host host;
	struct mf_pool *pool;
	struct mf_model_config config;
	u64 dc[MF_DESCRIPTOR_WORDS];
	struct mf_walker w;
	struct mf_translation t;
};

static void set_up(struct bench *b, u64 iohgatp)
{
	memset(b, 0, sizeof(*b));
	mf_user_host_init(&b->host);
	b->pool = mf_pool_new(&b->host, 4096);
	assert_non_null(b->pool);
	b->config = unit_48;
	b->dc[0] = 1;
	b->dc[1] = iohgatp;
	b->w.config = &b->config;
	b->w.pool = b->pool;
	b->w.descriptor = b->dc;
}

static void tear_down(struct bench *b)
{
	mf_pool_free(b->pool);
	mf_user_host_fini(&b->host);
}

static enum mf_fault_why walk(struct bench *b, u64 iova)
{
	memset(&b->t, 0xa5, sizeof(b->t));
	return mf_format_riscv.walk(&b->w, iova, &b->t);
}

#define expect_leaf(b, iova_, first_, last_, pfn_, prot_, level_) do { \
	assert_int_equal(walk(b, iova_), MF_FAULT_NONE); \
	assert_true((b)->t.span.first == (first_) && (b)->t.span.last == (last_)); \
	assert_true((b)->t.pfn == (pfn_)); \
	assert_int_equal((b)->t.prot, prot_); \
	assert_int_equal((b)->t.level, level_); \
} while (0)

static struct mf_fault describe(struct bench *b, enum mf_fault_why why, u64 iova, bool write)
{
	struct mf_fault fault = {
		.why = why,
		.iova = iova,
		.write = write,
		.group = 0x1234,
		.level = b->t.level,
		.entry = b->t.entry,
	};

	mf_format_riscv.describe(&b->w, 0x1234, &fault);
	return fault;
}

#define expect_record(fault, code_, name_, word0, word2, word3) do { \
	assert_int_equal((fault).code, code_); \
	assert_string_equal((fault).name, name_); \
	assert_true((fault).record[0] == (word0)); \
	assert_true((fault).record[1] == 0); \
	assert_true((fault).record[2] == (word2)); \
	assert_true((fault).record[3] == (word3)); \
} while (0)

/* The root in pages 0 to 3, tables of levels 2, 1 and 0 in 4, 5 and 6. */
static void fill(struct bench *b)
{
	u64 i;

	assert_true(mf_pool_get(b->pool, 14) == POOL);
	for (i = 4; i < 7; i++)
		assert_true(mf_pool_get(b->pool, 12) == POOL + i * 0x1000);
	mf_pool_write(b->pool, POOL + 8 * 1025, 0x0000001000001001ull);
	mf_pool_write(b->pool, POOL + 8 * 2047, 0x000004a0000000d7ull);
	mf_pool_write(b->pool, POOL + 0x4000 + 8 * 2, 0x0000001000001401ull);
	mf_pool_write(b->pool, POOL + 0x4000 + 8 * 3, 0x0000048d100000d7ull);
	mf_pool_write(b->pool, POOL + 0x5000 + 8 * 3, 0x0000001000001801ull);
	mf_pool_write(b->pool, POOL + 0x5000 + 8 * 5, 0x0000048d159800d7ull);
	mf_pool_write(b->pool, POOL + 0x6000 + 8 * 4, 0x0000048d159e24d7ull);
	mf_pool_write(b->pool, POOL + 0x6000 + 8 * 6, 0x0000048d159e2453ull);
	/* Writable, but D is clear; and for execution only. */
	mf_pool_write(b->pool, POOL + 0x6000 + 8 * 7, 0x0000048d159e2457ull);
	mf_pool_write(b->pool, POOL + 0x6000 + 8 * 8, 0x0000048d159e2459ull);
	for (i = 0; i < 16; i++)
		mf_pool_write(b->pool, POOL + 0x6000 + 8 * (16 + i), 0x800008d159e020d7ull);
}

static void test_words_by_hand(void **state)
{
	struct bench b;

	(void)state;
	set_up(&b, ROOT_48);
	fill(&b);
	expect_leaf(&b, IOVA + 0x123, IOVA, IOVA + 0xfff, 0x123456789ull, RW, 1);
	assert_true(b.t.entry == 0x0000048d159e24d7ull);
	expect_leaf(&b, IOVA + 0x2000, IOVA + 0x2000, IOVA + 0x2fff, 0x123456789ull, MF_READ, 1);
	expect_leaf(&b, IOVA + 0x3000, IOVA + 0x3000, IOVA + 0x3fff, 0x123456789ull, MF_READ, 1);
	expect_leaf(&b, IOVA + 0x4000, IOVA + 0x4000, IOVA + 0x4fff, 0x123456789ull, 0, 1);
	expect_leaf(&b, IOVA + 0xc000, IOVA + 0xc000, IOVA + 0x1bfff, 0x234567800ull, RW, 1);
	expect_leaf(&b, IOVA + 0x1bfff, IOVA + 0xc000, IOVA + 0x1bfff, 0x234567800ull, RW, 1);
	expect_leaf(&b, 0x2008080a12345, 0x2008080a00000, 0x2008080bfffff, 0x123456600ull, RW, 2);
	expect_leaf(&b, 0x20080ffffffff, 0x20080c0000000, 0x20080ffffffff, 0x123440000ull, RW, 3);
	expect_leaf(&b, 0x3ffffffffffff, 0x3ff8000000000, 0x3ffffffffffff, 0x128000000ull, RW, 4);

	/* Holes, at every level, and beyond. */
	assert_int_equal(walk(&b, IOVA + 0x1000), MF_FAULT_NOT_PRESENT);
	assert_true(b.t.span.first == IOVA + 0x1000 && b.t.span.last == IOVA + 0x1fff);
	assert_int_equal(walk(&b, 0x2008080c12345), MF_FAULT_NOT_PRESENT);
	assert_true(b.t.span.first == 0x2008080c00000 && b.t.span.last == 0x2008080dfffff);
	assert_int_equal(walk(&b, 0x2008100000001), MF_FAULT_NOT_PRESENT);
	assert_true(b.t.span.first == 0x2008100000000 && b.t.span.last == 0x200813fffffff);
	assert_int_equal(walk(&b, 1), MF_FAULT_NOT_PRESENT);
	assert_true(b.t.span.first == 0 && b.t.span.last == 0x7fffffffff && b.t.level == 4);
	assert_int_equal(walk(&b, TOP), MF_FAULT_APERTURE);
	assert_true(b.t.span.first == 1ull << 50 && b.t.span.last == TOP && !b.t.level);
	tear_down(&b);
}

static void test_words_of_the_other_modes(void **state)
{
	struct bench b;

	(void)state;
	/* The same memory with its root a level lower, and with one more. */
	set_up(&b, ROOT_39);
	fill(&b);
	mf_pool_write(b.pool, POOL + 8 * 2047, 0x0000048d100000d7ull);
	expect_leaf(&b, 0x1ffc0000000ull, 0x1ffc0000000ull, 0x1ffffffffffull, 0x123440000ull, RW,
		    3);
	assert_int_equal(walk(&b, 1ull << 41), MF_FAULT_APERTURE);
	assert_true(b.t.span.first == 1ull << 41);
	b.dc[1] = ROOT_57;
	assert_int_equal(walk(&b, 0), MF_FAULT_DEVICE);
	b.config.aperture.last = (1ull << 59) - 1;
	b.config.output_bits = 56;
	mf_pool_write(b.pool, POOL + 8 * 2046, 0x000ac000000000d7ull);
	expect_leaf(&b, 0x7fe123456789abcull, 0x7fe000000000000ull, 0x7feffffffffffffull,
		    0x2b000000000ull, RW, 5);
	assert_int_equal(walk(&b, 1ull << 59), MF_FAULT_APERTURE);

	/* Bare: all there is of physical addresses. */
	b.dc[1] = 0;
	assert_int_equal(walk(&b, 0x12345), MF_FAULT_NONE);
	assert_true(!b.t.pfn && !b.t.span.first && b.t.span.last == (1ull << 56) - 1);
	assert_int_equal(walk(&b, 1ull << 56), MF_FAULT_APERTURE);
	assert_int_equal(describe(&b, MF_FAULT_APERTURE, 1ull << 56, false).code, 5);
	tear_down(&b);
}

/* Flip each bit of a word, and see what the walk makes of it. */
static void flip_all(struct bench *b, u64 slot, u64 word, u64 iova, u64 bad, u64 skip)
{
	enum mf_fault_why why;
	u32 i;

	for (i = 1; i < 64; i++) {
		if (skip >> i & 1)
			continue;
		mf_pool_write(b->pool, slot, word ^ 1ull << i);
		why = walk(b, iova);
		if (bad >> i & 1) {
			if (why != MF_FAULT_RESERVED)
				fail_msg("bit %u of %llx: %d", i, word, why);
			assert_true(b->t.entry == (word ^ 1ull << i) && !b->t.prot);
		} else if (why) {
			fail_msg("bit %u of %llx: %d, and should do no harm", i, word, why);
		}
	}
	mf_pool_write(b->pool, slot, word & ~1ull);
	assert_int_equal(walk(b, iova), MF_FAULT_NOT_PRESENT);
	mf_pool_write(b->pool, slot, word);
	assert_int_equal(walk(b, iova), MF_FAULT_NONE);
}

static void test_every_bit_of_an_entry(void **state)
{
	struct bench b;

	(void)state;
	set_up(&b, ROOT_48);
	fill(&b);
	/* A page: R (W alone is reserved), U, A, what exceeds 48 bits, 60:54, PBMT, N. */
	flip_all(&b, POOL + 0x6000 + 8 * 4, 0x0000048d159e24d7ull, IOVA, 0xffffc00000000052ull, 0);
	/* Superpages: misaligned ones too. */
	flip_all(&b, POOL + 0x5000 + 8 * 5, 0x0000048d159800d7ull, 0x2008080a00000,
		 0xffffc0000007fc52ull, 0);
	flip_all(&b, POOL + 0x4000 + 8 * 3, 0x0000048d100000d7ull, 0x20080c0000000,
		 0xffffc0000ffffc52ull, 0);
	flip_all(&b, POOL + 8 * 2047, 0x000004a0000000d7ull, 0x3ff8000000000,
		 0xffffc01ffffffc52ull, 0);
	/* A pointer: D, A and U as well; R, W and X make it a leaf without U. */
	flip_all(&b, POOL + 0x5000 + 8 * 3, 0x0000001000001801ull, IOVA, 0xffc00000000000deull,
		 0x003ffffffffffc00ull);
	/* One of a NAPOT range: all of them are the same, or none counts. */
	flip_all(&b, POOL + 0x6000 + 8 * 18, 0x800008d159e020d7ull, IOVA + 0xe000, ~1ull,
		 1ull << 63);
	/* A pointer at the lowest level leads nowhere. */
	mf_pool_write(b.pool, POOL + 0x6000 + 8 * 4, 0x0000001000001801ull);
	assert_int_equal(walk(&b, IOVA), MF_FAULT_RESERVED);
	/* Other sizes than 64 KiB are reserved, as is NAPOT as such without Svnapot. */
	mf_pool_write(b.pool, POOL + 0x6000 + 8 * 4, 0x800008d159e010d7ull);
	assert_int_equal(walk(&b, IOVA), MF_FAULT_RESERVED);
	b.config.pgsizes &= ~(64 * KIB);
	assert_int_equal(walk(&b, IOVA + 0xc000), MF_FAULT_RESERVED);
	tear_down(&b);
}

static void test_every_bit_of_a_device_context(void **state)
{
	/* Those that make it misconfigured, and those that lead elsewhere. */
	static const u64 bad[MF_DESCRIPTOR_WORDS] = {
		0xffffffff00ffffcfull, 0xe000000000000003ull, 0xffffffff00000fffull, ~0ull,
	};
	static const u64 elsewhere[MF_DESCRIPTOR_WORDS] = {
		[1] = 0x10000ffffffffffcull,
	};
	struct mf_fault fault;
	enum mf_fault_why why;
	struct bench b;
	u32 word, i;

	(void)state;
	set_up(&b, ROOT_48);
	fill(&b);
	for (word = 0; word < MF_DESCRIPTOR_WORDS; word++) {
		for (i = 0; i < 64; i++) {
			b.dc[word] ^= 1ull << i;
			why = walk(&b, IOVA);
			if (bad[word] >> i & 1) {
				if (why != MF_FAULT_DEVICE)
					fail_msg("word %u bit %u: %d", word, i, why);
				assert_true(b.t.span.first == 0 && b.t.span.last == TOP);
				fault = describe(&b, why, IOVA, true);
				assert_int_equal(fault.code, word || i ? 259 : 258);
			} else if (!(elsewhere[word] >> i & 1) && why) {
				fail_msg("word %u bit %u: %d", word, i, why);
			} else if (why == MF_FAULT_DEVICE) {
				fail_msg("word %u bit %u is not misconfigured", word, i);
			}
			b.dc[word] ^= 1ull << i;
		}
	}
	/* PDTV and DPE: together they are fine. */
	b.dc[0] |= 0x220;
	assert_int_equal(walk(&b, IOVA), MF_FAULT_NONE);
	tear_down(&b);
}

static void test_faults_as_the_unit_records_them(void **state)
{
	struct mf_fault fault;
	struct bench b;

	(void)state;
	set_up(&b, ROOT_48);
	fill(&b);

	assert_int_equal(walk(&b, IOVA + 0x1677), MF_FAULT_NOT_PRESENT);
	fault = describe(&b, MF_FAULT_NOT_PRESENT, IOVA + 0x1677, false);
	expect_record(fault, 21, "read guest-page fault", 0x0012340800000015ull, IOVA + 0x1677,
		      IOVA + 0x1674);
	fault = describe(&b, MF_FAULT_NOT_PRESENT, IOVA + 0x1677, true);
	expect_record(fault, 23, "write/AMO guest-page fault", 0x0012340c00000017ull,
		      IOVA + 0x1677, IOVA + 0x1674);
	assert_int_equal(walk(&b, 1ull << 50), MF_FAULT_APERTURE);
	fault = describe(&b, MF_FAULT_APERTURE, 1ull << 50, false);
	expect_record(fault, 21, "read guest-page fault", 0x0012340800000015ull, 1ull << 50,
		      1ull << 50);
	fault = describe(&b, MF_FAULT_WRITE, IOVA, true);
	expect_record(fault, 23, "write/AMO guest-page fault", 0x0012340c00000017ull, IOVA, IOVA);
	fault = describe(&b, MF_FAULT_READ, IOVA, false);
	expect_record(fault, 21, "read guest-page fault", 0x0012340800000015ull, IOVA, IOVA);

	/* A reserved bit, and an address that the unit has no wires for. */
	mf_pool_write(b.pool, POOL + 0x6000 + 8 * 4, 0x2000048d159e24d7ull);
	assert_int_equal(walk(&b, IOVA), MF_FAULT_RESERVED);
	fault = describe(&b, MF_FAULT_RESERVED, IOVA, true);
	expect_record(fault, 23, "write/AMO guest-page fault", 0x0012340c00000017ull, IOVA, IOVA);
	mf_pool_write(b.pool, POOL + 0x6000 + 8 * 4, 0x0000448d159e24d7ull);
	assert_int_equal(walk(&b, IOVA), MF_FAULT_RESERVED);
	fault = describe(&b, MF_FAULT_RESERVED, IOVA, true);
	expect_record(fault, 7, "write/AMO access fault", 0x0012340c00000007ull, IOVA, 0);

	/* Tables where no memory is, and where none can be. */
	mf_pool_write(b.pool, POOL + 0x5000 + 8 * 3, 0x0000002000001801ull);
	assert_int_equal(walk(&b, IOVA), MF_FAULT_TABLE);
	assert_true(b.t.span.first == 0x2008080600000 && b.t.span.last == 0x20080807fffff);
	fault = describe(&b, MF_FAULT_TABLE, IOVA, false);
	expect_record(fault, 5, "read access fault", 0x0012340800000005ull, IOVA, 0);
	mf_pool_write(b.pool, POOL + 0x5000 + 8 * 3, 0x0000401000001801ull);
	assert_int_equal(walk(&b, IOVA), MF_FAULT_TABLE);
	fault = describe(&b, MF_FAULT_TABLE, IOVA, true);
	expect_record(fault, 7, "write/AMO access fault", 0x0012340c00000007ull, IOVA, 0);
	b.dc[1] = 0x9000700104000000ull;
	assert_int_equal(walk(&b, IOVA), MF_FAULT_TABLE);
	assert_true(!b.t.level && !b.t.entry);
	b.dc[1] = ROOT_48;

	/* What happens behind the unit is not its to report, nor anything with DTF. */
	assert_int_equal(describe(&b, MF_FAULT_NOWHERE, IOVA, false).code, 0);
	b.dc[0] |= 0x10;
	fault = describe(&b, MF_FAULT_NOT_PRESENT, IOVA, false);
	assert_true(!fault.code && !fault.name && !fault.record[0]);

	b.dc[3] = 1ull << 63;
	assert_int_equal(walk(&b, IOVA), MF_FAULT_DEVICE);
	fault = describe(&b, MF_FAULT_DEVICE, IOVA, false);
	expect_record(fault, 259, "DDT entry misconfigured", 0x0012340800000103ull, IOVA, 0);
	b.w.descriptor = NULL;
	fault = describe(&b, MF_FAULT_NO_DOMAIN, IOVA, true);
	expect_record(fault, 258, "DDT entry not valid", 0x0012340c00000102ull, IOVA, 0);
	tear_down(&b);
}

static u64 word_at(struct bench *b, u64 address)
{
	u64 word;

	assert_true(mf_pool_read(b->pool, address, &word));
	return word;
}

/* The table an entry leads to, if it is a pointer and nothing else. */
static u64 follow(struct bench *b, u64 slot)
{
	u64 word = word_at(b, slot);

	assert_true((word & 0xffc00000000003ffull) == 1);
	return word >> 10 << 12;
}

static void make_table(struct bench *b, struct mf_io_table *table)
{
	memset(table, 0, sizeof(*table));
	table->config = &b->config;
	table->pool = b->pool;
	assert_int_equal(mf_format_riscv.create(table), 0);
}

static void test_writer_writes_the_same_words(void **state)
{
	struct mf_io_table table;
	struct bench b;
	u64 root, l2, l1, l0, i;

	(void)state;
	set_up(&b, 0);
	mf_pool_get(b.pool, 12);	/* the root is not where the pool begins */
	make_table(&b, &table);
	assert_true(table.descriptor[0] == 1 && !table.descriptor[2] && !table.descriptor[3]);
	assert_true(table.descriptor[1] >> 60 == 9);
	root = (table.descriptor[1] & 0xfffffffffffull) << 12;
	assert_true(!(root & 0x3fff));
	assert_int_equal(mf_format_riscv.map(&table, IOVA, 0x123456789, 12, RW), 0);
	l2 = follow(&b, root + 8 * 1025);
	l1 = follow(&b, l2 + 16);
	l0 = follow(&b, l1 + 24);
	assert_true(word_at(&b, l0 + 32) == 0x0000048d159e24d7ull);
	assert_int_equal(mf_format_riscv.map(&table, IOVA + 0x2000, 0x123456789, 12, MF_READ), 0);
	assert_true(word_at(&b, l0 + 48) == 0x0000048d159e2453ull);
	/* Writes alone are reserved: reads go with them. */
	assert_int_equal(mf_format_riscv.map(&table, IOVA + 0x5000, 0x123456789, 12, MF_WRITE), 0);
	assert_true(word_at(&b, l0 + 72) == 0x0000048d159e24d7ull);
	assert_true(mf_format_riscv.unmap(&table, IOVA + 0x5000, PAGE) == PAGE);
	assert_int_equal(mf_format_riscv.map(&table, IOVA + 0xc000, 0x234567800, 16, RW), 0);
	for (i = 0; i < 16; i++)
		assert_true(word_at(&b, l0 + 8 * (16 + i)) == 0x800008d159e020d7ull);
	assert_int_equal(mf_format_riscv.map(&table, 0x2008080a00000, 0x123456600, 21, RW), 0);
	assert_true(word_at(&b, l1 + 40) == 0x0000048d159800d7ull);
	assert_int_equal(mf_format_riscv.map(&table, 0x20080c0000000, 0x123440000, 30, RW), 0);
	assert_true(word_at(&b, l2 + 24) == 0x0000048d100000d7ull);
	assert_int_equal(mf_format_riscv.map(&table, 0x3ff8000000000, 0x128000000, 39, RW), 0);
	assert_true(word_at(&b, root + 8 * 2047) == 0x000004a0000000d7ull);

	/* What it can't say, and what is taken. */
	assert_int_equal(mf_format_riscv.map(&table, 0, 1ull << 36, 12, RW), -EINVAL);
	assert_int_equal(mf_format_riscv.map(&table, 0, 1, 12, 0), -EINVAL);
	assert_int_equal(mf_format_riscv.map(&table, 0x2008080600000, 0, 16, RW), -EADDRINUSE);
	assert_int_equal(mf_format_riscv.map(&table, 0x2008080600000, 0, 21, RW), -EADDRINUSE);
	assert_int_equal(mf_format_riscv.map(&table, 0x2008080a01000, 0, 12, RW), -EADDRINUSE);
	assert_int_equal(mf_format_riscv.map(&table, 0x3ff8000000000, 0, 12, RW), -EADDRINUSE);
	assert_true(mf_pool_used(b.pool) == 8);

	/* Tables go with their last leaf. */
	assert_true(mf_format_riscv.unmap(&table, IOVA + 0xd000, TOP) == 0);
	assert_true(mf_format_riscv.unmap(&table, IOVA + 0xc000, 0xffff) == 0);
	assert_true(mf_format_riscv.unmap(&table, IOVA + 0xc000, 0x10000) == 0x10000);
	assert_true(mf_format_riscv.unmap(&table, IOVA, TOP) == 0x1000);
	assert_true(mf_pool_used(b.pool) == 8);
	assert_true(mf_format_riscv.unmap(&table, IOVA + 0x2000, TOP) == 0x1000);
	assert_true(mf_pool_used(b.pool) == 7);
	assert_true(mf_format_riscv.unmap(&table, 0x2008080a00000, TOP) == 2 * MIB);
	assert_true(mf_pool_used(b.pool) == 6);
	assert_true(mf_format_riscv.unmap(&table, 0x20080c0000000, TOP) == GIB);
	assert_true(mf_pool_used(b.pool) == 5);
	assert_true(mf_format_riscv.unmap(&table, 0x3ff8000000000, TOP) == 512 * GIB);
	mf_format_riscv.destroy(&table);
	assert_true(mf_pool_used(b.pool) == 1);

	b.config.aperture.last = (1ull << 41) - 1;
	b.config.pgsizes &= ~(512 * GIB);
	make_table(&b, &table);
	assert_true(table.descriptor[1] >> 60 == 8);
	mf_format_riscv.destroy(&table);
	b.config.aperture.last = (1ull << 59) - 1;
	make_table(&b, &table);
	assert_true(table.descriptor[1] >> 60 == 10);
	mf_format_riscv.destroy(&table);
	assert_true(mf_pool_used(b.pool) == 1);
	tear_down(&b);
}

static void test_units_that_cannot_be(void **state)
{
	static const struct mf_model_config not[] = {
		{ .pgsizes = PAGE, .aperture = { 0, (1ull << 48) - 1 } },
		{ .pgsizes = PAGE, .aperture = { PAGE, (1ull << 50) - 1 } },
		{ .pgsizes = PAGE, .aperture = { 0, TOP } },
		{ .pgsizes = 2 * MIB, .aperture = { 0, (1ull << 50) - 1 } },
		{ .pgsizes = PAGE | 16 * KIB, .aperture = { 0, (1ull << 50) - 1 } },
		{ .pgsizes = PAGE | 512 * GIB, .aperture = { 0, (1ull << 41) - 1 } },
		{ .pgsizes = PAGE | 1ull << 48, .aperture = { 0, (1ull << 50) - 1 } },
		{ .pgsizes = PAGE, .aperture = { 0, (1ull << 50) - 1 }, .output_bits = 57 },
		{ .pgsizes = PAGE, .aperture = { 0, (1ull << 50) - 1 }, .output_bits = 38 },
		{ .pgsizes = PAGE, .aperture = { 0, (1ull << 50) - 1 }, .enforces = true },
	};
	u32 i;

	(void)state;
	for (i = 0; i < sizeof(not) / sizeof(not[0]); i++) {
		if (!mf_format_riscv.possible(&not[i]))
			fail_msg("unit %u is not possible", i);
	}
	assert_null(mf_format_riscv.possible(&unit_48));
}

static void test_writer_and_walker_agree(void **state)
{
	static const u64 sizes[] = {
		4 * KIB, 4 * KIB | 2 * MIB, 4 * KIB | 64 * KIB | 2 * MIB | GIB,
		4 * KIB | 2 * MIB | 512 * GIB, 4 * KIB | 64 * KIB | 1ull << 48,
	};
	static const u32 widths[] = { 41, 50, 59 }, outputs[] = { 40, 46, 48, 52, 56 };
	struct mf_model_config config = { .format = &mf_format_riscv };
	u32 size, width, output, largest;

	(void)state;
	for (size = 0; size < 5; size++) {
		for (width = size < 3 ? 0 : size - 2; width < 3; width++) {
			for (output = size < 4 ? 0 : 3; output < 5; output++) {
				config.pgsizes = sizes[size];
				config.aperture.last = (1ull << widths[width]) - 1;
				config.output_bits = outputs[output];
				/* It has pages 0 to 2 of each size. */
				largest = 63 - (u32)__builtin_clzll(sizes[size]);
				if (largest + 2 <= outputs[output])
					crosscheck(&config);
				agree(&config);
			}
		}
	}
}

static void test_dma_through_a_unit(void **state)
{
	struct mf_host_group *group;
	struct world w;
	u8 out = 0x5a, in = 0;

	(void)state;
	world_init(&w, 64, MF_RAM_SCATTERED);
	world_open(&w, MF_TYPE1V2, 16);
	group = world_group(&w, world_unit(&w, &unit_48));
	assert_int_equal(mf_attach(w.c, group, 0, NULL), 0);
	assert_int_equal(world_map(&w, IOVA, VADDR, 8 * PAGE, RW, NULL), 0);
	assert_int_equal(world_map(&w, 0, VADDR, PAGE, MF_READ, NULL), 0);
	assert_int_equal(mf_device_write(world_device(&w, group), IOVA, &out, 1), 0);
	assert_int_equal(mf_device_read(world_device(&w, group), 0, &in, 1), 0);
	assert_int_equal(in, 0x5a);
	assert_int_equal(mf_device_write(world_device(&w, group), 0, &out, 1), -EFAULT);
	assert_int_equal(world_device(&w, group)->fault.why, MF_FAULT_WRITE);
	assert_int_equal(world_device(&w, group)->fault.code, 23);
	check(world_end(&w));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words_by_hand),
		cmocka_unit_test(test_words_of_the_other_modes),
		cmocka_unit_test(test_every_bit_of_an_entry),
		cmocka_unit_test(test_every_bit_of_a_device_context),
		cmocka_unit_test(test_faults_as_the_unit_records_them),
		cmocka_unit_test(test_writer_writes_the_same_words),
		cmocka_unit_test(test_units_that_cannot_be),
		cmocka_unit_test(test_writer_and_walker_agree),
		cmocka_unit_test(test_dma_through_a_unit),
	};

	return cmocka_run_group_tests_name("riscv", tests, NULL, NULL);
}
