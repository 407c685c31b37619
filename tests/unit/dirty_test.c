// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Dirty pages: who dirties what, that no page is ever forgotten, and none told
 * twice for nothing. Rows are those of the conformance table.
 */
#include "tests/support/bitmap.h"
#include "tests/support/world.h"

#define RW	(MF_READ | MF_WRITE)
#define IOVA	GIB

/* Host pages of the blocks that the engine keeps bits in. */
#define BLOCK	32768

static struct world w;
static struct bitmap bitmap;
static struct mf_host_group *software, *hardware;

static void asked_to_unpin(void *context, void *cookie, struct mf_span span)
{
	(void)context;
	(void)cookie;
	mf_unpin_pages(w.c, span.first, (u32)mf_span_pages(span));
}

/* An emulated group alone; one behind a plain unit can come. */
static void begin(u64 pages)
{
	world_init(&w, pages, MF_RAM_CONTIGUOUS);
	world_open(&w, MF_TYPE1V2, 100);
	w.host.unmapping = asked_to_unpin;
	hardware = world_group(&w, world_unit(&w, &world_plain));
	software = world_group(&w, &w.units[0]);
	assert_int_equal(mf_attach(w.c, software, MF_ATTACH_EMULATED, NULL), 0);
}

static void attach(struct mf_host_group *group)
{
	assert_int_equal(mf_attach(w.c, group, 0, NULL), 0);
}

static void map(u64 iova, u64 page, u64 pages)
{
	assert_int_equal(world_map(&w, iova, VADDR + page * PAGE, pages * PAGE, RW, NULL), 0);
}

static void start(void)
{
	assert_int_equal(mf_dirty_start(w.c, NULL), 0);
}

static void pin_by(struct mf_host_group *group, u64 iova)
{
	u64 pfn;

	assert_int_equal(mf_pin_pages(w.c, group, iova, 1, MF_READ, &pfn, NULL), 0);
}

static void pin(u64 iova)
{
	pin_by(software, iova);
}

static void dirty(u64 iova, u64 bytes)
{
	static u8 data[64 * PAGE];

	assert_true(bytes <= sizeof(data));
	assert_int_equal(mf_access(w.c, iova, data, bytes, true, NULL), 0);
}

static int read_pages(u64 iova, u64 size, u64 granule, struct mf_refusal *why)
{
	bitmap = (struct bitmap){ .fail_at = bitmap.fail_at };
	return mf_dirty_read(w.c, iova, size, granule, bitmap_take, &bitmap, why);
}

/* Read @pages pages from IOVA on: @set of them are dirty, and all are in mappings. */
static void check_dirty(u64 pages, u64 set)
{
	assert_int_equal(read_pages(IOVA, pages * PAGE, PAGE, NULL), 0);
	assert_false(bitmap.wrong);
	assert_true(bitmap_given(&bitmap) == pages);
	assert_int_equal(bitmap_set(&bitmap), set);
}

static void check_not_read(u64 iova, u64 size, u64 granule, int err, enum mf_reason reason)
{
	struct mf_refusal why;

	assert_int_equal(read_pages(iova, size, granule, &why), err);
	assert_string_equal(mf_reason_name(why.reason), mf_reason_name(reason));
	assert_int_equal(bitmap.calls, 0);
}

static void end(void)
{
	check(world_end(&w));
	bitmap.fail_at = 0;
}

static void test_row_126_type1_has_no_dirty_pages(void **state)
{
	struct mf_refusal why;
	u64 unmapped;

	(void)state;
	world_init(&w, 16, MF_RAM_CONTIGUOUS);
	world_open(&w, MF_TYPE1, 100);
	attach(world_group(&w, world_unit(&w, &world_plain)));
	assert_int_equal(mf_dirty_start(w.c, &why), -EACCES);
	assert_int_equal(why.reason, MF_REASON_V2_ONLY);
	assert_int_equal(mf_dirty_stop(w.c, &why), -EACCES);
	check_not_read(0, 0, 0, -EACCES, MF_REASON_V2_ONLY);
	/* Row 107. */
	assert_int_equal(mf_unmap_dirty(w.c, 0, PAGE, PAGE, bitmap_take, &bitmap, &unmapped, &why),
			 -EINVAL);
	assert_int_equal(why.reason, MF_REASON_NOT_TRACKING);
	end();
}

static void test_row_129_start_and_stop_twice(void **state)
{
	struct mf_status s;

	(void)state;
	begin(16);
	assert_int_equal(mf_dirty_stop(w.c, NULL), 0);
	map(IOVA, 0, 8);
	start();
	dirty(IOVA, 1);
	start();
	mf_get_status(w.c, &s);
	assert_true(s.dirty_tracking);
	check_dirty(8, 1);
	dirty(IOVA, 1);
	assert_int_equal(mf_dirty_stop(w.c, NULL), 0);
	assert_int_equal(mf_dirty_stop(w.c, NULL), 0);
	mf_get_status(w.c, &s);
	assert_false(s.dirty_tracking);
	dirty(IOVA + PAGE, 1);
	/* What was before a stop is forgotten. */
	start();
	check_dirty(8, 0);
	end();
}

static void test_row_130_mapping_of_too_many_pages(void **state)
{
	u64 most = 0x7fffffffull * PAGE;
	struct mf_refusal why;

	(void)state;
	begin(16);
	assert_int_equal(world_map(&w, 0, 0, most, RW, NULL), 0);
	start();
	assert_int_equal(world_map(&w, most, 0, most + PAGE, RW, &why), -EINVAL);
	assert_int_equal(why.reason, MF_REASON_TOO_MANY_PAGES);
	assert_int_equal(mf_dirty_stop(w.c, NULL), 0);
	assert_int_equal(world_map(&w, most, 0, most + PAGE, RW, NULL), 0);
	assert_int_equal(mf_dirty_start(w.c, &why), -EINVAL);
	assert_int_equal(why.reason, MF_REASON_TOO_MANY_PAGES);
	check_not_read(0, most, PAGE, -EINVAL, MF_REASON_NOT_TRACKING);
	assert_int_equal(mf_unmap(w.c, most, most + PAGE, NULL, NULL), 0);
	start();
	end();
}

static void test_rows_133_to_139_what_cannot_be_read(void **state)
{
	(void)state;
	begin(64);
	map(IOVA, 0, 8);
	check_not_read(IOVA, 8 * PAGE, PAGE, -EINVAL, MF_REASON_NOT_TRACKING);
	start();
	dirty(IOVA, 1);
	check_not_read(IOVA, 0, PAGE, -EINVAL, MF_REASON_SIZE_ZERO);
	check_not_read(TOP - PAGE + 1, 2 * PAGE, PAGE, -EINVAL, MF_REASON_IOVA_WRAPS);
	check_not_read(IOVA, 8 * PAGE, 2 * PAGE, -EINVAL, MF_REASON_DIRTY_GRANULE);
	check_not_read(IOVA, 8 * PAGE, 0, -EINVAL, MF_REASON_DIRTY_GRANULE);
	check_not_read(IOVA + 1, 8 * PAGE, PAGE, -EINVAL, MF_REASON_UNMAP_MISALIGNED);
	check_not_read(IOVA, 8 * PAGE - 1, PAGE, -EINVAL, MF_REASON_UNMAP_MISALIGNED);
	check_not_read(IOVA + PAGE, 7 * PAGE, PAGE, -EINVAL, MF_REASON_BISECTED);
	check_not_read(IOVA, 7 * PAGE, PAGE, -EINVAL, MF_REASON_BISECTED);
	/* None of these has made it clean. */
	check_dirty(8, 1);
	end();
}

/* Rows 135 and 140. */
static void test_holes_are_left_out(void **state)
{
	(void)state;
	begin(64);
	start();
	assert_int_equal(read_pages(0, GIB, PAGE, NULL), 0);
	assert_int_equal(bitmap.calls, 0);
	map(IOVA + 3 * PAGE, 0, 4);
	map(IOVA + 70 * PAGE, 4, 5);
	map(TOP - PAGE + 1, 9, 1);
	dirty(IOVA + 6 * PAGE, 1);
	dirty(IOVA + 70 * PAGE, 2 * PAGE);
	assert_int_equal(read_pages(IOVA, 100 * PAGE, PAGE, NULL), 0);
	assert_int_equal(bitmap.calls, 2);
	assert_true(bitmap_given(&bitmap) == 9 && bitmap_set(&bitmap) == 3);
	assert_true(bitmap_has(&bitmap, 6) && bitmap_has(&bitmap, 70) && bitmap_has(&bitmap, 71));
	dirty(TOP, 1);
	assert_int_equal(read_pages(TOP - 2 * PAGE + 1, 2 * PAGE, PAGE, NULL), 0);
	assert_true(bitmap_given(&bitmap) == 1 && bitmap_has(&bitmap, 1));
	end();
}

/* A device behind a unit tells nobody what it writes. */
static void test_row_141_unit_dirties_all_every_time(void **state)
{
	(void)state;
	begin(64);
	attach(hardware);
	map(IOVA, 0, 33);
	start();
	check_dirty(33, 33);
	check_dirty(33, 33);
	map(IOVA + 33 * PAGE, 33, 2);
	check_dirty(35, 35);
	/* It may have written until it left. */
	mf_detach(w.c, hardware);
	check_dirty(35, 35);
	check_dirty(35, 0);
	end();
}

static void test_row_142_software_dirties_what_it_pins_and_writes(void **state)
{
	u8 byte;

	(void)state;
	begin(128);
	map(IOVA, 0, 100);
	pin(IOVA + 64 * PAGE);
	start();
	check_dirty(100, 1);
	check_dirty(100, 1);
	assert_true(bitmap_has(&bitmap, 64));
	pin(IOVA + 99 * PAGE);
	check_dirty(100, 2);
	mf_unpin_pages(w.c, IOVA + 64 * PAGE, 1);
	check_dirty(100, 2);
	check_dirty(100, 1);
	assert_true(bitmap_has(&bitmap, 99));

	/* Two counts: it is not over before the last. */
	pin(IOVA + 99 * PAGE);
	mf_unpin_pages(w.c, IOVA + 99 * PAGE, 1);
	check_dirty(100, 1);
	check_dirty(100, 1);
	mf_unpin_pages(w.c, IOVA + 99 * PAGE, 1);
	check_dirty(100, 1);
	check_dirty(100, 0);

	dirty(IOVA + 3 * PAGE - 1, 2);
	dirty(IOVA + 64 * PAGE, 1);
	assert_int_equal(mf_access(w.c, IOVA + 50 * PAGE, &byte, 1, false, NULL), 0);
	check_dirty(100, 3);
	assert_true(bitmap_has(&bitmap, 2) && bitmap_has(&bitmap, 3) && bitmap_has(&bitmap, 64));
	check_dirty(100, 0);
	end();
}

/* What could be written before it failed may have been. */
static void test_write_that_fails_halfway_is_dirty(void **state)
{
	u8 data[3 * PAGE] = { 1 };

	(void)state;
	begin(64);
	map(IOVA, 0, 8);
	start();
	mf_ram_owner_flag(w.owner[0], VADDR + 2 * PAGE, 1, MF_RAM_ABSENT);
	assert_int_equal(mf_access(w.c, IOVA, data, sizeof(data), true, NULL), -EFAULT);
	assert_int_equal(read_pages(IOVA, 8 * PAGE, PAGE, NULL), 0);
	assert_true(bitmap_has(&bitmap, 0) && bitmap_has(&bitmap, 1));
	assert_false(bitmap_has(&bitmap, 3));
	end();
}

/* A unit's group that begins to pin dirties only that from then on. */
static void test_group_that_pins_is_promoted(void **state)
{
	struct mf_host_group *second;

	(void)state;
	begin(64);
	second = world_group(&w, &w.units[0]);
	attach(hardware);
	attach(second);
	map(IOVA, 0, 40);
	start();
	pin_by(hardware, IOVA + 5 * PAGE);
	check_dirty(40, 40);	/* the second one still may */
	check_dirty(40, 40);
	pin_by(second, IOVA + 6 * PAGE);
	check_dirty(40, 40);	/* and may have, until now */
	check_dirty(40, 2);
	mf_unpin_pages(w.c, IOVA, 40);
	check_dirty(40, 2);
	check_dirty(40, 0);
	/* Such a group leaves nothing unknown behind. */
	mf_detach(w.c, second);
	check_dirty(40, 0);
	/* One that comes back begins anew. */
	attach(second);
	check_dirty(40, 40);
	check_dirty(40, 40);
	end();
}

/* Emulated mappings are not in a domain that does not come; those that are, are. */
static void test_domain_comes_and_goes_while_tracking(void **state)
{
	(void)state;
	begin(64);
	map(IOVA, 0, 16);
	start();
	check_dirty(16, 0);
	attach(hardware);
	check_dirty(16, 16);
	mf_detach(w.c, hardware);
	map(IOVA + 16 * PAGE, 16, 16);
	check_dirty(32, 16);
	check_dirty(32, 0);
	end();
}

static void test_row_143_failing_sink_loses_nothing(void **state)
{
	struct mf_refusal why;

	(void)state;
	begin(64);
	map(IOVA, 0, 16);
	map(IOVA + 16 * PAGE, 16, 16);
	map(IOVA + 32 * PAGE, 32, 16);
	start();
	dirty(IOVA, 1);
	dirty(IOVA + 17 * PAGE, 1);
	dirty(IOVA + 40 * PAGE, 1);
	for (bitmap.fail_at = 1; bitmap.fail_at <= 3; bitmap.fail_at++) {
		assert_int_equal(read_pages(IOVA, 48 * PAGE, PAGE, &why), -EFAULT);
		assert_int_equal(why.reason, MF_REASON_DIRTY_SINK);
		assert_int_equal(bitmap.calls, bitmap.fail_at);
	}
	bitmap.fail_at = 0;
	check_dirty(48, 3);
	assert_true(bitmap_has(&bitmap, 0) && bitmap_has(&bitmap, 17) && bitmap_has(&bitmap, 40));
	check_dirty(48, 0);
	end();
}

/* Marks that come while bits are being handed over, and then that fails. */
static int mark_and_fail(void *context, u64 first, const u64 *bits, u64 nr)
{
	int err = bitmap_take(context, first, bits, nr);

	dirty(IOVA + PAGE, 1);
	dirty(IOVA + (BLOCK + 3) * PAGE, 1);
	return err;
}

static void test_marks_made_while_handing_over(void **state)
{
	u64 pages = 2 * BLOCK;
	u32 fails;

	(void)state;
	begin(pages);
	map(IOVA, 0, pages);
	start();
	for (fails = 0; fails < 3; fails++) {
		dirty(IOVA, 1);
		dirty(IOVA + (BLOCK + 2) * PAGE, 1);
		bitmap = (struct bitmap){ .fail_at = fails };
		assert_int_equal(mf_dirty_read(w.c, IOVA, pages * PAGE, PAGE, mark_and_fail,
					       &bitmap, NULL), fails ? -EFAULT : 0);
		bitmap.fail_at = 0;
		if (!fails) {
			assert_true(bitmap_set(&bitmap) == 2);
			check_dirty(pages, 2);
		} else {
			check_dirty(pages, 4);
		}
		assert_true(bitmap_has(&bitmap, 1) && bitmap_has(&bitmap, BLOCK + 3));
		check_dirty(pages, 0);
	}
	end();
}

/* More pages than a block holds, and a last block that is not full. */
static void test_several_blocks(void **state)
{
	static const u64 some[] = { 0, 63, 64, BLOCK - 1, BLOCK, 2 * BLOCK + 1, 3 * BLOCK + 76 };
	u64 pages = 3 * BLOCK + 77, i;

	(void)state;
	begin(pages);
	map(IOVA, 0, pages);
	start();
	check_dirty(pages, 0);
	for (i = 0; i < 7; i++)
		dirty(IOVA + some[i] * PAGE, 1);
	check_dirty(pages, 7);
	assert_int_equal(bitmap.calls, 4);
	for (i = 0; i < 7; i++)
		assert_true(bitmap_has(&bitmap, some[i]));
	pin(IOVA + (2 * BLOCK - 1) * PAGE);
	pin(IOVA + (3 * BLOCK) * PAGE);
	check_dirty(pages, 2);
	assert_true(bitmap_has(&bitmap, 2 * BLOCK - 1) && bitmap_has(&bitmap, 3 * BLOCK));
	attach(hardware);
	check_dirty(pages, pages);
	end();
}

static struct mf_host_group *coarse_group(u64 granule)
{
	struct mf_model_config coarse = world_plain;

	coarse.kind = 2;
	coarse.pgsizes = granule | GIB;
	return world_group(&w, world_unit(&w, &coarse));
}

static void check_granules(u64 pages, u64 granule, u64 set)
{
	assert_int_equal(read_pages(IOVA, pages * PAGE, granule, NULL), 0);
	assert_false(bitmap.wrong);
	assert_true(bitmap_given(&bitmap) == pages * PAGE / granule);
	assert_int_equal(bitmap_set(&bitmap), set);
}

/* A bit stands for sixteen pages: the last of which dirty it as well as the first. */
static void test_granule_larger_than_a_page(void **state)
{
	struct mf_host_group *coarse;
	u64 pages = 4 * BLOCK + 64;

	(void)state;
	begin(pages);
	coarse = coarse_group(64 * KIB);
	attach(coarse);
	map(IOVA, 0, pages);
	start();
	check_not_read(IOVA, pages * PAGE, PAGE, -EINVAL, MF_REASON_DIRTY_GRANULE);
	check_granules(pages, 64 * KIB, pages / 16);
	pin_by(coarse, IOVA + 33 * PAGE);
	check_granules(pages, 64 * KIB, pages / 16);
	check_granules(pages, 64 * KIB, 1);
	assert_true(bitmap_has(&bitmap, 2));
	mf_unpin_pages(w.c, IOVA, 64);
	check_granules(pages, 64 * KIB, 1);
	check_granules(pages, 64 * KIB, 0);

	/* The last page of a word of bits, of a block, of the mapping. */
	dirty(IOVA + 63 * PAGE, 1);
	dirty(IOVA + (BLOCK - 1) * PAGE, 1);
	dirty(IOVA + (pages - 1) * PAGE, 1);
	dirty(IOVA + 2 * BLOCK * PAGE, PAGE + 1);
	check_granules(pages, 64 * KIB, 4);
	assert_true(bitmap_has(&bitmap, 3) && bitmap_has(&bitmap, BLOCK / 16 - 1) &&
		    bitmap_has(&bitmap, pages / 16 - 1) && bitmap_has(&bitmap, BLOCK / 8));
	check_granules(pages, 64 * KIB, 0);
	end();
}

/* Larger than a block is, too. */
static void test_granule_larger_than_a_block(void **state)
{
	struct mf_host_group *coarse;
	u64 pages = 2 * GIB / PAGE;

	(void)state;
	begin(pages);
	coarse = coarse_group(GIB);
	attach(coarse);
	map(IOVA, 0, pages);
	start();
	pin_by(coarse, IOVA);
	mf_unpin_pages(w.c, IOVA, 1);
	check_granules(pages, GIB, 2);
	check_granules(pages, GIB, 0);
	dirty(IOVA + GIB - 1, 1);
	check_granules(pages, GIB, 1);
	assert_true(bitmap_has(&bitmap, 0));
	dirty(IOVA + 2 * GIB - 1, 1);
	pin_by(coarse, IOVA + GIB + 5 * PAGE);
	check_granules(pages, GIB, 1);
	assert_true(bitmap_has(&bitmap, 1));
	end();
}

/* Row 46 meets tracking: in-tree's bitmap would be too small for the new granule. */
static void test_granule_that_changes_while_tracking(void **state)
{
	struct mf_host_group *coarse;
	u64 pages = BLOCK + 512;

	(void)state;
	begin(pages);
	coarse = coarse_group(2 * MIB);
	map(IOVA, 0, pages);
	start();
	dirty(IOVA + 5 * PAGE, 1);
	attach(coarse);
	pin_by(coarse, IOVA);
	mf_unpin_pages(w.c, IOVA, 1);
	check_granules(pages, 2 * MIB, pages / 512);
	dirty(IOVA + 511 * PAGE, 2);
	dirty(IOVA + (pages - 1) * PAGE, 1);
	mf_detach(w.c, coarse);
	check_not_read(IOVA, pages * PAGE, 2 * MIB, -EINVAL, MF_REASON_DIRTY_GRANULE);
	check_dirty(pages, 2);
	assert_true(bitmap_has(&bitmap, 511) && bitmap_has(&bitmap, pages - 1));
	dirty(IOVA + 600 * PAGE, 1);
	attach(coarse);
	pin_by(coarse, IOVA);
	mf_unpin_pages(w.c, IOVA, 1);
	check_granules(pages, 2 * MIB, pages / 512);
	dirty(IOVA + 600 * PAGE, 1);
	check_granules(pages, 2 * MIB, 1);
	assert_true(bitmap_has(&bitmap, 1));
	end();
}

/* Row 131 does not come about: no memory is needed to begin. */
static void test_no_memory_to_mark_means_all(void **state)
{
	u64 nth;

	(void)state;
	/* Behind the copy itself: the list of blocks, and the block. */
	for (nth = 2; nth <= 3; nth++) {
		begin(64);
		map(IOVA, 0, 32);
		map(IOVA + 32 * PAGE, 32, 8);
		world_fail(&w, 1, true, -ENOMEM);
		start();
		assert_int_equal(w.failed, 0);
		world_fail(&w, nth, false, -ENOMEM);
		dirty(IOVA + 4 * PAGE, 1);
		assert_int_equal(w.failed, 1);
		world_fail(&w, 0, false, 0);
		dirty(IOVA + 33 * PAGE, 1);
		check_dirty(40, 33);
		assert_false(bitmap_has(&bitmap, 32));
		check_dirty(40, 0);
		end();
	}
}

static void test_no_memory_to_read(void **state)
{
	(void)state;
	begin(64);
	map(IOVA, 0, 32);
	start();
	dirty(IOVA, 1);
	world_fail(&w, 1, false, -ENOMEM);
	check_not_read(IOVA, 32 * PAGE, PAGE, -ENOMEM, MF_REASON_NO_MEMORY);
	world_fail(&w, 0, false, 0);
	check_dirty(32, 1);
	end();
}

static int unmap(u64 pages, u64 granule, u64 *unmapped, struct mf_refusal *why)
{
	bitmap = (struct bitmap){ .fail_at = bitmap.fail_at };
	return mf_unmap_dirty(w.c, IOVA, pages * PAGE, granule, bitmap_take, &bitmap, unmapped,
			      why);
}

static void check_not_unmapped(u64 pages, u64 granule, int err, enum mf_reason reason)
{
	u64 before = world_fingerprint(&w, &w.c, 1), unmapped = 3;
	struct mf_refusal why;

	assert_int_equal(unmap(pages, granule, &unmapped, &why), err);
	assert_string_equal(mf_reason_name(why.reason), mf_reason_name(reason));
	assert_true(unmapped == 3 && world_fingerprint(&w, &w.c, 1) == before);
}

static void test_unmap_hands_over_what_was_dirty(void **state)
{
	u64 unmapped = 0;

	(void)state;
	begin(64);
	map(IOVA, 0, 16);
	map(IOVA + 20 * PAGE, 16, 16);
	map(IOVA + 64 * PAGE, 32, 1);
	start();
	dirty(IOVA + 2 * PAGE, 1);
	pin(IOVA + 21 * PAGE);		/* asked to unpin it, and so dirty */
	assert_int_equal(unmap(36, PAGE, &unmapped, NULL), 0);
	assert_true(unmapped == 32 * PAGE && bitmap_given(&bitmap) == 32);
	assert_true(bitmap_set(&bitmap) == 2 && bitmap_has(&bitmap, 2) && bitmap_has(&bitmap, 21));
	assert_int_equal(mf_user_host_live(&w.host).pins, 0);
	assert_int_equal(unmap(36, PAGE, &unmapped, NULL), 0);
	assert_true(unmapped == 0 && bitmap.calls == 0);
	end();
}

static void test_unmap_of_what_a_unit_may_have_written(void **state)
{
	u64 unmapped = 0;

	(void)state;
	begin(64);
	attach(hardware);
	map(IOVA, 0, 16);
	start();
	assert_int_equal(unmap(16, PAGE, &unmapped, NULL), 0);
	assert_true(unmapped == 16 * PAGE && bitmap_set(&bitmap) == 16);
	check(world_check_domains(&w, w.c));
	end();
}

static void test_row_106_unmap_that_is_refused(void **state)
{
	(void)state;
	begin(64);
	map(IOVA, 0, 16);
	check_not_unmapped(16, PAGE, -EINVAL, MF_REASON_NOT_TRACKING);
	start();
	dirty(IOVA, 1);
	check_not_unmapped(0, PAGE, -EINVAL, MF_REASON_SIZE_ZERO);
	check_not_unmapped(16, 2 * PAGE, -EINVAL, MF_REASON_DIRTY_GRANULE);
	check_not_unmapped(15, PAGE, -EINVAL, MF_REASON_BISECTED);
	world_fail(&w, 1, false, -ENOMEM);
	check_not_unmapped(16, PAGE, -ENOMEM, MF_REASON_NO_MEMORY);
	world_fail(&w, 0, false, 0);
	check_dirty(16, 1);
	end();
}

static void test_row_122_failing_sink_removes_nothing(void **state)
{
	u64 unmapped = 0;

	(void)state;
	begin(64);
	attach(hardware);
	map(IOVA, 0, 16);
	map(IOVA + 16 * PAGE, 16, 16);
	start();
	pin_by(hardware, IOVA + PAGE);
	check_dirty(32, 32);
	mf_unpin_pages(w.c, IOVA + PAGE, 1);
	dirty(IOVA + 17 * PAGE, 1);
	for (bitmap.fail_at = 1; bitmap.fail_at <= 2; bitmap.fail_at++)
		check_not_unmapped(32, PAGE, -EFAULT, MF_REASON_DIRTY_SINK);
	bitmap.fail_at = 0;
	check(world_check_domains(&w, w.c));
	assert_int_equal(unmap(32, PAGE, &unmapped, NULL), 0);
	assert_true(unmapped == 32 * PAGE && bitmap_set(&bitmap) == 2);
	assert_true(bitmap_has(&bitmap, 1) && bitmap_has(&bitmap, 17));
	assert_int_equal(mf_user_host_live(&w.host).pins, 0);
	end();
}

static void keep_pages(void *context, void *cookie, struct mf_span span)
{
	(void)cookie;
	(void)span;
	++*(u32 *)context;
}

static void test_unmap_of_what_a_device_keeps(void **state)
{
	u32 asked = 0;

	(void)state;
	begin(64);
	map(IOVA, 0, 16);
	start();
	pin(IOVA + 3 * PAGE);
	w.host.unmapping = keep_pages;
	w.host.unmapping_context = &asked;
	check_not_unmapped(16, PAGE, -EBUSY, MF_REASON_STILL_PINNED);
	assert_int_equal(asked, 10);
	/* Reading asks for nothing. */
	check_dirty(16, 1);
	assert_int_equal(asked, 10);
	end();
}

/* The last group leaves while its user takes the bits. */
static int leave(void *context, u64 first, const u64 *bits, u64 nr)
{
	int err = bitmap_take(context, first, bits, nr);

	mf_detach(w.c, software);
	return err;
}

static void test_last_group_leaves_while_handing_over(void **state)
{
	struct mf_status s;
	u64 unmapped;
	u32 i;

	(void)state;
	for (i = 0; i < 4; i++) {
		begin(64);
		map(IOVA, 0, 16);
		map(IOVA + 16 * PAGE, 16, 16);
		start();
		dirty(IOVA, 1);
		dirty(IOVA + 16 * PAGE, 1);
		bitmap = (struct bitmap){ .fail_at = i & 1 ? 2 : 0 };
		if (i & 2)
			assert_int_equal(mf_unmap_dirty(w.c, IOVA, 32 * PAGE, PAGE, leave, &bitmap,
							&unmapped, NULL), i & 1 ? -EFAULT : 0);
		else
			assert_int_equal(mf_dirty_read(w.c, IOVA, 32 * PAGE, PAGE, leave, &bitmap,
						       NULL), i & 1 ? -EFAULT : 0);
		mf_get_status(w.c, &s);
		assert_true(s.nr_mappings == 0 && !s.dirty_tracking);
		assert_int_equal(mf_user_host_live(&w.host).owners, 0);

		/* Whoever comes next finds nothing of it. */
		assert_int_equal(mf_attach(w.c, software, MF_ATTACH_EMULATED, NULL), 0);
		map(IOVA, 0, 16);
		start();
		bitmap.fail_at = 0;
		check_dirty(16, 0);
		end();
	}
}

/* The first domain comes, or the last leaves, between the bits and the unmap. */
static int come_and_go(void *context, u64 first, const u64 *bits, u64 nr)
{
	if (hardware->domain)
		mf_detach(w.c, hardware);
	else
		attach(hardware);
	return bitmap_take(context, first, bits, nr);
}

static void test_domain_comes_or_goes_between_bits_and_unmap(void **state)
{
	u64 unmapped;
	u32 i;

	(void)state;
	for (i = 0; i < 4; i++) {
		begin(64);
		if (i & 1)
			attach(hardware);
		map(IOVA, 0, 16);
		start();
		bitmap = (struct bitmap){ .fail_at = i >> 1 };
		assert_int_equal(mf_unmap_dirty(w.c, IOVA, 16 * PAGE, PAGE, come_and_go, &bitmap,
						&unmapped, NULL), i >> 1 ? -EFAULT : 0);
		bitmap.fail_at = 0;
		check(world_check(&w));
		check(world_check_domains(&w, w.c));
		assert_int_equal(mf_user_host_live(&w.host).pins, i == 2 ? 16 : 0);
		/* It may have written meanwhile; a mapping that stays knows. */
		if (i == 3)
			check_dirty(16, 16);
		end();
	}
}

/* Invalid vaddrs keep nobody from reading what is dirty. */
static void test_dirty_pages_of_invalid_vaddrs(void **state)
{
	(void)state;
	begin(64);
	attach(hardware);
	mf_detach(w.c, software);
	map(IOVA, 0, 16);
	start();
	assert_int_equal(mf_invalidate_all_vaddr(w.c, NULL, NULL), 0);
	check_dirty(16, 16);
	assert_int_equal(mf_update_vaddr(w.c, &w.owner[1]->owner, IOVA, VADDR, 16 * PAGE, 0, NULL),
			 0);
	check_dirty(16, 16);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_row_126_type1_has_no_dirty_pages),
		cmocka_unit_test(test_row_129_start_and_stop_twice),
		cmocka_unit_test(test_row_130_mapping_of_too_many_pages),
		cmocka_unit_test(test_rows_133_to_139_what_cannot_be_read),
		cmocka_unit_test(test_holes_are_left_out),
		cmocka_unit_test(test_row_141_unit_dirties_all_every_time),
		cmocka_unit_test(test_row_142_software_dirties_what_it_pins_and_writes),
		cmocka_unit_test(test_write_that_fails_halfway_is_dirty),
		cmocka_unit_test(test_group_that_pins_is_promoted),
		cmocka_unit_test(test_domain_comes_and_goes_while_tracking),
		cmocka_unit_test(test_row_143_failing_sink_loses_nothing),
		cmocka_unit_test(test_marks_made_while_handing_over),
		cmocka_unit_test(test_several_blocks),
		cmocka_unit_test(test_granule_larger_than_a_page),
		cmocka_unit_test(test_granule_larger_than_a_block),
		cmocka_unit_test(test_granule_that_changes_while_tracking),
		cmocka_unit_test(test_no_memory_to_mark_means_all),
		cmocka_unit_test(test_no_memory_to_read),
		cmocka_unit_test(test_unmap_hands_over_what_was_dirty),
		cmocka_unit_test(test_unmap_of_what_a_unit_may_have_written),
		cmocka_unit_test(test_row_106_unmap_that_is_refused),
		cmocka_unit_test(test_row_122_failing_sink_removes_nothing),
		cmocka_unit_test(test_unmap_of_what_a_device_keeps),
		cmocka_unit_test(test_last_group_leaves_while_handing_over),
		cmocka_unit_test(test_domain_comes_or_goes_between_bits_and_unmap),
		cmocka_unit_test(test_dirty_pages_of_invalid_vaddrs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
