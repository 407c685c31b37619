// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* The type for nesting, of section 3.1: the kernel of 7.3 has none. */
#include "row.h"

static void extension(struct test *t)
{
	needs(t, FEATURE_NESTING);
	open_container(t);
	want(t, vfio_check_extension(t->container, VFIO_TYPE1_NESTING_IOMMU), "no group");
	close_container(t);
	setup_bare(t, 1);
	want(t, vfio_check_extension(t->container, VFIO_TYPE1_NESTING_IOMMU), "no type set");
}

/* A unit of the rig can't nest, whatever the machine's can. */
static void unit_without(struct test *t)
{
	int group;

	needs(t, FEATURE_NESTING);
	group = add_group(t, add_unit(t, unit_plain()));
	open_container(t);
	join_group(t, group);
	want(t, vfio_set_type(t->container, VFIO_TYPE1_NESTING_IOMMU), "a unit that can't");
	want_value(t, 0, vfio_set_type(t->container, VFIO_TYPE1v2_IOMMU), "the plain type");
}

/* Emulated devices are behind no unit: nothing is asked, and it is v2. */
static void emulated(struct test *t)
{
	enum series series = t->settings->series;
	char *memory = get_pages(t, 2);
	int group, result;

	needs(t, FEATURE_NESTING);
	needs(t, FEATURE_EMULATED);
	group = add_emulated(t, RIG_HEARS_UNMAPS);
	open_container(t);
	join_group(t, group);
	result = vfio_set_type(t->container, VFIO_TYPE1_NESTING_IOMMU);
	want(t, result, "an emulated group alone");
	if (t->row->expect[series] || result)
		return;
	must_map(t, IOVA, memory, 2 * PAGE);
	want_value(t, -EINVAL, unmap(t, IOVA, PAGE), "unmap that cuts a mapping, as on v2");
	want_value(t, 2 * PAGE, unmap(t, IOVA, 2 * PAGE), "unmap");
}

const struct row nesting_rows[] = {
	ROW("3", "CHECK_EXTENSION of nesting", NEITHER, EACH(1, 1, 0), extension),
	ROW("12", "SET_IOMMU of nesting, unit can't nest", NEITHER,
	    EACH(-EINVAL, -EINVAL, -ENODEV), unit_without),
	ROW("12e", "SET_IOMMU of nesting, emulated group alone", NEITHER, EACH(0, 0, -ENODEV),
	    emulated),
	END_OF_ROWS
};
