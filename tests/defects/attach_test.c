// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The defects of the 2014 RFC that are about attaching, replaying and
 * detaching, each as the test that its code would have failed, and what was
 * right there and must stay so. docs/rfc-defects.md has the list.
 */
#include "tests/support/world.h"

#define IOVA	(16 * MIB)
#define RW	(MF_READ | MF_WRITE)

static struct world w;

static struct mf_host_group *begin(u64 pages, enum mf_ram_layout layout)
{
	struct mf_host_group *group;

	world_init(&w, pages, layout);
	world_open(&w, MF_TYPE1V2, 100);
	group = world_group(&w, world_unit(&w, &world_plain));
	assert_int_equal(mf_attach(w.c, group, 0, NULL), 0);
	return group;
}

/* A group behind a unit of another kind, which can share no domain with @world_plain. */
static struct mf_host_group *other_group(u64 pgsizes)
{
	struct mf_model_config other = world_plain;

	other.kind = 2;
	other.pgsizes = pgsizes;
	return world_group(&w, world_unit(&w, &other));
}

static void map(u64 iova, u64 pages)
{
	assert_int_equal(world_map(&w, iova, VADDR, pages * PAGE, RW, NULL), 0);
}

static struct mf_status status(void)
{
	struct mf_status now;

	mf_get_status(w.c, &now);
	return now;
}

static u64 calls(enum mf_call_type type)
{
	return mf_user_host_calls(&w.host, type);
}

static void end(void)
{
	check(world_check(&w));
	check(world_check_domains(&w, w.c));
	check(world_end(&w));
}

static int attach_result = 1;

/* A unit with a coarser granule comes while a fine mapping's pages are pinned. */
static int attach_coarse(void *context, const struct mf_call *call)
{
	if (call->type == MF_CALL_PIN && attach_result > 0)
		attach_result = mf_attach(w.c, context, 0, NULL);
	return 0;
}

static void test_b08_granule_cannot_change_under_a_map(void **state)
{
	struct mf_host_group *coarse;
	struct mf_refusal why;

	(void)state;
	begin(512, MF_RAM_CONTIGUOUS);
	coarse = other_group(2 * MIB);
	w.watch = attach_coarse;
	w.watch_context = coarse;
	map(IOVA, 1);
	w.watch = NULL;
	assert_int_equal(attach_result, -EINVAL);
	assert_int_equal(mf_attach(w.c, coarse, 0, &why), -EINVAL);
	assert_int_equal(why.reason, MF_REASON_TOO_FINE);

	/* The other way round: once it is there, the fine mapping is refused. */
	assert_int_equal(mf_unmap_all(w.c, NULL, NULL), 0);
	assert_int_equal(mf_attach(w.c, coarse, 0, NULL), 0);
	assert_int_equal(world_map(&w, IOVA, VADDR, PAGE, RW, &why), -EINVAL);
	assert_int_equal(why.reason, MF_REASON_MISALIGNED);
	map(IOVA, 512);
	end();
}

static void test_b09_sizes_below_a_page_become_pages(void **state)
{
	struct mf_info info;

	(void)state;
	begin(16, MF_RAM_CONTIGUOUS);
	assert_int_equal(mf_attach(w.c, other_group(KIB | 2 * MIB), 0, NULL), 0);
	mf_get_info(w.c, &info, NULL, 0);
	assert_int_equal(info.pgsizes, PAGE | 2 * MIB);
	assert_int_equal(info.granule, PAGE);
	map(IOVA, 1);
	end();
}

static void test_b09_no_size_in_common_is_refused(void **state)
{
	struct mf_refusal why;
	struct mf_info info;

	(void)state;
	begin(16, MF_RAM_CONTIGUOUS);
	assert_int_equal(mf_attach(w.c, other_group(64 * KIB), 0, &why), -EINVAL);
	assert_int_equal(why.reason, MF_REASON_NO_GRANULE);
	mf_get_info(w.c, &info, NULL, 0);
	assert_int_equal(info.pgsizes, world_plain.pgsizes);
	end();
}

static void test_b10_nothing_is_replayed_after_the_last_domain(void **state)
{
	struct mf_host_group *group = begin(16, MF_RAM_CONTIGUOUS), *other;

	(void)state;
	map(IOVA, 4);
	mf_detach(w.c, group);
	assert_int_equal(status().nr_mappings, 0);

	other = other_group(PAGE);
	assert_int_equal(mf_attach(w.c, other, 0, NULL), 0);
	assert_int_equal(w.last[MF_EVENT_REPLAYED].count, 0);
	assert_int_equal(calls(MF_CALL_DOMAIN_MAP), 1);
	end();
}

/* Every call must show runs of one page. */
static int expect_small(void *context, const struct mf_call *call)
{
	u64 *seen = context, i;

	for (i = 0; call->type == MF_CALL_DOMAIN_MAP && i < call->amount; i++) {
		assert_int_equal(mf_run_pages(call->runs[i]), 1);
		++*seen;
	}
	return 0;
}

static void test_b14_what_was_mapped_small_is_replayed_small(void **state)
{
	u64 seen = 0;

	(void)state;
	begin(64, MF_RAM_CONTIGUOUS);
	w.watch = expect_small;
	w.watch_context = &seen;
	assert_int_equal(mf_map(w.c, &w.owner[0]->owner, IOVA, VADDR, 64 * PAGE, RW,
				MF_MAP_SMALL_PAGES, NULL), 0);
	assert_int_equal(seen, 64);
	assert_int_equal(mf_attach(w.c, other_group(PAGE | 2 * MIB), 0, NULL), 0);
	assert_int_equal(seen, 128);
	w.watch = NULL;
	end();
}

static void test_b15_replay_goes_by_runs_not_by_pages(void **state)
{
	u64 maps, pins;

	(void)state;
	begin(MF_CHUNK_PAGES, MF_RAM_CONTIGUOUS);
	map(0, MF_CHUNK_PAGES);
	maps = calls(MF_CALL_DOMAIN_MAP);
	pins = calls(MF_CALL_PIN);
	assert_int_equal(mf_attach(w.c, other_group(PAGE | 2 * MIB), 0, NULL), 0);
	assert_int_equal(calls(MF_CALL_DOMAIN_MAP), maps + 1);
	assert_int_equal(calls(MF_CALL_PIN), pins);
	end();
}

static void test_b16_failed_replay_leaves_nothing(void **state)
{
	struct mf_host_group *other;
	struct mf_refusal why;
	u64 before;

	(void)state;
	begin(64, MF_RAM_SCATTERED);
	other = other_group(PAGE);
	map(IOVA, 8);
	map(IOVA + 32 * PAGE, 8);
	before = world_fingerprint(&w, &w.c, 1);

	w.units[1].faults.map_in = 2;
	w.units[1].faults.map_error = -EBUSY;
	assert_int_equal(mf_attach(w.c, other, 0, &why), -EBUSY);
	assert_int_equal(why.reason, MF_REASON_REPLAY);
	assert_int_equal(why.args[0], IOVA + 32 * PAGE);
	assert_true(world_fingerprint(&w, &w.c, 1) == before);
	assert_null(other->domain);
	assert_int_equal(mf_attach(w.c, other, 0, NULL), 0);
	end();
}

/* Units of one kind share a domain whatever their devices are plugged into. */
static void test_b17_units_share_a_domain_by_what_they_can_do(void **state)
{
	struct mf_model_config incoherent = world_plain;
	struct mf_host_group *first = begin(16, MF_RAM_CONTIGUOUS), *same, *differs;

	(void)state;
	incoherent.enforces = false;
	same = world_group(&w, world_unit(&w, &world_plain));
	differs = world_group(&w, world_unit(&w, &incoherent));
	map(IOVA, 4);
	assert_int_equal(mf_attach(w.c, same, 0, NULL), 0);
	assert_ptr_equal(first->domain, same->domain);
	assert_int_equal(status().nr_domains, 1);
	assert_int_equal(mf_attach(w.c, differs, 0, NULL), 0);
	assert_ptr_not_equal(first->domain, differs->domain);
	assert_int_equal(status().nr_domains, 2);
	end();
}

static int refuse_domain(void *context, const struct mf_call *call)
{
	(void)context;
	return call->type == MF_CALL_DOMAIN_ALLOC ? -ENODEV : 0;
}

/* As the Linux host answers for a group that has no device. */
static void test_b18_group_that_has_no_domain_is_refused(void **state)
{
	struct mf_host_group *other;
	struct mf_refusal why;

	(void)state;
	begin(16, MF_RAM_CONTIGUOUS);
	other = other_group(PAGE);
	w.watch = refuse_domain;
	assert_int_equal(mf_attach(w.c, other, 0, &why), -ENODEV);
	assert_int_equal(why.reason, MF_REASON_DOMAIN_ALLOC);
	assert_int_equal(status().nr_groups, 1);
	end();
}

static void test_b19_interrupts_are_checked_before_anything_is_attached(void **state)
{
	struct mf_host_group *unsafe;
	struct mf_refusal why;

	(void)state;
	world_init(&w, 16, MF_RAM_CONTIGUOUS);
	world_open(&w, MF_TYPE1V2, 100);
	unsafe = other_group(PAGE);
	unsafe->isolated = false;
	assert_int_equal(mf_attach(w.c, unsafe, 0, &why), -EPERM);
	assert_int_equal(why.reason, MF_REASON_INTERRUPTS);
	assert_int_equal(calls(MF_CALL_DOMAIN_ALLOC), 0);
	assert_int_equal(calls(MF_CALL_DOMAIN_ATTACH), 0);
	assert_int_equal(mf_attach(w.c, unsafe, MF_ATTACH_UNSAFE_INTERRUPTS, NULL), 0);
	end();
}

/* The groups that are there do DMA during every call of an attach. */
static int keep_using(void *context, const struct mf_call *call)
{
	u8 byte;

	(void)call;
	assert_int_equal(mf_device_read(context, IOVA, &byte, 1), 0);
	return 0;
}

static void test_b20_joining_disturbs_no_group_that_is_there(void **state)
{
	struct mf_host_group *group = begin(16, MF_RAM_CONTIGUOUS), *joins;
	u64 attaches, detaches;

	(void)state;
	joins = world_group(&w, world_unit(&w, &world_plain));
	map(IOVA, 4);
	attaches = calls(MF_CALL_DOMAIN_ATTACH);
	detaches = calls(MF_CALL_DOMAIN_DETACH);
	w.watch = keep_using;
	w.watch_context = world_device(&w, group);
	assert_int_equal(mf_attach(w.c, joins, 0, NULL), 0);
	w.watch = NULL;

	/* The newcomer itself goes by way of its trial domain, and no further. */
	assert_int_equal(calls(MF_CALL_DOMAIN_ATTACH), attaches + 2);
	assert_int_equal(calls(MF_CALL_DOMAIN_DETACH), detaches + 1);
	end();
}

static void count(void *context, struct mf_host_group *group, u32 id)
{
	(void)group;
	(void)id;
	++*(u32 *)context;
}

static void test_b21_b22_trial_domain_is_gone_and_the_group_listed_once(void **state)
{
	struct mf_domain_info d;
	u32 groups = 0;

	(void)state;
	begin(16, MF_RAM_CONTIGUOUS);
	assert_int_equal(mf_attach(w.c, world_group(&w, world_unit(&w, &world_plain)), 0, NULL), 0);
	assert_int_equal(mf_user_host_live(&w.host).domains, 1);
	assert_int_equal(mf_user_host_live(&w.host).attached, 2);
	assert_true(mf_get_domain(w.c, 0, &d));
	assert_int_equal(d.nr_groups, 2);
	mf_for_each_group(w.c, d.id, count, &groups);
	assert_int_equal(groups, 2);
	assert_false(mf_get_domain(w.c, 1, &d));
	end();
}

static void test_b23_pages_stay_when_a_domain_leaves_that_is_not_the_last(void **state)
{
	struct mf_host_group *group = begin(16, MF_RAM_CONTIGUOUS), *other;
	u8 byte;

	(void)state;
	other = other_group(PAGE);
	assert_int_equal(mf_attach(w.c, other, 0, NULL), 0);
	map(IOVA, 4);
	mf_detach(w.c, group);
	assert_int_equal(mf_user_host_live(&w.host).pins, 4);
	assert_int_equal(mf_device_read(world_device(&w, other), IOVA, &byte, 1), 0);
	assert_int_equal(mf_device_read(world_device(&w, group), IOVA, &byte, 1), -EFAULT);
	end();
}

static u32 unpins;

/* When a page is given back, nothing is attached that could reach it. */
static int expect_unattached(void *context, const struct mf_call *call)
{
	struct mf_host_group *group = context;

	if (call->type == MF_CALL_UNPIN) {
		assert_null(group->domain);
		assert_int_equal(mf_user_host_live(&w.host).domains, 0);
		unpins++;
	}
	return 0;
}

static void test_b24_devices_leave_before_their_pages(void **state)
{
	struct mf_host_group *group = begin(16, MF_RAM_CONTIGUOUS);

	(void)state;
	map(IOVA, 4);
	w.watch = expect_unattached;
	w.watch_context = group;
	mf_detach(w.c, group);
	assert_int_equal(unpins, 1);
	assert_int_equal(mf_user_host_live(&w.host).pins, 0);
	w.watch = NULL;
	end();
}

static void test_b29_attach_that_a_mapping_stands_against_is_refused(void **state)
{
	static const struct mf_region region = { MF_REGION_DIRECT, { IOVA, IOVA + PAGE - 1 } };
	struct mf_host_group *other;
	struct mf_refusal why;

	(void)state;
	begin(16, MF_RAM_CONTIGUOUS);
	other = other_group(PAGE);
	w.units[1].config.aperture.last = 2 * IOVA - 1;
	other->regions = &region;
	other->nr_regions = 1;
	map(IOVA, 2);
	assert_int_equal(mf_attach(w.c, other, 0, &why), -EINVAL);
	assert_int_equal(why.reason, MF_REASON_IN_REGION);

	assert_int_equal(mf_unmap_all(w.c, NULL, NULL), 0);
	map(2 * IOVA, 1);
	assert_int_equal(mf_attach(w.c, other, 0, &why), -EINVAL);
	assert_int_equal(why.reason, MF_REASON_OUT_OF_APERTURE);

	assert_int_equal(mf_unmap_all(w.c, NULL, NULL), 0);
	assert_int_equal(mf_attach(w.c, other, 0, NULL), 0);
	end();
}

static bool coherent(void)
{
	struct mf_info info;

	mf_get_info(w.c, &info, NULL, 0);
	return info.coherent;
}

static void test_b30_coherency_can_be_asked(void **state)
{
	struct mf_model_config incoherent = world_plain;
	struct mf_host_group *group;

	(void)state;
	begin(16, MF_RAM_CONTIGUOUS);
	incoherent.enforces = false;
	group = world_group(&w, world_unit(&w, &incoherent));
	assert_true(coherent());
	assert_int_equal(mf_attach(w.c, group, 0, NULL), 0);
	assert_false(coherent());
	mf_detach(w.c, group);
	assert_true(coherent());
	end();
}

/* It is turned on while the domain is empty, whatever numbers things have. */
static void test_b32_coherency_is_enforced_where_it_can_be(void **state)
{
	struct mf_model_config zero = world_plain;
	struct mf_domain_info d;

	(void)state;
	begin(16, MF_RAM_CONTIGUOUS);
	map(IOVA, 4);
	zero.kind = 0;
	assert_int_equal(mf_attach(w.c, world_group(&w, world_unit(&w, &zero)), 0, NULL), 0);
	assert_true(mf_get_domain(w.c, 0, &d));
	assert_int_equal(d.features.kind, 0);
	assert_true(d.features.coherent);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_b08_granule_cannot_change_under_a_map),
		cmocka_unit_test(test_b09_sizes_below_a_page_become_pages),
		cmocka_unit_test(test_b09_no_size_in_common_is_refused),
		cmocka_unit_test(test_b10_nothing_is_replayed_after_the_last_domain),
		cmocka_unit_test(test_b14_what_was_mapped_small_is_replayed_small),
		cmocka_unit_test(test_b15_replay_goes_by_runs_not_by_pages),
		cmocka_unit_test(test_b16_failed_replay_leaves_nothing),
		cmocka_unit_test(test_b17_units_share_a_domain_by_what_they_can_do),
		cmocka_unit_test(test_b18_group_that_has_no_domain_is_refused),
		cmocka_unit_test(test_b19_interrupts_are_checked_before_anything_is_attached),
		cmocka_unit_test(test_b20_joining_disturbs_no_group_that_is_there),
		cmocka_unit_test(test_b21_b22_trial_domain_is_gone_and_the_group_listed_once),
		cmocka_unit_test(test_b23_pages_stay_when_a_domain_leaves_that_is_not_the_last),
		cmocka_unit_test(test_b24_devices_leave_before_their_pages),
		cmocka_unit_test(test_b29_attach_that_a_mapping_stands_against_is_refused),
		cmocka_unit_test(test_b30_coherency_can_be_asked),
		cmocka_unit_test(test_b32_coherency_is_enforced_where_it_can_be),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
