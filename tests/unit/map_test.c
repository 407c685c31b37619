// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * MAP_DMA, row by row of the behaviour table (docs/differences.md says where
 * the engine means to differ). Rows about ioctl structures are the conformance
 * program's.
 */
#include "tests/support/world.h"

#define RW (MF_READ | MF_WRITE)

/* A request that must fail with this errno and reason, and change nothing. */
static void refuse(struct world *w, u64 iova, u64 vaddr, u64 size, u32 prot, int err,
		   enum mf_reason reason)
{
	struct mf_refusal why = { 0 }, last;
	u64 before = world_fingerprint(w, &w->c, 1);

	assert_int_equal(world_map(w, iova, vaddr, size, prot, &why), err);
	assert_int_equal(why.reason, reason);
	assert_int_equal(why.err, err);
	assert_int_equal(mf_get_refusals(w->c, &last, 1), 1);
	assert_memory_equal(&last, &why, sizeof(why));
	assert_true(world_fingerprint(w, &w->c, 1) == before);
	check(world_check(w));
	check(world_check_domains(w, w->c));
}

static void accept(struct world *w, u64 iova, u64 vaddr, u64 size, u32 prot)
{
	struct mf_refusal why = { 0 };

	assert_int_equal(world_map(w, iova, vaddr, size, prot, &why), 0);
	check(world_check(w));
	check(world_check_domains(w, w->c));
}

static void test_row_58_size_zero(void **state)
{
	struct world w;

	(void)state;
	world_ready(&w);
	refuse(&w, 0, VADDR, 0, RW, -EINVAL, MF_REASON_SIZE_ZERO);
	check(world_end(&w));
}

static void test_row_59_iova_wraps(void **state)
{
	struct world w;

	(void)state;
	world_ready(&w);
	refuse(&w, TOP - PAGE + 1, VADDR, 2 * PAGE, RW, -EINVAL, MF_REASON_IOVA_WRAPS);
	refuse(&w, 2 * PAGE, VADDR, TOP - PAGE + 1, RW, -EINVAL, MF_REASON_IOVA_WRAPS);
	check(world_end(&w));
}

static void test_row_60_vaddr_wraps(void **state)
{
	struct world w;

	(void)state;
	world_ready(&w);
	refuse(&w, 0, TOP - PAGE + 1, 2 * PAGE, RW, -EINVAL, MF_REASON_VADDR_WRAPS);
	check(world_end(&w));
}

/* Kernel 7.3's errno, before anything else is found wrong with the request. */
static void test_rows_59_60_64_by_another_errno(void **state)
{
	struct mf_config config = {
		.rules = MF_TYPE1V2, .mapping_limit = 9, .wrap_errno = -EOVERFLOW,
	};
	struct mf_host_group *group;
	struct world w;

	(void)state;
	group = world_ready(&w);
	mf_release(w.c);
	config.cookie = &w;
	assert_int_equal(mf_open(&w.host.host, &config, &w.c), 0);
	assert_int_equal(mf_attach(w.c, group, 0, NULL), 0);
	refuse(&w, TOP - PAGE + 1, VADDR, 2 * PAGE, RW, -EOVERFLOW, MF_REASON_IOVA_WRAPS);
	refuse(&w, TOP - PAGE + 1, VADDR, 2 * PAGE, 0, -EOVERFLOW, MF_REASON_IOVA_WRAPS);
	refuse(&w, TOP - PAGE + 2, VADDR, 2 * PAGE, RW, -EOVERFLOW, MF_REASON_IOVA_WRAPS);
	refuse(&w, 0, TOP - PAGE + 1, 2 * PAGE, RW, -EOVERFLOW, MF_REASON_VADDR_WRAPS);
	refuse(&w, TOP, VADDR, 0, RW, -EINVAL, MF_REASON_SIZE_ZERO);
	refuse(&w, 1, VADDR, PAGE, RW, -EINVAL, MF_REASON_MISALIGNED);
	check(world_end(&w));
}

static void test_row_61_no_access(void **state)
{
	struct world w;

	(void)state;
	world_ready(&w);
	refuse(&w, 0, VADDR, PAGE, 0, -EINVAL, MF_REASON_NO_ACCESS);
	check(world_end(&w));
}

static void test_row_63_misaligned(void **state)
{
	struct world w;

	(void)state;
	world_ready(&w);
	refuse(&w, 1, VADDR, PAGE, RW, -EINVAL, MF_REASON_MISALIGNED);
	refuse(&w, 0, VADDR + 8, PAGE, RW, -EINVAL, MF_REASON_MISALIGNED);
	refuse(&w, 0, VADDR, PAGE + 512, RW, -EINVAL, MF_REASON_MISALIGNED);
	check(world_end(&w));
}

static void test_row_63_granule_is_the_largest_minimum(void **state)
{
	struct mf_model_config coarse = world_plain;
	struct mf_info info;
	struct world w;

	(void)state;
	coarse.kind = 2;
	coarse.pgsizes = 64 * KIB | 2 * MIB;
	world_ready(&w);
	w.units[0].config.pgsizes |= 64 * KIB;
	/* The unit's sizes were asked for when its group was attached: attach anew. */
	mf_detach(w.c, &w.groups[0]);
	assert_int_equal(mf_attach(w.c, &w.groups[0], 0, NULL), 0);
	assert_int_equal(mf_attach(w.c, world_group(&w, world_unit(&w, &coarse)), 0, NULL), 0);
	mf_get_info(w.c, &info, NULL, 0);
	assert_true(info.granule == 64 * KIB);
	assert_true(info.pgsizes == (64 * KIB | 2 * MIB));
	refuse(&w, PAGE, VADDR, 64 * KIB, RW, -EINVAL, MF_REASON_MISALIGNED);
	refuse(&w, 0, VADDR, PAGE, RW, -EINVAL, MF_REASON_MISALIGNED);
	accept(&w, 64 * KIB, VADDR, 128 * KIB, RW);
	check(world_end(&w));
}

static void test_row_65_overlap(void **state)
{
	struct world w;

	(void)state;
	world_ready(&w);
	accept(&w, 16 * PAGE, VADDR, 4 * PAGE, RW);
	refuse(&w, 16 * PAGE, VADDR, 4 * PAGE, RW, -EEXIST, MF_REASON_OVERLAP);
	refuse(&w, 19 * PAGE, VADDR, 4 * PAGE, RW, -EEXIST, MF_REASON_OVERLAP);
	refuse(&w, 13 * PAGE, VADDR, 4 * PAGE, RW, -EEXIST, MF_REASON_OVERLAP);
	refuse(&w, 0, VADDR, 64 * PAGE, RW, -EEXIST, MF_REASON_OVERLAP);
	refuse(&w, 17 * PAGE, VADDR, PAGE, RW, -EEXIST, MF_REASON_OVERLAP);
	accept(&w, 20 * PAGE, VADDR, PAGE, RW);
	accept(&w, 15 * PAGE, VADDR, PAGE, RW);
	check(world_end(&w));
}

static void test_row_66_overlap_comes_before_the_limit(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, 16, MF_RAM_CONTIGUOUS);
	world_open(&w, MF_TYPE1V2, 1);
	assert_int_equal(mf_attach(w.c, world_group(&w, world_unit(&w, &world_plain)), 0, NULL), 0);
	accept(&w, 0, VADDR, PAGE, RW);
	refuse(&w, 0, VADDR, PAGE, RW, -EEXIST, MF_REASON_OVERLAP);
	check(world_end(&w));
}

static void test_row_67_limit_and_row_69_before_the_window(void **state)
{
	struct mf_info info;
	struct world w;

	(void)state;
	world_init(&w, 16, MF_RAM_CONTIGUOUS);
	world_open(&w, MF_TYPE1V2, 2);
	assert_int_equal(mf_attach(w.c, world_group(&w, world_unit(&w, &world_plain)), 0, NULL), 0);
	accept(&w, 0, VADDR, PAGE, RW);
	accept(&w, PAGE, VADDR, PAGE, RW);
	mf_get_info(w.c, &info, NULL, 0);
	assert_int_equal(info.mappings_available, 0);
	refuse(&w, 2 * PAGE, VADDR, PAGE, RW, -ENOSPC, MF_REASON_MAPPING_LIMIT);
	refuse(&w, 1ull << 50, VADDR, PAGE, RW, -ENOSPC, MF_REASON_MAPPING_LIMIT);
	assert_int_equal(mf_unmap(w.c, 0, PAGE, NULL, NULL), 0);
	accept(&w, 2 * PAGE, VADDR, PAGE, RW);
	check(world_end(&w));
}

static void test_row_68_outside_or_across_windows(void **state)
{
	static const struct mf_region regions[] = {
		{ MF_REGION_MSI, { 0xfee00000, 0xfeefffff } },
	};
	struct mf_host_group *group;
	struct world w;

	(void)state;
	world_init(&w, 16, MF_RAM_CONTIGUOUS);
	world_open(&w, MF_TYPE1V2, 9);
	group = world_group(&w, world_unit(&w, &world_plain));
	group->regions = regions;
	group->nr_regions = 1;
	assert_int_equal(mf_attach(w.c, group, 0, NULL), 0);
	refuse(&w, 0xfee00000, VADDR, PAGE, RW, -EINVAL, MF_REASON_OUT_OF_WINDOW);
	refuse(&w, 0xfeeff000, VADDR, PAGE, RW, -EINVAL, MF_REASON_OUT_OF_WINDOW);
	refuse(&w, 0xfedff000, VADDR, 2 * PAGE, RW, -EINVAL, MF_REASON_OUT_OF_WINDOW);
	refuse(&w, 0xfedff000, VADDR, 4 * MIB, RW, -EINVAL, MF_REASON_OUT_OF_WINDOW);
	refuse(&w, 1ull << 48, VADDR, PAGE, RW, -EINVAL, MF_REASON_OUT_OF_WINDOW);
	accept(&w, 0xfedff000, VADDR, PAGE, RW);
	accept(&w, 0xfef00000, VADDR, PAGE, RW);
	check(world_end(&w));
}

static void test_row_70_mapping_ends_at_the_top_of_the_space(void **state)
{
	struct mf_model_config wide = world_plain;
	struct mf_mapping_info m;
	struct mf_refusal why;
	struct world w;
	u64 unmapped;
	u8 byte = 7;

	(void)state;
	wide.aperture = (struct mf_span){ 0, TOP };
	world_init(&w, 16, MF_RAM_CONTIGUOUS);
	world_open(&w, MF_TYPE1V2, 9);
	assert_int_equal(mf_attach(w.c, world_group(&w, world_unit(&w, &wide)), 0, NULL), 0);
	accept(&w, TOP - 2 * PAGE + 1, VADDR, 2 * PAGE, RW);
	accept(&w, TOP - 4 * PAGE + 1, VADDR, 2 * PAGE, RW);
	assert_true(mf_next_mapping(w.c, TOP, &m));
	assert_true(m.span.last == TOP && m.pages == 2);
	refuse(&w, TOP - PAGE + 1, VADDR, PAGE, RW, -EEXIST, MF_REASON_OVERLAP);
	assert_int_equal(mf_device_write(&w.devices[0], TOP, &byte, 1), 0);

	assert_int_equal(mf_unmap(w.c, TOP - PAGE + 1, PAGE, &unmapped, &why), -EINVAL);
	assert_int_equal(why.reason, MF_REASON_BISECTED);
	assert_int_equal(mf_unmap(w.c, TOP - 4 * PAGE + 1, 4 * PAGE, &unmapped, NULL), 0);
	assert_true(unmapped == 4 * PAGE);
	assert_int_equal(mf_device_write(&w.devices[0], TOP, &byte, 1), -EFAULT);
	assert_false(mf_next_mapping(w.c, 0, &m));
	check(world_check(&w));

	accept(&w, TOP - 2 * PAGE + 1, VADDR, 2 * PAGE, RW);
	assert_int_equal(mf_unmap_all(w.c, &unmapped, NULL), 0);
	assert_true(unmapped == 2 * PAGE);
	accept(&w, TOP - PAGE + 1, VADDR, PAGE, RW);	/* release takes this one */
	check(world_end(&w));
}

static void test_row_71_ends_with_the_aperture(void **state)
{
	struct world w;

	(void)state;
	world_ready(&w);
	refuse(&w, (1ull << 48) - PAGE, VADDR, 2 * PAGE, RW, -EINVAL, MF_REASON_OUT_OF_WINDOW);
	accept(&w, (1ull << 48) - PAGE, VADDR, PAGE, RW);
	check(world_end(&w));
}

static void test_row_72_memory_that_cannot_be_had(void **state)
{
	struct world w;

	(void)state;
	world_ready(&w);
	mf_ram_owner_flag(w.owner[0], VADDR, 1, MF_RAM_ABSENT);
	mf_ram_owner_flag(w.owner[0], VADDR + PAGE, 1, MF_RAM_READONLY);
	refuse(&w, 0, VADDR, PAGE, MF_READ, -EFAULT, MF_REASON_PIN);
	refuse(&w, 0, 0x1000, PAGE, MF_READ, -EFAULT, MF_REASON_PIN);
	refuse(&w, 0, VADDR + PAGE, PAGE, RW, -EFAULT, MF_REASON_PIN);
	refuse(&w, 0, VADDR + PAGE, PAGE, MF_WRITE, -EFAULT, MF_REASON_PIN);
	accept(&w, 0, VADDR + PAGE, PAGE, MF_READ);
	check(world_end(&w));
}

static void test_row_73_hole_in_the_middle(void **state)
{
	struct mf_refusal why;
	struct world w;
	u64 hole;

	(void)state;
	for (hole = 0; hole < 600; hole += 37) {
		world_init(&w, 600, MF_RAM_SCATTERED);
		world_open(&w, MF_TYPE1V2, 9);
		assert_int_equal(mf_attach(w.c, world_group(&w, world_unit(&w, &world_plain)), 0,
					   NULL), 0);
		mf_ram_owner_flag(w.owner[0], VADDR + hole * PAGE, 1, MF_RAM_ABSENT);
		refuse(&w, 0, VADDR, 600 * PAGE, RW, -EFAULT, MF_REASON_PIN);
		assert_int_equal(world_map(&w, 0, VADDR, 600 * PAGE, RW, &why), -EFAULT);
		assert_true(why.args[0] == VADDR + hole * PAGE);
		check(world_end(&w));
	}
}

static void test_row_78_foreign_pages_are_not_billed(void **state)
{
	struct mf_status status;
	struct world w;
	u8 byte = 3;

	(void)state;
	world_ready(&w);
	mf_ram_reserve(w.ram, mf_ram_owner_pfn(w.owner[0], VADDR + 2 * PAGE), 3);
	w.owner[0]->owner.limit = 5;
	accept(&w, 0, VADDR, 8 * PAGE, RW);
	mf_get_status(w.c, &status);
	assert_true(status.pages_pinned == 5 && status.pages_foreign == 3);
	assert_true(w.owner[0]->owner.billed == 5);
	assert_int_equal(mf_device_write(&w.devices[0], 3 * PAGE, &byte, 1), 0);
	assert_int_equal(mf_unmap(w.c, 0, 8 * PAGE, NULL, NULL), 0);
	mf_get_status(w.c, &status);
	assert_true(status.pages_pinned == 0 && status.pages_foreign == 0);
	check(world_end(&w));
}

static s64 pin_nothing(struct mf_owner *owner, u64 vaddr, u64 pages, u32 prot,
		       struct mf_batch *batch)
{
	(void)owner, (void)vaddr, (void)pages, (void)prot, (void)batch;
	return 0;
}

static void test_row_82_pin_of_no_pages(void **state)
{
	struct mf_owner_ops ops;
	struct world w;

	(void)state;
	world_ready(&w);
	ops = *w.owner[0]->owner.ops;
	ops.pin = pin_nothing;
	w.owner[0]->owner.ops = &ops;
	refuse(&w, 0, VADDR, PAGE, RW, -EFAULT, MF_REASON_PIN);
	check(world_end(&w));
}

static void test_row_83_limit_of_the_owner(void **state)
{
	struct world w;

	(void)state;
	world_ready(&w);
	w.owner[0]->owner.limit = 10;
	accept(&w, 0, VADDR, 7 * PAGE, RW);
	refuse(&w, MIB, VADDR + 7 * PAGE, 4 * PAGE, RW, -ENOMEM, MF_REASON_BILL);
	accept(&w, MIB, VADDR + 7 * PAGE, 3 * PAGE, RW);
	/* Another owner has a limit of its own. */
	assert_int_equal(mf_map(w.c, &w.owner[1]->owner, 2 * MIB, VADDR, 9 * PAGE, RW, 0, NULL), 0);
	assert_true(w.owner[1]->owner.billed == 9);
	check(world_end(&w));
}

static void test_row_83_limit_found_late_is_unwound(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, 9000, MF_RAM_SCATTERED);
	world_open(&w, MF_TYPE1V2, 9);
	assert_int_equal(mf_attach(w.c, world_group(&w, world_unit(&w, &world_plain)), 0, NULL), 0);
	w.owner[0]->owner.limit = 8999;
	refuse(&w, 0, VADDR, 9000 * PAGE, RW, -ENOMEM, MF_REASON_BILL);
	check(world_end(&w));
}

static void test_row_87_unit_fails_in_each_domain(void **state)
{
	struct mf_model_config other = world_plain;
	u32 which, nth;
	struct world w;

	(void)state;
	for (which = 0; which < 3; which++) {
		for (nth = 1; nth <= 2; nth++) {
			world_init(&w, 600, MF_RAM_SCATTERED);
			world_open(&w, MF_TYPE1V2, 9);
			for (other.kind = 1; other.kind <= 3; other.kind++) {
				struct mf_model *unit = world_unit(&w, &other);

				assert_int_equal(mf_attach(w.c, world_group(&w, unit), 0, NULL), 0);
			}
			w.units[which].faults.map_in = nth;
			w.units[which].faults.map_error = -ERANGE;
			refuse(&w, 0, VADDR, 600 * PAGE, RW, -ERANGE, MF_REASON_UNIT_MAP);
			accept(&w, 0, VADDR, 600 * PAGE, RW);
			check(world_end(&w));
		}
	}
}

static void test_row_95_small_pages(void **state)
{
	struct mf_mapping_info m;
	struct world w;

	(void)state;
	world_ready(&w);
	assert_int_equal(mf_map(w.c, &w.owner[0]->owner, 0, VADDR, 1024 * PAGE, RW,
				MF_MAP_SMALL_PAGES, NULL), 0);
	assert_true(mf_next_mapping(w.c, 0, &m));
	assert_true(m.runs == 1024 && m.pages == 1024);
	check(world_check_domains(&w, w.c));
	check(world_end(&w));
}

static void test_map_without_domain(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, 4, MF_RAM_CONTIGUOUS);
	world_open(&w, MF_TYPE1V2, 9);
	refuse(&w, 0, VADDR, PAGE, RW, -EINVAL, MF_REASON_NO_GROUP);
	check(world_end(&w));
}

static void test_rights_are_the_devices(void **state)
{
	struct world w;
	u8 byte = 1;

	(void)state;
	world_ready(&w);
	accept(&w, 0, VADDR, PAGE, MF_READ);
	accept(&w, PAGE, VADDR, PAGE, MF_WRITE);
	assert_int_equal(mf_device_read(&w.devices[0], 0, &byte, 1), 0);
	assert_int_equal(mf_device_write(&w.devices[0], 0, &byte, 1), -EFAULT);
	assert_int_equal(w.devices[0].fault.why, MF_FAULT_WRITE);
	assert_int_equal(mf_device_write(&w.devices[0], PAGE, &byte, 1), 0);
	assert_int_equal(mf_device_read(&w.devices[0], PAGE, &byte, 1), -EFAULT);
	assert_int_equal(w.devices[0].fault.why, MF_FAULT_READ);
	check(world_end(&w));
}

static void test_written_pages_are_given_back_dirty(void **state)
{
	struct world w;

	(void)state;
	world_ready(&w);
	accept(&w, 0, VADDR, PAGE, MF_READ);
	accept(&w, PAGE, VADDR + PAGE, PAGE, RW);
	assert_int_equal(mf_unmap_all(w.c, NULL, NULL), 0);
	assert_false(mf_ram_dirty(w.ram, mf_ram_owner_pfn(w.owner[0], VADDR)));
	assert_true(mf_ram_dirty(w.ram, mf_ram_owner_pfn(w.owner[0], VADDR + PAGE)));
	check(world_end(&w));
}

/* A unit that remembers absence sees a new mapping at once: it is synced. */
static void test_unit_with_caching_mode_is_synced(void **state)
{
	struct mf_model_config caching = world_plain;
	struct world w;
	u8 byte = 9;

	(void)state;
	caching.caching = true;
	world_init(&w, 64, MF_RAM_SCATTERED);
	world_open(&w, MF_TYPE1V2, 9);
	assert_int_equal(mf_attach(w.c, world_group(&w, world_unit(&w, &caching)), 0, NULL), 0);
	assert_int_equal(mf_device_read(&w.devices[0], 63 * PAGE, &byte, 1), -EFAULT);
	assert_int_equal(mf_device_read(&w.devices[0], 0, &byte, 1), -EFAULT);
	accept(&w, 0, VADDR, 64 * PAGE, RW);
	assert_int_equal(mf_device_read(&w.devices[0], 0, &byte, 1), 0);
	assert_int_equal(mf_device_read(&w.devices[0], 63 * PAGE, &byte, 1), 0);
	check(world_end(&w));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_row_58_size_zero),
		cmocka_unit_test(test_row_59_iova_wraps),
		cmocka_unit_test(test_row_60_vaddr_wraps),
		cmocka_unit_test(test_rows_59_60_64_by_another_errno),
		cmocka_unit_test(test_row_61_no_access),
		cmocka_unit_test(test_row_63_misaligned),
		cmocka_unit_test(test_row_63_granule_is_the_largest_minimum),
		cmocka_unit_test(test_row_65_overlap),
		cmocka_unit_test(test_row_66_overlap_comes_before_the_limit),
		cmocka_unit_test(test_row_67_limit_and_row_69_before_the_window),
		cmocka_unit_test(test_row_68_outside_or_across_windows),
		cmocka_unit_test(test_row_70_mapping_ends_at_the_top_of_the_space),
		cmocka_unit_test(test_row_71_ends_with_the_aperture),
		cmocka_unit_test(test_row_72_memory_that_cannot_be_had),
		cmocka_unit_test(test_row_73_hole_in_the_middle),
		cmocka_unit_test(test_row_78_foreign_pages_are_not_billed),
		cmocka_unit_test(test_row_82_pin_of_no_pages),
		cmocka_unit_test(test_row_83_limit_of_the_owner),
		cmocka_unit_test(test_row_83_limit_found_late_is_unwound),
		cmocka_unit_test(test_row_87_unit_fails_in_each_domain),
		cmocka_unit_test(test_row_95_small_pages),
		cmocka_unit_test(test_map_without_domain),
		cmocka_unit_test(test_rights_are_the_devices),
		cmocka_unit_test(test_written_pages_are_given_back_dirty),
		cmocka_unit_test(test_unit_with_caching_mode_is_synced),
	};

	return cmocka_run_group_tests_name("map", tests, NULL, NULL);
}
