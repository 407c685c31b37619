// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Vaddrs that hold no longer, and new ones: what live update does. Rows are
 * those of the conformance table.
 */
#include "tests/support/world.h"

#define RW	(MF_READ | MF_WRITE)
#define IOVA	(16 * MIB)

static struct world w;
static struct mf_host_group *hardware, *software;

static void map(u64 iova, u64 page, u64 pages)
{
	assert_int_equal(world_map(&w, iova, VADDR + page * PAGE, pages * PAGE, RW, NULL), 0);
}

/* Three mappings of four pages, two of them neighbours. */
static void begin(enum mf_rules rules)
{
	world_init(&w, 1024, MF_RAM_SCATTERED);
	world_open(&w, rules, 100);
	hardware = world_group(&w, world_unit(&w, &world_plain));
	software = world_group(&w, &w.units[0]);
	assert_int_equal(mf_attach(w.c, hardware, 0, NULL), 0);
	map(IOVA, 0, 4);
	map(IOVA + 4 * PAGE, 4, 4);
	map(IOVA + 16 * PAGE, 8, 4);
}

static struct mf_status status(void)
{
	struct mf_status s;

	mf_get_status(w.c, &s);
	return s;
}

static struct mf_mapping_info mapping(u64 iova)
{
	struct mf_mapping_info m;

	assert_true(mf_next_mapping(w.c, iova, &m));
	return m;
}

static void check_bills(u64 first, u64 second)
{
	assert_true(w.owner[0]->owner.billed == first && w.owner[1]->owner.billed == second);
	check(world_check(&w));
}

static void end(void)
{
	check(world_end(&w));
}

static void invalidate(u64 iova, u64 pages, u64 expected)
{
	u64 bytes = 0;

	assert_int_equal(mf_invalidate_vaddr(w.c, iova, pages * PAGE, &bytes, NULL), 0);
	assert_true(bytes == expected * PAGE);
}

static void check_not_invalidated(u64 iova, u64 size, int err, enum mf_reason reason)
{
	u64 before = world_fingerprint(&w, &w.c, 1), bytes = 5;
	struct mf_refusal why;

	assert_int_equal(mf_invalidate_vaddr(w.c, iova, size, &bytes, &why), err);
	assert_string_equal(mf_reason_name(why.reason), mf_reason_name(reason));
	assert_true(bytes == 5 && world_fingerprint(&w, &w.c, 1) == before);
}

static int update(u32 owner, u64 iova, u64 vaddr, u64 size, struct mf_refusal *why)
{
	return mf_update_vaddr(w.c, &w.owner[owner]->owner, iova, vaddr, size, 0, why);
}

static void check_not_updated(u32 owner, u64 iova, u64 vaddr, u64 size, int err,
			      enum mf_reason reason)
{
	u64 before = world_fingerprint(&w, &w.c, 1);
	struct mf_refusal why;

	assert_int_equal(update(owner, iova, vaddr, size, &why), err);
	assert_string_equal(mf_reason_name(why.reason), mf_reason_name(reason));
	assert_true(world_fingerprint(&w, &w.c, 1) == before);
}

static void test_row_117_invalid_and_dma_goes_on(void **state)
{
	u8 byte = 7, got = 0;

	(void)state;
	begin(MF_TYPE1V2);
	invalidate(IOVA, 8, 8);
	assert_int_equal(status().nr_invalid, 2);
	assert_int_equal(w.events[MF_EVENT_VADDR_INVALID], 2);
	assert_true(w.last[MF_EVENT_VADDR_INVALID].vaddr == VADDR + 4 * PAGE);
	assert_true(mapping(IOVA).vaddr_invalid && !mapping(IOVA + 16 * PAGE).vaddr_invalid);
	assert_int_equal(mf_device_write(world_device(&w, hardware), IOVA, &byte, 1), 0);
	assert_int_equal(mf_device_read(world_device(&w, hardware), IOVA, &got, 1), 0);
	assert_int_equal(got, 7);
	check_bills(12, 0);
	/* Holes are fine, and so is nothing at all. */
	invalidate(IOVA + 8 * PAGE, 64, 4);
	invalidate(0, 1, 0);
	end();
}

static void test_row_118_twice_reverts_the_second(void **state)
{
	(void)state;
	begin(MF_TYPE1V2);
	invalidate(IOVA + 4 * PAGE, 4, 4);
	check_not_invalidated(IOVA, 64 * PAGE, -EINVAL, MF_REASON_VADDR_INVALID_TWICE);
	assert_int_equal(status().nr_invalid, 1);
	assert_false(mapping(IOVA).vaddr_invalid);
	end();
}

static void test_row_119_all(void **state)
{
	struct mf_refusal why;
	u64 bytes = 0;

	(void)state;
	begin(MF_TYPE1);
	assert_int_equal(mf_invalidate_all_vaddr(w.c, &bytes, NULL), 0);
	assert_true(bytes == 12 * PAGE);
	assert_int_equal(status().nr_invalid, 3);
	assert_int_equal(mf_invalidate_all_vaddr(w.c, &bytes, &why), -EINVAL);
	assert_int_equal(why.reason, MF_REASON_VADDR_INVALID_TWICE);
	assert_int_equal(mf_unmap_all(w.c, NULL, NULL), 0);
	assert_int_equal(mf_invalidate_all_vaddr(w.c, &bytes, NULL), 0);
	assert_true(bytes == 0);
	end();
}

static void test_row_101_emulated_group_keeps_vaddrs(void **state)
{
	struct mf_refusal why;
	struct mf_info info;

	(void)state;
	begin(MF_TYPE1V2);
	assert_int_equal(mf_attach(w.c, software, MF_ATTACH_EMULATED, NULL), 0);
	check_not_invalidated(IOVA, 4 * PAGE, -EBUSY, MF_REASON_EMULATED_GROUP);
	/* Whatever else is wrong. */
	check_not_invalidated(IOVA, 0, -EBUSY, MF_REASON_EMULATED_GROUP);
	check_not_invalidated(1, 2, -EBUSY, MF_REASON_EMULATED_GROUP);
	assert_int_equal(mf_invalidate_all_vaddr(w.c, NULL, &why), -EBUSY);
	assert_int_equal(why.reason, MF_REASON_EMULATED_GROUP);
	mf_detach(w.c, software);
	mf_get_info(w.c, &info, NULL, 0);
	assert_true(info.vaddr_updatable);
	invalidate(IOVA, 4, 4);
	end();
}

static void test_ranges_are_those_of_unmap(void **state)
{
	(void)state;
	begin(MF_TYPE1V2);
	check_not_invalidated(IOVA, 0, -EINVAL, MF_REASON_SIZE_ZERO);
	check_not_invalidated(IOVA + 1, PAGE, -EINVAL, MF_REASON_UNMAP_MISALIGNED);
	check_not_invalidated(IOVA, PAGE + 1, -EINVAL, MF_REASON_UNMAP_MISALIGNED);
	check_not_invalidated(TOP - PAGE + 1, 2 * PAGE, -EINVAL, MF_REASON_IOVA_WRAPS);
	check_not_invalidated(IOVA, PAGE, -EINVAL, MF_REASON_BISECTED);
	check_not_invalidated(IOVA + PAGE, 16 * PAGE, -EINVAL, MF_REASON_BISECTED);
	end();

	begin(MF_TYPE1);
	invalidate(IOVA + PAGE, 16, 0);
	invalidate(IOVA, 5, 8);
	end();
}

static void test_row_24_no_group_while_invalid(void **state)
{
	struct mf_refusal why;

	(void)state;
	begin(MF_TYPE1V2);
	invalidate(IOVA, 4, 4);
	assert_int_equal(mf_attach(w.c, software, MF_ATTACH_EMULATED, &why), -EBUSY);
	assert_int_equal(why.reason, MF_REASON_INVALID_VADDR);
	assert_int_equal(why.args[0], 1);
	assert_int_equal(mf_attach(w.c, software, 0, &why), -EBUSY);
	/* Before anything else is found wrong. */
	assert_int_equal(mf_attach(w.c, hardware, 0, &why), -EBUSY);
	assert_int_equal(update(0, IOVA, VADDR, 4 * PAGE, NULL), 0);
	assert_int_equal(mf_attach(w.c, software, 0, NULL), 0);
	end();
}

static void test_rows_90_and_91_what_can_be_updated(void **state)
{
	(void)state;
	begin(MF_TYPE1V2);
	check_not_updated(0, 0, VADDR, PAGE, -ENOENT, MF_REASON_NOTHING_TO_UPDATE);
	check_not_updated(0, IOVA + 8 * PAGE, VADDR, 8 * PAGE, -ENOENT,
			  MF_REASON_NOTHING_TO_UPDATE);
	check_not_updated(0, IOVA, VADDR, 4 * PAGE, -EINVAL, MF_REASON_VADDR_VALID);
	invalidate(IOVA, 8, 8);
	check_not_updated(0, IOVA, VADDR, 3 * PAGE, -EINVAL, MF_REASON_NOT_THE_MAPPING);
	check_not_updated(0, IOVA, VADDR, 8 * PAGE, -EINVAL, MF_REASON_NOT_THE_MAPPING);
	check_not_updated(0, IOVA - PAGE, VADDR, 5 * PAGE, -EINVAL, MF_REASON_NOT_THE_MAPPING);
	check_not_updated(0, IOVA + PAGE, VADDR, 3 * PAGE, -EINVAL, MF_REASON_NOT_THE_MAPPING);
	check_not_updated(0, IOVA, VADDR, 0, -EINVAL, MF_REASON_SIZE_ZERO);
	check_not_updated(0, IOVA, VADDR + 8, 4 * PAGE, -EINVAL, MF_REASON_MISALIGNED);
	check_not_updated(0, TOP - PAGE + 1, VADDR, 2 * PAGE, -EINVAL, MF_REASON_IOVA_WRAPS);
	check_not_updated(0, IOVA, TOP - PAGE + 1, 4 * PAGE, -EINVAL, MF_REASON_VADDR_WRAPS);
	assert_int_equal(status().nr_invalid, 2);
	end();
}

static void test_row_93_update_by_the_same_owner(void **state)
{
	u64 bills;

	(void)state;
	begin(MF_TYPE1V2);
	invalidate(IOVA, 4, 4);
	w.owner[0]->owner.limit = 0;
	bills = mf_user_host_calls(&w.host, MF_CALL_BILL);
	assert_int_equal(update(0, IOVA, VADDR + 100 * PAGE, 4 * PAGE, NULL), 0);
	assert_int_equal(mf_user_host_calls(&w.host, MF_CALL_BILL), bills);
	assert_true(mapping(IOVA).vaddr == VADDR + 100 * PAGE && !mapping(IOVA).vaddr_invalid);
	assert_true(w.last[MF_EVENT_VADDR_UPDATED].vaddr == VADDR + 100 * PAGE);
	assert_true(w.last[MF_EVENT_VADDR_UPDATED].span.first == IOVA);
	assert_int_equal(status().nr_invalid, 0);
	check_not_updated(0, IOVA, VADDR, 4 * PAGE, -EINVAL, MF_REASON_VADDR_VALID);
	check_bills(12, 0);
	end();
}

static void test_rows_92_and_93_the_bill_moves(void **state)
{
	(void)state;
	begin(MF_TYPE1V2);
	mf_ram_reserve(w.ram, mf_ram_owner_pfn(w.owner[0], VADDR + 21 * PAGE), 1);
	map(0, 20, 4);
	check_bills(15, 0);
	assert_int_equal(mf_invalidate_all_vaddr(w.c, NULL, NULL), 0);

	w.owner[1]->owner.limit = 6;
	assert_int_equal(update(1, IOVA, VADDR, 4 * PAGE, NULL), 0);
	check_bills(11, 4);
	check_not_updated(1, 0, VADDR, 4 * PAGE, -ENOMEM, MF_REASON_BILL);
	check_bills(11, 4);
	assert_true(mapping(0).vaddr_invalid && mapping(0).owner == &w.owner[0]->owner);
	/* What is foreign is billed to nobody. */
	w.owner[1]->owner.limit = 7;
	assert_int_equal(update(1, 0, VADDR, 4 * PAGE, NULL), 0);
	check_bills(8, 7);
	assert_ptr_equal(mapping(0).owner, &w.owner[1]->owner);

	w.owner[1]->owner.limit = 0;
	assert_int_equal(mf_update_vaddr(w.c, &w.owner[1]->owner, IOVA + 4 * PAGE, VADDR, 4 * PAGE,
					 MF_MAP_UNLIMITED, NULL), 0);
	check_bills(4, 11);
	assert_int_equal(mf_unmap(w.c, IOVA, 8 * PAGE, NULL, NULL), 0);
	check_bills(4, 3);
	assert_int_equal(mf_unmap_all(w.c, NULL, NULL), 0);
	check_bills(0, 0);
	assert_int_equal(w.owner[1]->owner.references, 0);
	end();
}

static void test_row_94_plain_map_while_invalid(void **state)
{
	(void)state;
	begin(MF_TYPE1V2);
	invalidate(IOVA, 4, 4);
	map(0, 20, 1);
	assert_int_equal(world_map(&w, IOVA, VADDR, PAGE, RW, NULL), -EEXIST);
	check_bills(13, 0);
	end();
}

static void test_row_120_unmap_of_invalid(void **state)
{
	u64 unmapped = 0;

	(void)state;
	begin(MF_TYPE1V2);
	assert_int_equal(mf_invalidate_all_vaddr(w.c, NULL, NULL), 0);
	assert_int_equal(mf_unmap(w.c, IOVA, 8 * PAGE, &unmapped, NULL), 0);
	assert_true(unmapped == 8 * PAGE);
	assert_int_equal(status().nr_invalid, 1);
	check_bills(4, 0);
	/* All the rest goes with the group. */
	mf_detach(w.c, hardware);
	assert_int_equal(status().nr_invalid, 0);
	check_bills(0, 0);
	assert_int_equal(mf_attach(w.c, hardware, 0, NULL), 0);
	end();
}

/* With a granule that has grown, updates align to it. */
static void test_update_aligns_to_the_granule(void **state)
{
	struct mf_model_config coarse = world_plain;

	(void)state;
	begin(MF_TYPE1V2);
	assert_int_equal(mf_unmap_all(w.c, NULL, NULL), 0);
	coarse.kind = 2;
	coarse.pgsizes = 2 * MIB;
	assert_int_equal(mf_attach(w.c, world_group(&w, world_unit(&w, &coarse)), 0, NULL), 0);
	check_not_invalidated(IOVA, 4 * PAGE, -EINVAL, MF_REASON_UNMAP_MISALIGNED);
	check_not_updated(0, IOVA, VADDR + PAGE, 2 * MIB, -EINVAL, MF_REASON_MISALIGNED);
	check_not_updated(0, IOVA, VADDR, 2 * MIB, -ENOENT, MF_REASON_NOTHING_TO_UPDATE);
	end();
}

static void asked_to_unpin(void *context, void *cookie, struct mf_span span)
{
	(void)cookie;
	(void)span;
	++*(u32 *)context;
}

/* A group behind a unit may pin pages, too; they need not go for this. */
static void test_pinned_pages_stay_pinned(void **state)
{
	u64 pfn = 0;
	u32 asked = 0;

	(void)state;
	begin(MF_TYPE1V2);
	w.host.unmapping = asked_to_unpin;
	w.host.unmapping_context = &asked;
	assert_int_equal(mf_pin_pages(w.c, hardware, IOVA, 1, RW, &pfn, NULL), 0);
	invalidate(IOVA, 4, 4);
	assert_int_equal(asked, 0);
	assert_int_equal(mf_ram_pinned(w.ram, pfn), 2);
	assert_int_equal(update(1, IOVA, VADDR, 4 * PAGE, NULL), 0);
	check_bills(8, 4);
	mf_unpin_pages(w.c, IOVA, 1);
	assert_int_equal(mf_ram_pinned(w.ram, pfn), 1);
	check_bills(8, 4);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_row_117_invalid_and_dma_goes_on),
		cmocka_unit_test(test_row_118_twice_reverts_the_second),
		cmocka_unit_test(test_row_119_all),
		cmocka_unit_test(test_row_101_emulated_group_keeps_vaddrs),
		cmocka_unit_test(test_ranges_are_those_of_unmap),
		cmocka_unit_test(test_row_24_no_group_while_invalid),
		cmocka_unit_test(test_rows_90_and_91_what_can_be_updated),
		cmocka_unit_test(test_row_93_update_by_the_same_owner),
		cmocka_unit_test(test_rows_92_and_93_the_bill_moves),
		cmocka_unit_test(test_row_94_plain_map_while_invalid),
		cmocka_unit_test(test_row_120_unmap_of_invalid),
		cmocka_unit_test(test_update_aligns_to_the_granule),
		cmocka_unit_test(test_pinned_pages_stay_pinned),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
