// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The defects of the 2014 RFC that are about mapping and unmapping, each as
 * the test that its code would have failed. docs/rfc-defects.md has the list,
 * with the defects that are about ioctls and tested in a guest.
 */
#include "tests/support/world.h"

#define IOVA	(16 * MIB)
#define RW	(MF_READ | MF_WRITE)

static struct world w;

/* A unit that translates all 64 bits. */
static struct mf_model_config whole(void)
{
	struct mf_model_config config = world_plain;

	config.aperture.last = TOP;
	return config;
}

static struct mf_host_group *begin(const struct mf_model_config *config, enum mf_rules rules,
				   enum mf_ram_layout layout)
{
	struct mf_host_group *group;

	world_init(&w, 1024, layout);
	world_open(&w, rules, 100);
	group = world_group(&w, world_unit(&w, config));
	assert_int_equal(mf_attach(w.c, group, 0, NULL), 0);
	return group;
}

static struct mf_host_group *other_group(void)
{
	struct mf_model_config other = world_plain;

	other.kind = 2;
	return world_group(&w, world_unit(&w, &other));
}

static void map(u64 iova, u64 pages)
{
	assert_int_equal(world_map(&w, iova, VADDR, pages * PAGE, RW, NULL), 0);
}

static void check_unmap(u64 iova, u64 size, int err, u64 expected)
{
	u64 unmapped = 0;

	assert_int_equal(mf_unmap(w.c, iova, size, &unmapped, NULL), err);
	assert_int_equal(unmapped, expected);
	check(world_check_domains(&w, w.c));
}

static u64 nr_mappings(void)
{
	struct mf_status status;

	mf_get_status(w.c, &status);
	return status.nr_mappings;
}

static void check_nothing(void)
{
	assert_int_equal(nr_mappings(), 0);
	assert_int_equal(mf_user_host_live(&w.host).pins, 0);
	check(world_check_domains(&w, w.c));
}

static void test_b03_range_that_starts_with_a_mapping_takes_it(void **state)
{
	(void)state;
	begin(&world_plain, MF_TYPE1V2, MF_RAM_CONTIGUOUS);
	map(IOVA, 2);
	map(IOVA + 2 * PAGE, 2);
	check_unmap(IOVA + 2 * PAGE, 2 * PAGE, 0, 2 * PAGE);
	check_unmap(IOVA, PAGE, -EINVAL, 0);
	check_unmap(IOVA, 2 * PAGE, 0, 2 * PAGE);
	check_nothing();
	check(world_end(&w));
}

static void test_b04_wrapping_unmap_is_refused(void **state)
{
	struct mf_model_config config = whole();
	struct mf_refusal why;

	(void)state;
	begin(&config, MF_TYPE1, MF_RAM_CONTIGUOUS);
	map(0, 2);
	assert_int_equal(mf_unmap(w.c, TOP - PAGE + 1, 2 * PAGE, NULL, &why), -EINVAL);
	assert_int_equal(why.reason, MF_REASON_IOVA_WRAPS);
	assert_int_equal(nr_mappings(), 1);
	check(world_end(&w));
}

static void test_b05_wrapping_range_is_refused(void **state)
{
	struct mf_model_config config = whole();
	struct mf_refusal why;

	(void)state;
	begin(&config, MF_TYPE1V2, MF_RAM_CONTIGUOUS);
	assert_int_equal(world_map(&w, TOP - PAGE + 1, VADDR, 2 * PAGE, RW, &why), -EINVAL);
	assert_int_equal(why.reason, MF_REASON_IOVA_WRAPS);
	assert_int_equal(world_map(&w, IOVA, TOP - PAGE + 1, 2 * PAGE, RW, &why), -EINVAL);
	assert_int_equal(why.reason, MF_REASON_VADDR_WRAPS);
	check_nothing();
	check(world_end(&w));
}

/* The RFC mapped nothing of it, said that it had, and kept an empty entry. */
static void test_b05_mapping_up_to_the_top_is_made(void **state)
{
	struct mf_model_config config = whole();
	struct mf_host_group *group = begin(&config, MF_TYPE1V2, MF_RAM_CONTIGUOUS);
	u8 byte;

	(void)state;
	map(TOP - 2 * PAGE + 1, 2);
	assert_int_equal(mf_device_read(world_device(&w, group), TOP, &byte, 1), 0);
	assert_int_equal(mf_user_host_live(&w.host).pins, 2);
	check(world_check_domains(&w, w.c));
	check(world_end(&w));
}

static void test_b07_mapping_ending_at_top_is_found(void **state)
{
	struct mf_model_config config = whole();
	struct mf_mapping_info m;

	(void)state;
	begin(&config, MF_TYPE1V2, MF_RAM_CONTIGUOUS);
	map(TOP - 2 * PAGE + 1, 2);
	assert_true(mf_next_mapping(w.c, TOP, &m));
	assert_int_equal(world_map(&w, TOP - PAGE + 1, VADDR, PAGE, RW, NULL), -EEXIST);
	check_unmap(TOP - PAGE + 1, PAGE, -EINVAL, 0);
	check_unmap(TOP - 2 * PAGE + 1, 2 * PAGE, 0, 2 * PAGE);
	check_nothing();
	check(world_end(&w));
}

static void test_b07_mapping_ending_at_top_goes_with_all(void **state)
{
	struct mf_model_config config = whole();
	u64 unmapped;

	(void)state;
	begin(&config, MF_TYPE1, MF_RAM_CONTIGUOUS);
	map(0, 1);
	map(TOP - 2 * PAGE + 1, 2);
	assert_int_equal(mf_unmap_all(w.c, &unmapped, NULL), 0);
	assert_int_equal(unmapped, 3 * PAGE);
	check_nothing();
	check(world_end(&w));
}

static void test_b12_map_without_a_domain_is_refused(void **state)
{
	struct mf_refusal why;

	(void)state;
	world_init(&w, 16, MF_RAM_CONTIGUOUS);
	world_open(&w, MF_TYPE1V2, 100);
	assert_int_equal(world_map(&w, IOVA, VADDR, PAGE, RW, &why), -EINVAL);
	assert_int_equal(why.reason, MF_REASON_NO_GROUP);
	assert_int_equal(mf_user_host_calls(&w.host, MF_CALL_PIN), 0);
	check_nothing();
	check(world_end(&w));
}

static void test_b11_unmap_without_a_domain_finds_nothing(void **state)
{
	struct mf_host_group *group = begin(&world_plain, MF_TYPE1V2, MF_RAM_CONTIGUOUS);

	(void)state;
	map(IOVA, 4);
	mf_detach(w.c, group);
	check_unmap(IOVA, 4 * PAGE, 0, 0);
	check_nothing();
	check(world_end(&w));
}

/* The second domain refuses: the first keeps not even the first page. */
static void test_b13_undo_leaves_no_first_page(void **state)
{
	struct mf_host_group *first = begin(&world_plain, MF_TYPE1V2, MF_RAM_SCATTERED);
	struct mf_host_group *second = other_group();
	u8 byte;

	(void)state;
	assert_int_equal(mf_attach(w.c, second, 0, NULL), 0);
	/* The domain attached last is asked first. */
	w.units[0].faults.map_in = 1;
	w.units[0].faults.map_error = -EBUSY;
	assert_int_equal(world_map(&w, IOVA, VADDR, 8 * PAGE, RW, NULL), -EBUSY);
	check_nothing();
	assert_int_equal(mf_device_read(world_device(&w, second), IOVA, &byte, 1), -EFAULT);
	assert_int_equal(mf_device_read(world_device(&w, first), IOVA, &byte, 1), -EFAULT);
	map(IOVA, 8);
	check(world_end(&w));
}

static void test_b25_tail_that_a_unit_keeps_is_released_with_its_domain(void **state)
{
	struct mf_host_group *group = begin(&world_plain, MF_TYPE1V2, MF_RAM_SCATTERED);
	struct mf_status status;

	(void)state;
	map(IOVA, 4);
	map(IOVA + 4 * PAGE, 4);
	w.units[0].faults.short_unmaps = 2;
	w.units[0].faults.short_bytes = PAGE;
	check(world_check(&w));
	assert_int_equal(mf_unmap(w.c, IOVA, 8 * PAGE, NULL, NULL), 0);

	mf_get_status(w.c, &status);
	assert_int_equal(status.nr_mappings, 0);
	assert_int_equal(status.nr_stuck, 1);
	assert_int_equal(mf_user_host_live(&w.host).pins, 4);
	check(world_check(&w));

	mf_detach(w.c, group);
	check_nothing();
	check(world_end(&w));
}

static void test_b26_the_owner_that_was_billed_is_unbilled(void **state)
{
	(void)state;
	begin(&world_plain, MF_TYPE1V2, MF_RAM_CONTIGUOUS);
	map(IOVA, 3);
	assert_int_equal(mf_map(w.c, &w.owner[1]->owner, IOVA + 3 * PAGE, VADDR, 5 * PAGE, RW, 0,
				NULL), 0);
	assert_int_equal(w.owner[0]->owner.billed, 3);
	assert_int_equal(w.owner[1]->owner.billed, 5);
	check_unmap(IOVA + 3 * PAGE, 5 * PAGE, 0, 5 * PAGE);
	assert_int_equal(w.owner[0]->owner.billed, 3);
	assert_int_equal(w.owner[1]->owner.billed, 0);
	check(world_end(&w));
}

static void test_b28_mappings_are_limited(void **state)
{
	struct mf_refusal why;
	u32 i;

	(void)state;
	begin(&world_plain, MF_TYPE1V2, MF_RAM_CONTIGUOUS);
	/* Foreign pages are not billed: nothing but the limit is against them. */
	mf_ram_reserve(w.ram, mf_ram_owner_pfn(w.owner[0], VADDR), 1);
	for (i = 0; i < 100; i++)
		map(IOVA + i * PAGE, 1);
	assert_int_equal(world_map(&w, 0, VADDR, PAGE, RW, &why), -ENOSPC);
	assert_int_equal(why.reason, MF_REASON_MAPPING_LIMIT);
	assert_int_equal(w.owner[0]->owner.billed, 0);
	check_unmap(IOVA, PAGE, 0, PAGE);
	map(0, 1);
	check(world_end(&w));
}

static void test_b29_map_outside_the_window_is_refused(void **state)
{
	static const struct mf_region msi = { MF_REGION_MSI, { 0xfee00000, 0xfeefffff } };
	struct mf_model_config narrow = world_plain;
	struct mf_host_group *group;
	struct mf_refusal why;

	(void)state;
	begin(&world_plain, MF_TYPE1V2, MF_RAM_CONTIGUOUS);
	narrow.kind = 2;
	narrow.aperture.last = (1ull << 39) - 1;
	group = world_group(&w, world_unit(&w, &narrow));
	group->regions = &msi;
	group->nr_regions = 1;
	map(1ull << 39, 1);
	check_unmap(1ull << 39, PAGE, 0, PAGE);

	assert_int_equal(mf_attach(w.c, group, 0, NULL), 0);
	assert_int_equal(world_map(&w, 1ull << 39, VADDR, PAGE, RW, &why), -EINVAL);
	assert_int_equal(why.reason, MF_REASON_OUT_OF_WINDOW);
	assert_int_equal(world_map(&w, 0xfee00000 - PAGE, VADDR, 2 * PAGE, RW, &why), -EINVAL);
	assert_int_equal(why.reason, MF_REASON_OUT_OF_WINDOW);
	map(0xfee00000 - PAGE, 1);
	map(0xfef00000, 1);
	check(world_end(&w));
}

/* Four neighbours, mapped in an order that makes a tree of some shape. */
static void check_order(const u32 *order)
{
	u32 i;

	begin(&world_plain, MF_TYPE1, MF_RAM_CONTIGUOUS);
	for (i = 0; i < 4; i++)
		map(IOVA + order[i] * 2 * PAGE, 2);

	/* It begins inside the first: nothing goes, not even what it covers. */
	check_unmap(IOVA + PAGE, 7 * PAGE, 0, 0);
	assert_int_equal(nr_mappings(), 4);
	/* It ends inside the third: that goes whole, the fourth stays. */
	check_unmap(IOVA, 5 * PAGE, 0, 6 * PAGE);
	assert_int_equal(nr_mappings(), 1);
	check(world_end(&w));
}

static void test_b31_type1_unmap_does_not_depend_on_the_tree(void **state)
{
	u32 code, orders = 0;

	(void)state;
	for (code = 0; code < 256; code++) {
		u32 order[4] = { code & 3, code >> 2 & 3, code >> 4 & 3, code >> 6 & 3 };

		if ((1u << order[0] | 1u << order[1] | 1u << order[2] | 1u << order[3]) != 15)
			continue;
		check_order(order);
		orders++;
	}
	assert_int_equal(orders, 24);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_b03_range_that_starts_with_a_mapping_takes_it),
		cmocka_unit_test(test_b04_wrapping_unmap_is_refused),
		cmocka_unit_test(test_b05_wrapping_range_is_refused),
		cmocka_unit_test(test_b05_mapping_up_to_the_top_is_made),
		cmocka_unit_test(test_b07_mapping_ending_at_top_is_found),
		cmocka_unit_test(test_b07_mapping_ending_at_top_goes_with_all),
		cmocka_unit_test(test_b11_unmap_without_a_domain_finds_nothing),
		cmocka_unit_test(test_b12_map_without_a_domain_is_refused),
		cmocka_unit_test(test_b13_undo_leaves_no_first_page),
		cmocka_unit_test(test_b25_tail_that_a_unit_keeps_is_released_with_its_domain),
		cmocka_unit_test(test_b26_the_owner_that_was_billed_is_unbilled),
		cmocka_unit_test(test_b28_mappings_are_limited),
		cmocka_unit_test(test_b29_map_outside_the_window_is_refused),
		cmocka_unit_test(test_b31_type1_unmap_does_not_depend_on_the_tree),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
