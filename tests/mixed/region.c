// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Granules, apertures and reserved regions: what is left when units differ. */
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "scene.h"

static int add_reserving(struct scene *s, unsigned int unit, __u32 type, __u64 first, __u64 last)
{
	struct rig_device_spec spec = device_of(unit);

	spec.nr_regions = 1;
	spec.regions[0] = (struct rig_region){ .first = first, .last = last, .type = type };
	return add_device_like(s, &spec);
}

static void granule_changes(struct scene *s)
{
	int a = add_device(s, add_unit(s, unit_plain()));
	int b = add_device(s, add_unit(s, unit_coarse()));

	must_attach(s, a);
	expect_equal(info_of(s).page_sizes, PAGE | 2 * MIB | GIB, "page sizes of one");
	must_attach(s, b);
	expect_equal(info_of(s).page_sizes, 2 * MIB, "page sizes of both");
	expect_equal(map(s, IOVA + 64 * KIB, 0, 64 * KIB), -EINVAL, "map of less than the granule");
	detach(s, b);
	expect_equal(info_of(s).page_sizes, PAGE | 2 * MIB | GIB, "page sizes when it has left");
	must_map(s, IOVA + PAGE, 0, PAGE);
	detach(s, a);
	must_attach(s, b);
	expect_equal(info_of(s).page_sizes, 64 * KIB | 2 * MIB, "page sizes of the other");
}

static void too_fine(struct scene *s)
{
	int a = add_device(s, add_unit(s, unit_plain()));
	int b = add_device(s, add_unit(s, unit_coarse()));
	struct rig_leaf leaf;

	must_attach(s, a);
	must_map(s, IOVA, 0, 2 * MIB);
	must_map(s, IOVA + 4 * MIB + PAGE, 4 * MIB + PAGE, PAGE);
	expect_equal(attach(s, b), -EINVAL, "attach of a unit with larger pages");
	expect_equal(state_of(s, b).domain, 0, "its domain");
	expect(!leaf_at(s, b, IOVA, &leaf), "it maps what it was not attached for");
	expect_equal(info_of(s).page_sizes, PAGE | 2 * MIB | GIB, "page sizes");
	must_reach(s, a, IOVA, 0, 2 * MIB);
	expect_equal(unmap(s, IOVA + 4 * MIB + PAGE, PAGE), PAGE, "unmapped");
	must_attach(s, b);
	must_reach(s, b, IOVA, 0, 2 * MIB);
}

static void no_common_size(struct scene *s)
{
	struct rig_unit_spec large = unit_other();
	int a, b;

	a = add_device(s, add_unit(s, unit_plain()));
	large.pgsizes = 64 * KIB;
	b = add_device(s, add_unit(s, large));
	must_attach(s, a);
	must_map(s, IOVA, 0, MIB);
	expect_equal(attach(s, b), -EINVAL, "attach of a unit with no page size in common");
	must_reach(s, a, IOVA, 0, MIB);
}

static void window_shrinks_and_grows(struct scene *s)
{
	int a = add_device(s, add_unit(s, unit_plain()));
	int b = add_device(s, add_unit(s, unit_narrow()));
	__u64 high = 1ULL << 39;
	struct vfio_info info;

	must_attach(s, a);
	info = info_of(s);
	expect(window_has(&info, 0, (1ULL << 48) - 1), "the window of one");
	must_attach(s, b);
	info = info_of(s);
	expect(window_has(&info, 0, high - 1) && !window_has(&info, high, high),
	       "the window of both");
	expect_equal(map(s, high, 0, PAGE), -EINVAL, "map beyond the narrow one");
	detach(s, b);
	info = info_of(s);
	expect(window_has(&info, 0, (1ULL << 48) - 1), "the window when it has left");
	must_map(s, high, 0, PAGE);
	must_reach(s, a, high, 0, PAGE);
	expect_equal(attach(s, b), -EINVAL, "attach of a unit that can't reach a mapping");
	must_reach(s, a, high, 0, PAGE);
	expect_equal(unmap(s, high, PAGE), PAGE, "unmapped");
	must_attach(s, b);
}

static void disjoint_apertures(struct scene *s)
{
	struct rig_unit_spec low = unit_plain(), high = unit_other();
	int a, b;

	low.aperture_last = GIB - 1;
	high.aperture_first = 2 * GIB;
	a = add_device(s, add_unit(s, low));
	b = add_device(s, add_unit(s, high));
	must_attach(s, a);
	expect_equal(attach(s, b), -EINVAL, "attach of a unit with no IOVA in common");
	must_map(s, IOVA, 0, MIB);
	must_reach(s, a, IOVA, 0, MIB);
}

static void reserved(struct scene *s, __u32 type, bool kept_out)
{
	unsigned int unit = add_unit(s, unit_plain()), other = add_unit(s, unit_other());
	int a = add_device(s, unit);
	int b = add_reserving(s, other, type, IOVA + MIB, IOVA + 2 * MIB - 1);
	struct vfio_info info;

	must_attach(s, a);
	must_map(s, IOVA, 0, 4 * MIB);
	expect_equal(attach(s, b), kept_out ? -EINVAL : 0, "attach over a mapping");
	if (!kept_out) {
		must_reach(s, b, IOVA, 0, 4 * MIB);
		return;
	}
	must_reach(s, a, IOVA, 0, 4 * MIB);
	expect_equal(unmap(s, IOVA, 4 * MIB), 4 * MIB, "unmapped");
	must_attach(s, b);
	info = info_of(s);
	expect(!window_has(&info, IOVA + MIB, IOVA + MIB), "the region is in the window");
	expect(window_has(&info, 0, IOVA + MIB - 1), "what is before it is not");
	expect(window_has(&info, IOVA + 2 * MIB, (1ULL << 48) - 1), "what is after it is not");
	expect_equal(map(s, IOVA, 0, 4 * MIB), -EINVAL, "map over the region");
	must_map(s, IOVA, 0, MIB);
	detach(s, b);
	info = info_of(s);
	expect(window_has(&info, 0, (1ULL << 48) - 1), "the region stayed when its group left");
	must_map(s, IOVA + MIB, MIB, MIB);
	must_reach(s, a, IOVA, 0, 2 * MIB);
}

/* Since 6.6 the kernel gives nobody a group that has to keep a mapping of its own. */
static bool direct_is_kept(void)
{
	struct utsname name;
	int major, minor;

	expect(!uname(&name) && sscanf(name.release, "%d.%d", &major, &minor) == 2,
	       "the kernel has no series");
	return major > 6 || (major == 6 && minor >= 6);
}

static void region_direct(struct scene *s)
{
	int a, b;

	if (direct_is_kept()) {
		a = add_device(s, add_unit(s, unit_plain()));
		b = add_reserving(s, add_unit(s, unit_other()), RIG_REGION_DIRECT, IOVA,
				  IOVA + MIB - 1);
		must_attach(s, a);
		expect_equal(attach(s, b), -EINVAL, "attach of a group with a direct region");
		must_map(s, IOVA, 0, MIB);
		must_reach(s, a, IOVA, 0, MIB);
		return;
	}
	reserved(s, RIG_REGION_DIRECT, true);
}

static void region_relaxable(struct scene *s)
{
	reserved(s, RIG_REGION_DIRECT_RELAXABLE, false);
}

static void region_reserved(struct scene *s)
{
	reserved(s, RIG_REGION_RESERVED, true);
}

static void region_msi(struct scene *s)
{
	reserved(s, RIG_REGION_MSI, true);
}

static void region_sw_msi(struct scene *s)
{
	reserved(s, RIG_REGION_SW_MSI, true);
}

static void nothing_left(struct scene *s)
{
	int a = add_device(s, add_unit(s, unit_plain()));
	int b = add_reserving(s, add_unit(s, unit_narrow()), RIG_REGION_RESERVED, 0,
			      (1ULL << 39) - 1);

	must_attach(s, a);
	expect_equal(attach(s, b), -EINVAL, "attach that would leave no IOVA");
	must_map(s, IOVA, 0, MIB);
	must_reach(s, a, IOVA, 0, MIB);
}

const struct mixed_case region_cases[] = {
	{ "granule-changes", granule_changes, ON_BOTH, NULL },
	{ "too-fine", too_fine, ON_BOTH, NULL },
	{ "no-common-size", no_common_size, ON_MANIFOLD,
	  "in-tree goes on with a page-size bitmap of 0" },
	{ "window-shrinks-and-grows", window_shrinks_and_grows, ON_BOTH, NULL },
	{ "disjoint-apertures", disjoint_apertures, ON_BOTH, NULL },
	{ "region-direct", region_direct, ON_BOTH, NULL },
	{ "region-relaxable", region_relaxable, ON_BOTH, NULL },
	{ "region-reserved", region_reserved, ON_BOTH, NULL },
	{ "region-msi", region_msi, ON_BOTH, NULL },
	{ "region-sw-msi", region_sw_msi, ON_BOTH, NULL },
	{ "nothing-left", nothing_left, ON_BOTH, NULL },
	END_OF_CASES
};
