// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Attach and detach, row by row of the behaviour table, with several units. */
#include "tests/support/world.h"

#define RW (MF_READ | MF_WRITE)

static const struct mf_region doorbell[] = {
	{ MF_REGION_SW_MSI, { 0x8000000, 0x80fffff } },
};

static const struct mf_region hardware[] = {
	{ MF_REGION_MSI, { 0xfee00000, 0xfeefffff } },
};

static void setup(struct world *w)
{
	world_init(w, 1024, MF_RAM_CONTIGUOUS);
	world_open(w, MF_TYPE1V2, 20);
}

static struct mf_host_group *group_of(struct world *w, const struct mf_model_config *config)
{
	return world_group(w, world_unit(w, config));
}

static void attach(struct world *w, struct mf_host_group *group)
{
	assert_int_equal(mf_attach(w->c, group, 0, NULL), 0);
	check(world_check(w));
	check(world_check_domains(w, w->c));
}

/* An attach that must fail, say why, and change nothing. */
static void refuse(struct world *w, struct mf_host_group *group, int err, enum mf_reason reason)
{
	u64 before = world_fingerprint(w, &w->c, 1);
	struct mf_refusal why = { 0 };

	assert_int_equal(mf_attach(w->c, group, 0, &why), err);
	assert_int_equal(why.reason, reason);
	assert_true(world_fingerprint(w, &w->c, 1) == before);
	check(world_check(w));
}

static u32 domains(struct world *w)
{
	struct mf_status status;

	mf_get_status(w->c, &status);
	return status.nr_domains;
}

static void map(struct world *w, u64 iova, u64 size)
{
	assert_int_equal(world_map(w, iova, VADDR, size, RW, NULL), 0);
}

static void test_row_25_group_twice(void **state)
{
	struct mf_host_group *group;
	struct world w;

	(void)state;
	group = world_ready(&w);
	refuse(&w, group, -EINVAL, MF_REASON_GROUP_TWICE);
	check(world_end(&w));
}

static void test_row_27_no_domain_to_be_had(void **state)
{
	struct mf_host_group *group;
	struct world w;
	u64 nth;

	(void)state;
	setup(&w);
	group = group_of(&w, &world_plain);
	/* regions, alloc of member, window, record; then the domain: whichever comes. */
	for (nth = 1; ; nth++) {
		struct mf_refusal why = { 0 };

		world_fail(&w, nth, false, -ENODEV);
		assert_true(mf_attach(w.c, group, 0, &why) < 0);
		if (w.failed_type == MF_CALL_DOMAIN_ALLOC) {
			assert_int_equal(why.err, -ENODEV);
			assert_int_equal(why.reason, MF_REASON_DOMAIN_ALLOC);
			break;
		}
	}
	world_fail(&w, 0, false, 0);
	attach(&w, group);
	check(world_end(&w));
}

static void test_row_28_group_of_another_container(void **state)
{
	struct mf_config config = { .rules = MF_TYPE1V2, .mapping_limit = 1 };
	struct mf_container *other;
	struct mf_host_group *group;
	struct world w;

	(void)state;
	setup(&w);
	group = group_of(&w, &world_plain);
	assert_int_equal(mf_open(&w.host.host, &config, &other), 0);
	assert_int_equal(mf_attach(other, group, 0, NULL), 0);
	refuse(&w, group, -EBUSY, MF_REASON_GROUP_ATTACH);
	mf_release(other);
	attach(&w, group);
	check(world_end(&w));
}

static void test_row_30_apertures_without_common_iova(void **state)
{
	struct mf_model_config high = world_plain;
	struct world w;

	(void)state;
	world_ready(&w);
	high.kind = 2;
	high.aperture = (struct mf_span){ 1ull << 48, TOP };
	refuse(&w, group_of(&w, &high), -EINVAL, MF_REASON_NO_WINDOW);
	check(world_end(&w));
}

static void test_row_31_aperture_excludes_a_mapping(void **state)
{
	struct mf_model_config narrow = world_plain;
	struct mf_span window[4];
	struct mf_info info;
	struct world w;

	(void)state;
	world_ready(&w);
	narrow.kind = 2;
	narrow.aperture = (struct mf_span){ MIB, (1ull << 39) - 1 };
	map(&w, 1ull << 39, PAGE);
	refuse(&w, group_of(&w, &narrow), -EINVAL, MF_REASON_OUT_OF_APERTURE);
	assert_int_equal(mf_unmap_all(w.c, NULL, NULL), 0);
	map(&w, MIB - PAGE, PAGE);
	refuse(&w, &w.groups[1], -EINVAL, MF_REASON_OUT_OF_APERTURE);
	assert_int_equal(mf_unmap_all(w.c, NULL, NULL), 0);
	map(&w, (1ull << 39) - PAGE, PAGE);
	map(&w, MIB, PAGE);
	attach(&w, &w.groups[1]);
	assert_int_equal(mf_get_info(w.c, &info, window, 4), 1);
	assert_true(window[0].first == MIB && window[0].last == (1ull << 39) - 1);
	check(world_end(&w));
}

static void region_case(enum mf_region_type type, bool blocks)
{
	struct mf_region region = { type, { 16 * PAGE, 20 * PAGE - 1 } };
	struct mf_model_config other = world_plain;
	struct mf_host_group *group;
	struct world w;
	u32 own;

	/* With a domain of its own, and with one to join. */
	for (own = 0; own < 2; own++) {
		world_ready(&w);
		other.kind = own ? 2 : 1;
		group = group_of(&w, &other);
		group->regions = &region;
		group->nr_regions = 1;
		map(&w, 19 * PAGE, 2 * PAGE);
		if (blocks) {
			refuse(&w, group, -EINVAL, MF_REASON_IN_REGION);
			assert_int_equal(mf_unmap_all(w.c, NULL, NULL), 0);
			map(&w, 20 * PAGE, PAGE);
			map(&w, 15 * PAGE, PAGE);
		}
		attach(&w, group);
		assert_int_equal(domains(&w), 1 + own);
		assert_int_equal(world_map(&w, 18 * PAGE, VADDR, PAGE, RW, NULL),
				 blocks ? -EINVAL : 0);
		check(world_end(&w));
	}
}

static void test_row_32_reserved_region_on_a_mapping(void **state)
{
	(void)state;
	region_case(MF_REGION_RESERVED, true);
}

static void test_row_32_direct_region_on_a_mapping(void **state)
{
	(void)state;
	region_case(MF_REGION_DIRECT, true);
}

static void test_row_32_message_region_on_a_mapping(void **state)
{
	(void)state;
	region_case(MF_REGION_MSI, true);
}

static void test_row_32_doorbell_region_on_a_mapping(void **state)
{
	(void)state;
	region_case(MF_REGION_SW_MSI, true);
}

static void test_row_33_relaxable_region_on_a_mapping(void **state)
{
	(void)state;
	region_case(MF_REGION_DIRECT_RELAXABLE, false);
}

static void test_row_34_no_iova_left(void **state)
{
	static const struct mf_region all = { MF_REGION_RESERVED, { 0, (1ull << 48) - 1 } };
	struct mf_model_config other = world_plain;
	struct mf_host_group *group;
	struct world w;
	u32 own;

	(void)state;
	for (own = 0; own < 3; own++) {
		setup(&w);
		other.kind = own;
		if (own)
			attach(&w, group_of(&w, &world_plain));
		group = group_of(&w, &other);
		group->regions = &all;
		group->nr_regions = 1;
		refuse(&w, group, -EINVAL, MF_REASON_NO_WINDOW);
		check(world_end(&w));
	}
}

static void test_row_35_interrupts_not_isolated(void **state)
{
	struct mf_host_group *group;
	struct world w;

	(void)state;
	setup(&w);
	group = group_of(&w, &world_plain);
	group->isolated = false;
	refuse(&w, group, -EPERM, MF_REASON_INTERRUPTS);
	/* Found before the group was touched. */
	assert_true(mf_user_host_calls(&w.host, MF_CALL_DOMAIN_ATTACH) == 0);
	assert_int_equal(mf_attach(w.c, group, MF_ATTACH_UNSAFE_INTERRUPTS, NULL), 0);
	check(world_end(&w));
}

static void test_row_36_equal_units_share_a_domain(void **state)
{
	struct world w;
	u64 maps;
	u8 byte = 5;

	(void)state;
	world_ready(&w);
	map(&w, 0, MIB);
	maps = mf_user_host_calls(&w.host, MF_CALL_DOMAIN_MAP);
	attach(&w, world_group(&w, &w.units[0]));
	attach(&w, group_of(&w, &world_plain));
	assert_int_equal(domains(&w), 1);
	assert_int_equal(w.events[MF_EVENT_JOINED], 2);
	assert_int_equal(w.events[MF_EVENT_REPLAYED], 1);	/* the first domain's: of nothing */
	assert_true(mf_user_host_calls(&w.host, MF_CALL_DOMAIN_MAP) == maps);
	assert_int_equal(mf_device_write(&w.devices[1], 0, &byte, 1), 0);
	assert_int_equal(mf_device_write(&w.devices[2], 0, &byte, 1), 0);
	assert_int_equal(mf_unmap_all(w.c, NULL, NULL), 0);
	assert_int_equal(mf_device_write(&w.devices[2], 0, &byte, 1), -EFAULT);
	check(world_end(&w));
}

static void test_row_36_joining_updates_the_window(void **state)
{
	struct mf_host_group *group;
	struct mf_info info;
	struct world w;

	(void)state;
	world_ready(&w);
	group = world_group(&w, &w.units[0]);
	group->regions = hardware;
	group->nr_regions = 1;
	attach(&w, group);
	mf_get_info(w.c, &info, NULL, 0);
	assert_int_equal(info.nr_window, 2);
	mf_detach(w.c, group);
	mf_get_info(w.c, &info, NULL, 0);
	assert_int_equal(info.nr_window, 1);
	check(world_end(&w));
}

static void test_row_37_domain_refuses_the_group(void **state)
{
	struct mf_host_group *group;
	struct world w;
	u8 byte = 5;

	(void)state;
	world_ready(&w);
	map(&w, 0, MIB);
	group = group_of(&w, &world_plain);
	w.units[1].faults.refuse = true;
	attach(&w, group);
	assert_int_equal(domains(&w), 2);
	assert_true(group->domain != w.groups[0].domain);
	assert_true(w.last[MF_EVENT_REPLAYED].count == 1);
	assert_int_equal(mf_device_write(&w.devices[1], 0, &byte, 1), 0);
	check(world_end(&w));
}

static void test_row_37_first_refuses_second_takes_it(void **state)
{
	struct mf_model_config fine = world_plain;
	struct mf_host_group *a, *b, *c;
	struct world w;

	(void)state;
	setup(&w);
	a = group_of(&w, &world_plain);
	attach(&w, a);
	/* b's domain has a page size that c's unit lacks: c can only join a. */
	fine.pgsizes |= 64 * KIB;
	b = group_of(&w, &fine);
	w.units[1].faults.refuse = true;
	attach(&w, b);
	w.units[1].faults.refuse = false;
	assert_int_equal(domains(&w), 2);
	c = group_of(&w, &world_plain);
	attach(&w, c);
	assert_ptr_equal(c->domain, a->domain);
	assert_int_equal(domains(&w), 2);
	check(world_end(&w));
}

static void test_row_38_coherency_or_kind_differs(void **state)
{
	struct mf_model_config loose = world_plain, other = world_plain;
	struct mf_info info;
	struct world w;

	(void)state;
	world_ready(&w);
	map(&w, 0, MIB);
	mf_get_info(w.c, &info, NULL, 0);
	assert_true(info.coherent);
	loose.enforces = false;
	attach(&w, group_of(&w, &loose));
	assert_int_equal(domains(&w), 2);
	mf_get_info(w.c, &info, NULL, 0);
	assert_false(info.coherent);
	other.kind = 7;
	attach(&w, group_of(&w, &other));
	assert_int_equal(domains(&w), 3);
	mf_detach(w.c, &w.groups[1]);
	mf_get_info(w.c, &info, NULL, 0);
	assert_true(info.coherent);
	check(world_end(&w));
}

static void test_row_39_mapping_too_fine_for_the_unit(void **state)
{
	struct mf_model_config coarse = world_plain;
	struct world w;

	(void)state;
	coarse.kind = 2;
	coarse.pgsizes = 64 * KIB | 2 * MIB;
	world_init(&w, 64, MF_RAM_CONTIGUOUS);
	world_open(&w, MF_TYPE1V2, 20);
	w.nr_units = 0;
	coarse.pgsizes |= PAGE;
	attach(&w, group_of(&w, &coarse));
	map(&w, 64 * KIB, 64 * KIB + PAGE);
	coarse.pgsizes &= ~PAGE;
	coarse.kind = 3;
	refuse(&w, group_of(&w, &coarse), -EINVAL, MF_REASON_TOO_FINE);
	assert_int_equal(mf_unmap_all(w.c, NULL, NULL), 0);
	map(&w, 64 * KIB + PAGE, 64 * KIB - PAGE);
	refuse(&w, &w.groups[1], -EINVAL, MF_REASON_TOO_FINE);
	assert_int_equal(mf_unmap_all(w.c, NULL, NULL), 0);
	map(&w, 64 * KIB, 64 * KIB);
	attach(&w, &w.groups[1]);
	check(world_end(&w));
}

/* The IOVAs align, but the pages behind them lie apart: only the unit can tell. */
static void test_row_39_memory_too_scattered_for_the_unit(void **state)
{
	struct mf_model_config both = world_plain, coarse = world_plain;
	struct world w;

	(void)state;
	world_init(&w, 64, MF_RAM_SCATTERED);
	world_open(&w, MF_TYPE1V2, 20);
	both.pgsizes |= 64 * KIB;
	coarse.kind = 2;
	coarse.pgsizes = 64 * KIB;
	attach(&w, group_of(&w, &both));
	map(&w, 64 * KIB, 64 * KIB);
	refuse(&w, group_of(&w, &coarse), -EINVAL, MF_REASON_REPLAY);
	check(world_end(&w));
}

static void test_empty_granule(void **state)
{
	struct mf_model_config coarse = world_plain;
	struct mf_refusal why;
	struct world w;

	(void)state;
	setup(&w);
	coarse.pgsizes = PAGE;
	attach(&w, group_of(&w, &coarse));
	coarse.kind = 2;
	coarse.pgsizes = 64 * KIB | 2 * MIB;
	refuse(&w, group_of(&w, &coarse), -EINVAL, MF_REASON_NO_GRANULE);
	assert_int_equal(mf_attach(w.c, &w.groups[1], 0, &why), -EINVAL);
	assert_true(why.args[1] == (64 * KIB | 2 * MIB) && why.args[2] == PAGE);
	check(world_end(&w));
}

static void test_sizes_below_a_page_make_a_page(void **state)
{
	struct mf_model_config tiny = world_plain;
	struct mf_info info;
	struct world w;
	u8 byte = 1;

	(void)state;
	setup(&w);
	tiny.pgsizes = KIB | 2 * KIB | 64 * KIB;
	attach(&w, group_of(&w, &tiny));
	mf_get_info(w.c, &info, NULL, 0);
	assert_true(info.granule == PAGE && info.pgsizes == (PAGE | 64 * KIB));
	map(&w, 0, 17 * PAGE);
	check(world_check_domains(&w, w.c));
	assert_int_equal(mf_device_write(&w.devices[0], 16 * PAGE, &byte, 1), 0);
	check(world_end(&w));
}

static void test_row_41_doorbell_fails(void **state)
{
	struct mf_host_group *group;
	struct world w;
	u32 join;
	u64 nth;

	(void)state;
	for (join = 0; join < 2; join++) {
		setup(&w);
		if (join)
			attach(&w, group_of(&w, &world_plain));
		group = group_of(&w, &world_plain);
		group->regions = doorbell;
		group->nr_regions = 1;
		for (nth = 1; ; nth++) {
			u64 before = world_fingerprint(&w, &w.c, 1);
			struct mf_refusal why = { 0 };
			int err;

			world_fail(&w, nth, false, -ENXIO);
			err = mf_attach(w.c, group, 0, &why);
			if (w.failed_type != MF_CALL_DOMAIN_MSI) {
				if (!err)
					mf_detach(w.c, group);
				continue;
			}
			assert_int_equal(err, -ENXIO);
			assert_int_equal(why.reason, MF_REASON_MSI);
			assert_true(world_fingerprint(&w, &w.c, 1) == before);
			break;
		}
		world_fail(&w, 0, false, 0);
		attach(&w, group);
		assert_true(mf_device_interrupt(world_device(&w, group)));
		check(world_end(&w));
	}
}

static void test_doorbell_for_a_joiner_that_is_the_first_to_need_it(void **state)
{
	struct mf_host_group *group, *third;
	struct world w;

	(void)state;
	setup(&w);
	group = group_of(&w, &world_plain);
	group->regions = hardware;
	group->nr_regions = 1;
	attach(&w, group);
	assert_false(group->domain->msi);
	group = world_group(&w, &w.units[0]);
	group->regions = doorbell;
	group->nr_regions = 1;
	attach(&w, group);
	assert_int_equal(domains(&w), 1);
	assert_true(group->domain->msi && group->domain->msi_base == 0x8000000);
	assert_true(mf_device_interrupt(world_device(&w, group)));
	/* Another one finds it set up. */
	third = world_group(&w, &w.units[0]);
	third->regions = doorbell;
	third->nr_regions = 1;
	attach(&w, third);
	assert_true(mf_user_host_calls(&w.host, MF_CALL_DOMAIN_MSI) == 1);
	check(world_end(&w));
}

static void test_row_42_replay_fails_midway(void **state)
{
	struct mf_model_config other = world_plain;
	struct world w;
	u32 nth;

	(void)state;
	other.kind = 2;
	for (nth = 1; nth <= 5; nth++) {
		u32 i;

		world_ready(&w);
		for (i = 0; i < 5; i++)
			map(&w, i * MIB, 16 * PAGE);
		group_of(&w, &other);
		w.units[1].faults.map_in = nth;
		w.units[1].faults.map_error = -ENOMEM;
		refuse(&w, &w.groups[1], -ENOMEM, MF_REASON_REPLAY);
		check(world_check_domains(&w, w.c));
		attach(&w, &w.groups[1]);
		assert_true(w.last[MF_EVENT_REPLAYED].count == 5);
		check(world_end(&w));
	}
}

/* Fails both attaches of a dance: to the domain that fits, and the way back. */
struct no_return {
	u32 attaches;
};

static int refuse_return(void *context, const struct mf_call *call)
{
	struct no_return *n = context;

	if (call->type != MF_CALL_DOMAIN_ATTACH)
		return 0;
	return ++n->attaches > 1 ? -EIO : 0;
}

static void test_group_can_neither_join_nor_return(void **state)
{
	struct no_return n = { 0 };
	struct mf_host_group *group;
	struct world w;

	(void)state;
	world_ready(&w);
	map(&w, 0, MIB);
	group = group_of(&w, &world_plain);
	w.watch = refuse_return;
	w.watch_context = &n;
	refuse(&w, group, -EIO, MF_REASON_GROUP_RETURN);
	assert_null(group->domain);
	assert_int_equal(n.attaches, 3);
	w.watch = NULL;
	attach(&w, group);
	check(world_end(&w));
}

static void test_row_45_last_detach_ends_all_mappings(void **state)
{
	struct mf_status status;
	struct world w;
	u8 byte = 1;

	(void)state;
	world_ready(&w);
	attach(&w, world_group(&w, &w.units[0]));
	map(&w, 0, MIB);
	assert_int_equal(mf_device_write(&w.devices[0], 0, &byte, 1), 0);
	assert_int_equal(mf_device_write(&w.devices[1], 0, &byte, 1), 0);
	w.no_alloc = true;
	mf_detach(w.c, &w.groups[0]);
	assert_int_equal(mf_device_write(&w.devices[0], 0, &byte, 1), -EFAULT);
	assert_int_equal(mf_device_write(&w.devices[1], 0, &byte, 1), 0);
	mf_get_status(w.c, &status);
	assert_true(status.nr_mappings == 1);
	mf_detach(w.c, &w.groups[1]);
	mf_get_status(w.c, &status);
	assert_true(status.nr_mappings == 0 && status.pages_pinned == 0);
	assert_true(mf_user_host_live(&w.host).pins == 0);
	w.no_alloc = false;
	attach(&w, &w.groups[0]);	/* and on it goes */
	map(&w, 0, MIB);
	check(world_end(&w));
}

static void test_row_46_detach_gives_back_what_attach_took(void **state)
{
	static const struct mf_region many[] = {
		{ MF_REGION_RESERVED, { 0x1000, 0x1fff } },
		{ MF_REGION_RESERVED, { 0x4000, 0x4fff } },
		{ MF_REGION_DIRECT, { 0x8000, 0x9fff } },
		{ MF_REGION_RESERVED, { 0x9000, 0xafff } },
	};
	struct mf_model_config other = world_plain;
	struct mf_span window[8];
	struct mf_info info;
	struct world w;

	(void)state;
	world_ready(&w);
	other.kind = 2;
	other.pgsizes = 2 * MIB;
	other.aperture.last = (1ull << 39) - 1;
	group_of(&w, &other);
	w.groups[1].regions = many;
	w.groups[1].nr_regions = 4;
	attach(&w, &w.groups[1]);
	assert_int_equal(mf_get_info(w.c, &info, window, 8), 4);
	assert_true(window[3].first == 0xb000 && window[3].last == (1ull << 39) - 1);
	assert_true(info.granule == 2 * MIB);

	mf_detach(w.c, &w.groups[1]);
	assert_int_equal(mf_get_info(w.c, &info, window, 8), 1);
	assert_true(window[0].first == 0 && window[0].last == (1ull << 48) - 1);
	assert_true(info.granule == PAGE);
	map(&w, 0x1000, PAGE);
	mf_detach(w.c, &w.groups[0]);
	assert_int_equal(mf_get_info(w.c, &info, window, 8), 0);
	assert_true(info.pgsizes == MF_PAGE_MASK && info.coherent);
	check(world_end(&w));
}

/* Each order of leaving, with regions everywhere: the window has room enough. */
static void test_window_has_room_in_each_order_of_leaving(void **state)
{
	static const struct mf_region regions[4][2] = {
		{ { MF_REGION_RESERVED, { 0x1000, 0x1fff } },
		  { MF_REGION_MSI, { 0x11000, 0x11fff } } },
		{ { MF_REGION_RESERVED, { 0x3000, 0x3fff } },
		  { MF_REGION_MSI, { 0x13000, 0x13fff } } },
		{ { MF_REGION_RESERVED, { 0x5000, 0x5fff } },
		  { MF_REGION_MSI, { 0x15000, 0x15fff } } },
		{ { MF_REGION_RESERVED, { 0x7000, 0x7fff } },
		  { MF_REGION_MSI, { 0x17000, 0x17fff } } },
	};
	struct mf_model_config other = world_plain;
	struct world w;
	u32 order, i, rest;

	(void)state;
	for (order = 0; order < 24; order++) {
		u32 left[4] = { 0, 1, 2, 3 };

		setup(&w);
		for (i = 0; i < 4; i++) {
			other.kind = i & 1;
			group_of(&w, &other);
			w.groups[i].regions = regions[i];
			w.groups[i].nr_regions = 2;
			attach(&w, &w.groups[i]);
		}
		for (i = 4, rest = order; i; rest /= i, i--) {
			u32 k = rest % i;
			struct mf_info info;

			mf_detach(w.c, &w.groups[left[k]]);
			left[k] = left[i - 1];
			mf_get_info(w.c, &info, NULL, 0);
			assert_int_equal(info.nr_window, i > 1 ? 2 * (i - 1) + 1 : 0);
		}
		check(world_end(&w));
	}
}

static void test_detach_of_a_stranger_is_ignored(void **state)
{
	struct mf_host_group *stranger;
	struct world w;
	u64 before;

	(void)state;
	world_ready(&w);
	stranger = world_group(&w, &w.units[0]);
	before = world_fingerprint(&w, &w.c, 1);
	mf_detach(w.c, stranger);
	assert_true(world_fingerprint(&w, &w.c, 1) == before);
	check(world_end(&w));
}

static void test_replay_gives_the_same_runs(void **state)
{
	struct mf_model_config other = world_plain;
	struct world w;
	u64 pins;
	u8 byte = 77, back = 0;

	(void)state;
	world_init(&w, 1024, MF_RAM_SCATTERED);
	world_open(&w, MF_TYPE1, 20);
	attach(&w, group_of(&w, &world_plain));
	map(&w, GIB - 512 * PAGE, 1024 * PAGE);		/* across a chunk's end */
	pins = mf_user_host_calls(&w.host, MF_CALL_PIN);
	other.kind = 2;
	other.caching = true;
	attach(&w, group_of(&w, &other));
	assert_true(mf_user_host_calls(&w.host, MF_CALL_PIN) == pins);
	assert_int_equal(mf_device_write(&w.devices[1], GIB + 5, &byte, 1), 0);
	assert_int_equal(mf_device_read(&w.devices[0], GIB + 5, &back, 1), 0);
	assert_int_equal(back, 77);
	check(world_end(&w));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_row_25_group_twice),
		cmocka_unit_test(test_row_27_no_domain_to_be_had),
		cmocka_unit_test(test_row_28_group_of_another_container),
		cmocka_unit_test(test_row_30_apertures_without_common_iova),
		cmocka_unit_test(test_row_31_aperture_excludes_a_mapping),
		cmocka_unit_test(test_row_32_reserved_region_on_a_mapping),
		cmocka_unit_test(test_row_32_direct_region_on_a_mapping),
		cmocka_unit_test(test_row_32_message_region_on_a_mapping),
		cmocka_unit_test(test_row_32_doorbell_region_on_a_mapping),
		cmocka_unit_test(test_row_33_relaxable_region_on_a_mapping),
		cmocka_unit_test(test_row_34_no_iova_left),
		cmocka_unit_test(test_row_35_interrupts_not_isolated),
		cmocka_unit_test(test_row_36_equal_units_share_a_domain),
		cmocka_unit_test(test_row_36_joining_updates_the_window),
		cmocka_unit_test(test_row_37_domain_refuses_the_group),
		cmocka_unit_test(test_row_37_first_refuses_second_takes_it),
		cmocka_unit_test(test_row_38_coherency_or_kind_differs),
		cmocka_unit_test(test_row_39_mapping_too_fine_for_the_unit),
		cmocka_unit_test(test_row_39_memory_too_scattered_for_the_unit),
		cmocka_unit_test(test_empty_granule),
		cmocka_unit_test(test_sizes_below_a_page_make_a_page),
		cmocka_unit_test(test_row_41_doorbell_fails),
		cmocka_unit_test(test_doorbell_for_a_joiner_that_is_the_first_to_need_it),
		cmocka_unit_test(test_row_42_replay_fails_midway),
		cmocka_unit_test(test_group_can_neither_join_nor_return),
		cmocka_unit_test(test_row_45_last_detach_ends_all_mappings),
		cmocka_unit_test(test_row_46_detach_gives_back_what_attach_took),
		cmocka_unit_test(test_window_has_room_in_each_order_of_leaving),
		cmocka_unit_test(test_detach_of_a_stranger_is_ignored),
		cmocka_unit_test(test_replay_gives_the_same_runs),
	};

	return cmocka_run_group_tests_name("attach", tests, NULL, NULL);
}
