// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Arm SMMUv3 stage 2. Every 64-bit word here was put together by hand from the
 * specifications (IHI 0070, DDI 0487), not by the writer: the walker is held to
 * them, and so is the writer.
 */
#include <stdlib.h>

#include "tests/models/agree.h"
#include "tests/models/crosscheck.h"
#include "user/models/smmuv3/smmuv3.h"

#define RW	(MF_READ | MF_WRITE)

/*
 * A 4 KiB granule, 48 bits in and out, walk from level 0:
 * S2R, S2PTW, S2AA64, S2PS 48 bits, S2TG 4 KiB, S2SH0 inner, S2OR0 and S2IR0
 * write-back, S2SL0 2, S2T0SZ 16.
 */
#define STE0		0x000000000000000dull	/* V, Config 0b110 */
#define STE1		0x0000100000000000ull	/* SHCFG: as it comes in */
#define STE2_4K		0x044d359000000000ull
/* 16 KiB, 40 bits in and out, 16 tables of level 2; 64 KiB, 52 bits, level 1. */
#define STE2_16K	0x044ab55800000000ull
#define STE2_64K	0x044e758c00000000ull

/* The pool's first pages are handed out one after the other. */
#define POOL		0x4000000000ull
#define VMID		7ull

/* Entries 1, 2, 3 and 4 of levels 0 to 3. */
#define IOVA		0x8080604000ull

static const struct mf_model_config unit_4k = {
	.format = &mf_format_smmuv3,
	.pgsizes = 4 * KIB | 64 * KIB | 2 * MIB | 32 * MIB | GIB,
	.aperture = { 0, (1ull << 48) - 1 },
	.output_bits = 48,
};

static const struct mf_model_config unit_16k = {
	.format = &mf_format_smmuv3,
	.pgsizes = 16 * KIB | 2 * MIB | 32 * MIB | GIB,
	.aperture = { 0, (1ull << 40) - 1 },
	.output_bits = 40,
};

static const struct mf_model_config unit_64k = {
	.format = &mf_format_smmuv3,
	.pgsizes = 64 * KIB | 2 * MIB | 512 * MIB | 16 * GIB | 1ull << 42,
	.aperture = { 0, (1ull << 52) - 1 },
};

/* A unit's view of some memory that nobody wrote but the test. */
struct bench {
	struct mf_user_host host;
	struct mf_pool *pool;
	struct mf_model_config config;
	u64 ste[MF_DESCRIPTOR_WORDS];
	struct mf_walker w;
	struct mf_translation t;
};

static void set_up(struct bench *b, const struct mf_model_config *config, u64 ste2)
{
	memset(b, 0, sizeof(*b));
	mf_user_host_init(&b->host);
	b->pool = mf_pool_new(&b->host, 4096);
	assert_non_null(b->pool);
	b->config = *config;
	b->ste[0] = STE0;
	b->ste[1] = STE1;
	b->ste[2] = ste2 | VMID;
	b->ste[3] = POOL;
	b->w.config = &b->config;
	b->w.pool = b->pool;
	b->w.descriptor = b->ste;
}

static void tear_down(struct bench *b)
{
	mf_pool_free(b->pool);
	mf_user_host_fini(&b->host);
}

static enum mf_fault_why walk(struct bench *b, u64 iova)
{
	memset(&b->t, 0xa5, sizeof(b->t));
	return mf_format_smmuv3.walk(&b->w, iova, &b->t);
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

	mf_format_smmuv3.describe(&b->w, 0x1234, &fault);
	return fault;
}

#define expect_record(fault, code_, name_, word1, word2, word3) do { \
	assert_int_equal((fault).code, code_); \
	assert_string_equal((fault).name, name_); \
	assert_true((fault).record[0] == (0x0000123400000000ull | (code_))); \
	assert_true((fault).record[1] == (word1)); \
	assert_true((fault).record[2] == (word2)); \
	assert_true((fault).record[3] == (word3)); \
} while (0)

/* Class IN, stage 2; and RnW. */
#define WRITE_WORD	0x0000028000000000ull
#define READ_WORD	0x0000028800000000ull

/* Tables of level 0 to 3 in pages 0 to 3, and leaves of all sizes. */
static void fill_4k(struct bench *b)
{
	u64 i;

	for (i = 0; i < 4; i++)
		assert_true(mf_pool_get(b->pool, 12) == POOL + i * 0x1000);
	mf_pool_write(b->pool, POOL + 8 * 1, 0x0000004000001003ull);
	mf_pool_write(b->pool, POOL + 0x1000 + 8 * 2, 0x0000004000002003ull);
	mf_pool_write(b->pool, POOL + 0x1000 + 8 * 3, 0x00001234400007fdull);
	mf_pool_write(b->pool, POOL + 0x2000 + 8 * 3, 0x0000004000003003ull);
	mf_pool_write(b->pool, POOL + 0x2000 + 8 * 5, 0x00001234566007fdull);
	mf_pool_write(b->pool, POOL + 0x3000 + 8 * 4, 0x00001234567897ffull);
	mf_pool_write(b->pool, POOL + 0x3000 + 8 * 6, 0x000012345678977full);
	mf_pool_write(b->pool, POOL + 0x3000 + 8 * 7, 0x00001234567897bfull);
	mf_pool_write(b->pool, POOL + 0x3000 + 8 * 8, 0x000012345678973full);
	for (i = 0; i < 16; i++) {
		mf_pool_write(b->pool, POOL + 0x3000 + 8 * (16 + i),
			      0x00102345678007ffull + i * 0x1000);
		mf_pool_write(b->pool, POOL + 0x2000 + 8 * (32 + i),
			      0x00102345600007fdull + i * 0x200000);
	}
}

static void test_4k_words_by_hand(void **state)
{
	struct bench b;

	(void)state;
	set_up(&b, &unit_4k, STE2_4K);
	fill_4k(&b);
	expect_leaf(&b, IOVA + 0x123, IOVA, IOVA + 0xfff, 0x123456789ull, RW, 1);
	assert_true(b.t.entry == 0x00001234567897ffull);
	expect_leaf(&b, 0x8080606000, 0x8080606000, 0x8080606fff, 0x123456789ull, MF_READ, 1);
	expect_leaf(&b, 0x8080607fff, 0x8080607000, 0x8080607fff, 0x123456789ull, MF_WRITE, 1);
	expect_leaf(&b, 0x8080608000, 0x8080608000, 0x8080608fff, 0x123456789ull, 0, 1);
	expect_leaf(&b, 0x8080610000, 0x8080610000, 0x808061ffff, 0x234567800ull, RW, 1);
	expect_leaf(&b, 0x808061f321, 0x8080610000, 0x808061ffff, 0x234567800ull, RW, 1);
	expect_leaf(&b, 0x8080a12345, 0x8080a00000, 0x8080bfffff, 0x123456600ull, RW, 2);
	expect_leaf(&b, 0x8084000000, 0x8084000000, 0x8085ffffff, 0x234560000ull, RW, 2);
	expect_leaf(&b, 0x80ffffffff, 0x80c0000000, 0x80ffffffff, 0x123440000ull, RW, 3);
	tear_down(&b);
}

static void test_16k_words_by_hand(void **state)
{
	struct bench b;
	u64 root, next, i;

	(void)state;
	set_up(&b, &unit_16k, STE2_16K);
	root = mf_pool_get(b.pool, 18);
	next = mf_pool_get(b.pool, 14);
	assert_true(root == POOL && next == POOL + 0x40000);
	/* Entry 5 of the ninth of 16 tables, 2048 each; then entry 6. */
	mf_pool_write(b.pool, root + 8 * (8 * 2048 + 5), 0x0000004000040003ull);
	mf_pool_write(b.pool, next + 8 * 6, 0x00000012345687ffull & ~0x4000ull);
	mf_pool_write(b.pool, root + 8 * (15 * 2048 + 2047), 0x00000012340007fdull);
	for (i = 0; i < 128; i++)
		mf_pool_write(b.pool, next + 8 * (128 + i), 0x00100012342007ffull + i * 0x4000);
	expect_leaf(&b, 0x800a01abcdull, 0x800a018000ull, 0x800a01bfffull, 0x1234568ull, RW, 1);
	expect_leaf(&b, 0xffffffffffull, 0xfffe000000ull, 0xffffffffffull, 0x1234000ull, RW, 2);
	expect_leaf(&b, 0x800a3fffffull, 0x800a200000ull, 0x800a3fffffull, 0x1234200ull, RW, 1);
	assert_int_equal(walk(&b, 0x800a01c000ull), MF_FAULT_NOT_PRESENT);
	assert_true(b.t.span.first == 0x800a01c000ull && b.t.span.last == 0x800a01ffffull);
	assert_int_equal(walk(&b, 0), MF_FAULT_NOT_PRESENT);
	assert_true(b.t.span.first == 0 && b.t.span.last == 0x1ffffffull);

	/* The unit aligns the root to 256 KiB, whatever is below. */
	b.ste[3] |= 0x3fff0;
	expect_leaf(&b, 0xffffffffffull, 0xfffe000000ull, 0xffffffffffull, 0x1234000ull, RW, 2);
	/* Bits 13:12 are no part of an address. */
	mf_pool_write(b.pool, next + 8 * 6, 0x00000012345697ffull & ~0x4000ull);
	assert_int_equal(walk(&b, 0x800a01abcdull), MF_FAULT_RESERVED);
	mf_pool_write(b.pool, root + 8 * (8 * 2048 + 5), 0x0000004000042003ull);
	assert_int_equal(walk(&b, 0x800a01abcdull), MF_FAULT_RESERVED);
	tear_down(&b);
}

static void test_64k_words_by_hand(void **state)
{
	struct bench b;
	u64 i;

	(void)state;
	set_up(&b, &unit_64k, STE2_64K);
	assert_true(mf_pool_get(b.pool, 13) == POOL);
	assert_true(mf_pool_get(b.pool, 16) == POOL + 0x10000);
	assert_true(mf_pool_get(b.pool, 16) == POOL + 0x20000);
	/* Address bits 51:48 are in 15:12. */
	mf_pool_write(b.pool, POOL + 8 * 1023, 0x0000004000010003ull);
	mf_pool_write(b.pool, POOL + 8 * 1, 0x0000b400000fe7fdull & ~0xf0000ull);
	mf_pool_write(b.pool, POOL + 0x10000 + 8 * 8191, 0x0000004000020003ull);
	mf_pool_write(b.pool, POOL + 0x10000 + 8 * 2, 0x0000bcde2000a7fdull);
	mf_pool_write(b.pool, POOL + 0x20000 + 8 * 8191, 0x0000bcde1234a7ffull);
	for (i = 0; i < 32; i++)
		mf_pool_write(b.pool, POOL + 0x20000 + 8 * (64 + i),
			      0x00100000002057ffull + i * 0x10000);
	expect_leaf(&b, 0xfffffffffffffull, 0xfffffffff0000ull, 0xfffffffffffffull,
		    0xabcde12340ull, RW, 1);
	expect_leaf(&b, 0xffc0040000001ull, 0xffc0040000000ull, 0xffc005fffffffull,
		    0xabcde20000ull, RW, 2);
	expect_leaf(&b, 0x4123456789aull, 0x40000000000ull, 0x7ffffffffffull,
		    0xeb40000000ull, RW, 3);
	expect_leaf(&b, 0xfffffe0410000ull, 0xfffffe0400000ull, 0xfffffe05fffffull,
		    0x5000000200ull, RW, 1);
	/* Blocks of 4 TiB came with 52 bits; with less, neither they nor 15:12 are. */
	b.config.output_bits = 48;
	b.ste[2] += 4ull << 32;
	assert_int_equal(walk(&b, 0x4123456789aull), MF_FAULT_RESERVED);
	assert_int_equal(describe(&b, MF_FAULT_RESERVED, 0x4123456789aull, true).code, 0x10);
	mf_pool_write(b.pool, POOL + 8 * 1, 0x0000004000010003ull);
	mf_pool_write(b.pool, POOL + 0x10000 + 8 * 1, 0x0000bcde2000a7fdull);
	assert_int_equal(walk(&b, 0x40020000000ull), MF_FAULT_RESERVED);
	assert_int_equal(describe(&b, MF_FAULT_RESERVED, 0x40020000000ull, true).code, 0x11);
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

static void test_every_bit_of_a_descriptor(void **state)
{
	struct bench b;

	(void)state;
	set_up(&b, &unit_4k, STE2_4K);
	fill_4k(&b);
	/* A page: type, SH 0b01, AF, 11, 51:48, and contiguous with no such neighbours. */
	flip_all(&b, POOL + 0x3000 + 8 * 4, 0x00001234567897ffull, IOVA, 0x001f000000000e02ull, 0);
	/* A block: 20:12 too; bit 1 makes it a table. */
	flip_all(&b, POOL + 0x2000 + 8 * 5, 0x00001234566007fdull, 0x8080a00000,
		 0x001f0000001ffe00ull, 2);
	flip_all(&b, POOL + 0x1000 + 8 * 3, 0x00001234400007fdull, 0x80c0000000,
		 0x001f00003ffffe00ull, 2);
	/* One of a contiguous set: whatever is not the same is wrong. XN is attribute too. */
	flip_all(&b, POOL + 0x3000 + 8 * 18, 0x00102345678027ffull, 0x8080612000,
		 ~1ull, 1ull << 52);
	/* A table: the lower attributes and 58:51 are ignored, 63:59 and 50:48 are not. */
	flip_all(&b, POOL + 0x2000 + 8 * 3, 0x0000004000003003ull, IOVA, 0xf807000000000002ull,
		 0x0000fffffffff000ull);
	/* With S2FWB, bit 5 is reserved and 0b100 no type: 0b110 less 0b010. */
	b.config.enforces = true;
	b.ste[1] |= 1ull << 25;
	mf_pool_write(b.pool, POOL + 0x3000 + 8 * 4, 0x00001234567897dbull);
	flip_all(&b, POOL + 0x3000 + 8 * 4, 0x00001234567897dbull, IOVA, 0x001f000000000e2aull, 0);
	tear_down(&b);
}

static void test_every_memory_type(void **state)
{
	struct bench b;
	u64 type;

	(void)state;
	set_up(&b, &unit_4k, STE2_4K);
	fill_4k(&b);
	b.config.enforces = true;
	for (type = 0; type < 16; type++) {
		mf_pool_write(b.pool, POOL + 0x3000 + 8 * 4, 0x00001234567897c3ull | type << 2);
		/* Combined with the device's: outer and inner, of which neither is 0b00 alone. */
		b.ste[1] = STE1;
		assert_int_equal(walk(&b, IOVA), type == 4 || type == 8 || type == 12 ?
				 MF_FAULT_RESERVED : MF_FAULT_NONE);
		/* Forced. */
		b.ste[1] = STE1 | 1ull << 25;
		assert_int_equal(walk(&b, IOVA), type == 4 || type > 7 ?
				 MF_FAULT_RESERVED : MF_FAULT_NONE);
	}
	tear_down(&b);
}

static void test_contiguous_sets_that_are_none(void **state)
{
	struct bench b;
	u64 i;

	(void)state;
	set_up(&b, &unit_4k, STE2_4K);
	fill_4k(&b);
	/* Output that is contiguous, but not aligned. */
	for (i = 0; i < 16; i++)
		mf_pool_write(b.pool, POOL + 0x3000 + 8 * (16 + i),
			      0x00102345678017ffull + i * 0x1000);
	assert_int_equal(walk(&b, 0x8080610000), MF_FAULT_RESERVED);
	assert_int_equal(walk(&b, 0x808061f000), MF_FAULT_RESERVED);
	/* Aligned, and in the wrong order; then the first one only. */
	for (i = 0; i < 16; i++)
		mf_pool_write(b.pool, POOL + 0x3000 + 8 * (16 + i),
			      0x00102345678007ffull + (15 - i) * 0x1000);
	assert_int_equal(walk(&b, 0x8080610000), MF_FAULT_RESERVED);
	for (i = 1; i < 16; i++)
		mf_pool_write(b.pool, POOL + 0x3000 + 8 * (16 + i), 0);
	mf_pool_write(b.pool, POOL + 0x3000 + 8 * 16, 0x00102345678007ffull);
	assert_int_equal(walk(&b, 0x8080610000), MF_FAULT_RESERVED);
	assert_int_equal(walk(&b, 0x8080611000), MF_FAULT_NOT_PRESENT);
	tear_down(&b);
}

static void test_every_bit_of_an_ste(void **state)
{
	/* Those that make it ILLEGAL, and those that lead elsewhere. */
	static const u64 bad[MF_DESCRIPTOR_WORDS] = {
		~0ull, 0x000f0e00cf040000ull, 0xfb9cc0f000000000ull, 0xffff00000000000full,
		0xffffffffffff0000ull, ~0ull, ~0ull, ~0ull,
	};
	static const u64 elsewhere[MF_DESCRIPTOR_WORDS] = {
		[2] = 1ull << 48, [3] = 0x0000fffffffff000ull,
	};
	struct mf_fault fault;
	enum mf_fault_why why;
	struct bench b;
	u32 word, i;

	(void)state;
	set_up(&b, &unit_4k, STE2_4K);
	fill_4k(&b);
	b.config.pgsizes = 4 * KIB;	/* and so no granule of 64 KiB */
	for (word = 0; word < MF_DESCRIPTOR_WORDS; word++) {
		for (i = 0; i < 64; i++) {
			b.ste[word] ^= 1ull << i;
			why = walk(&b, IOVA);
			if (bad[word] >> i & 1) {
				if (why != MF_FAULT_DEVICE)
					fail_msg("word %u bit %u: %d", word, i, why);
				assert_true(b.t.span.first == 0 && b.t.span.last == TOP);
				fault = describe(&b, why, IOVA, true);
				expect_record(fault, 0x04, "C_BAD_STE", 0, 0, 0);
			} else if (!(elsewhere[word] >> i & 1) && why) {
				fail_msg("word %u bit %u: %d", word, i, why);
			} else if (why == MF_FAULT_DEVICE) {
				fail_msg("word %u bit %u is not illegal", word, i);
			}
			b.ste[word] ^= 1ull << i;
		}
	}
	tear_down(&b);
}

static void test_start_levels_that_do_not_fit(void **state)
{
	/* By S2TG: 4, 64, 16 KiB. By S2SL0: what a walk from there can translate. */
	static const struct {
		u32 least, most;
	} fits[3][4] = {
		{ { 22, 34 }, { 31, 43 }, { 40, 52 }, { 64, 0 } },
		{ { 17, 33 }, { 30, 46 }, { 43, 59 }, { 64, 0 } },
		{ { 15, 29 }, { 26, 40 }, { 37, 51 }, { 64, 0 } },
	};
	struct bench b;
	u32 tg, sl, t0sz;

	(void)state;
	set_up(&b, &unit_4k, 0);
	b.config.pgsizes = 4 * KIB | 16 * KIB | 64 * KIB;
	b.config.output_bits = 52;
	for (tg = 0; tg < 4; tg++) {
		for (sl = 0; sl < 4; sl++) {
			for (t0sz = 0; t0sz < 64; t0sz++) {
				u32 most = tg == 1 ? 52 : 48, in = 64 - t0sz;
				bool good = tg < 3 && in >= 25 && in <= most &&
					    in >= fits[tg % 3][sl].least &&
					    in <= fits[tg % 3][sl].most;

				b.ste[2] = 0x044e350000000000ull | (u64)t0sz << 32 |
					   (u64)sl << 38 | (u64)tg << 46;
				assert_int_equal(walk(&b, 0) != MF_FAULT_DEVICE, good);
			}
		}
	}
	/* No more than the unit has of physical address. */
	b.config.output_bits = 40;
	b.ste[2] = 0x044e355800000000ull;	/* level 1, 40 bits */
	assert_int_equal(walk(&b, 0), MF_FAULT_NOT_PRESENT);
	b.ste[2] = 0x044e355700000000ull;	/* 41 */
	assert_int_equal(walk(&b, 0), MF_FAULT_DEVICE);
	tear_down(&b);
}

static void test_faults_as_the_unit_records_them(void **state)
{
	struct mf_fault fault;
	struct bench b;

	(void)state;
	set_up(&b, &unit_4k, STE2_4K);
	fill_4k(&b);

	assert_int_equal(walk(&b, 0x8080605678), MF_FAULT_NOT_PRESENT);
	fault = describe(&b, MF_FAULT_NOT_PRESENT, 0x8080605678, false);
	expect_record(fault, 0x10, "F_TRANSLATION", READ_WORD, 0x8080605678, 0x8080605000);
	fault = describe(&b, MF_FAULT_NOT_PRESENT, 0x8080605678, true);
	expect_record(fault, 0x10, "F_TRANSLATION", WRITE_WORD, 0x8080605678, 0x8080605000);

	/* Beyond the IAS, stage 1 says no; below, stage 2. */
	assert_int_equal(walk(&b, 1ull << 48), MF_FAULT_APERTURE);
	assert_true(b.t.span.first == 1ull << 48 && b.t.span.last == TOP && !b.t.level);
	fault = describe(&b, MF_FAULT_APERTURE, 1ull << 48, true);
	expect_record(fault, 0x11, "F_ADDR_SIZE", 0x0000020000000000ull, 1ull << 48, 0);
	b.config.output_bits = 52;
	fault = describe(&b, MF_FAULT_APERTURE, 1ull << 48, true);
	expect_record(fault, 0x10, "F_TRANSLATION", WRITE_WORD, 1ull << 48, 1ull << 48);
	b.config.output_bits = 48;

	/* A leaf and a table beyond S2PS: 44 bits. */
	b.ste[2] ^= 1ull << 48;
	assert_int_equal(walk(&b, IOVA), MF_FAULT_RESERVED);
	fault = describe(&b, MF_FAULT_RESERVED, IOVA, true);
	expect_record(fault, 0x11, "F_ADDR_SIZE", WRITE_WORD, IOVA, IOVA);
	mf_pool_write(b.pool, POOL + 0x2000 + 8 * 9, 0x0000100000003003ull);
	assert_int_equal(walk(&b, 0x8081200000), MF_FAULT_TABLE);
	fault = describe(&b, MF_FAULT_TABLE, 0x8081200000, true);
	expect_record(fault, 0x11, "F_ADDR_SIZE", WRITE_WORD, 0x8081200000, 0x8081200000);
	b.ste[2] ^= 1ull << 48;

	/* The same table where there is no memory: FetchAddr is the descriptor's. */
	assert_int_equal(walk(&b, 0x8081203000), MF_FAULT_TABLE);
	assert_true(b.t.span.first == 0x8081200000 && b.t.span.last == 0x80813fffff);
	fault = describe(&b, MF_FAULT_TABLE, 0x8081203000, false);
	expect_record(fault, 0x0b, "F_WALK_EABT", READ_WORD, 0x8081203000, 0x100000003018ull);
	b.ste[3] = 0x200000000000ull;
	assert_int_equal(walk(&b, IOVA), MF_FAULT_TABLE);
	fault = describe(&b, MF_FAULT_TABLE, IOVA, false);
	expect_record(fault, 0x0b, "F_WALK_EABT", READ_WORD, IOVA, 0x200000000008ull);
	b.ste[3] = POOL;

	/* AF clear; with S2AFFD nobody asks. */
	mf_pool_write(b.pool, POOL + 0x3000 + 8 * 4, 0x00001234567893ffull);
	assert_int_equal(walk(&b, IOVA), MF_FAULT_RESERVED);
	fault = describe(&b, MF_FAULT_RESERVED, IOVA, false);
	expect_record(fault, 0x12, "F_ACCESS", READ_WORD, IOVA, IOVA);
	b.ste[2] |= 1ull << 53;
	assert_int_equal(walk(&b, IOVA), MF_FAULT_NONE);

	fault = describe(&b, MF_FAULT_READ, IOVA, false);
	expect_record(fault, 0x13, "F_PERMISSION", READ_WORD, IOVA, IOVA);
	fault = describe(&b, MF_FAULT_WRITE, IOVA, true);
	expect_record(fault, 0x13, "F_PERMISSION", WRITE_WORD, IOVA, IOVA);

	/* RES0, a block where there is none, and a hole in a contiguous set. */
	mf_pool_write(b.pool, POOL + 0x3000 + 8 * 4, 0x0001123456789fffull);
	assert_int_equal(walk(&b, IOVA), MF_FAULT_RESERVED);
	fault = describe(&b, MF_FAULT_RESERVED, IOVA, false);
	expect_record(fault, 0x10, "F_TRANSLATION", READ_WORD, IOVA, IOVA);
	mf_pool_write(b.pool, POOL + 8 * 2, 0x00000000000007fdull);
	assert_int_equal(walk(&b, 0x10000000000), MF_FAULT_RESERVED);
	fault = describe(&b, MF_FAULT_RESERVED, 0x10000000000, false);
	expect_record(fault, 0x10, "F_TRANSLATION", READ_WORD, 0x10000000000, 0x10000000000);
	mf_pool_write(b.pool, POOL + 0x3000 + 8 * 31, 0);
	assert_int_equal(walk(&b, 0x8080610000), MF_FAULT_RESERVED);
	fault = describe(&b, MF_FAULT_RESERVED, 0x8080610000, false);
	expect_record(fault, 0x20, "F_TLB_CONFLICT", READ_WORD, 0x8080610000, 0x8080610000);

	/* Behind the unit it records nothing; without S2R only what is bad about the STE. */
	assert_int_equal(describe(&b, MF_FAULT_NOWHERE, IOVA, false).code, 0);
	b.ste[2] &= ~(1ull << 58);
	fault = describe(&b, MF_FAULT_NOT_PRESENT, IOVA, false);
	assert_true(!fault.code && !fault.name && !fault.record[0] && !fault.record[1]);
	b.w.descriptor = NULL;
	fault = describe(&b, MF_FAULT_NO_DOMAIN, IOVA, false);
	expect_record(fault, 0x04, "C_BAD_STE", 0, 0, 0);
	tear_down(&b);
}

static u64 word_at(struct bench *b, u64 address)
{
	u64 word;

	assert_true(mf_pool_read(b->pool, address, &word));
	return word;
}

static void make_table(struct bench *b, struct mf_io_table *table, bool coherent)
{
	memset(table, 0, sizeof(*table));
	table->config = &b->config;
	table->pool = b->pool;
	assert_int_equal(mf_format_smmuv3.create(table), 0);
	table->coherent = coherent;
}

static void test_writer_writes_the_same_words(void **state)
{
	struct mf_io_table table;
	struct bench b;
	u64 root, l1, l2, l3, i;

	(void)state;
	set_up(&b, &unit_4k, 0);
	make_table(&b, &table, false);
	root = table.descriptor[3];
	assert_true(table.descriptor[0] == STE0 && table.descriptor[1] == STE1);
	assert_true((table.descriptor[2] & ~0xffffull) == STE2_4K);
	assert_int_equal(mf_format_smmuv3.map(&table, IOVA, 0x123456789, 12, RW), 0);
	l1 = word_at(&b, root + 8) & ~3ull;
	assert_true(word_at(&b, root + 8) == (l1 | 3));
	l2 = word_at(&b, l1 + 16) & ~3ull;
	assert_true(word_at(&b, l1 + 16) == (l2 | 3));
	l3 = word_at(&b, l2 + 24) & ~3ull;
	assert_true(word_at(&b, l2 + 24) == (l3 | 3));
	assert_true(word_at(&b, l3 + 32) == 0x00001234567897ffull);
	assert_int_equal(mf_format_smmuv3.map(&table, 0x8080606000, 0x123456789, 12, MF_READ), 0);
	assert_true(word_at(&b, l3 + 48) == 0x000012345678977full);
	assert_int_equal(mf_format_smmuv3.map(&table, 0x8080610000, 0x234567800, 16, RW), 0);
	for (i = 0; i < 16; i++)
		assert_true(word_at(&b, l3 + 8 * (16 + i)) == 0x00102345678007ffull + i * 0x1000);
	assert_int_equal(mf_format_smmuv3.map(&table, 0x8080a00000, 0x123456600, 21, RW), 0);
	assert_true(word_at(&b, l2 + 40) == 0x00001234566007fdull);
	assert_int_equal(mf_format_smmuv3.map(&table, 0x80c0000000, 0x123440000, 30, RW), 0);
	assert_true(word_at(&b, l1 + 24) == 0x00001234400007fdull);

	/* What it can't say, and what is taken. */
	assert_int_equal(mf_format_smmuv3.map(&table, 0, 1ull << 36, 12, RW), -EINVAL);
	assert_int_equal(mf_format_smmuv3.map(&table, 0x8080600000, 0, 16, RW), -EADDRINUSE);
	assert_int_equal(mf_format_smmuv3.map(&table, 0x8080600000, 0, 21, RW), -EADDRINUSE);
	assert_int_equal(mf_format_smmuv3.map(&table, 0x8080a01000, 0, 12, RW), -EADDRINUSE);
	assert_true(mf_pool_used(b.pool) == 4);

	/* Tables go with their last leaf. */
	assert_true(mf_format_smmuv3.unmap(&table, 0x8080611000, TOP) == 0);
	assert_true(mf_format_smmuv3.unmap(&table, 0x8080610000, 0xffff) == 0);
	assert_true(mf_format_smmuv3.unmap(&table, 0x8080610000, 0x10000) == 0x10000);
	assert_true(mf_format_smmuv3.unmap(&table, IOVA, TOP) == 0x1000);
	assert_true(mf_pool_used(b.pool) == 4);
	assert_true(mf_format_smmuv3.unmap(&table, 0x8080606000, TOP) == 0x1000);
	assert_true(mf_pool_used(b.pool) == 3);
	assert_true(mf_format_smmuv3.unmap(&table, 0x80c0000000, TOP) == GIB);
	assert_true(mf_pool_used(b.pool) == 3);
	assert_true(mf_format_smmuv3.unmap(&table, 0x8080a00000, TOP) == 2 * MIB);
	assert_true(mf_pool_used(b.pool) == 1);
	mf_format_smmuv3.destroy(&table);
	assert_true(mf_pool_used(b.pool) == 0);

	/* Coherent: S2FWB in the STE, and 0b0110 for the memory's type. */
	b.config.enforces = true;
	make_table(&b, &table, true);
	assert_int_equal(mf_format_smmuv3.map(&table, 0x80c0000000, 0x123440000, 30, RW), 0);
	assert_true(table.descriptor[1] == (STE1 | 0x2000000));
	l1 = word_at(&b, table.descriptor[3] + 8) & ~3ull;
	assert_true(word_at(&b, l1 + 24) == 0x00001234400007dbull - 2);
	mf_format_smmuv3.destroy(&table);
	assert_true(mf_pool_used(b.pool) == 0);
	tear_down(&b);
}

static void test_writer_of_other_granules(void **state)
{
	struct mf_io_table table;
	struct bench b;
	u64 next;

	(void)state;
	set_up(&b, &unit_16k, 0);
	make_table(&b, &table, false);
	assert_true((table.descriptor[2] & ~0xffffull) == STE2_16K);
	assert_true(!(table.descriptor[3] & 0x3ffff));
	assert_true(mf_pool_used(b.pool) == 64);
	assert_int_equal(mf_format_smmuv3.map(&table, 0x800a018000ull, 0x1234564, 14, RW), 0);
	next = word_at(&b, table.descriptor[3] + 8 * (8 * 2048 + 5)) & ~3ull;
	assert_true(word_at(&b, next + 48) == 0x00000012345647ffull);
	mf_format_smmuv3.destroy(&table);
	assert_true(mf_pool_used(b.pool) == 0);
	tear_down(&b);

	set_up(&b, &unit_64k, 0);
	make_table(&b, &table, false);
	assert_true((table.descriptor[2] & ~0xffffull) == STE2_64K);
	assert_int_equal(mf_format_smmuv3.map(&table, 0x40000000000ull, 0xeb40000000ull, 42, RW),
			 0);
	assert_true(word_at(&b, table.descriptor[3] + 8) == 0x0000b4000000e7fdull);
	assert_int_equal(mf_format_smmuv3.map(&table, 0xffc0040000000ull, 0xabcde20000ull, 29, RW),
			 0);
	next = word_at(&b, table.descriptor[3] + 8 * 1023) & ~3ull;
	assert_true(word_at(&b, next + 16) == 0x0000bcde2000a7fdull);
	mf_format_smmuv3.destroy(&table);
	assert_true(mf_pool_used(b.pool) == 0);
	tear_down(&b);
}

static void test_units_that_cannot_be(void **state)
{
	static const struct mf_model_config not[] = {
		{ .pgsizes = 4 * KIB, .aperture = { 4 * KIB, (1ull << 48) - 1 } },
		{ .pgsizes = 4 * KIB, .aperture = { 0, 1ull << 47 } },
		{ .pgsizes = 4 * KIB, .aperture = { 0, (1ull << 24) - 1 } },
		{ .pgsizes = 4 * KIB, .aperture = { 0, (1ull << 49) - 1 } },
		{ .pgsizes = 16 * KIB, .aperture = { 0, (1ull << 49) - 1 } },
		{ .pgsizes = 64 * KIB, .aperture = { 0, (1ull << 53) - 1 } },
		{ .pgsizes = 64 * KIB, .aperture = { 0, TOP } },
		{ .pgsizes = 64 * KIB, .aperture = { 0, 0 } },
		{ .pgsizes = 0, .aperture = { 0, (1ull << 48) - 1 } },
		{ .pgsizes = 2 * MIB, .aperture = { 0, (1ull << 48) - 1 } },
		{ .pgsizes = 8 * KIB, .aperture = { 0, (1ull << 48) - 1 } },
		{ .pgsizes = 4 * KIB | 16 * KIB, .aperture = { 0, (1ull << 48) - 1 } },
		{ .pgsizes = 4 * KIB | 512 * GIB, .aperture = { 0, (1ull << 48) - 1 } },
		{ .pgsizes = 16 * KIB | 64 * GIB, .aperture = { 0, (1ull << 48) - 1 } },
		{ .pgsizes = 64 * KIB | 1ull << 42, .aperture = { 0, (1ull << 48) - 1 },
		  .output_bits = 48 },
		{ .pgsizes = 4 * KIB | GIB, .aperture = { 0, (1ull << 30) - 1 } },
		{ .pgsizes = 4 * KIB, .aperture = { 0, (1ull << 44) - 1 }, .output_bits = 42 },
		{ .pgsizes = 4 * KIB, .aperture = { 0, (1ull << 32) - 1 }, .output_bits = 39 },
		{ .pgsizes = 4 * KIB, .aperture = { 0, (1ull << 32) - 1 }, .output_bits = 36 },
	};
	u32 i;

	(void)state;
	for (i = 0; i < sizeof(not) / sizeof(not[0]); i++) {
		if (!mf_format_smmuv3.possible(&not[i]))
			fail_msg("unit %u is not possible", i);
	}
	assert_null(mf_format_smmuv3.possible(&unit_4k));
	assert_null(mf_format_smmuv3.possible(&unit_16k));
	assert_null(mf_format_smmuv3.possible(&unit_64k));
}

/* Every set of sizes that a granule has, at every width that it can translate. */
static void test_writer_and_walker_agree(void **state)
{
	static const struct {
		u64 pgsizes;
		u32 least, most;
	} units[] = {
		{ 4 * KIB, 25, 48 },
		{ 4 * KIB | 2 * MIB, 25, 48 },
		{ 4 * KIB | 2 * MIB | GIB, 31, 48 },
		{ 4 * KIB | 64 * KIB | 2 * MIB | 32 * MIB, 25, 48 },
		{ 4 * KIB | 64 * KIB | 2 * MIB | 32 * MIB | GIB | 16 * GIB, 34, 48 },
		{ 16 * KIB, 25, 48 },
		{ 16 * KIB | 32 * MIB, 26, 48 },
		{ 16 * KIB | 2 * MIB | 32 * MIB | GIB, 30, 48 },
		{ 64 * KIB, 25, 52 },
		{ 64 * KIB | 512 * MIB, 30, 52 },
		{ 64 * KIB | 2 * MIB | 512 * MIB | 16 * GIB, 34, 52 },
		{ 64 * KIB | 512 * MIB | 1ull << 42, 43, 52 },
	};
	static const u32 outputs[] = { 40, 42, 44, 48, 52 };
	struct mf_model_config config = { .format = &mf_format_smmuv3 };
	u32 i, bits, output = 0;

	(void)state;
	for (i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		for (bits = units[i].least; bits <= units[i].most; bits++) {
			config.pgsizes = units[i].pgsizes;
			config.aperture.last = (1ull << bits) - 1;
			config.enforces = bits & 1;
			do {
				config.output_bits = outputs[output++ % 5];
			} while (config.output_bits < bits ||
				 (config.pgsizes >> 42 && config.output_bits < 52));
			crosscheck(&config);
			agree(&config);
		}
	}
}

/* What started containers with several domains: one unit can enforce coherency, one not. */
static void test_a_unit_without_fwb_in_a_domain_with(void **state)
{
	struct mf_model_config with = unit_4k, without = unit_4k;
	struct mf_host_group *a, *b;
	struct mf_model *careless;
	struct world w;
	u8 byte = 1;

	(void)state;
	with.enforces = true;
	world_init(&w, 64, MF_RAM_SCATTERED);
	world_open(&w, MF_TYPE1V2, 16);
	careless = world_unit(&w, &with);
	a = world_group(&w, careless);
	b = world_group(&w, world_unit(&w, &without));
	assert_int_equal(mf_attach(w.c, a, 0, NULL), 0);
	assert_int_equal(world_map(&w, 0, VADDR, 8 * PAGE, RW, NULL), 0);
	assert_int_equal(mf_attach(w.c, b, 0, NULL), 0);
	assert_ptr_not_equal(a->domain, b->domain);
	assert_int_equal(mf_device_write(world_device(&w, a), PAGE, &byte, 1), 0);
	assert_int_equal(mf_device_write(world_device(&w, b), PAGE, &byte, 1), 0);
	check(world_check(&w));
	mf_detach(w.c, b);

	/* The engine does not mix them, and no unit would; but were there one: */
	assert_int_equal(w.host.host.ops->domain_attach(&w.host.host, a->domain, b), -EINVAL);
	careless->faults.careless = true;
	assert_int_equal(w.host.host.ops->domain_attach(&w.host.host, a->domain, b), 0);
	assert_int_equal(mf_device_write(world_device(&w, b), PAGE, &byte, 1), -EFAULT);
	assert_int_equal(world_device(&w, b)->fault.why, MF_FAULT_DEVICE);
	assert_int_equal(world_device(&w, b)->fault.code, 0x04);
	w.host.host.ops->domain_detach(&w.host.host, a->domain, b);
	assert_int_equal(mf_device_write(world_device(&w, a), PAGE, &byte, 1), 0);
	check(world_end(&w));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_4k_words_by_hand),
		cmocka_unit_test(test_16k_words_by_hand),
		cmocka_unit_test(test_64k_words_by_hand),
		cmocka_unit_test(test_every_bit_of_a_descriptor),
		cmocka_unit_test(test_every_memory_type),
		cmocka_unit_test(test_contiguous_sets_that_are_none),
		cmocka_unit_test(test_every_bit_of_an_ste),
		cmocka_unit_test(test_start_levels_that_do_not_fit),
		cmocka_unit_test(test_faults_as_the_unit_records_them),
		cmocka_unit_test(test_writer_writes_the_same_words),
		cmocka_unit_test(test_writer_of_other_granules),
		cmocka_unit_test(test_units_that_cannot_be),
		cmocka_unit_test(test_writer_and_walker_agree),
		cmocka_unit_test(test_a_unit_without_fwb_in_a_domain_with),
	};

	return cmocka_run_group_tests_name("smmuv3", tests, NULL, NULL);
}
