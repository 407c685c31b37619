// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * AMD-Vi, host page tables. Every 64-bit word here was put together by hand from
 * the specification, not by the writer: the walker is held to them, and so is
 * the writer.
 */
#include <stdlib.h>

#include "tests/models/agree.h"
#include "tests/models/crosscheck.h"
#include "user/models/amdvi/amdvi.h"

#define RW	(MF_READ | MF_WRITE)

/* The pool's first pages are handed out one after the other. */
#define POOL	0x4000000000ull

/* A device table entry: V, TV, 4 levels, root at POOL, IR, IW; domain 7. */
#define DEVICE	0x6000004000000803ull
#define DOMAIN	0x0000000000000007ull

/* Entries 1, 2, 3 and 4 of levels 4 to 1. */
#define IOVA	0x8080604000ull

/* In pages: address bits 51:46 and 58:52. In tables: U and FC as well. */
#define BAD_PAGE	0x07ffc00000000000ull
#define BAD_TABLE	0x1fffc00000000000ull
#define ADDRESS		0x00003ffffffff000ull

#define SIZES	(4 * KIB | 8 * KIB | 64 * KIB | MIB | 2 * MIB | 4 * MIB | 256 * MIB | GIB)

static const struct mf_model_config unit_48 = {
	.format = &mf_format_amdvi,
	.pgsizes = SIZES,
	.aperture = { 0, (1ull << 48) - 1 },
	.output_bits = 46,
	.enforces = true,
};

/* A unit's view of some memory that nobody wrote but the test. */
struct bench {
	struct mf_user_host host;
	struct mf_pool *pool;
	struct mf_model_config config;
	u64 device[MF_DESCRIPTOR_WORDS];
	struct mf_walker w;
	struct mf_translation t;
};

static void set_up(struct bench *b)
{
	u64 i;

	memset(b, 0, sizeof(*b));
	mf_user_host_init(&b->host);
	b->pool = mf_pool_new(&b->host, 16);
	assert_non_null(b->pool);
	b->config = unit_48;
	b->device[0] = DEVICE;
	b->device[1] = DOMAIN;
	b->w.config = &b->config;
	b->w.pool = b->pool;
	b->w.descriptor = b->device;

	for (i = 0; i < 6; i++)
		assert_true(mf_pool_get(b->pool, 12) == POOL + i * 0x1000);
	mf_pool_write(b->pool, POOL + 8 * 1, 0x6000004000001601ull);
	mf_pool_write(b->pool, POOL + 0x1000 + 8 * 2, 0x6000004000002401ull);
	mf_pool_write(b->pool, POOL + 0x1000 + 8 * 3, 0x6000123440000001ull);
	mf_pool_write(b->pool, POOL + 0x2000 + 8 * 3, 0x6000004000003201ull);
	mf_pool_write(b->pool, POOL + 0x2000 + 8 * 5, 0x6000123456600001ull);
	mf_pool_write(b->pool, POOL + 0x3000 + 8 * 4, 0x6000123456789001ull);
	mf_pool_write(b->pool, POOL + 0x3000 + 8 * 5, 0x200012345678a001ull);
	mf_pool_write(b->pool, POOL + 0x3000 + 8 * 6, 0x500012345678b001ull);
	/* The size is in the address: its lowest bit that is 0, doubled. */
	for (i = 0; i < 2; i++)
		mf_pool_write(b->pool, POOL + 0x3000 + 8 * (8 + i), 0x7000123456788e01ull);
	for (i = 0; i < 16; i++)
		mf_pool_write(b->pool, POOL + 0x3000 + 8 * (16 + i), 0x6000123456787e01ull);
	for (i = 0; i < 256; i++)
		mf_pool_write(b->pool, POOL + 0x3000 + 8 * (256 + i), 0x600012345677fe01ull);
	for (i = 0; i < 2; i++)
		mf_pool_write(b->pool, POOL + 0x2000 + 8 * (8 + i), 0x60001234561ffe01ull);
	for (i = 0; i < 128; i++)
		mf_pool_write(b->pool, POOL + 0x2000 + 8 * (128 + i), 0x6000123457fffe01ull);
	/* From level 4 to level 1 at once, and from 3 to 1. */
	mf_pool_write(b->pool, POOL + 8 * 9, 0x6000004000003201ull);
	mf_pool_write(b->pool, POOL + 0x1000 + 8 * 9, 0x6000004000003201ull);
}

static void tear_down(struct bench *b)
{
	mf_pool_free(b->pool);
	mf_user_host_fini(&b->host);
}

static enum mf_fault_why walk(struct bench *b, u64 iova)
{
	memset(&b->t, 0xa5, sizeof(b->t));
	return mf_format_amdvi.walk(&b->w, iova, &b->t);
}

#define expect_leaf(b, iova_, first_, last_, pfn_, prot_, level_) do { \
	assert_int_equal(walk(b, iova_), MF_FAULT_NONE); \
	assert_true((b)->t.span.first == (first_) && (b)->t.span.last == (last_)); \
	assert_true((b)->t.pfn == (pfn_)); \
	assert_int_equal((b)->t.prot, prot_); \
	assert_int_equal((b)->t.level, level_); \
} while (0)

#define expect_fault(b, iova_, why_, first_, last_) do { \
	assert_int_equal(walk(b, iova_), why_); \
	assert_true((b)->t.span.first == (first_) && (b)->t.span.last == (last_)); \
	assert_int_equal((b)->t.prot, 0); \
} while (0)

static struct mf_fault describe(struct bench *b, enum mf_fault_why why, u64 iova, bool write)
{
	struct mf_fault fault = {
		.why = why,
		.iova = iova,
		.write = write,
		.level = b->t.level,
		.entry = b->t.entry,
	};

	mf_format_amdvi.describe(&b->w, 0x1234, &fault);
	return fault;
}

/* The source, the domain, flags and the code; then the address. */
static void expect_record(struct bench *b, enum mf_fault_why why, bool write, u64 first,
			  const char *name)
{
	struct mf_fault fault = describe(b, why, IOVA + 0x123, write);

	if (fault.record[0] != first)
		fail_msg("%llx, and should be %llx", fault.record[0], first);
	assert_true(fault.record[1] == IOVA + 0x123);
	assert_int_equal(fault.code, first >> 60);
	assert_string_equal(fault.name, name);
}

static void test_words_by_hand(void **state)
{
	struct bench b;

	(void)state;
	set_up(&b);
	expect_leaf(&b, IOVA + 0x123, IOVA, IOVA + 0xfff, 0x123456789ull, RW, 1);
	assert_true(b.t.entry == 0x6000123456789001ull);
	expect_leaf(&b, 0x8080605000, 0x8080605000, 0x8080605fff, 0x12345678aull, MF_READ, 1);
	expect_leaf(&b, 0x8080606fff, 0x8080606000, 0x8080606fff, 0x12345678bull, MF_WRITE, 1);
	expect_leaf(&b, 0x8080a12345, 0x8080a00000, 0x8080bfffff, 0x123456600ull, RW, 2);
	expect_leaf(&b, 0x80ffffffff, 0x80c0000000, 0x80ffffffff, 0x123440000ull, RW, 3);

	expect_leaf(&b, 0x8080608000, 0x8080608000, 0x8080609fff, 0x123456788ull, RW, 1);
	expect_leaf(&b, 0x8080609fff, 0x8080608000, 0x8080609fff, 0x123456788ull, RW, 1);
	expect_leaf(&b, 0x808061f000, 0x8080610000, 0x808061ffff, 0x123456780ull, RW, 1);
	expect_leaf(&b, 0x80807fffff, 0x8080700000, 0x80807fffff, 0x123456700ull, RW, 1);
	expect_leaf(&b, 0x80813fffff, 0x8081000000, 0x80813fffff, 0x123456000ull, RW, 2);
	expect_leaf(&b, 0x8090000000, 0x8090000000, 0x809fffffff, 0x123450000ull, RW, 2);

	expect_fault(&b, 0x8080607123, MF_FAULT_NOT_PRESENT, 0x8080607000, 0x8080607fff);
	expect_fault(&b, 0x8080800000, MF_FAULT_NOT_PRESENT, 0x8080800000, 0x80809fffff);
	expect_fault(&b, 0x8040000000, MF_FAULT_NOT_PRESENT, 0x8040000000, 0x807fffffff);
	expect_fault(&b, 0x10000000000, MF_FAULT_NOT_PRESENT, 0x10000000000, 0x17fffffffff);
	expect_fault(&b, 1ull << 48, MF_FAULT_APERTURE, 1ull << 48, TOP);
	expect_fault(&b, TOP, MF_FAULT_APERTURE, 1ull << 48, TOP);
	tear_down(&b);
}

static void test_levels_may_be_skipped(void **state)
{
	struct bench b;

	(void)state;
	set_up(&b);
	/* What the skipped levels would have looked up must be 0. */
	expect_leaf(&b, 0x48000004000, 0x48000004000, 0x48000004fff, 0x123456789ull, RW, 1);
	expect_fault(&b, 0x48000204000, MF_FAULT_NOT_PRESENT, 0x48000200000, 0x480003fffff);
	expect_fault(&b, 0x48040004000, MF_FAULT_NOT_PRESENT, 0x48040000000, 0x480401fffff);
	expect_leaf(&b, 0x8240004000, 0x8240004000, 0x8240004fff, 0x123456789ull, RW, 1);
	expect_fault(&b, 0x8240204000, MF_FAULT_NOT_PRESENT, 0x8240200000, 0x82403fffff);
	tear_down(&b);
}

static void test_one_to_six_levels(void **state)
{
	struct bench b;

	(void)state;
	set_up(&b);
	b.device[0] = 0x6000004000003203ull;
	expect_leaf(&b, 0x4000, 0x4000, 0x4fff, 0x123456789ull, RW, 1);
	expect_fault(&b, 0x200000, MF_FAULT_NOT_PRESENT, 0x200000, TOP);
	b.device[0] = 0x6000004000002403ull;
	expect_leaf(&b, 0x604000, 0x604000, 0x604fff, 0x123456789ull, RW, 1);
	expect_fault(&b, 0x40000000, MF_FAULT_NOT_PRESENT, 0x40000000, TOP);

	/* Levels 6 and 5; the root of 6 has 128 entries in use. */
	mf_pool_write(b.pool, POOL + 0x4000 + 8 * 127, 0x6000004000005a01ull);
	mf_pool_write(b.pool, POOL + 0x5000 + 8 * 1, 0x6000004000000801ull);
	b.device[0] = 0x6000004000004c03ull;
	b.config.aperture.last = TOP;
	expect_leaf(&b, 0xfe01008080604000ull, 0xfe01008080604000ull, 0xfe01008080604fffull,
		    0x123456789ull, RW, 1);
	expect_fault(&b, TOP, MF_FAULT_NOT_PRESENT, 0xffff000000000000ull, TOP);
	expect_fault(&b, 0, MF_FAULT_NOT_PRESENT, 0, (1ull << 57) - 1);
	/* Mode 7 is none. Neither is one that the unit does not walk. */
	b.device[0] = 0x6000004000004e03ull;
	expect_fault(&b, 0, MF_FAULT_DEVICE, 0, TOP);
	b.device[0] = 0x6000004000005a03ull;
	assert_int_equal(walk(&b, 0), MF_FAULT_NOT_PRESENT);
	b.config.aperture.last = (1ull << 48) - 1;
	expect_fault(&b, 0, MF_FAULT_DEVICE, 0, TOP);
	tear_down(&b);
}

static void test_rights_of_all_levels_are_anded(void **state)
{
	struct bench b;

	(void)state;
	set_up(&b);
	mf_pool_write(b.pool, POOL + 8 * 1, 0x2000004000001601ull);
	expect_leaf(&b, IOVA, IOVA, IOVA + 0xfff, 0x123456789ull, MF_READ, 1);
	expect_leaf(&b, 0x8080606000, 0x8080606000, 0x8080606fff, 0x12345678bull, 0, 1);
	b.device[0] = 0x4000004000000803ull;
	expect_leaf(&b, IOVA, IOVA, IOVA + 0xfff, 0x123456789ull, 0, 1);
	mf_pool_write(b.pool, POOL + 8 * 1, 0x6000004000001601ull);
	expect_leaf(&b, IOVA, IOVA, IOVA + 0xfff, 0x123456789ull, MF_WRITE, 1);
	tear_down(&b);
}

/* Flip each bit of an entry, and see what the walk makes of it. */
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
	/* Nothing is looked at in an entry that is not present. */
	mf_pool_write(b->pool, slot, ~1ull);
	assert_int_equal(walk(b, iova), MF_FAULT_NOT_PRESENT);
	mf_pool_write(b->pool, slot, word);
	assert_int_equal(walk(b, iova), MF_FAULT_NONE);
}

static void test_every_bit_of_an_entry(void **state)
{
	struct bench b;

	(void)state;
	set_up(&b);
	/* Any next level but 0 and 7 is wrong in the lowest level. */
	flip_all(&b, POOL + 0x3000 + 8 * 4, 0x6000123456789001ull, IOVA, BAD_PAGE | 0xe00, 0);
	/* 2 and 4 are wrong in level 2; 1 makes it a table. */
	flip_all(&b, POOL + 0x2000 + 8 * 5, 0x6000123456600001ull, 0x8080a00000,
		 BAD_PAGE | 0x1ffc00, 0x200);
	flip_all(&b, POOL + 0x1000 + 8 * 3, 0x6000123440000001ull, 0x80c0000000,
		 BAD_PAGE | 0x3ffff800, 0x600);
	/* A page of 64 KiB: 7 only; and its size, which other bits would change. */
	flip_all(&b, POOL + 0x3000 + 8 * 16, 0x6000123456787e01ull, 0x8080610000,
		 BAD_PAGE | 0xe00, 0xf000);
	/* Tables, of level 3, 2 and 1. */
	flip_all(&b, POOL + 8 * 1, 0x6000004000001601ull, IOVA, BAD_TABLE | 0x800,
		 ADDRESS | 0x600);
	flip_all(&b, POOL + 0x1000 + 8 * 2, 0x6000004000002401ull, IOVA, BAD_TABLE | 0xc00 | 0x200,
		 ADDRESS);
	flip_all(&b, POOL + 0x2000 + 8 * 3, 0x6000004000003201ull, IOVA, BAD_TABLE | 0xe00,
		 ADDRESS);
	tear_down(&b);
}

/* Sizes that are none of their level, or none of the unit's. */
static void test_sizes_that_cannot_be(void **state)
{
	static const struct {
		u64 slot;
		u64 word;
		u64 iova;
	} bad[] = {
		/* 2 MiB and 4 MiB in level 1; 8 KiB, 2 MiB and 1 GiB in level 2; no end. */
		{ 0x3000 + 8 * 4, 0x60001234566ffe01ull, IOVA },
		{ 0x3000 + 8 * 4, 0x60001234561ffe01ull, IOVA },
		{ 0x2000 + 8 * 5, 0x6000123456788e01ull, 0x8080a00000 },
		{ 0x2000 + 8 * 5, 0x60001234566ffe01ull, 0x8080a00000 },
		{ 0x2000 + 8 * 5, 0x600012345ffffe01ull, 0x8080a00000 },
		{ 0x2000 + 8 * 5, 0x60003ffffffffe01ull, 0x8080a00000 },
		/* 16 KiB, 8 MiB. */
		{ 0x3000 + 8 * 4, 0x6000123456789e01ull, IOVA },
		{ 0x2000 + 8 * 5, 0x60001234563ffe01ull, 0x8080a00000 },
	};
	struct bench b;
	u32 i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		set_up(&b);
		mf_pool_write(b.pool, POOL + bad[i].slot, bad[i].word);
		if (walk(&b, bad[i].iova) != MF_FAULT_RESERVED)
			fail_msg("%llx", bad[i].word);
		tear_down(&b);
	}
	set_up(&b);
	b.config.pgsizes = 4 * KIB;
	assert_int_equal(walk(&b, 0x8080a00000), MF_FAULT_RESERVED);
	assert_int_equal(walk(&b, 0x8080608000), MF_FAULT_RESERVED);
	assert_int_equal(walk(&b, IOVA), MF_FAULT_NONE);
	tear_down(&b);
}

static void test_every_bit_of_a_device_table_entry(void **state)
{
	enum mf_fault_why why, expected;
	struct bench b;
	u32 i;

	(void)state;
	set_up(&b);
	for (i = 0; i < 64; i++) {
		/* The root is elsewhere; other levels. */
		if ((i >= 10 && i < 46))
			continue;
		b.device[0] = DEVICE ^ 1ull << i;
		why = walk(&b, IOVA);
		/* V; TV, reserved; dirty and accessed; 5 levels; reserved; IR, IW; reserved. */
		expected = i == 0 ? MF_FAULT_NO_DOMAIN : i < 7 ? MF_FAULT_DEVICE :
			   i < 9 ? MF_FAULT_NONE : i < 61 ? MF_FAULT_DEVICE :
			   i < 63 ? MF_FAULT_NONE : MF_FAULT_DEVICE;
		if (why != expected)
			fail_msg("bit %u: %d", i, why);
	}
	tear_down(&b);
}

static void test_every_event(void **state)
{
	struct mf_fault fault;
	struct bench b;

	(void)state;
	set_up(&b);
	expect_record(&b, MF_FAULT_NO_DOMAIN, false, 0x1000000000001234ull,
		      "ILLEGAL_DEV_TABLE_ENTRY");
	/* A mode that cannot be; RZ: a reserved bit, an address that is too wide. */
	b.device[0] = DEVICE ^ 0xe00;
	expect_record(&b, MF_FAULT_DEVICE, true, 0x1020000000001234ull,
		      "ILLEGAL_DEV_TABLE_ENTRY");
	b.device[0] = DEVICE | 1ull << 63;
	expect_record(&b, MF_FAULT_DEVICE, true, 0x10a0000000001234ull,
		      "ILLEGAL_DEV_TABLE_ENTRY");
	b.device[0] = DEVICE | 1ull << 46;
	expect_record(&b, MF_FAULT_DEVICE, false, 0x1080000000001234ull,
		      "ILLEGAL_DEV_TABLE_ENTRY");
	b.device[0] = DEVICE;
	expect_record(&b, MF_FAULT_NOT_PRESENT, false, 0x2000000700001234ull, "IO_PAGE_FAULT");
	expect_record(&b, MF_FAULT_NOT_PRESENT, true, 0x2020000700001234ull, "IO_PAGE_FAULT");
	expect_record(&b, MF_FAULT_APERTURE, false, 0x2000000700001234ull, "IO_PAGE_FAULT");
	/* PR and PE; RW. */
	expect_record(&b, MF_FAULT_READ, false, 0x2050000700001234ull, "IO_PAGE_FAULT");
	expect_record(&b, MF_FAULT_WRITE, true, 0x2070000700001234ull, "IO_PAGE_FAULT");

	/* PR and RZ: a reserved bit. */
	mf_pool_write(b.pool, POOL + 0x3000 + 8 * 4, 0x6010123456789001ull);
	assert_int_equal(walk(&b, IOVA), MF_FAULT_RESERVED);
	expect_record(&b, MF_FAULT_RESERVED, false, 0x2090000700001234ull, "IO_PAGE_FAULT");
	/* PR without RZ: a level that cannot be. */
	mf_pool_write(b.pool, POOL + 0x3000 + 8 * 4, 0x6000123456789201ull);
	assert_int_equal(walk(&b, IOVA), MF_FAULT_RESERVED);
	expect_record(&b, MF_FAULT_RESERVED, false, 0x2010000700001234ull, "IO_PAGE_FAULT");

	mf_pool_write(b.pool, POOL + 0x2000 + 8 * 3, 0x6000200000003201ull);
	expect_fault(&b, IOVA, MF_FAULT_TABLE, IOVA, IOVA + 0xfff);
	assert_true(b.t.level == 1 && !b.t.entry);
	/* Where no memory is: the fifth entry of that table. */
	fault = describe(&b, MF_FAULT_TABLE, IOVA, true);
	assert_int_equal(fault.code, 4);
	assert_string_equal(fault.name, "PAGE_TAB_HARDWARE_ERROR");
	assert_true(fault.record[0] == 0x4220000700001234ull);
	assert_true(fault.record[1] == 0x0000200000003020ull);
	mf_pool_write(b.pool, POOL + 8 * 1, 0x6000000000001601ull);
	expect_fault(&b, IOVA, MF_FAULT_TABLE, 0x8080000000ull, 0x80bfffffffull);
	tear_down(&b);
}

static u64 word(struct mf_io_table *table, u64 address)
{
	u64 value = 0;

	assert_true(mf_pool_read(table->pool, address, &value));
	return value;
}

static int map(struct mf_io_table *table, u64 iova, u64 pfn, u32 shift, u32 prot)
{
	return mf_format_amdvi.map(table, iova, pfn, shift, prot);
}

static void test_writer_writes_the_same_words(void **state)
{
	struct mf_io_table t = { .config = &unit_48 };
	struct bench b;
	u32 coherent, i;

	(void)state;
	for (coherent = 0; coherent < 2; coherent++) {
		u64 force = coherent ? 0x1000000000000000ull : 0;

		memset(&b, 0, sizeof(b));
		mf_user_host_init(&b.host);
		t.pool = mf_pool_new(&b.host, 16);
		b.pool = t.pool;
		assert_int_equal(mf_format_amdvi.create(&t), 0);
		t.coherent = coherent;
		assert_true(t.descriptor[0] == DEVICE);
		assert_true(t.descriptor[1] && !(t.descriptor[1] & ~0xffffull));
		assert_true(!t.descriptor[2] && !t.descriptor[3]);
		assert_int_equal(map(&t, IOVA, 0x123456789ull, 12, RW), 0);
		assert_int_equal(map(&t, IOVA + PAGE, 0x12345678aull, 12, MF_READ), 0);
		assert_int_equal(map(&t, IOVA + 2 * PAGE, 0x12345678bull, 12, MF_WRITE), 0);
		assert_int_equal(map(&t, 0x8080608000, 0x123456788ull, 13, RW), 0);
		assert_int_equal(map(&t, 0x8080610000, 0x123456780ull, 16, RW), 0);
		assert_int_equal(map(&t, 0x8080700000, 0x123456700ull, 20, RW), 0);
		assert_int_equal(map(&t, 0x8080a00000, 0x123456600ull, 21, RW), 0);
		assert_int_equal(map(&t, 0x8081000000, 0x123456000ull, 22, RW), 0);
		assert_int_equal(map(&t, 0x8090000000, 0x123450000ull, 28, RW), 0);
		assert_int_equal(map(&t, 0x80c0000000, 0x123440000ull, 30, RW), 0);
		assert_true(mf_pool_used(t.pool) == 4);
		assert_true(word(&t, POOL + 8 * 1) == 0x6000004000001601ull);
		assert_true(word(&t, POOL + 0x1000 + 8 * 2) == 0x6000004000002401ull);
		assert_true(word(&t, POOL + 0x2000 + 8 * 3) == 0x6000004000003201ull);
		assert_true(word(&t, POOL + 0x3000 + 8 * 4) == (0x6000123456789001ull | force));
		assert_true(word(&t, POOL + 0x3000 + 8 * 5) == (0x200012345678a001ull | force));
		assert_true(word(&t, POOL + 0x3000 + 8 * 6) == (0x400012345678b001ull | force));
		for (i = 8; i < 10; i++)
			assert_true(word(&t, POOL + 0x3000 + 8 * i) ==
				    (0x6000123456788e01ull | force));
		for (i = 16; i < 32; i++)
			assert_true(word(&t, POOL + 0x3000 + 8 * i) ==
				    (0x6000123456787e01ull | force));
		for (i = 256; i < 512; i++)
			assert_true(word(&t, POOL + 0x3000 + 8 * i) ==
				    (0x600012345677fe01ull | force));
		for (i = 8; i < 10; i++)
			assert_true(word(&t, POOL + 0x2000 + 8 * i) ==
				    (0x60001234561ffe01ull | force));
		for (i = 128; i < 256; i++)
			assert_true(word(&t, POOL + 0x2000 + 8 * i) ==
				    (0x6000123457fffe01ull | force));
		assert_true(word(&t, POOL + 0x2000 + 8 * 5) == (0x6000123456600001ull | force));
		assert_true(word(&t, POOL + 0x1000 + 8 * 3) == (0x6000123440000001ull | force));
		assert_true(!word(&t, POOL + 0x3000 + 8 * 7));
		assert_true(!word(&t, POOL + 0x3000 + 8 * 10));

		/* What an entry can't say; and what is taken. */
		assert_int_equal(map(&t, 0, 1ull << 34, 12, RW), -EINVAL);
		assert_int_equal(map(&t, 0, 0, 12, 0), -EINVAL);
		assert_int_equal(map(&t, 0x8080600000, 0, 16, RW), -EADDRINUSE);
		assert_int_equal(map(&t, 0x8080609000, 0, 12, RW), -EADDRINUSE);
		assert_int_equal(map(&t, 0x8080800000, 0, 22, RW), -EADDRINUSE);
		assert_true(mf_pool_used(t.pool) == 4);
		mf_format_amdvi.destroy(&t);
		assert_true(mf_pool_used(t.pool) == 0);
		tear_down(&b);
	}
}

/* All widths; and sizes that are one entry, few, or half a table. */
static void test_writer_and_walker_agree(void **state)
{
	static const u64 sizes[] = {
		4 * KIB, 4 * KIB | 2 * MIB | GIB, 4 * KIB | 8 * KIB | MIB | 4 * MIB | 512 * MIB,
		SIZES, 4 * KIB | 1ull << 39 | 1ull << 40, 4 * KIB | 64 * KIB | 1ull << 47,
	};
	static const u32 outputs[] = { 39, 46, 52, 0, 48 };
	struct mf_model_config c = unit_48;
	u32 width, i = 0;

	(void)state;
	for (width = 21; width <= 64; width++, i++) {
		c.aperture.last = TOP >> (64 - width);
		c.pgsizes = sizes[i % 6] & c.aperture.last;
		c.output_bits = outputs[i % 5];
		/* As pages have numbers here, 2 of the largest must be in reach. */
		if (i % 6 > 3)
			c.output_bits = 52;
		crosscheck(&c);
		/* Which asks for what is beyond. */
		if (width < 64)
			agree(&c);
	}
}

static void test_units_that_cannot_be(void **state)
{
	struct mf_model_config c = unit_48;

	(void)state;
	assert_null(mf_format_amdvi.possible(&c));
	c.pgsizes = 2 * MIB;
	assert_non_null(mf_format_amdvi.possible(&c));
	c.pgsizes = 4 * KIB | 1ull << 48;
	assert_non_null(mf_format_amdvi.possible(&c));
	c.pgsizes = 4 * KIB | 2 * KIB;
	assert_non_null(mf_format_amdvi.possible(&c));
	c = unit_48;
	c.aperture.first = PAGE;
	assert_non_null(mf_format_amdvi.possible(&c));
	c = unit_48;
	c.aperture.last = 1ull << 47;
	assert_non_null(mf_format_amdvi.possible(&c));
	c.aperture.last = TOP;
	assert_null(mf_format_amdvi.possible(&c));
	c.output_bits = 53;
	assert_non_null(mf_format_amdvi.possible(&c));
	c.output_bits = 0;
	assert_null(mf_format_amdvi.possible(&c));
	/* FC is part of every unit. */
	c.enforces = false;
	assert_non_null(mf_format_amdvi.possible(&c));
}

static void test_dma_through_a_unit(void **state)
{
	struct mf_host_group *group;
	struct mf_device *device;
	struct world w;
	u8 out = 0x5a, in = 0;

	(void)state;
	world_init(&w, 64, MF_RAM_SCATTERED);
	world_open(&w, MF_TYPE1V2, 16);
	group = world_group(&w, world_unit(&w, &unit_48));
	device = world_device(&w, group);
	/* Before it is in a domain, nothing is known about it. */
	assert_int_equal(mf_device_read(device, 0, &in, 1), -EFAULT);
	assert_int_equal(device->fault.code, 1);
	assert_int_equal(mf_attach(w.c, group, 0, NULL), 0);
	assert_int_equal(world_map(&w, IOVA, VADDR, 8 * PAGE, RW, NULL), 0);
	assert_int_equal(world_map(&w, 0, VADDR, PAGE, MF_READ, NULL), 0);
	assert_int_equal(mf_device_write(device, IOVA, &out, 1), 0);
	assert_int_equal(mf_device_read(device, 0, &in, 1), 0);
	assert_int_equal(in, 0x5a);
	assert_int_equal(mf_device_write(device, 0, &out, 1), -EFAULT);
	assert_int_equal(device->fault.why, MF_FAULT_WRITE);
	assert_int_equal(device->fault.record[0] >> 48, 0x2070);
	check(world_end(&w));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words_by_hand),
		cmocka_unit_test(test_levels_may_be_skipped),
		cmocka_unit_test(test_one_to_six_levels),
		cmocka_unit_test(test_rights_of_all_levels_are_anded),
		cmocka_unit_test(test_every_bit_of_an_entry),
		cmocka_unit_test(test_sizes_that_cannot_be),
		cmocka_unit_test(test_every_bit_of_a_device_table_entry),
		cmocka_unit_test(test_every_event),
		cmocka_unit_test(test_writer_writes_the_same_words),
		cmocka_unit_test(test_writer_and_walker_agree),
		cmocka_unit_test(test_units_that_cannot_be),
		cmocka_unit_test(test_dma_through_a_unit),
	};

	return cmocka_run_group_tests_name("amdvi", tests, NULL, NULL);
}
