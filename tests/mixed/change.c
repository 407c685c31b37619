// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Units come and go while devices work. */
#include <stdlib.h>

#include "scene.h"

#define KEPT		(4 * MIB)

/* Maps and unmaps beside a mapping that is in use, @rounds times. */
static void churn(struct scene *s, int rounds)
{
	int i;

	for (i = 0; i < rounds; i++) {
		__u64 size = (1 + i % 16) * 64 * KIB;

		must_map(s, IOVA + 16 * MIB, KEPT, size);
		expect_equal(unmap(s, IOVA + 16 * MIB, size), size, "unmapped");
	}
}

/* Nothing is faster wrong than an attach that looks away: three units, one after another. */
static void hot_add(struct scene *s)
{
	int devices[3], i;

	devices[0] = add_device(s, add_unit(s, unit_plain()));
	must_attach(s, devices[0]);
	must_map(s, IOVA, 0, KEPT);
	start_traffic(s, devices[0], IOVA, KEPT);
	wait_traffic(s, devices[0], 100);

	/* The units themselves appear while the container is at work. */
	devices[1] = add_device(s, add_unit(s, unit_loose()));
	devices[2] = add_device(s, add_unit(s, unit_narrow()));
	for (i = 1; i < 3; i++) {
		churn(s, 20);
		must_attach(s, devices[i]);
		start_traffic(s, devices[i], IOVA, KEPT);
		churn(s, 20);
	}
	must_agree(s, devices, 3, IOVA, KEPT);
	for (i = 0; i < 3; i++)
		must_have_reached(s, devices[i]);
}

static void leave_in_order(struct scene *s, const int *devices, const int *order)
{
	int i;

	for (i = 0; i < 3; i++)
		must_attach(s, devices[i]);
	must_map(s, IOVA, 0, KEPT);
	for (i = 0; i < 3; i++)
		start_traffic(s, devices[i], IOVA, KEPT);
	for (i = 0; i < 3; i++) {
		churn(s, 5);
		must_have_reached(s, devices[order[i]]);
		detach(s, devices[order[i]]);
	}
}

static void leave_in_any_order(struct scene *s)
{
	static const int orders[6][3] = {
		{ 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 }, { 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 },
	};
	int devices[3], i;

	devices[0] = add_device(s, add_unit(s, unit_plain()));
	devices[1] = add_device(s, add_unit(s, unit_loose()));
	devices[2] = add_device(s, add_unit(s, unit_other()));
	for (i = 0; i < 6; i++)
		leave_in_order(s, devices, orders[i]);
}

/* A unit that leaves takes what it caches with it; one that comes back finds what is there now. */
static void come_back(struct scene *s)
{
	int a = add_device(s, add_unit(s, unit_plain()));
	int b = add_device(s, add_unit(s, unit_loose()));
	int i;

	must_attach(s, a);
	for (i = 0; i < 10; i++) {
		__u64 offset = (__u64)i * 64 * KIB;

		must_attach(s, b);
		must_map(s, IOVA, offset, 64 * KIB);
		must_reach(s, b, IOVA, offset, 64 * KIB);
		detach(s, b);
		must_not_reach(s, b, IOVA, 64 * KIB);
		must_reach(s, a, IOVA, offset, 64 * KIB);
		expect_equal(unmap(s, IOVA, 64 * KIB), 64 * KIB, "unmapped");
	}
}

/* A unit that caches what is absent is told of what was mapped, in replay and after it. */
static void caches_absent(struct scene *s)
{
	struct rig_unit_spec caching = unit_other();
	int a = add_device(s, add_unit(s, unit_plain())), b;

	caching.flags |= RIG_CACHES_ABSENT;
	b = add_device(s, add_unit(s, caching));
	must_attach(s, a);
	must_map(s, IOVA, 0, MIB);
	must_attach(s, b);
	must_reach(s, b, IOVA, 0, MIB);
	must_not_reach(s, b, IOVA + 4 * MIB, 64 * KIB);
	must_map(s, IOVA + 4 * MIB, 4 * MIB, 64 * KIB);
	must_reach(s, b, IOVA + 4 * MIB, 4 * MIB, 64 * KIB);
}

static void unmap_flushes_all(struct scene *s)
{
	int devices[3], i;

	devices[0] = add_device(s, add_unit(s, unit_plain()));
	devices[1] = add_device(s, add_unit(s, unit_plain()));
	devices[2] = add_device(s, add_unit(s, unit_other()));
	for (i = 0; i < 3; i++)
		must_attach(s, devices[i]);
	must_map(s, IOVA, 0, 2 * MIB);
	for (i = 0; i < 3; i++) {
		must_reach(s, devices[i], IOVA, 0, 2 * MIB);
		counters_of(s, s->devices[devices[i]].unit, true);
	}
	expect_equal(unmap(s, IOVA, 2 * MIB), 2 * MIB, "unmapped");
	for (i = 0; i < 3; i++) {
		struct rig_counters c = counters_of(s, s->devices[devices[i]].unit, false);

		expect(c.syncs + c.flushes, "unit %d was not flushed", i);
		must_not_reach(s, devices[i], IOVA, 2 * MIB);
	}
}

/* Rights are as the user asked in every domain, before and after replay. */
static void rights(struct scene *s)
{
	int a = add_device(s, add_unit(s, unit_plain()));
	int b = add_device(s, add_unit(s, unit_other())), i;
	int both[2] = { a, b };
	__u64 word;

	must_attach(s, a);
	expect_equal(vfio_map(s->container, IOVA, s->memory, PAGE, VFIO_DMA_MAP_FLAG_READ), 0,
		     "map to be read");
	expect_equal(vfio_map(s->container, IOVA + PAGE, s->memory + PAGE, PAGE,
			      VFIO_DMA_MAP_FLAG_WRITE), 0, "map to be written");
	must_attach(s, b);
	must_agree(s, both, 2, IOVA, 2 * PAGE);
	for (i = 0; i < 2; i++) {
		expect_equal(dma_read(s, both[i], IOVA, &word), 0, "read what may be read");
		expect_equal(dma_write(s, both[i], IOVA, 1), RIG_FAULT_WRITE,
			     "write what may be read");
		expect_equal(dma_write(s, both[i], IOVA + PAGE, 1), 0, "write what may be written");
		expect_equal(dma_read(s, both[i], IOVA + PAGE, &word), RIG_FAULT_READ,
			     "read what may be written");
	}
}

/* No domain is the first: type1's unmap rules are the same whoever came first. */
static void unmap_rules(struct scene *s)
{
	bool strict = s->type == VFIO_TYPE1v2_IOMMU;
	int a = add_device(s, add_unit(s, unit_plain()));
	int b = add_device(s, add_unit(s, unit_loose())), round;

	for (round = 0; round < 2; round++) {
		must_attach(s, round ? b : a);
		must_attach(s, round ? a : b);
		must_map(s, IOVA, 0, 2 * MIB);
		/* It begins inside a mapping. */
		expect_equal(unmap(s, IOVA + MIB, MIB), strict ? -EINVAL : 0, "unmap of the end");
		must_reach(s, a, IOVA, 0, 2 * MIB);
		must_reach(s, b, IOVA, 0, 2 * MIB);
		/* It ends inside one. */
		expect_equal(unmap(s, IOVA, MIB), strict ? -EINVAL : (long long)(2 * MIB),
			     "unmap of the beginning");
		if (strict)
			expect_equal(unmap(s, IOVA, 2 * MIB), 2 * MIB, "unmap of all");
		must_not_reach(s, a, IOVA, 2 * MIB);
		must_not_reach(s, b, IOVA, 2 * MIB);
		detach(s, a);
		detach(s, b);
	}
}

/* The bill is for the pages, not for the domains. */
static void billed_once(struct scene *s)
{
	int devices[3], i;
	long before = proc_billed(0), pinned = proc_pinned();

	devices[0] = add_device(s, add_unit(s, unit_plain()));
	devices[1] = add_device(s, add_unit(s, unit_loose()));
	devices[2] = add_device(s, add_unit(s, unit_other()));
	must_attach(s, devices[0]);
	must_map(s, IOVA, 0, MIB);
	for (i = 1; i < 3; i++)
		must_attach(s, devices[i]);
	expect_equal(proc_billed(0) - before, MIB / PAGE, "pages billed");
	expect_equal(proc_pinned() - pinned, MIB / PAGE, "pages pinned");
	must_map(s, IOVA + MIB, MIB, MIB);
	expect_equal(proc_billed(0) - before, 2 * MIB / PAGE, "pages billed for two");
	expect_equal(proc_pinned() - pinned, 2 * MIB / PAGE, "pages pinned for two");
	detach(s, devices[0]);
	detach(s, devices[1]);
	expect_equal(proc_billed(0) - before, 2 * MIB / PAGE, "pages billed after two left");
	detach(s, devices[2]);
	expect_equal(proc_billed(0) - before, 0, "pages billed in the end");
}

const struct mixed_case change_cases[] = {
	{ "hot-add", hot_add, ON_BOTH, NULL },
	{ "leave-in-any-order", leave_in_any_order, ON_BOTH, NULL },
	{ "come-back", come_back, ON_BOTH, NULL },
	{ "caches-absent", caches_absent, ON_BOTH, NULL },
	{ "unmap-flushes-all", unmap_flushes_all, ON_BOTH, NULL },
	{ "rights", rights, ON_BOTH, NULL },
	{ "unmap-rules", unmap_rules, ON_BOTH, NULL },
	{ "billed-once", billed_once, ON_BOTH, NULL },
	END_OF_CASES
};
