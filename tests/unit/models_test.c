// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The models the engine is tested in front of: were they lenient, the other
 * tests would prove nothing.
 */
#include <stdlib.h>

#include "tests/support/world.h"
#include "user/models/table.h"

#define RW (MF_READ | MF_WRITE)

static struct mf_leaf leaf(u64 iova, u64 pfn, u32 shift)
{
	return (struct mf_leaf){ .iova = iova, .pfn = pfn, .shift = shift, .prot = RW };
}

static void test_table_holds_leaves_of_any_size(void **state)
{
	struct mf_table t = { 0 };
	struct mf_leaf found;
	u32 shift;

	(void)state;
	for (shift = 12; shift < 62; shift++) {
		struct mf_leaf l = leaf(1ull << 62 | 1ull << shift, 1ull << 30, shift);

		assert_int_equal(mf_table_map(&t, &l), 0);
	}
	for (shift = 12; shift < 62; shift++) {
		u64 first = 1ull << 62 | 1ull << shift;

		assert_true(mf_table_find(&t, first, &found));
		assert_int_equal(found.shift, shift);
		assert_true(mf_table_find(&t, first + (1ull << shift) - 1, &found));
		assert_true(found.iova == first && found.pfn == 1ull << 30);
		assert_int_equal(found.prot, RW);
	}
	assert_false(mf_table_find(&t, 1ull << 62, &found));
	assert_false(mf_table_find(&t, 0, &found));
	for (shift = 12; shift < 62; shift++) {
		assert_true(mf_table_find(&t, 1ull << 62 | 1ull << shift, &found));
		mf_table_unmap(&t, &found);
		assert_false(mf_table_find(&t, 1ull << 62 | 1ull << shift, &found));
	}
	assert_null(t.root);
}

static void test_table_refuses_what_is_there(void **state)
{
	struct mf_leaf large = leaf(2 * MIB, 512, 21), small = leaf(2 * MIB + PAGE, 1, 12);
	struct mf_leaf larger = leaf(0, 0, 30), run = leaf(0, 16, 16);
	struct mf_leaf in_run = leaf(4 * PAGE, 1, 12);
	struct mf_table t = { 0 };

	(void)state;
	assert_int_equal(mf_table_map(&t, &large), 0);
	assert_int_equal(mf_table_map(&t, &large), -EADDRINUSE);
	assert_int_equal(mf_table_map(&t, &small), -EADDRINUSE);
	assert_int_equal(mf_table_map(&t, &larger), -EADDRINUSE);
	assert_int_equal(mf_table_map(&t, &run), 0);
	assert_int_equal(mf_table_map(&t, &in_run), -EADDRINUSE);
	mf_table_unmap(&t, &large);
	assert_int_equal(mf_table_map(&t, &small), 0);
	assert_int_equal(mf_table_map(&t, &large), -EADDRINUSE);
	mf_table_free(&t);
	assert_null(t.root);
}

static void test_table_tells_where_nothing_is(void **state)
{
	struct mf_leaf a = leaf(TOP - PAGE + 1, 1, 12), b = leaf(64 * KIB, 16, 16), found;
	struct mf_table t = { 0 };

	(void)state;
	assert_false(mf_table_find(&t, GIB, &found));
	assert_true(found.iova == 0 && found.shift == 57);
	assert_int_equal(mf_table_map(&t, &a), 0);
	assert_int_equal(mf_table_map(&t, &b), 0);
	assert_false(mf_table_find(&t, TOP - PAGE, &found));
	assert_true(found.iova == TOP - 2 * PAGE + 1 && found.shift == 12);
	assert_false(mf_table_find(&t, GIB + PAGE, &found));
	assert_true(found.iova == GIB && found.shift == 30);
	assert_false(mf_table_find(&t, 128 * KIB, &found));
	assert_true(found.iova == 128 * KIB && found.shift == 12);
	mf_table_free(&t);
}

/* A domain of a unit, without the engine in between. */
static struct mf_host_domain *bare(struct world *w, const struct mf_model_config *config)
{
	const struct mf_host_ops *ops;
	struct mf_host_group *group;
	struct mf_host_domain *d;
	struct mf_features features;

	world_init(w, 1024, MF_RAM_CONTIGUOUS);
	ops = w->host.host.ops;
	group = world_group(w, world_unit(w, config));
	assert_int_equal(ops->domain_alloc(&w->host.host, group, false, &d), 0);
	assert_int_equal(ops->domain_attach(&w->host.host, d, group), 0);
	ops->domain_settle(&w->host.host, d, &features);
	assert_true(features.coherent == config->enforces);
	return d;
}

static void end_bare(struct world *w, struct mf_host_domain *d)
{
	const struct mf_host_ops *ops = w->host.host.ops;

	ops->domain_detach(&w->host.host, d, &w->groups[0]);
	ops->domain_free(&w->host.host, d);
	check(world_end(w));
}

static int map_one(struct world *w, struct mf_host_domain *d, u64 iova, u64 pfn, u64 pages)
{
	mf_run run = mf_run_make(pfn, pages, 0);

	return w->host.host.ops->domain_map(&w->host.host, d, iova, &run, 1, RW);
}

static u64 unmap(struct world *w, struct mf_host_domain *d, u64 iova, u64 bytes)
{
	const struct mf_host_ops *ops = w->host.host.ops;
	struct mf_gather gather;
	u64 done;

	mf_gather_init(&gather);
	done = ops->domain_unmap(&w->host.host, d, iova, bytes, &gather);
	ops->domain_flush(&w->host.host, d, &gather);
	return done;
}

static void test_unit_refuses_what_its_pages_cannot_hold(void **state)
{
	struct mf_model_config coarse = world_plain;
	struct mf_host_domain *d;
	struct world w;

	(void)state;
	coarse.pgsizes = 64 * KIB | 2 * MIB;
	d = bare(&w, &coarse);
	assert_int_equal(map_one(&w, d, PAGE, 16, 16), -EINVAL);
	assert_int_equal(map_one(&w, d, 64 * KIB, 17, 16), -EINVAL);
	assert_int_equal(map_one(&w, d, 64 * KIB, 16, 17), -EINVAL);
	assert_int_equal(map_one(&w, d, 1ull << 48, 16, 16), -EINVAL);
	assert_int_equal(map_one(&w, d, (1ull << 48) - 64 * KIB, 16, 32), -EINVAL);
	assert_int_equal(map_one(&w, d, 64 * KIB, 16, 16), 0);
	/* Nothing of the refused ones is left, and of a large one neither. */
	assert_int_equal(map_one(&w, d, 0, 16, 32), -EADDRINUSE);
	assert_int_equal(map_one(&w, d, 0, 16, 16), 0);
	end_bare(&w, d);
}

static void test_unit_splits_no_leaf(void **state)
{
	struct mf_host_domain *d;
	struct world w;

	(void)state;
	d = bare(&w, &world_plain);
	assert_int_equal(map_one(&w, d, 0, 512, 512 + 3), 0);
	assert_true(unmap(&w, d, PAGE, 2 * MIB) == 0);
	assert_true(unmap(&w, d, 0, MIB) == 0);
	assert_true(unmap(&w, d, 0, 2 * MIB + 8 * PAGE) == 2 * MIB + 3 * PAGE);
	assert_true(unmap(&w, d, 0, 2 * MIB) == 0);
	end_bare(&w, d);
}

static void test_stale_translation_to_an_unpinned_page_is_found(void **state)
{
	struct mf_host_domain *d;
	struct mf_batch batch;
	struct mf_gather gather;
	struct mf_owner *owner;
	struct world w;
	mf_run run;
	u8 byte = 1;

	(void)state;
	d = bare(&w, &world_plain);
	owner = &w.owner[0]->owner;
	batch = (struct mf_batch){ .runs = &run, .max = 1 };
	assert_true(w.host.host.ops->pin(&w.host.host, owner, VADDR, 1, RW, &batch) == 1);
	assert_int_equal(map_one(&w, d, 0, mf_run_pfn(run), 1), 0);
	assert_int_equal(mf_device_write(&w.devices[0], 0, &byte, 1), 0);
	assert_null(world_check_pins(&w));

	/* Unmapped, but not flushed: the unit goes on, and the page is still there. */
	mf_gather_init(&gather);
	assert_true(w.host.host.ops->domain_unmap(&w.host.host, d, 0, PAGE, &gather) == PAGE);
	assert_int_equal(mf_device_write(&w.devices[0], 0, &byte, 1), 0);
	w.host.host.ops->unpin(&w.host.host, owner, &run, 1, RW);
	assert_non_null(world_check_pins(&w));
	assert_int_equal(mf_device_write(&w.devices[0], 0, &byte, 1), -EFAULT);
	assert_int_equal(w.devices[0].fault.why, MF_FAULT_UNPINNED);
	assert_true(w.devices[0].unpinned == 1);

	w.host.host.ops->domain_flush(&w.host.host, d, &gather);
	assert_int_equal(mf_device_write(&w.devices[0], 0, &byte, 1), -EFAULT);
	assert_int_equal(w.devices[0].fault.why, MF_FAULT_NOT_PRESENT);
	w.devices[0].unpinned = 0;	/* it was meant to happen */
	end_bare(&w, d);
}

static void test_absence_is_remembered_until_sync(void **state)
{
	struct mf_model_config caching = world_plain;
	struct mf_host_domain *d;
	struct world w;
	u64 pfn;
	u8 byte;

	(void)state;
	caching.caching = true;
	d = bare(&w, &caching);
	pfn = mf_ram_owner_pfn(w.owner[0], VADDR);
	mf_ram_reserve(w.ram, pfn, 1);
	assert_int_equal(mf_device_read(&w.devices[0], 0, &byte, 1), -EFAULT);
	assert_int_equal(map_one(&w, d, 0, pfn, 1), 0);
	assert_int_equal(mf_device_read(&w.devices[0], 0, &byte, 1), -EFAULT);
	assert_int_equal(w.host.host.ops->domain_sync(&w.host.host, d,
						      (struct mf_span){ 0, PAGE - 1 }), 0);
	assert_int_equal(mf_device_read(&w.devices[0], 0, &byte, 1), 0);
	end_bare(&w, d);
}

static void test_misuse_is_counted(void **state)
{
	const struct mf_host_ops *ops;
	struct mf_host_group *stranger;
	struct mf_host_domain *d;
	struct mf_features features;
	struct world w;

	(void)state;
	d = bare(&w, &world_plain);
	ops = w.host.host.ops;
	assert_true(mf_user_host_misuse(&w.host) == 0);
	ops->domain_settle(&w.host.host, d, &features);
	assert_true(mf_user_host_misuse(&w.host) == 1);
	ops->unbill(&w.host.host, &w.owner[0]->owner, 1);
	assert_true(mf_user_host_misuse(&w.host) == 3);	/* the host's count and the owner's */
	stranger = world_group(&w, &w.units[0]);
	ops->domain_detach(&w.host.host, d, stranger);
	assert_true(mf_user_host_misuse(&w.host) == 4);
	assert_non_null(world_check_counts(&w));
	w.host.misuse = 0;
	assert_int_equal(ops->domain_attach(&w.host.host, d, stranger), 0);
	ops->domain_detach(&w.host.host, d, stranger);
	w.host.live.attached++;		/* the detach of the stranger took one too many */
	end_bare(&w, d);
}

static void test_device_moves_bytes_exactly(void **state)
{
	u8 out[3 * PAGE], back[3 * PAGE], byte;
	struct world w;
	u32 i;

	(void)state;
	world_init(&w, 16, MF_RAM_SCATTERED);
	world_open(&w, MF_TYPE1V2, 4);
	assert_int_equal(mf_attach(w.c, world_group(&w, world_unit(&w, &world_plain)), 0, NULL), 0);
	assert_int_equal(world_map(&w, 8 * PAGE, VADDR, 4 * PAGE, RW, NULL), 0);
	for (i = 0; i < sizeof(out); i++)
		out[i] = (u8)(i * 7 + i / 256);
	assert_int_equal(mf_device_write(&w.devices[0], 8 * PAGE + 123, out, sizeof(out)), 0);
	assert_int_equal(mf_device_read(&w.devices[0], 8 * PAGE + 123, back, sizeof(back)), 0);
	assert_memory_equal(out, back, sizeof(out));
	mf_ram_read(w.ram, mf_ram_owner_pfn(w.owner[0], VADDR), 122, &byte, 1);
	assert_int_equal(byte, 0);
	mf_ram_read(w.ram, mf_ram_owner_pfn(w.owner[0], VADDR + PAGE), 0, &byte, 1);
	assert_int_equal(byte, out[PAGE - 123]);

	/* Beyond the end: what fits is done, and the fault says where it stopped. */
	assert_int_equal(mf_device_write(&w.devices[0], 11 * PAGE, out, sizeof(out)), -EFAULT);
	assert_true(w.devices[0].fault.iova == 12 * PAGE && w.devices[0].fault.write);
	assert_int_equal(w.devices[0].fault.why, MF_FAULT_NOT_PRESENT);
	assert_int_equal(mf_device_read(&w.devices[0], 1ull << 50, &byte, 1), -EFAULT);
	assert_int_equal(w.devices[0].fault.why, MF_FAULT_APERTURE);
	mf_detach(w.c, &w.groups[0]);
	assert_int_equal(mf_device_read(&w.devices[0], 8 * PAGE, &byte, 1), -EFAULT);
	assert_int_equal(w.devices[0].fault.why, MF_FAULT_NO_DOMAIN);
	assert_true(w.devices[0].faults == 3);
	check(world_end(&w));
}

static void test_device_and_cpu_see_the_same_memory(void **state)
{
	static const u8 out[] = "written by the processor";
	u8 in[sizeof(out)] = "";
	struct world w;
	u64 pfn;

	(void)state;
	world_ready(&w);
	assert_int_equal(world_map(&w, 0, VADDR, PAGE, RW, NULL), 0);
	pfn = mf_ram_owner_pfn(w.owner[0], VADDR);
	mf_ram_write(w.ram, pfn, 77, out, sizeof(out));
	assert_int_equal(mf_device_read(&w.devices[0], 77, in, sizeof(in)), 0);
	assert_memory_equal(in, out, sizeof(out));
	assert_int_equal(mf_ram_pinned(w.ram, pfn), 1);
	assert_int_equal(mf_ram_pinned(w.ram, pfn + 1), 0);
	check(world_end(&w));
}

static void test_dma_to_no_memory_at_all(void **state)
{
	struct mf_host_domain *d;
	struct world w;
	u8 byte;

	(void)state;
	d = bare(&w, &world_plain);
	assert_int_equal(map_one(&w, d, 0, 16, 1), 0);
	assert_int_equal(mf_device_read(&w.devices[0], 0, &byte, 1), -EFAULT);
	assert_int_equal(w.devices[0].fault.why, MF_FAULT_NOWHERE);
	assert_true(unmap(&w, d, 0, PAGE) == PAGE);
	end_bare(&w, d);
}

static void test_ram_is_used_up(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, 100, MF_RAM_CONTIGUOUS);
	assert_null(mf_ram_owner_new(w.ram, VADDR, 1, MF_RAM_CONTIGUOUS, 0));
	check(world_end(&w));
}

static void test_each_call_has_a_name_of_its_own(void **state)
{
	u32 i, j;

	(void)state;
	for (i = 0; i < MF_NR_CALLS; i++) {
		for (j = 0; j < i; j++)
			assert_string_not_equal(mf_call_name(i), mf_call_name(j));
	}
	assert_string_equal(mf_call_name(MF_CALL_DOMAIN_FLUSH), "domain_flush");
	assert_string_equal(mf_call_name(MF_NR_CALLS), "unknown");
}

static void test_units_share_domains_only_if_they_can(void **state)
{
	struct mf_model_config variants[5];
	struct mf_host_domain *d;
	struct world w;
	u32 i;

	(void)state;
	for (i = 0; i < 5; i++)
		variants[i] = world_plain;
	variants[0].kind = 2;
	variants[1].pgsizes = PAGE | 2 * MIB;
	variants[2].aperture.last = (1ull << 39) - 1;
	variants[3].enforces = false;
	variants[4].pgsizes |= 16 * KIB;	/* more than the domain needs is fine */
	d = bare(&w, &world_plain);
	for (i = 0; i < 5; i++) {
		struct mf_host_group *group = world_group(&w, world_unit(&w, &variants[i]));

		assert_int_equal(w.host.host.ops->domain_attach(&w.host.host, d, group),
				 i == 4 ? 0 : -EINVAL);
	}
	w.host.host.ops->domain_detach(&w.host.host, d, &w.groups[5]);
	end_bare(&w, d);
}

static void test_layouts(void **state)
{
	struct mf_ram_owner *o;
	struct world w;
	u64 i, neighbours;
	u32 layout;

	(void)state;
	for (layout = MF_RAM_CONTIGUOUS; layout <= MF_RAM_CLUSTERED; layout++) {
		world_init(&w, 8 * MF_RAM_CLUSTER, layout);
		o = w.owner[0];
		neighbours = 0;
		for (i = 1; i < o->pages; i++)
			neighbours += o->pfns[i] == o->pfns[i - 1] + 1;
		if (layout == MF_RAM_CONTIGUOUS)
			assert_true(neighbours == o->pages - 1);
		if (layout == MF_RAM_CLUSTERED) {
			assert_true(neighbours < o->pages - 1);
			assert_true(neighbours >= o->pages - 8);
			assert_true(o->pfns[MF_RAM_CLUSTER] % MF_RAM_CLUSTER == 0);
		}
		if (layout == MF_RAM_SCATTERED)
			assert_true(neighbours < 10);
		check(world_end(&w));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table_holds_leaves_of_any_size),
		cmocka_unit_test(test_table_refuses_what_is_there),
		cmocka_unit_test(test_table_tells_where_nothing_is),
		cmocka_unit_test(test_unit_refuses_what_its_pages_cannot_hold),
		cmocka_unit_test(test_unit_splits_no_leaf),
		cmocka_unit_test(test_stale_translation_to_an_unpinned_page_is_found),
		cmocka_unit_test(test_absence_is_remembered_until_sync),
		cmocka_unit_test(test_misuse_is_counted),
		cmocka_unit_test(test_device_moves_bytes_exactly),
		cmocka_unit_test(test_device_and_cpu_see_the_same_memory),
		cmocka_unit_test(test_dma_to_no_memory_at_all),
		cmocka_unit_test(test_ram_is_used_up),
		cmocka_unit_test(test_each_call_has_a_name_of_its_own),
		cmocka_unit_test(test_units_share_domains_only_if_they_can),
		cmocka_unit_test(test_layouts),
	};

	return cmocka_run_group_tests_name("models", tests, NULL, NULL);
}
