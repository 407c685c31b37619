// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Who shares a domain, in whatever order they come and go. */
#include <string.h>

#include "scene.h"

static void joins_what_is_alike(struct scene *s)
{
	int a = add_device(s, add_unit(s, unit_plain()));
	int b = add_device(s, add_unit(s, unit_plain()));
	int c = add_device(s, s->devices[b].unit);

	must_attach(s, a);
	must_map(s, IOVA, 0, 2 * MIB);
	counters_of(s, s->devices[b].unit, true);
	must_attach(s, b);
	must_attach(s, c);
	expect(state_of(s, a).domain, "no domain");
	expect_equal(state_of(s, b).domain, state_of(s, a).domain, "domain of a unit alike");
	expect_equal(state_of(s, c).domain, state_of(s, a).domain, "domain of the same unit");
	must_reach(s, b, IOVA, 0, 2 * MIB);
	must_reach(s, c, IOVA, 0, 2 * MIB);
}

/* A domain that is shared is filled once. */
static void sharing_maps_once(struct scene *s)
{
	int a = add_device(s, add_unit(s, unit_plain()));
	int b = add_device(s, add_unit(s, unit_plain()));
	__u64 leaves;

	must_attach(s, a);
	must_attach(s, b);
	counters_of(s, s->devices[a].unit, true);
	counters_of(s, s->devices[b].unit, true);
	must_map(s, IOVA, 0, MIB);
	leaves = counters_of(s, s->devices[a].unit, false).leaves +
		 counters_of(s, s->devices[b].unit, false).leaves;
	expect(leaves <= MIB / PAGE, "%llu leaves for %lu pages", leaves, MIB / PAGE);
}

static void another(struct scene *s, struct rig_unit_spec spec)
{
	int a = add_device(s, add_unit(s, unit_plain()));
	int b = add_device(s, add_unit(s, spec));
	int both[2] = { a, b };

	must_attach(s, a);
	must_map(s, IOVA, 0, 2 * MIB);
	must_attach(s, b);
	expect(state_of(s, a).domain != state_of(s, b).domain, "they share a domain");
	must_agree(s, both, 2, IOVA, 2 * MIB);
	must_map(s, IOVA + 4 * MIB, 4 * MIB, MIB);
	must_agree(s, both, 2, IOVA + 4 * MIB, MIB);
	must_reach(s, a, IOVA, 0, 2 * MIB);
	must_reach(s, b, IOVA, 0, 2 * MIB);
	expect_equal(unmap(s, IOVA, 2 * MIB), 2 * MIB, "unmapped");
	must_not_reach(s, a, IOVA, 64 * KIB);
	must_not_reach(s, b, IOVA, 64 * KIB);
	must_reach(s, b, IOVA + 4 * MIB, 4 * MIB, MIB);
}

static void another_kind(struct scene *s)
{
	another(s, unit_other());
}

static void another_coherency(struct scene *s)
{
	another(s, unit_loose());
}

static void another_granule(struct scene *s)
{
	int a, b, both[2];
	struct rig_unit_spec fine = unit_plain();

	fine.pgsizes |= 64 * KIB;
	a = add_device(s, add_unit(s, fine));
	b = add_device(s, add_unit(s, unit_coarse()));
	both[0] = a;
	both[1] = b;
	must_attach(s, a);
	must_map(s, IOVA, 0, 192 * KIB);
	must_attach(s, b);
	must_agree(s, both, 2, IOVA, 192 * KIB);
	must_map(s, IOVA + 4 * MIB, 4 * MIB, 2 * MIB + 64 * KIB);
	must_agree(s, both, 2, IOVA + 4 * MIB, 2 * MIB + 64 * KIB);
	must_reach(s, a, IOVA, 0, 192 * KIB);
	must_reach(s, b, IOVA + 4 * MIB, 4 * MIB, 2 * MIB + 64 * KIB);
}

/* A unit of the same kind that can do less refuses the domain, and gets its own. */
static void less_of_the_same(struct scene *s)
{
	struct rig_unit_spec narrow = unit_plain(), small = unit_plain();

	narrow.aperture_last = (1ULL << 39) - 1;
	another(s, narrow);
	small.pgsizes = PAGE;
	{
		int c = add_device(s, add_unit(s, small));

		must_attach(s, c);
		must_reach(s, c, IOVA + 4 * MIB, 4 * MIB, MIB);
	}
}

/* The seed: coherent memory for who can enforce it, and no more than that for who can't. */
static void mixed_snoop_control(struct scene *s)
{
	int a = add_device(s, add_unit(s, unit_plain()));
	int b = add_device(s, add_unit(s, unit_loose()));
	int c = add_device(s, add_unit(s, unit_plain()));

	must_attach(s, a);
	expect_equal(coherent(s), 1, "DMA_CC with a coherent unit");
	must_map(s, IOVA, 0, MIB);
	must_attach(s, b);
	expect_equal(coherent(s), 0, "DMA_CC with one that is not");
	must_attach(s, c);
	expect_equal(coherent(s), 0, "DMA_CC with all of them");
	expect_equal(state_of(s, a).coherent, 1, "the domain of the first");
	expect_equal(state_of(s, b).coherent, 0, "the domain of the second");
	expect_equal(state_of(s, c).domain, state_of(s, a).domain, "the domain of the third");
	detach(s, b);
	expect_equal(coherent(s), 1, "DMA_CC when it has left");
	must_reach(s, a, IOVA, 0, MIB);
	must_reach(s, c, IOVA, 0, MIB);
	detach(s, a);
	expect_equal(coherent(s), 1, "DMA_CC of the last");
	detach(s, c);
}

static const int orders[6][3] = {
	{ 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 }, { 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 },
};

/* Three units in one order; a mapping before the first is refused, one after each reaches all. */
static void one_order(struct scene *s, const int *devices, const int *order, const int *leaving)
{
	struct vfio_info info;
	int i, j, here[3];

	for (i = 0; i < 3; i++) {
		must_attach(s, devices[order[i]]);
		must_map(s, IOVA + i * MIB, i * MIB, MIB);
		here[i] = devices[order[i]];
		must_agree(s, here, i + 1, IOVA, (i + 1) * MIB);
	}
	for (i = 0; i < 3; i++)
		must_reach(s, devices[i], IOVA, 0, 3 * MIB);
	info = info_of(s);
	expect_equal(info.page_sizes, 2 * MIB | 64 * KIB, "page sizes of all");
	expect(window_has(&info, IOVA, (1ULL << 39) - 1), "the window is too small");
	expect(!window_has(&info, 1ULL << 39, 1ULL << 39), "the window is too large");
	expect_equal(coherent(s), 0, "DMA_CC of all");
	for (i = 0; i < 3; i++) {
		detach(s, devices[leaving[i]]);
		for (j = i + 1; j < 3; j++)
			must_reach(s, devices[leaving[j]], IOVA, 0, 3 * MIB);
	}
}

static void any_order(struct scene *s)
{
	struct rig_unit_spec loose = unit_loose(), coarse = unit_coarse(), narrow = unit_narrow();
	int devices[3], i, j;

	loose.pgsizes |= 64 * KIB;
	narrow.pgsizes |= 64 * KIB;
	devices[0] = add_device(s, add_unit(s, loose));
	devices[1] = add_device(s, add_unit(s, coarse));
	devices[2] = add_device(s, add_unit(s, narrow));
	for (i = 0; i < 6; i++) {
		for (j = 0; j < 6; j++)
			one_order(s, devices, orders[i], orders[j]);
	}
}

static void group_of_several(struct scene *s)
{
	unsigned int unit = add_unit(s, unit_plain());
	struct rig_device_spec spec = device_of(unit);
	int a = add_device(s, unit), b, lone = add_device(s, add_unit(s, unit_other()));

	spec.beside = s->devices[a].device;
	b = add_device_like(s, &spec);
	expect_equal(s->devices[a].group, s->devices[b].group, "group of the second");
	must_attach(s, lone);
	must_map(s, IOVA, 0, MIB);
	must_attach(s, a);
	expect_equal(state_of(s, b).domain, state_of(s, a).domain, "domain of the second");
	must_reach(s, a, IOVA, 0, MIB);
	must_reach(s, b, IOVA, 0, MIB);
	detach(s, a);
	must_not_reach(s, a, IOVA, PAGE);
	must_not_reach(s, b, IOVA, PAGE);
	must_reach(s, lone, IOVA, 0, MIB);
}

/* One unit serves devices on two buses: no bus keeps them out of one domain. */
static void unit_of_two_buses(struct scene *s)
{
	unsigned int unit = add_unit(s, unit_plain());
	struct rig_device_spec spec = device_of(unit);
	int a = add_device(s, unit), b;

	spec.bus = 1;
	b = add_device_like(s, &spec);
	must_attach(s, a);
	must_map(s, IOVA, 0, MIB);
	must_attach(s, b);
	expect_equal(state_of(s, b).domain, state_of(s, a).domain, "domain across buses");
	must_reach(s, b, IOVA, 0, MIB);
	detach(s, a);
	must_reach(s, b, IOVA, 0, MIB);
}

static void group_across_buses(struct scene *s)
{
	unsigned int unit = add_unit(s, unit_plain());
	struct rig_device_spec spec = device_of(unit);
	int a = add_device(s, unit), b;

	spec.bus = 1;
	spec.beside = s->devices[a].device;
	b = add_device_like(s, &spec);
	must_attach(s, a);
	must_map(s, IOVA, 0, MIB);
	must_reach(s, a, IOVA, 0, MIB);
	must_reach(s, b, IOVA, 0, MIB);
}

static void refused_by_the_unit(struct scene *s)
{
	int a = add_device(s, add_unit(s, unit_plain()));
	int b = add_device(s, add_unit(s, unit_other()));

	must_attach(s, a);
	must_map(s, IOVA, 0, MIB);
	set_faults(s, (struct rig_faults){ .unit = s->devices[b].unit, .refuse = ENODEV });
	expect_equal(attach(s, b), -ENODEV, "attach to a unit that refuses");
	expect_equal(state_of(s, b).domain, 0, "its domain");
	must_reach(s, a, IOVA, 0, MIB);
	set_faults(s, (struct rig_faults){ .unit = s->devices[b].unit });
	must_attach(s, b);
	must_reach(s, b, IOVA, 0, MIB);
}

static void interrupts_not_isolated(struct scene *s)
{
	struct rig_unit_spec bare = unit_other();
	int a = add_device(s, add_unit(s, unit_plain())), b;

	bare.flags &= ~RIG_ISOLATES;
	b = add_device(s, add_unit(s, bare));
	must_attach(s, a);
	must_map(s, IOVA, 0, MIB);
	expect_equal(attach(s, b), -EPERM, "attach without isolated interrupts");
	must_reach(s, a, IOVA, 0, MIB);
	expect_equal(state_of(s, b).domain, 0, "its domain");
}

/* When the last group has left, so have the mappings; a new beginning finds none. */
static void last_one_out(struct scene *s)
{
	int a = add_device(s, add_unit(s, unit_plain()));
	int b = add_device(s, add_unit(s, unit_loose()));
	struct rig_leaf leaf;

	must_attach(s, a);
	must_attach(s, b);
	must_map(s, IOVA, 0, MIB);
	detach(s, b);
	detach(s, a);
	must_attach(s, b);
	expect(!leaf_at(s, b, IOVA, &leaf), "a mapping outlived its container's domains");
	must_map(s, IOVA, 0, MIB);
	must_reach(s, b, IOVA, 0, MIB);
}

const struct mixed_case attach_cases[] = {
	{ "joins-what-is-alike", joins_what_is_alike, ON_BOTH, NULL },
	{ "sharing-maps-once", sharing_maps_once, ON_BOTH, NULL },
	{ "another-kind", another_kind, ON_BOTH, NULL },
	{ "another-coherency", another_coherency, ON_BOTH, NULL },
	{ "another-granule", another_granule, ON_BOTH, NULL },
	{ "less-of-the-same", less_of_the_same, ON_BOTH, NULL },
	{ "mixed-snoop-control", mixed_snoop_control, ON_BOTH, NULL },
	{ "any-order", any_order, ON_BOTH, NULL },
	{ "group-of-several", group_of_several, ON_BOTH, NULL },
	{ "unit-of-two-buses", unit_of_two_buses, ON_BOTH, NULL },
	{ "group-across-buses", group_across_buses, ON_MANIFOLD,
	  "in-tree refuses a group with devices on two buses" },
	{ "refused-by-the-unit", refused_by_the_unit, ON_BOTH, NULL },
	{ "interrupts-not-isolated", interrupts_not_isolated, ON_BOTH, NULL },
	{ "last-one-out", last_one_out, ON_BOTH, NULL },
	END_OF_CASES
};
