// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* UNMAP_DMA, row by row of the behaviour table, and release. */
#include "tests/support/world.h"

#define RW (MF_READ | MF_WRITE)

/* Mappings of four pages at pages 8, 16 and 20 (a neighbour of the second). */
static void setup(struct world *w, enum mf_rules rules)
{
	world_init(w, 64, MF_RAM_CONTIGUOUS);
	world_open(w, rules, 9);
	assert_int_equal(mf_attach(w->c, world_group(w, world_unit(w, &world_plain)), 0, NULL), 0);
	assert_int_equal(world_map(w, 8 * PAGE, VADDR, 4 * PAGE, RW, NULL), 0);
	assert_int_equal(world_map(w, 16 * PAGE, VADDR, 4 * PAGE, RW, NULL), 0);
	assert_int_equal(world_map(w, 20 * PAGE, VADDR, 4 * PAGE, RW, NULL), 0);
}

static void unmaps(struct world *w, u64 first, u64 pages, u64 expected)
{
	u64 unmapped = 77;

	assert_int_equal(mf_unmap(w->c, first * PAGE, pages * PAGE, &unmapped, NULL), 0);
	assert_true(unmapped == expected * PAGE);
	check(world_check(w));
	check(world_check_domains(w, w->c));
}

static void refuses_with(struct world *w, u64 iova, u64 size, int err, enum mf_reason reason)
{
	u64 unmapped = 77, before = world_fingerprint(w, &w->c, 1);
	struct mf_refusal why;

	assert_int_equal(mf_unmap(w->c, iova, size, &unmapped, &why), err);
	assert_int_equal(why.err, err);
	assert_int_equal(why.reason, reason);
	assert_true(unmapped == 77);
	assert_true(world_fingerprint(w, &w->c, 1) == before);
}

static void refuses(struct world *w, u64 iova, u64 size, enum mf_reason reason)
{
	refuses_with(w, iova, size, -EINVAL, reason);
}

static u32 live(struct world *w)
{
	struct mf_status status;

	mf_get_status(w->c, &status);
	return (u32)status.nr_mappings;
}

static void test_row_102_misaligned_iova(void **state)
{
	struct world w;

	(void)state;
	setup(&w, MF_TYPE1V2);
	refuses(&w, 8 * PAGE + 1, 4 * PAGE, MF_REASON_UNMAP_MISALIGNED);
	check(world_end(&w));
}

static void test_row_104_size_zero_or_misaligned(void **state)
{
	struct world w;

	(void)state;
	setup(&w, MF_TYPE1V2);
	refuses(&w, 8 * PAGE, 0, MF_REASON_SIZE_ZERO);
	refuses(&w, 8 * PAGE, 4 * PAGE - 1, MF_REASON_UNMAP_MISALIGNED);
	check(world_end(&w));
}

static void test_row_105_wraps(void **state)
{
	struct world w;

	(void)state;
	setup(&w, MF_TYPE1V2);
	refuses(&w, 8 * PAGE, TOP & ~(PAGE - 1), MF_REASON_IOVA_WRAPS);
	refuses(&w, TOP - PAGE + 1, 2 * PAGE, MF_REASON_IOVA_WRAPS);
	check(world_end(&w));
}

/* Kernel 7.3's errno, but not for a range that does not align either. */
static void test_row_105_by_another_errno(void **state)
{
	struct mf_config config = {
		.rules = MF_TYPE1V2, .mapping_limit = 9, .wrap_errno = -EOVERFLOW,
	};
	struct world w;

	(void)state;
	setup(&w, MF_TYPE1V2);
	mf_release(w.c);
	config.cookie = &w;
	assert_int_equal(mf_open(&w.host.host, &config, &w.c), 0);
	refuses_with(&w, TOP - PAGE + 1, 2 * PAGE, -EOVERFLOW, MF_REASON_IOVA_WRAPS);
	refuses(&w, TOP - PAGE + 2, 2 * PAGE, MF_REASON_UNMAP_MISALIGNED);
	refuses(&w, TOP, 0, MF_REASON_SIZE_ZERO);
	check(world_end(&w));
}

static void test_row_108_v2_begins_inside(void **state)
{
	struct world w;

	(void)state;
	setup(&w, MF_TYPE1V2);
	refuses(&w, 9 * PAGE, 3 * PAGE, MF_REASON_BISECTED);
	refuses(&w, 9 * PAGE, 20 * PAGE, MF_REASON_BISECTED);
	refuses(&w, 11 * PAGE, PAGE, MF_REASON_BISECTED);
	check(world_end(&w));
}

static void test_row_109_v2_ends_inside(void **state)
{
	struct world w;

	(void)state;
	setup(&w, MF_TYPE1V2);
	refuses(&w, 8 * PAGE, 3 * PAGE, MF_REASON_BISECTED);
	refuses(&w, 0, 17 * PAGE, MF_REASON_BISECTED);
	refuses(&w, 0, 23 * PAGE, MF_REASON_BISECTED);
	check(world_end(&w));
}

static void test_row_110_v2_covers_several_and_holes(void **state)
{
	struct world w;

	(void)state;
	setup(&w, MF_TYPE1V2);
	unmaps(&w, 0, 24, 12);
	assert_int_equal(live(&w), 0);
	check(world_end(&w));
}

static void test_row_111_v2_nothing_there(void **state)
{
	struct world w;

	(void)state;
	setup(&w, MF_TYPE1V2);
	unmaps(&w, 0, 8, 0);
	unmaps(&w, 12, 4, 0);
	unmaps(&w, 24, 1000, 0);
	assert_int_equal(live(&w), 3);
	check(world_end(&w));
}

static void test_row_112_v1_begins_inside(void **state)
{
	struct world w;

	(void)state;
	setup(&w, MF_TYPE1);
	unmaps(&w, 9, 1, 0);
	unmaps(&w, 9, 100, 0);		/* the later ones, though covered, stay */
	assert_int_equal(live(&w), 3);
	check(world_end(&w));
}

static void test_row_113_v1_ends_inside(void **state)
{
	struct world w;

	(void)state;
	setup(&w, MF_TYPE1);
	unmaps(&w, 8, 1, 4);
	assert_int_equal(live(&w), 2);
	check(world_end(&w));
}

static void test_row_114_v1_second_is_cut(void **state)
{
	struct world w;

	(void)state;
	setup(&w, MF_TYPE1);
	unmaps(&w, 16, 5, 8);
	assert_int_equal(live(&w), 1);
	check(world_end(&w));
}

static void test_row_115_all_by_either_rule(void **state)
{
	struct world w;
	u64 unmapped;
	u32 i;

	(void)state;
	for (i = 0; i < 2; i++) {
		setup(&w, i ? MF_TYPE1 : MF_TYPE1V2);
		assert_int_equal(mf_unmap_all(w.c, &unmapped, NULL), 0);
		assert_true(unmapped == 12 * PAGE);
		assert_int_equal(mf_unmap_all(w.c, &unmapped, NULL), 0);
		assert_true(unmapped == 0);
		check(world_check(&w));
		check(world_end(&w));
	}
}

static void test_row_116_twice(void **state)
{
	struct world w;

	(void)state;
	setup(&w, MF_TYPE1V2);
	unmaps(&w, 8, 4, 4);
	unmaps(&w, 8, 4, 0);
	check(world_end(&w));
}

static void test_whole_space_but_a_page(void **state)
{
	struct world w;
	u64 unmapped;

	(void)state;
	setup(&w, MF_TYPE1V2);
	assert_int_equal(mf_unmap(w.c, 0, TOP & ~(PAGE - 1), &unmapped, NULL), 0);
	assert_true(unmapped == 12 * PAGE);
	check(world_end(&w));
}

static void test_unmapped_may_be_null(void **state)
{
	struct world w;

	(void)state;
	setup(&w, MF_TYPE1V2);
	assert_int_equal(mf_unmap(w.c, 8 * PAGE, 4 * PAGE, NULL, NULL), 0);
	assert_int_equal(mf_unmap_all(w.c, NULL, NULL), 0);
	assert_int_equal(live(&w), 0);
	check(world_end(&w));
}

/* DMA through what a unit remembers must end with the unmap. */
static void test_iotlb_forgets_what_is_unmapped(void **state)
{
	struct world w;
	u8 byte = 1;
	u32 i;

	(void)state;
	setup(&w, MF_TYPE1V2);
	for (i = 0; i < 4; i++) {
		assert_int_equal(mf_device_write(&w.devices[0], (8 + i) * PAGE, &byte, 1), 0);
		assert_int_equal(mf_device_write(&w.devices[0], (20 + i) * PAGE, &byte, 1), 0);
	}
	unmaps(&w, 8, 4, 4);
	assert_int_equal(mf_device_write(&w.devices[0], 8 * PAGE, &byte, 1), -EFAULT);
	assert_int_equal(w.devices[0].fault.why, MF_FAULT_NOT_PRESENT);
	assert_int_equal(mf_device_write(&w.devices[0], 20 * PAGE, &byte, 1), 0);
	assert_int_equal(mf_unmap_all(w.c, NULL, NULL), 0);
	assert_int_equal(mf_device_write(&w.devices[0], 20 * PAGE, &byte, 1), -EFAULT);
	check(world_end(&w));
}

static void test_open_knows_two_rules(void **state)
{
	struct mf_config config = { .rules = (enum mf_rules)2, .mapping_limit = 1 };
	struct mf_container *c;
	struct world w;

	(void)state;
	world_init(&w, 1, MF_RAM_CONTIGUOUS);
	assert_int_equal(mf_open(&w.host.host, &config, &c), -EINVAL);
	config.rules = (enum mf_rules)0;
	assert_int_equal(mf_open(&w.host.host, &config, &c), -EINVAL);
	world_fail(&w, 1, false, -ENOMEM);
	config.rules = MF_TYPE1;
	assert_int_equal(mf_open(&w.host.host, &config, &c), -ENOMEM);
	check(world_end(&w));
}

static void test_release_of_an_empty_container(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, 1, MF_RAM_CONTIGUOUS);
	world_open(&w, MF_TYPE1, 1);
	assert_int_equal(mf_unmap(w.c, 0, PAGE, NULL, NULL), 0);
	assert_int_equal(mf_unmap_all(w.c, NULL, NULL), 0);
	check(world_end(&w));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_row_102_misaligned_iova),
		cmocka_unit_test(test_row_104_size_zero_or_misaligned),
		cmocka_unit_test(test_row_105_wraps),
		cmocka_unit_test(test_row_105_by_another_errno),
		cmocka_unit_test(test_row_108_v2_begins_inside),
		cmocka_unit_test(test_row_109_v2_ends_inside),
		cmocka_unit_test(test_row_110_v2_covers_several_and_holes),
		cmocka_unit_test(test_row_111_v2_nothing_there),
		cmocka_unit_test(test_row_112_v1_begins_inside),
		cmocka_unit_test(test_row_113_v1_ends_inside),
		cmocka_unit_test(test_row_114_v1_second_is_cut),
		cmocka_unit_test(test_row_115_all_by_either_rule),
		cmocka_unit_test(test_row_116_twice),
		cmocka_unit_test(test_whole_space_but_a_page),
		cmocka_unit_test(test_unmapped_may_be_null),
		cmocka_unit_test(test_iotlb_forgets_what_is_unmapped),
		cmocka_unit_test(test_open_knows_two_rules),
		cmocka_unit_test(test_release_of_an_empty_container),
	};

	return cmocka_run_group_tests_name("unmap", tests, NULL, NULL);
}
