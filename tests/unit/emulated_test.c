// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Emulated groups: a container with nothing but them, the first domain that
 * comes to it, and the last one that leaves. The bill is held to the page at
 * each step. Rows are those of the conformance table.
 */
#include "tests/support/world.h"

#define RW	(MF_READ | MF_WRITE)
#define IOVA	(16 * MIB)
#define ON_ROOF	(TOP - 4 * PAGE + 1)

static struct world w;
static struct mf_host_group *software, *hardware;

/* One emulated group, and one behind a plain unit that is not attached yet. */
static void begin_with(u64 pages, enum mf_ram_layout layout)
{
	world_init(&w, pages, layout);
	w.by_mapping = true;
	world_open(&w, MF_TYPE1V2, 100);
	hardware = world_group(&w, world_unit(&w, &world_plain));
	software = world_group(&w, &w.units[0]);
	assert_int_equal(mf_attach(w.c, software, MF_ATTACH_EMULATED, NULL), 0);
}

static void begin(enum mf_ram_layout layout)
{
	begin_with(2048, layout);
}

static int attach(struct mf_host_group *group)
{
	return mf_attach(w.c, group, 0, NULL);
}

static void map(u64 iova, u64 page, u64 pages)
{
	assert_int_equal(world_map(&w, iova, VADDR + page * PAGE, pages * PAGE, RW, NULL), 0);
}

static void pin(u64 iova, u32 pages)
{
	u64 pfns[64];

	assert_true(pages <= 64);
	assert_int_equal(mf_pin_pages(w.c, software, iova, pages, RW, pfns, NULL), 0);
}

static struct mf_status status(void)
{
	struct mf_status s;

	mf_get_status(w.c, &s);
	return s;
}

/* Pages pinned for a domain, pinned by software, and billed: as the engine and its host say. */
static void expect(u64 pinned, u64 external, u64 billed)
{
	struct mf_user_live live = mf_user_host_live(&w.host);
	struct mf_status s = status();

	assert_true(s.pages_pinned == pinned);
	assert_true(s.pages_external == external);
	assert_true(s.pages_billed == billed);
	assert_true(live.pins == pinned + external);
	assert_true(live.billed == billed);
	check(world_check(&w));
	check(world_check_domains(&w, w.c));
}

static void end(void)
{
	check(world_end(&w));
}

/* An attach that is refused, with everything as it was. */
static void check_refused(struct mf_host_group *group, u32 flags, int err, enum mf_reason reason)
{
	u64 before = world_fingerprint(&w, &w.c, 1);
	struct mf_refusal why;

	assert_int_equal(mf_attach(w.c, group, flags, &why), err);
	assert_string_equal(mf_reason_name(why.reason), mf_reason_name(reason));
	assert_true(world_fingerprint(&w, &w.c, 1) == before);
	assert_null(group->domain);
	check(world_check(&w));
}

static void test_row_26_emulated_group_has_no_domain(void **state)
{
	struct mf_info info;

	(void)state;
	begin(MF_RAM_CONTIGUOUS);
	assert_null(software->domain);
	assert_null(mf_group_domain(w.c, software));
	assert_int_equal(status().nr_domains, 0);
	assert_int_equal(status().nr_groups, 1);
	assert_int_equal(status().nr_emulated, 1);
	assert_int_equal(w.last[MF_EVENT_ATTACHED].group, software->id);
	assert_int_equal(w.last[MF_EVENT_ATTACHED].domain, 0);
	assert_int_equal(mf_get_info(w.c, &info, NULL, 0), 0);
	/* Rows 5, 6 and 52. */
	assert_true(info.coherent && !info.vaddr_updatable);
	assert_true(info.pgsizes == ~(PAGE - 1) && info.nr_window == 0);

	assert_int_equal(attach(hardware), 0);
	assert_int_equal(status().nr_groups, 2);
	assert_ptr_equal(mf_group_domain(w.c, hardware), hardware->domain);
	assert_null(mf_group_domain(w.c, software));
	end();
}

/* Nothing forges interrupts that has no hardware. */
static void test_emulated_group_needs_no_isolation(void **state)
{
	(void)state;
	begin(MF_RAM_CONTIGUOUS);
	mf_detach(w.c, software);
	software->isolated = false;
	assert_int_equal(mf_attach(w.c, software, MF_ATTACH_EMULATED, NULL), 0);
	end();
}

static void test_row_25_group_twice(void **state)
{
	(void)state;
	begin(MF_RAM_CONTIGUOUS);
	check_refused(software, MF_ATTACH_EMULATED, -EINVAL, MF_REASON_GROUP_TWICE);
	check_refused(software, 0, -EINVAL, MF_REASON_GROUP_TWICE);
	assert_int_equal(attach(hardware), 0);
	assert_int_equal(mf_attach(w.c, hardware, MF_ATTACH_EMULATED, NULL), -EINVAL);
	assert_int_equal(status().nr_groups, 2);
	end();
}

static void test_row_88_map_without_domain_pins_and_bills_nothing(void **state)
{
	struct mf_mapping_info m;

	(void)state;
	begin(MF_RAM_CONTIGUOUS);
	w.owner[0]->owner.limit = 0;
	map(IOVA, 0, 1000);
	expect(0, 0, 0);
	assert_int_equal(mf_user_host_calls(&w.host, MF_CALL_PIN), 0);
	assert_int_equal(mf_user_host_calls(&w.host, MF_CALL_BILL), 0);
	assert_true(w.last[MF_EVENT_MAPPED].span.first == IOVA);
	assert_true(w.last[MF_EVENT_MAPPED].pages == 0);
	assert_true(mf_next_mapping(w.c, 0, &m));
	assert_int_equal(m.state, MF_MAPPING_LIVE);
	assert_true(m.pages == 0 && m.runs == 0 && m.external == 0);
	assert_true(m.span.last == IOVA + 1000 * PAGE - 1);
	end();
}

/* Without a window any IOVA will do; and what is not there is not looked for. */
static void test_without_domain_any_range_can_be_mapped(void **state)
{
	u64 unmapped;

	(void)state;
	begin(MF_RAM_CONTIGUOUS);
	assert_int_equal(world_map(&w, 0, 0, PAGE, MF_READ, NULL), 0);
	assert_int_equal(world_map(&w, ON_ROOF, 0, 4 * PAGE, MF_WRITE, NULL), 0);
	assert_int_equal(world_map(&w, PAGE, 0, ON_ROOF - PAGE, RW, NULL), 0);
	assert_int_equal(world_map(&w, 0, 0, PAGE, MF_READ, NULL), -EEXIST);
	assert_int_equal(world_map(&w, 0, 0, PAGE / 2, MF_READ, NULL), -EINVAL);
	assert_int_equal(mf_unmap(w.c, PAGE, PAGE, &unmapped, NULL), -EINVAL);
	assert_int_equal(mf_unmap(w.c, ON_ROOF, 4 * PAGE, &unmapped, NULL), 0);
	assert_true(unmapped == 4 * PAGE);
	assert_int_equal(mf_unmap_all(w.c, &unmapped, NULL), 0);
	assert_true(unmapped == ON_ROOF);
	expect(0, 0, 0);
	end();
}

static void test_row_43_first_domain_pins_from_the_owners(void **state)
{
	u8 a[8] = "owner 0", b[8] = "owner 1", got[8];

	(void)state;
	begin(MF_RAM_SCATTERED);
	map(IOVA, 0, 700);
	assert_int_equal(mf_map(w.c, &w.owner[1]->owner, 0, VADDR, 300 * PAGE, MF_READ, 0, NULL),
			 0);
	mf_ram_write(w.ram, mf_ram_owner_pfn(w.owner[0], VADDR), 0, a, 8);
	mf_ram_write(w.ram, mf_ram_owner_pfn(w.owner[1], VADDR), 0, b, 8);

	assert_int_equal(attach(hardware), 0);
	expect(1000, 0, 1000);
	assert_true(w.owner[0]->owner.billed == 700 && w.owner[1]->owner.billed == 300);
	assert_true(w.last[MF_EVENT_REPLAYED].count == 2);
	assert_int_equal(mf_device_read(world_device(&w, hardware), IOVA, got, 8), 0);
	assert_memory_equal(got, a, 8);
	assert_int_equal(mf_device_read(world_device(&w, hardware), 0, got, 8), 0);
	assert_memory_equal(got, b, 8);
	assert_int_equal(mf_device_write(world_device(&w, hardware), 0, got, 8), -EFAULT);
	assert_int_equal(mf_unmap_all(w.c, NULL, NULL), 0);
	expect(0, 0, 0);
	end();
}

/* What the first domain finds foreign is mapped, but neither pinned nor billed. */
static void test_first_domain_and_foreign_pages(void **state)
{
	struct mf_mapping_info m;

	(void)state;
	begin(MF_RAM_CONTIGUOUS);
	mf_ram_reserve(w.ram, mf_ram_owner_pfn(w.owner[0], VADDR + 10 * PAGE), 20);
	map(IOVA, 0, 100);
	pin(IOVA, 4);
	expect(0, 4, 4);
	assert_int_equal(attach(hardware), 0);
	expect(80, 4, 80);
	assert_int_equal(status().pages_foreign, 20);
	assert_true(mf_next_mapping(w.c, 0, &m));
	assert_true(m.pages == 100 && m.foreign == 20 && m.external == 4 && m.runs == 3);
	mf_detach(w.c, hardware);
	expect(0, 4, 4);
	assert_int_equal(status().pages_foreign, 0);
	end();
}

static void test_row_40_first_domain_beyond_the_limit(void **state)
{
	(void)state;
	begin(MF_RAM_SCATTERED);
	map(0, 0, 600);
	map(IOVA, 600, 700);
	pin(IOVA, 3);
	pin(0, 2);
	w.owner[0]->owner.limit = 1299;
	check_refused(hardware, 0, -ENOMEM, MF_REASON_BILL);
	expect(0, 5, 5);
	assert_int_equal(mf_user_host_live(&w.host).domains, 0);

	/* What software has pinned is not billed again: this is enough. */
	w.owner[0]->owner.limit = 1300;
	assert_int_equal(attach(hardware), 0);
	expect(1300, 5, 1300);
	end();
}

/* All of it was pinned one by one before: the domain costs nothing more. */
static void test_first_domain_after_software_pinned_all(void **state)
{
	u64 bills;

	(void)state;
	begin(MF_RAM_SCATTERED);
	map(IOVA, 0, 64);
	pin(IOVA, 64);
	w.owner[0]->owner.limit = 64;
	bills = mf_user_host_calls(&w.host, MF_CALL_BILL);
	assert_int_equal(attach(hardware), 0);
	assert_int_equal(mf_user_host_calls(&w.host, MF_CALL_BILL), bills);
	expect(64, 64, 64);
	mf_unpin_pages(w.c, IOVA, 60);
	expect(64, 4, 64);
	mf_detach(w.c, hardware);
	expect(0, 4, 4);
	mf_unpin_pages(w.c, IOVA, 64);
	expect(0, 0, 0);
	end();
}

/* A page in the middle can't be had, or the unit fails: at the last mapping of several. */
static void test_first_domain_that_fails_leaves_all_as_it_was(void **state)
{
	(void)state;
	begin(MF_RAM_SCATTERED);
	map(0, 0, 600);
	map(IOVA, 600, 700);
	map(GIB - 8 * PAGE, 1300, 16);
	pin(IOVA + 5 * PAGE, 2);
	pin(0, 64);

	mf_ram_owner_flag(w.owner[0], VADDR + 1310 * PAGE, 1, MF_RAM_ABSENT);
	check_refused(hardware, 0, -EFAULT, MF_REASON_PIN);
	mf_ram_owner_flag(w.owner[0], VADDR + 1310 * PAGE, 1, 0);
	expect(0, 66, 66);

	w.units[0].faults.map_in = 4;
	w.units[0].faults.map_error = -EIO;
	check_refused(hardware, 0, -EIO, MF_REASON_UNIT_MAP);
	w.units[0].faults.map_in = 0;
	expect(0, 66, 66);

	assert_int_equal(attach(hardware), 0);
	expect(1316, 66, 1316);
	end();
}

static void test_unlimited_is_remembered(void **state)
{
	struct mf_refusal why;
	u64 pfn;

	(void)state;
	begin(MF_RAM_CONTIGUOUS);
	w.owner[0]->owner.limit = 1;
	assert_int_equal(mf_map(w.c, &w.owner[0]->owner, IOVA, VADDR, 8 * PAGE, RW,
				MF_MAP_UNLIMITED, NULL), 0);
	map(0, 8, 2);
	pin(IOVA, 3);
	expect(0, 3, 3);
	/* The one without the flag finds the limit exceeded by the other. */
	assert_int_equal(mf_pin_pages(w.c, NULL, 0, 1, MF_READ, &pfn, &why), -ENOMEM);
	assert_int_equal(why.reason, MF_REASON_BILL);
	check_refused(hardware, 0, -ENOMEM, MF_REASON_BILL);
	assert_int_equal(mf_unmap(w.c, 0, 2 * PAGE, NULL, NULL), 0);
	assert_int_equal(attach(hardware), 0);
	expect(8, 3, 8);
	end();
}

/* Row 95 for what is filled later. */
static void test_small_pages_are_remembered(void **state)
{
	struct mf_mapping_info m;

	(void)state;
	begin(MF_RAM_CONTIGUOUS);
	assert_int_equal(mf_map(w.c, &w.owner[0]->owner, IOVA, VADDR, 600 * PAGE, RW,
				MF_MAP_SMALL_PAGES, NULL), 0);
	assert_int_equal(attach(hardware), 0);
	assert_true(mf_next_mapping(w.c, 0, &m));
	assert_true(m.pages == 600 && m.runs == 600);
	expect(600, 0, 600);
	end();
}

/* Rows 31, 32 and 39: what is there binds the first domain, too. */
static void test_mappings_bind_the_first_domain(void **state)
{
	static const struct mf_region region = {
		MF_REGION_MSI, { IOVA + PAGE, IOVA + 2 * PAGE - 1 },
	};
	struct mf_model_config coarse = world_plain, narrow = world_plain;

	(void)state;
	begin(MF_RAM_CONTIGUOUS);
	map(IOVA + PAGE, 0, 3);
	narrow.aperture.last = IOVA + 2 * PAGE - 1;
	check_refused(world_group(&w, world_unit(&w, &narrow)), 0, -EINVAL,
		      MF_REASON_OUT_OF_APERTURE);
	coarse.pgsizes = 64 * KIB;
	check_refused(world_group(&w, world_unit(&w, &coarse)), 0, -EINVAL, MF_REASON_TOO_FINE);
	hardware->regions = &region;
	hardware->nr_regions = 1;
	check_refused(hardware, 0, -EINVAL, MF_REASON_IN_REGION);
	assert_int_equal(mf_user_host_calls(&w.host, MF_CALL_PIN), 0);
	end();
}

static void test_row_44_last_domain_leaves(void **state)
{
	struct mf_mapping_info m;
	u32 i;

	(void)state;
	begin(MF_RAM_SCATTERED);
	map(IOVA, 0, 700);
	pin(IOVA + 7 * PAGE, 2);
	for (i = 0; i < 3; i++) {
		assert_int_equal(attach(hardware), 0);
		pin(IOVA + (20 + i) * PAGE, 1);
		expect(700, 3 + i, 700);

		w.no_alloc = true;
		mf_detach(w.c, hardware);
		w.no_alloc = false;
		expect(0, 3 + i, 3 + i);
		assert_true(w.owner[0]->owner.billed == 3 + i);
		assert_true(mf_next_mapping(w.c, 0, &m));
		assert_true(m.pages == 0 && m.external == 3 + i);
		assert_int_equal(status().nr_domains, 0);
	}
	/* It can be mapped around and used as before. */
	map(0, 700, 1);
	mf_unpin_pages(w.c, IOVA, 700);
	expect(0, 0, 0);
	end();
}

/* Pinned while there was a domain and billed with the mapping: the rest of the bill goes. */
static void test_row_44_pins_of_two_mappings_and_owners(void **state)
{
	(void)state;
	begin(MF_RAM_CONTIGUOUS);
	assert_int_equal(attach(hardware), 0);
	map(0, 0, 10);
	assert_int_equal(mf_map(w.c, &w.owner[1]->owner, IOVA, VADDR, 20 * PAGE, RW, 0, NULL), 0);
	pin(0, 4);
	pin(IOVA, 5);
	pin(IOVA, 5);
	expect(30, 9, 30);
	mf_detach(w.c, hardware);
	expect(0, 9, 9);
	assert_true(w.owner[0]->owner.billed == 4 && w.owner[1]->owner.billed == 5);
	end();
}

static void test_one_domain_of_two_leaves(void **state)
{
	struct mf_model_config other = world_plain;
	struct mf_host_group *second;

	(void)state;
	other.kind = 2;
	begin(MF_RAM_SCATTERED);
	second = world_group(&w, world_unit(&w, &other));
	map(IOVA, 0, 100);
	assert_int_equal(attach(hardware), 0);
	assert_int_equal(attach(second), 0);
	pin(IOVA, 1);
	mf_detach(w.c, hardware);
	expect(100, 1, 100);
	mf_detach(w.c, second);
	expect(0, 1, 1);
	end();
}

static void test_row_45_last_group_of_any_kind_ends_all_mappings(void **state)
{
	(void)state;
	begin(MF_RAM_CONTIGUOUS);
	assert_int_equal(attach(hardware), 0);
	map(IOVA, 0, 10);
	mf_detach(w.c, software);
	assert_int_equal(status().nr_mappings, 1);
	expect(10, 0, 10);
	assert_int_equal(mf_attach(w.c, software, MF_ATTACH_EMULATED, NULL), 0);
	mf_detach(w.c, hardware);
	assert_int_equal(status().nr_mappings, 1);
	pin(IOVA, 2);
	expect(0, 2, 2);

	/* A device that never unpins loses its pages with its group. */
	w.no_alloc = true;
	mf_detach(w.c, software);
	w.no_alloc = false;
	assert_int_equal(status().nr_mappings, 0);
	expect(0, 0, 0);
	assert_int_equal(mf_user_host_live(&w.host).owners, 0);
	mf_unpin_pages(w.c, IOVA, 2);
	expect(0, 0, 0);
	assert_int_equal(world_map(&w, IOVA, VADDR, PAGE, RW, NULL), -EINVAL);
	end();
}

/* What a unit did not let go of is given back when no unit is left. */
static void test_stuck_mapping_ends_with_the_last_domain(void **state)
{
	(void)state;
	begin(MF_RAM_CONTIGUOUS);
	assert_int_equal(attach(hardware), 0);
	map(0, 0, 10);
	map(IOVA, 10, 10);
	w.units[0].faults.short_unmaps = 2;
	assert_int_equal(mf_unmap(w.c, 0, 10 * PAGE, NULL, NULL), 0);
	assert_int_equal(status().nr_stuck, 1);
	assert_int_equal(mf_user_host_live(&w.host).pins, 20);
	mf_detach(w.c, hardware);
	assert_int_equal(status().nr_stuck, 0);
	assert_int_equal(status().nr_mappings, 1);
	expect(0, 0, 0);
	end();
}

/* More than one chunk, and each of several runs. */
static void test_chunks_are_filled_emptied_and_filled(void **state)
{
	u64 pages = 2 * MF_CHUNK_PAGES + 5, at = GIB - 2 * PAGE;
	struct mf_mapping_info m;
	u32 i;

	(void)state;
	begin_with(pages, MF_RAM_CLUSTERED);
	map(at, 0, pages);
	pin(at, 3);

	/* Not even the heads of its chunks are left when that fails. */
	w.units[0].faults.map_in = 3;
	w.units[0].faults.map_error = -EIO;
	check_refused(hardware, 0, -EIO, MF_REASON_UNIT_MAP);
	w.units[0].faults.map_in = 0;

	for (i = 0; i < 2; i++) {
		assert_int_equal(attach(hardware), 0);
		assert_true(status().pages_pinned == pages && status().pages_billed == pages);
		assert_true(mf_next_mapping(w.c, 0, &m));
		assert_true(m.pages == pages && m.runs >= pages / MF_RAM_CLUSTER / 2);
		mf_detach(w.c, hardware);
		assert_true(mf_user_host_live(&w.host).pins == 3);
		assert_true(status().pages_billed == 3);
	}
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_row_26_emulated_group_has_no_domain),
		cmocka_unit_test(test_emulated_group_needs_no_isolation),
		cmocka_unit_test(test_row_25_group_twice),
		cmocka_unit_test(test_row_88_map_without_domain_pins_and_bills_nothing),
		cmocka_unit_test(test_without_domain_any_range_can_be_mapped),
		cmocka_unit_test(test_row_43_first_domain_pins_from_the_owners),
		cmocka_unit_test(test_first_domain_and_foreign_pages),
		cmocka_unit_test(test_row_40_first_domain_beyond_the_limit),
		cmocka_unit_test(test_first_domain_after_software_pinned_all),
		cmocka_unit_test(test_first_domain_that_fails_leaves_all_as_it_was),
		cmocka_unit_test(test_unlimited_is_remembered),
		cmocka_unit_test(test_small_pages_are_remembered),
		cmocka_unit_test(test_mappings_bind_the_first_domain),
		cmocka_unit_test(test_row_44_last_domain_leaves),
		cmocka_unit_test(test_row_44_pins_of_two_mappings_and_owners),
		cmocka_unit_test(test_one_domain_of_two_leaves),
		cmocka_unit_test(test_row_45_last_group_of_any_kind_ends_all_mappings),
		cmocka_unit_test(test_stuck_mapping_ends_with_the_last_domain),
		cmocka_unit_test(test_chunks_are_filled_emptied_and_filled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
