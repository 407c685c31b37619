// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Intel VT-d, second stage. Every 64-bit word here was put together by hand from
 * the specification, not by the writer: the walker is held to them, and so is
 * the writer.
 */
#include <stdlib.h>

#include "tests/models/agree.h"
#include "tests/models/crosscheck.h"
#include "user/models/vtd/vtd.h"

#define RW	(MF_READ | MF_WRITE)

/* The pool's first pages are handed out one after the other. */
#define POOL	0x4000000000ull

/* A context entry: present, root at POOL; domain 7, AW: 48 bits. */
#define LOW	0x0000004000000001ull
#define HIGH	0x0000000000000702ull

/* Entries 1, 2, 3 and 4 of levels 4 to 1; with entry 5 of level 5. */
#define IOVA	0x8080604000ull
#define IOVA_5	0x5008080604000ull

/* Address bits 51:46, bit 62; and bit 11 where it is not SNP. */
#define BAD	0x400fc00000000800ull

static const struct mf_model_config unit_48 = {
	.format = &mf_format_vtd,
	.pgsizes = 4 * KIB | 2 * MIB | GIB,
	.aperture = { 0, (1ull << 48) - 1 },
	.output_bits = 46,
};

/* A unit's view of some memory that nobody wrote but the test. */
struct bench {
	struct mf_user_host host;
	struct mf_pool *pool;
	struct mf_model_config config;
	u64 context[MF_DESCRIPTOR_WORDS];
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
	b->context[0] = LOW;
	b->context[1] = HIGH;
	b->w.config = &b->config;
	b->w.pool = b->pool;
	b->w.descriptor = b->context;

	for (i = 0; i < 5; i++)
		assert_true(mf_pool_get(b->pool, 12) == POOL + i * 0x1000);
	mf_pool_write(b->pool, POOL + 8 * 1, 0x0000004000001003ull);
	mf_pool_write(b->pool, POOL + 0x1000 + 8 * 2, 0x0000004000002003ull);
	mf_pool_write(b->pool, POOL + 0x1000 + 8 * 3, 0x0000123440000083ull);
	mf_pool_write(b->pool, POOL + 0x2000 + 8 * 3, 0x0000004000003003ull);
	mf_pool_write(b->pool, POOL + 0x2000 + 8 * 5, 0x0000123456600083ull);
	mf_pool_write(b->pool, POOL + 0x3000 + 8 * 4, 0x0000123456789003ull);
	mf_pool_write(b->pool, POOL + 0x3000 + 8 * 5, 0x000012345678a001ull);
	mf_pool_write(b->pool, POOL + 0x3000 + 8 * 6, 0x000012345678b002ull);
	/* One level more. */
	mf_pool_write(b->pool, POOL + 0x4000 + 8 * 5, 0x0000004000000003ull);
}

static void tear_down(struct bench *b)
{
	mf_pool_free(b->pool);
	mf_user_host_fini(&b->host);
}

static enum mf_fault_why walk(struct bench *b, u64 iova)
{
	memset(&b->t, 0xa5, sizeof(b->t));
	return mf_format_vtd.walk(&b->w, iova, &b->t);
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

	mf_format_vtd.describe(&b->w, 0x1234, &fault);
	return fault;
}

/* F, the type of the request, the reason and the source; then the page. */
static void expect_record(struct bench *b, enum mf_fault_why why, u64 iova, bool write, u32 code)
{
	struct mf_fault fault = describe(b, why, iova, write);
	u64 high = write ? 0x8000000000001234ull : 0xc000000000001234ull;

	assert_int_equal(fault.code, code);
	assert_non_null(fault.name);
	assert_true(fault.record[0] == (iova & ~0xfffull));
	assert_true(fault.record[1] == (high | (u64)code << 32));
}

static void test_words_by_hand(void **state)
{
	struct bench b;

	(void)state;
	set_up(&b);
	expect_leaf(&b, IOVA + 0x123, IOVA, IOVA + 0xfff, 0x123456789ull, RW, 1);
	assert_true(b.t.entry == 0x0000123456789003ull);
	expect_leaf(&b, 0x8080605000, 0x8080605000, 0x8080605fff, 0x12345678aull, MF_READ, 1);
	expect_leaf(&b, 0x8080606fff, 0x8080606000, 0x8080606fff, 0x12345678bull, MF_WRITE, 1);
	expect_leaf(&b, 0x8080a12345, 0x8080a00000, 0x8080bfffff, 0x123456600ull, RW, 2);
	expect_leaf(&b, 0x80ffffffff, 0x80c0000000, 0x80ffffffff, 0x123440000ull, RW, 3);

	expect_fault(&b, 0x8080607123, MF_FAULT_NOT_PRESENT, 0x8080607000, 0x8080607fff);
	expect_fault(&b, 0x8080800000, MF_FAULT_NOT_PRESENT, 0x8080800000, 0x80809fffff);
	expect_fault(&b, 0x8040000000, MF_FAULT_NOT_PRESENT, 0x8040000000, 0x807fffffff);
	expect_fault(&b, 0x10000000000, MF_FAULT_NOT_PRESENT, 0x10000000000, 0x17fffffffff);
	expect_fault(&b, 1ull << 48, MF_FAULT_APERTURE, 1ull << 48, TOP);
	expect_fault(&b, TOP, MF_FAULT_APERTURE, 1ull << 48, TOP);
	tear_down(&b);
}

static void test_rights_of_all_levels_are_anded(void **state)
{
	struct bench b;

	(void)state;
	set_up(&b);
	mf_pool_write(b.pool, POOL + 8 * 1, 0x0000004000001001ull);
	expect_leaf(&b, IOVA, IOVA, IOVA + 0xfff, 0x123456789ull, MF_READ, 1);
	expect_leaf(&b, 0x8080606000, 0x8080606000, 0x8080606fff, 0x12345678bull, 0, 1);
	expect_leaf(&b, 0x80c0000000, 0x80c0000000, 0x80ffffffff, 0x123440000ull, MF_READ, 3);
	mf_pool_write(b.pool, POOL + 0x2000 + 8 * 3, 0x0000004000003002ull);
	expect_leaf(&b, IOVA, IOVA, IOVA + 0xfff, 0x123456789ull, 0, 1);
	tear_down(&b);
}

static void test_three_four_and_five_levels(void **state)
{
	struct bench b;

	(void)state;
	set_up(&b);
	/* The upper table left out: 39 bits, by a unit that has 48. */
	b.context[0] = 0x0000004000001001ull;
	b.context[1] = 0x0000000000000701ull;
	expect_leaf(&b, 0x80604000, 0x80604000, 0x80604fff, 0x123456789ull, RW, 1);
	expect_fault(&b, 1ull << 39, MF_FAULT_APERTURE, 1ull << 39, TOP);
	/* And by one that has no more. */
	b.config.aperture.last = (1ull << 39) - 1;
	expect_leaf(&b, 0x80604000, 0x80604000, 0x80604fff, 0x123456789ull, RW, 1);
	b.context[1] = 0x0000000000000702ull;
	expect_fault(&b, 0, MF_FAULT_DEVICE, 0, TOP);
	expect_record(&b, MF_FAULT_DEVICE, IOVA, false, 0x3);

	/* 57 bits. */
	b.context[0] = 0x0000004000004001ull;
	b.context[1] = 0x0000000000000703ull;
	b.config.aperture.last = (1ull << 57) - 1;
	expect_leaf(&b, IOVA_5, IOVA_5, IOVA_5 + 0xfff, 0x123456789ull, RW, 1);
	expect_fault(&b, 0, MF_FAULT_NOT_PRESENT, 0, (1ull << 48) - 1);
	expect_fault(&b, 1ull << 57, MF_FAULT_APERTURE, 1ull << 57, TOP);
	b.config.aperture.last = (1ull << 48) - 1;
	expect_fault(&b, IOVA_5, MF_FAULT_DEVICE, 0, TOP);
	b.config.aperture.last = (1ull << 57) - 1;
	b.context[0] = LOW;
	b.context[1] = HIGH;
	expect_leaf(&b, IOVA, IOVA, IOVA + 0xfff, 0x123456789ull, RW, 1);

	/* A table of 48 bits, of which the unit takes 40 (MGAW). */
	b.config.aperture.last = (1ull << 40) - 1;
	expect_leaf(&b, IOVA, IOVA, IOVA + 0xfff, 0x123456789ull, RW, 1);
	expect_fault(&b, 1ull << 40, MF_FAULT_APERTURE, 1ull << 40, TOP);
	tear_down(&b);
}

/* Flip each bit of an entry, and see what the walk makes of it. */
static void flip_all(struct bench *b, u64 slot, u64 word, u64 iova, u64 bad, u64 skip)
{
	enum mf_fault_why why;
	u32 i;

	for (i = 0; i < 64; i++) {
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
	mf_pool_write(b->pool, slot, ~3ull);
	assert_int_equal(walk(b, iova), MF_FAULT_NOT_PRESENT);
	mf_pool_write(b->pool, slot, word);
	assert_int_equal(walk(b, iova), MF_FAULT_NONE);
}

static void test_every_bit_of_an_entry(void **state)
{
	struct bench b;
	u32 snoop;

	(void)state;
	set_up(&b);
	for (snoop = 0; snoop < 2; snoop++) {
		u64 bad = snoop ? BAD & ~0x800ull : BAD;

		b.config.enforces = snoop;
		flip_all(&b, POOL + 0x3000 + 8 * 4, 0x0000123456789003ull, IOVA, bad, 0);
		/* Without bit 7 it is a table, and that is elsewhere. */
		flip_all(&b, POOL + 0x2000 + 8 * 5, 0x0000123456600083ull, 0x8080a00000,
			 bad | 0x1ff000ull, 0x80);
		flip_all(&b, POOL + 0x1000 + 8 * 3, 0x0000123440000083ull, 0x80c0000000,
			 bad | 0x3ffff000ull, 0x80);
		/* Tables: as pages they would not be aligned. */
		flip_all(&b, POOL + 0x2000 + 8 * 3, 0x0000004000003003ull, IOVA, BAD | 0x80,
			 0x00003ffffffff000ull);
		flip_all(&b, POOL + 0x1000 + 8 * 2, 0x0000004000002003ull, IOVA, BAD | 0x80,
			 0x00003ffffffff000ull);
		flip_all(&b, POOL + 8 * 1, 0x0000004000001003ull, IOVA, BAD | 0x80,
			 0x00003ffffffff000ull);
	}
	/* No page of 512 GiB, however well aligned. */
	mf_pool_write(b.pool, POOL + 8 * 1, 0x0000100000000083ull);
	assert_int_equal(walk(&b, IOVA), MF_FAULT_RESERVED);
	tear_down(&b);
}

static void test_large_pages_only_where_the_unit_has_them(void **state)
{
	struct bench b;

	(void)state;
	set_up(&b);
	b.config.pgsizes = 4 * KIB | 2 * MIB;
	expect_leaf(&b, 0x8080a00000, 0x8080a00000, 0x8080bfffff, 0x123456600ull, RW, 2);
	expect_fault(&b, 0x80c0000000, MF_FAULT_RESERVED, 0x80c0000000, 0x80ffffffff);
	b.config.pgsizes = 4 * KIB;
	expect_fault(&b, 0x8080a00000, MF_FAULT_RESERVED, 0x8080a00000, 0x8080bfffff);
	expect_record(&b, MF_FAULT_RESERVED, 0x8080a00000, true, 0xc);
	tear_down(&b);
}

/* 0: does no harm; else the reason the unit gives. */
static u32 context_code(struct bench *b, u32 word, u32 bit)
{
	enum mf_fault_why why;

	b->context[word] ^= 1ull << bit;
	why = walk(b, IOVA);
	b->context[word] ^= 1ull << bit;
	if (!why)
		return 0;
	assert_int_equal(why, bit || word ? MF_FAULT_DEVICE : MF_FAULT_NO_DOMAIN);
	b->context[word] ^= 1ull << bit;
	why = describe(b, why, IOVA, false).code;
	b->context[word] ^= 1ull << bit;
	return why;
}

static void test_every_bit_of_a_context_entry(void **state)
{
	struct bench b;
	u32 i;

	(void)state;
	set_up(&b);
	for (i = 0; i < 64; i++) {
		/* P; FPD; what to translate; reserved; the root; reserved. */
		if (i < 12 || i > 45)
			assert_int_equal(context_code(&b, 0, i),
					 i == 0 ? 0x2 : i == 1 ? 0 : i < 4 ? 0x3 : 0xb);
		/* AW; ignored; reserved; the domain; reserved. */
		assert_int_equal(context_code(&b, 1, i),
				 i < 3 ? 0x3 : i < 7 ? 0 : i == 7 ? 0xb : i < 24 ? 0 : 0xb);
	}
	tear_down(&b);
}

static void test_every_reason_and_its_record(void **state)
{
	struct bench b;

	(void)state;
	set_up(&b);
	expect_record(&b, MF_FAULT_NO_DOMAIN, IOVA + 0x123, false, 0x2);
	expect_record(&b, MF_FAULT_DEVICE, IOVA, true, 0x3);
	expect_record(&b, MF_FAULT_APERTURE, 1ull << 48, false, 0x4);
	expect_record(&b, MF_FAULT_WRITE, IOVA, true, 0x5);
	expect_record(&b, MF_FAULT_NOT_PRESENT, IOVA, true, 0x5);
	expect_record(&b, MF_FAULT_READ, IOVA, false, 0x6);
	expect_record(&b, MF_FAULT_NOT_PRESENT, IOVA + 0xfff, false, 0x6);
	expect_record(&b, MF_FAULT_RESERVED, IOVA, true, 0xc);

	/* Tables where no memory is, at each level. */
	mf_pool_write(b.pool, POOL + 0x2000 + 8 * 3, 0x0000200000003003ull);
	expect_fault(&b, IOVA, MF_FAULT_TABLE, IOVA, IOVA + 0xfff);
	expect_record(&b, MF_FAULT_TABLE, IOVA, true, 0x7);
	assert_true(b.t.level == 1 && !b.t.entry);
	mf_pool_write(b.pool, POOL + 8 * 1, 0x0000000000001003ull);
	expect_fault(&b, IOVA, MF_FAULT_TABLE, 0x8080000000ull, 0x80bfffffffull);
	b.context[0] = 0x0000003ffffff001ull;
	expect_fault(&b, IOVA, MF_FAULT_TABLE, 0x8000000000ull, 0xffffffffffull);
	tear_down(&b);
}

static u64 word(struct mf_io_table *table, u64 address)
{
	u64 value = 0;

	assert_true(mf_pool_read(table->pool, address, &value));
	return value;
}

static void test_writer_writes_the_same_words(void **state)
{
	struct mf_io_table t = { .config = &unit_48 };
	struct bench b;
	u32 coherent;

	(void)state;
	for (coherent = 0; coherent < 2; coherent++) {
		u64 snoop = coherent ? 0x800 : 0;

		memset(&b, 0, sizeof(b));
		mf_user_host_init(&b.host);
		t.pool = mf_pool_new(&b.host, 16);
		b.pool = t.pool;
		assert_int_equal(mf_format_vtd.create(&t), 0);
		t.coherent = coherent;
		assert_true(t.descriptor[0] == LOW);
		assert_true((t.descriptor[1] & ~0xffff00ull) == 2);
		/* Domain 0 is not for use where the unit caches what is absent (6.1). */
		assert_true(t.descriptor[1] & 0xffff00ull);
		assert_int_equal(mf_format_vtd.map(&t, IOVA, 0x123456789ull, 12, RW), 0);
		assert_int_equal(mf_format_vtd.map(&t, IOVA + PAGE, 0x1ull, 12, MF_READ), 0);
		assert_int_equal(mf_format_vtd.map(&t, IOVA + 2 * PAGE, 0x2ull, 12, MF_WRITE), 0);
		assert_int_equal(mf_format_vtd.map(&t, 0x8080a00000, 0x123456600ull, 21, RW), 0);
		assert_int_equal(mf_format_vtd.map(&t, 0x80c0000000, 0x123440000ull, 30, RW), 0);
		assert_true(mf_pool_used(t.pool) == 4);
		assert_true(word(&t, POOL + 8 * 1) == 0x0000004000001003ull);
		assert_true(word(&t, POOL + 0x1000 + 8 * 2) == 0x0000004000002003ull);
		assert_true(word(&t, POOL + 0x2000 + 8 * 3) == 0x0000004000003003ull);
		assert_true(word(&t, POOL + 0x3000 + 8 * 4) == (0x0000123456789003ull | snoop));
		assert_true(word(&t, POOL + 0x3000 + 8 * 5) == (0x0000000000001001ull | snoop));
		assert_true(word(&t, POOL + 0x3000 + 8 * 6) == (0x0000000000002002ull | snoop));
		assert_true(word(&t, POOL + 0x2000 + 8 * 5) == (0x0000123456600083ull | snoop));
		assert_true(word(&t, POOL + 0x1000 + 8 * 3) == (0x0000123440000083ull | snoop));

		/* What an entry can't say; and what is taken. */
		assert_int_equal(mf_format_vtd.map(&t, 0, 1ull << 34, 12, RW), -EINVAL);
		assert_int_equal(mf_format_vtd.map(&t, 0, 0, 12, 0), -EINVAL);
		assert_int_equal(mf_format_vtd.map(&t, 0x8080600000, 0, 21, RW), -EADDRINUSE);
		assert_int_equal(mf_format_vtd.map(&t, 0x80c0000000, 0, 12, RW), -EADDRINUSE);
		assert_true(mf_pool_used(t.pool) == 4);
		mf_format_vtd.destroy(&t);
		assert_true(mf_pool_used(t.pool) == 0);
		tear_down(&b);
	}
}

/* All widths, and each set of sizes; AGAW and MGAW are not always the same. */
static void test_writer_and_walker_agree(void **state)
{
	static const u64 sizes[] = { 4 * KIB, 4 * KIB | 2 * MIB, 4 * KIB | 2 * MIB | GIB };
	static const u32 outputs[] = { 39, 46, 52, 0 };
	struct mf_model_config c = unit_48;
	u32 width, i = 0;

	(void)state;
	for (width = 30; width <= 57; width++, i++) {
		c.aperture.last = (1ull << width) - 1;
		c.pgsizes = sizes[i % 3];
		c.output_bits = outputs[i % 4];
		c.enforces = width & 1;
		crosscheck(&c);
		agree(&c);
	}
}

static void test_units_that_cannot_be(void **state)
{
	struct mf_model_config c = unit_48;

	(void)state;
	assert_null(mf_format_vtd.possible(&c));
	c.pgsizes = 2 * MIB;
	assert_non_null(mf_format_vtd.possible(&c));
	c.pgsizes = 4 * KIB | 64 * KIB;
	assert_non_null(mf_format_vtd.possible(&c));
	c = unit_48;
	c.aperture.first = PAGE;
	assert_non_null(mf_format_vtd.possible(&c));
	c = unit_48;
	c.aperture.last = 1ull << 47;
	assert_non_null(mf_format_vtd.possible(&c));
	c.aperture.last = (1ull << 58) - 1;
	assert_non_null(mf_format_vtd.possible(&c));
	c.aperture.last = (1ull << 57) - 1;
	assert_null(mf_format_vtd.possible(&c));
	c.output_bits = 53;
	assert_non_null(mf_format_vtd.possible(&c));
	c.output_bits = 0;
	assert_null(mf_format_vtd.possible(&c));
}

/* Two units that differ in snoop control alone, with a group each. */
static void two_units(struct world *w, struct mf_model **snooping, struct mf_model **plain)
{
	struct mf_model_config config = unit_48;

	world_init(w, 64, MF_RAM_CONTIGUOUS);
	config.enforces = true;
	*snooping = world_unit(w, &config);
	config.enforces = false;
	*plain = world_unit(w, &config);
	world_group(w, *snooping);
	world_group(w, *plain);
}

/* Why containers came to have more than one domain. */
static void test_snoop_bit_faults_on_a_unit_without_snoop_control(void **state)
{
	const struct mf_host_ops *ops;
	struct mf_model *snooping, *plain;
	struct mf_features features;
	struct mf_host_domain *d;
	struct mf_batch batch;
	struct mf_host *host;
	struct world w;
	mf_run run;
	u8 byte = 0x5a;

	(void)state;
	two_units(&w, &snooping, &plain);
	host = &w.host.host;
	ops = host->ops;
	assert_int_equal(ops->domain_alloc(host, &w.groups[0], false, &d), 0);
	assert_int_equal(ops->domain_attach(host, d, &w.groups[0]), 0);
	ops->domain_settle(host, d, &features);
	assert_true(features.coherent);

	/* A driver that looks at what units can do keeps them apart. */
	assert_int_equal(ops->domain_attach(host, d, &w.groups[1]), -EINVAL);
	snooping->faults.careless = true;
	assert_int_equal(ops->domain_attach(host, d, &w.groups[1]), 0);

	batch = (struct mf_batch){ .runs = &run, .max = 1 };
	assert_true(ops->pin(host, &w.owner[0]->owner, VADDR, 1, RW, &batch) == 1);
	assert_int_equal(ops->domain_map(host, d, IOVA, &run, 1, RW), 0);
	assert_int_equal(mf_device_write(&w.devices[0], IOVA, &byte, 1), 0);
	assert_int_equal(mf_device_write(&w.devices[1], IOVA, &byte, 1), -EFAULT);
	assert_int_equal(w.devices[1].fault.why, MF_FAULT_RESERVED);
	assert_int_equal(w.devices[1].fault.code, 0xc);
	assert_int_equal(w.devices[1].fault.level, 1);
	assert_true(w.devices[1].fault.entry == (mf_run_pfn(run) << 12 | 0x803));
	assert_true(w.devices[1].fault.record[0] == IOVA);
	assert_true(w.devices[1].fault.record[1] == (0x8000000c00000000ull | w.groups[1].id));
	assert_true(plain->nr_records == 1 && !snooping->nr_records);

	ops->domain_detach(host, d, &w.groups[1]);
	ops->domain_detach(host, d, &w.groups[0]);
	ops->domain_free(host, d);
	ops->unpin(host, &w.owner[0]->owner, &run, 1, RW);
	check(world_end(&w));
}

/* The same two units and devices, and the engine in between. */
static void test_engine_keeps_snoop_bit_from_a_unit_without_snoop_control(void **state)
{
	struct mf_model *snooping, *plain;
	struct world w;
	u8 out = 0x5a, in = 0;
	u32 first;

	(void)state;
	for (first = 0; first < 2; first++) {
		two_units(&w, &snooping, &plain);
		world_open(&w, MF_TYPE1V2, 16);
		assert_int_equal(mf_attach(w.c, &w.groups[first], 0, NULL), 0);
		assert_int_equal(world_map(&w, IOVA, VADDR, 8 * PAGE, RW, NULL), 0);
		assert_int_equal(mf_attach(w.c, &w.groups[!first], 0, NULL), 0);
		assert_ptr_not_equal(w.groups[0].domain, w.groups[1].domain);
		assert_true(mf_model_table(w.groups[0].domain)->coherent);
		assert_false(mf_model_table(w.groups[1].domain)->coherent);
		assert_int_equal(mf_device_write(&w.devices[0], IOVA + 7 * PAGE, &out, 1), 0);
		assert_int_equal(mf_device_read(&w.devices[1], IOVA + 7 * PAGE, &in, 1), 0);
		assert_int_equal(in, 0x5a);
		assert_true(!snooping->nr_records && !plain->nr_records);
		check(world_check(&w));
		check(world_end(&w));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words_by_hand),
		cmocka_unit_test(test_rights_of_all_levels_are_anded),
		cmocka_unit_test(test_three_four_and_five_levels),
		cmocka_unit_test(test_every_bit_of_an_entry),
		cmocka_unit_test(test_large_pages_only_where_the_unit_has_them),
		cmocka_unit_test(test_every_bit_of_a_context_entry),
		cmocka_unit_test(test_every_reason_and_its_record),
		cmocka_unit_test(test_writer_writes_the_same_words),
		cmocka_unit_test(test_writer_and_walker_agree),
		cmocka_unit_test(test_units_that_cannot_be),
		cmocka_unit_test(test_snoop_bit_faults_on_a_unit_without_snoop_control),
		cmocka_unit_test(test_engine_keeps_snoop_bit_from_a_unit_without_snoop_control),
	};

	return cmocka_run_group_tests_name("vtd", tests, NULL, NULL);
}
