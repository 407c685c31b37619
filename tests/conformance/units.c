// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Rows about units that differ, and about units that fail, in sections 3.1 to 3.4. The units are
 * the rig's. A container over mixed units is tested at more length in tests/mixed.
 */
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include "row.h"

#define GIB	(1024 * MIB)
#define TOP	(~0ULL - PAGE + 1)	/* the last page of 64 bits */

static struct rig_unit_spec unit_of(__u64 first, __u64 last)
{
	struct rig_unit_spec spec = unit_plain();

	spec.kind = 2;
	spec.aperture_first = first;
	spec.aperture_last = last;
	return spec;
}

static int group_with_region(struct test *t, __u32 unit, enum rig_region_type type, __u64 first,
			     __u64 last)
{
	return add_group_like(t, (struct rig_device_spec){
		.unit = unit, .beside = RIG_NONE, .nr_regions = 1,
		.regions = { { .first = first, .last = last, .type = type } },
	});
}

/* A container over @unit, with a mapping of eight pages at IOVA; the group. */
static int setup_unit(struct test *t, __u32 unit, char **memory)
{
	int group = add_group(t, unit);

	open_container(t);
	join_group(t, group);
	if (vfio_set_type(t->container, t->type))
		give_up(t, "SET_IOMMU");
	*memory = get_pages(t, 8);
	must_map(t, IOVA, *memory, 8 * PAGE);
	return group;
}

static int join(struct test *t, int group)
{
	return vfio_group_join(t->groups[group].fd, t->container);
}

/* What a failed attach leaves: all as it was. */
struct before {
	struct vfio_info info;
	long billed, pinned;
};

static void look(struct test *t, struct before *before)
{
	get_info(t, &before->info);
	before->billed = proc_billed(0);
	before->pinned = proc_pinned();
}

static void unchanged(struct test *t, const struct before *before)
{
	struct before now;

	look(t, &now);
	want_true(t, before->info.page_sizes == now.info.page_sizes, "page sizes as before");
	want_true(t, before->info.available == now.info.available, "mappings as before");
	want_true(t, before->info.nranges == now.info.nranges &&
		  !memcmp(before->info.ranges, now.info.ranges,
			  now.info.nranges * sizeof(now.info.ranges[0])), "window as before");
	want_value(t, before->billed, now.billed, "pages billed");
	want_value(t, before->pinned, now.pinned, "pages pinned");
}

/* --- groups that others use ----------------------------------------------------------------- */

static void claim(struct test *t, int group, enum rig_claims what)
{
	struct rig_claim claim = { .device = t->groups[group].number, .what = what };

	if (ioctl_rig(t, RIG_CLAIM, &claim))
		give_up(t, "the rig: CLAIM %d", what);
}

static void owned(struct test *t)
{
	int group = add_group(t, add_unit(t, unit_plain()));

	open_container(t);
	claim(t, group, RIG_CLAIM_OWNER);
	want(t, join(t, group), "somebody owns the group's DMA");
	claim(t, group, RIG_CLAIM_NONE);
	want_value(t, 0, join(t, group), "after that");
}

static void used(struct test *t)
{
	int group = add_group(t, add_unit(t, unit_plain()));

	open_container(t);
	claim(t, group, RIG_CLAIM_DOMAIN);
	want(t, join(t, group), "the group is in somebody's domain");
	claim(t, group, RIG_CLAIM_NONE);
	want_value(t, 0, join(t, group), "after that");
}

static void foreign_domain(struct test *t)
{
	int group = add_group(t, add_unit(t, unit_plain()));

	open_container(t);
	join_group(t, group);
	claim(t, group, RIG_CLAIM_DOMAIN);
	want(t, vfio_set_type(t->container, t->type), "SET_IOMMU");
	claim(t, group, RIG_CLAIM_NONE);
	want_value(t, 0, vfio_set_type(t->container, t->type), "after that");
}

/* --- units that refuse ---------------------------------------------------------------------- */

static void no_domain(struct test *t)
{
	__u32 unit = add_unit(t, unit_plain()), other = add_unit(t, unit_other());
	struct before before;
	char *memory;
	int group = setup_unit(t, unit, &memory), second = add_group(t, other);

	look(t, &before);
	set_faults(t, (struct rig_faults){ .unit = other, .refuse_domains = EXDEV });
	want(t, join(t, second), "the second unit refuses to make a domain (EXDEV)");
	unchanged(t, &before);
	set_faults(t, (struct rig_faults){ .unit = other });
	want_value(t, 0, join(t, second), "after that");
	want_true(t, reaches(t, group, IOVA, memory), "the first device's DMA");
	want_true(t, reaches(t, second, IOVA, memory), "the second device's DMA");
}

/* A group whose devices are behind units of two drivers: no domain is for both. */
static void two_drivers(struct test *t)
{
	__u32 unit = add_unit(t, unit_plain()), other = add_unit(t, unit_other());
	int group = add_group(t, unit);

	add_group_like(t, (struct rig_device_spec){
		.unit = other, .beside = t->groups[group].number,
	});
	open_container(t);
	join_group(t, group);
	want(t, vfio_set_type(t->container, t->type), "devices behind two drivers' units");
	want_value(t, 0, counters(t, unit).domains, "domains of the first unit");
}

static void attach_refused(struct test *t)
{
	__u32 unit = add_unit(t, unit_plain()), other = add_unit(t, unit_other());
	struct before before;
	char *memory;
	int second;

	setup_unit(t, unit, &memory);
	second = add_group(t, other);
	look(t, &before);
	set_faults(t, (struct rig_faults){ .unit = other, .refuse = EXDEV });
	want(t, join(t, second), "the second unit refuses the group (EXDEV)");
	unchanged(t, &before);
	set_faults(t, (struct rig_faults){ .unit = other });
	want_value(t, 0, join(t, second), "after that");
}

/* Its own domain has it, the one that would suit does not: so it stays in its own. */
static void suitable_refuses(struct test *t)
{
	__u32 unit = add_unit(t, unit_plain());
	struct rig_unit_spec spec = unit_plain();
	char *memory;
	int group = setup_unit(t, unit, &memory), second;
	__u32 other;

	/* Of the same kind; but what the first domain may use is beyond it. */
	spec.aperture_last = (1ULL << 39) - 1;
	other = add_unit(t, spec);
	second = add_group(t, other);
	want(t, join(t, second), "a domain of the same kind does not take it");
	want_value(t, 1, counters(t, other).domains, "domains of its unit");
	want_value(t, 1, counters(t, unit).domains, "domains of the first unit");
	want_true(t, counters(t, other).leaves > 0, "the mapping was replayed");
	want_true(t, reaches(t, group, IOVA, memory), "the first device's DMA");
	want_true(t, reaches(t, second, IOVA, memory), "the second device's DMA");
	want_value(t, 8, proc_billed(0), "pages billed");
}

static void doorbell_fails(struct test *t)
{
	__u32 unit = add_unit(t, unit_plain()), other = add_unit(t, unit_other());
	struct before before;
	char *memory;
	int second;

	setup_unit(t, unit, &memory);
	second = group_with_region(t, other, RIG_REGION_SW_MSI, 0x8000000, 0x80fffff);
	look(t, &before);
	set_faults(t, (struct rig_faults){ .unit = other, .doorbell = 1 });
	want(t, join(t, second), "the domain has a doorbell window already");
	unchanged(t, &before);
	set_faults(t, (struct rig_faults){ .unit = other });
	want_value(t, 0, join(t, second), "after that");
}

/* --- windows -------------------------------------------------------------------------------- */

static void disjoint(struct test *t)
{
	struct before before;
	char *memory;
	int second;

	setup_unit(t, add_unit(t, unit_of(0, 4 * GIB - 1)), &memory);
	unmap_all(t);
	second = add_group(t, add_unit(t, (struct rig_unit_spec){
		.pgsizes = PAGE, .kind = 1, .flags = RIG_ENFORCES | RIG_ISOLATES,
		.aperture_first = 4 * GIB, .aperture_last = 8 * GIB - 1,
	}));
	look(t, &before);
	want(t, join(t, second), "from 4 GiB on, where the first ends");
	unchanged(t, &before);
}

static void excludes_mapping(struct test *t)
{
	struct before before;
	char *memory;
	int group, second;

	group = setup_unit(t, add_unit(t, unit_other()), &memory);
	must_map(t, 1ULL << 40, memory, 8 * PAGE);
	second = add_group(t, add_unit(t, unit_of(0, (1ULL << 40) + PAGE - 1)));
	look(t, &before);
	want(t, join(t, second), "aperture that ends in a mapping");
	unchanged(t, &before);
	want_true(t, reaches(t, group, 1ULL << 40, memory), "the first device's DMA");
	unmap(t, 1ULL << 40, 8 * PAGE);
	want_value(t, 0, join(t, second), "without that mapping");
	want_true(t, reaches(t, second, IOVA, memory), "the second device's DMA");
}

static void region_overlaps(struct test *t, enum rig_region_type type, const char *name)
{
	__u32 unit = add_unit(t, unit_plain());
	struct before before;
	char *memory;
	int group = setup_unit(t, unit, &memory), second;

	second = group_with_region(t, unit, type, IOVA + 4 * PAGE, IOVA + 64 * PAGE - 1);
	look(t, &before);
	want(t, join(t, second), "%s region", name);
	if (type == RIG_REGION_DIRECT_RELAXABLE) {
		want_true(t, reaches(t, second, IOVA, memory), "the second device's DMA");
		return;
	}
	unchanged(t, &before);
	want_true(t, reaches(t, group, IOVA + 4 * PAGE, memory + 4 * PAGE), "DMA of the first");
	unmap_all(t);
	/* What has to be mapped always, later kernels keep from VFIO whatever the mappings. */
	if (type == RIG_REGION_DIRECT && t->settings->series != SERIES_6_1) {
		want_value(t, -EINVAL, join(t, second), "without the mapping");
		return;
	}
	want_value(t, 0, join(t, second), "without the mapping");
	want_value(t, -EINVAL, map(t, IOVA, memory, 8 * PAGE), "the mapping after that");
}

static void reserved_overlaps(struct test *t)
{
	region_overlaps(t, RIG_REGION_RESERVED, "reserved");
}

static void direct_overlaps(struct test *t)
{
	region_overlaps(t, RIG_REGION_DIRECT, "direct");
}

static void msi_overlaps(struct test *t)
{
	region_overlaps(t, RIG_REGION_MSI, "MSI");
}

static void relaxable_overlaps(struct test *t)
{
	region_overlaps(t, RIG_REGION_DIRECT_RELAXABLE, "relaxable");
}

static void nothing_left(struct test *t)
{
	struct before before;
	char *memory;
	int second;

	setup_unit(t, add_unit(t, unit_of(0, 4 * GIB - 1)), &memory);
	unmap_all(t);
	second = group_with_region(t, add_unit(t, unit_other()), RIG_REGION_RESERVED, 0,
				   4 * GIB - 1);
	look(t, &before);
	want(t, join(t, second), "a region as large as the other's aperture");
	unchanged(t, &before);
}

/* --- several domains ------------------------------------------------------------------------ */

static void new_domain(struct test *t, struct rig_unit_spec spec, const char *what)
{
	__u32 unit = add_unit(t, unit_plain()), other;
	char *memory;
	int group = setup_unit(t, unit, &memory), second;
	long pinned = proc_pinned();

	other = add_unit(t, spec);
	must_map(t, 1ULL << 33, memory, 4 * PAGE);
	second = add_group(t, other);
	want(t, join(t, second), "%s", what);
	want_value(t, 1, counters(t, unit).domains, "domains of the first unit");
	want_value(t, 1, counters(t, other).domains, "domains of the second unit");
	want_true(t, reaches(t, group, IOVA, memory), "DMA of the first device");
	want_true(t, reaches(t, second, IOVA + 7 * PAGE, memory + 7 * PAGE), "of the second");
	want_true(t, reaches(t, second, 1ULL << 33, memory), "of the second to another mapping");
	want_value(t, 12, proc_billed(0), "pages billed");
	want_value(t, pinned + 4, proc_pinned(), "pages pinned");
	must_map(t, 1ULL << 34, memory + 4 * PAGE, 4 * PAGE);
	want_true(t, reaches(t, second, 1ULL << 34, memory + 4 * PAGE), "what is mapped later");
	want_value(t, 4 * PAGE, unmap(t, 1ULL << 34, 4 * PAGE), "bytes unmapped");
	want_true(t, !reaches(t, group, 1ULL << 34, memory) &&
		  !reaches(t, second, 1ULL << 34, memory), "neither reaches what is unmapped");
}

static void other_driver(struct test *t)
{
	new_domain(t, unit_other(), "a unit of another driver");
}

static void other_coherency(struct test *t)
{
	struct rig_unit_spec spec = unit_plain();

	spec.flags &= ~RIG_ENFORCES;
	new_domain(t, spec, "a unit that does not enforce coherency");
	want_value(t, 0, vfio_check_extension(t->container, VFIO_DMA_CC_IOMMU), "DMA_CC");
}

static void replay_misaligned(struct test *t)
{
	struct before before;
	char *memory;
	int group = setup_unit(t, add_unit(t, unit_plain()), &memory), second;

	must_map(t, IOVA + 9 * PAGE, memory, PAGE);
	second = add_group(t, add_unit(t, unit_coarse()));
	look(t, &before);
	want(t, join(t, second), "a unit with pages of 64 KiB");
	unchanged(t, &before);
	want_true(t, reaches(t, group, IOVA + 9 * PAGE, memory), "DMA of the first device");
	unmap_all(t);
	want_value(t, 0, join(t, second), "without mappings");
	want_value(t, HUGE_PAGE, granule(t), "granule after that: what both have");
}

static void one_leaves(struct test *t)
{
	struct vfio_info before, both, after;
	char *memory;
	int group = setup_unit(t, add_unit(t, unit_other()), &memory), second;
	struct rig_unit_spec spec = unit_of(0, (1ULL << 39) - 1);
	__u32 narrow;

	spec.pgsizes = PAGE;
	narrow = add_unit(t, spec);
	get_info(t, &before);
	second = group_with_region(t, narrow, RIG_REGION_RESERVED, 1ULL << 32, (2ULL << 32) - 1);
	join_group(t, second);
	get_info(t, &both);
	want_value(t, PAGE, both.page_sizes, "page sizes of both");
	want_value(t, 2, both.nranges, "ranges of both");
	want_value(t, (1ULL << 39) - 1, both.ranges[1].end, "end of the window of both");
	want_value(t, -EINVAL, map(t, 1ULL << 32, memory, PAGE), "map in the reserved region");
	want(t, vfio_group_leave(t->groups[second].fd), "the narrow unit's group leaves");
	get_info(t, &after);
	want_true(t, before.page_sizes == after.page_sizes, "page sizes as before");
	want_true(t, before.nranges == after.nranges &&
		  !memcmp(before.ranges, after.ranges, after.nranges * sizeof(after.ranges[0])),
		  "window as before");
	want_value(t, 0, counters(t, narrow).domains, "domains of the narrow unit");
	want_value(t, 8, proc_billed(0), "pages billed");
	want_true(t, reaches(t, group, IOVA, memory), "DMA of the first device");
	want_value(t, 0, map(t, 1ULL << 32, memory, PAGE), "map where it was reserved");
}

/* --- maps ----------------------------------------------------------------------------------- */

static void map_refused(struct test *t, __u32 nth)
{
	__u32 unit = add_unit(t, unit_plain()), other = add_unit(t, unit_other());
	struct before before;
	char *memory;
	int group = setup_unit(t, unit, &memory), second = add_group(t, other);

	join_group(t, second);
	look(t, &before);
	set_faults(t, (struct rig_faults){ .unit = other, .map_in = nth, .map_error = EXDEV });
	want(t, map(t, 1ULL << 33, memory, 8 * PAGE), "call %u of the second unit fails", nth);
	unchanged(t, &before);
	want_true(t, !reaches(t, group, 1ULL << 33, memory), "the first device reaches nothing");
	want_true(t, !reaches(t, second, 1ULL << 33, memory), "nor does the second");
	set_faults(t, (struct rig_faults){ .unit = other });
	want_value(t, 0, map(t, 1ULL << 33, memory, 8 * PAGE), "after that");
	want_true(t, reaches(t, second, 1ULL << 33, memory), "the second device's DMA");
}

static void second_refuses(struct test *t)
{
	map_refused(t, 1);
}

/* Memory in two runs, so that the second unit has a part when it refuses the rest. */
static void second_refuses_late(struct test *t)
{
	__u32 unit = add_unit(t, unit_plain()), other = add_unit(t, unit_other());
	struct before before;
	char *memory, *pieces = get_pages(t, 64);
	int second;

	setup_unit(t, unit, &memory);
	second = add_group(t, other);
	join_group(t, second);
	/* Page 0 is where page 2 was: what is contiguous can't be longer than that. */
	mremap(pieces + 2 * PAGE, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, pieces);
	mremap(pieces + 5 * PAGE, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, pieces + 2 * PAGE);
	look(t, &before);
	set_faults(t, (struct rig_faults){ .unit = other, .map_in = 2, .map_error = EXDEV });
	want(t, map(t, 1ULL << 33, pieces, 4 * PAGE), "call 2 of the second unit fails");
	unchanged(t, &before);
	want_true(t, !reaches(t, second, 1ULL << 33, memory), "the second reaches nothing");
}

/* A mapping's last byte may be the last of 64 bits. */
static void ends_at_top(struct test *t)
{
	bool works = t->settings->sound || t->settings->series == SERIES_7_3;
	struct rig_unit_spec spec = unit_plain();
	char *memory, *top = get_pages(t, 2);
	int group;

	spec.aperture_last = ~0ULL;
	group = setup_unit(t, add_unit(t, spec), &memory);
	want_value(t, 0, map(t, TOP - PAGE, top, 2 * PAGE), "MAP_DMA");
	want_true(t, reaches(t, group, TOP, top + PAGE), "DMA to the last page");
	if (works)
		want_value(t, -EEXIST, map(t, TOP, top, PAGE), "MAP_DMA of the last page again");
	else
		expect_leak(t, 2);
	want(t, unmap(t, TOP - PAGE, 2 * PAGE), "bytes unmapped");
	want_value(t, 8 * PAGE, unmap(t, IOVA, 8 * PAGE), "bytes of the other mapping");
	if (!works)
		return;
	want_value(t, 0, map(t, TOP, top, PAGE), "MAP_DMA of the last page");
	want_value(t, PAGE, unmap_all(t), "bytes unmapped with ALL");
}

/* Ordinary pages that the rig shows as what they are not. */
static void strange_memory(struct test *t, off_t offset)
{
	void *memory;

	setup(t, 1);
	open_rig(t);
	memory = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, t->rig, offset);
	if (memory == MAP_FAILED)
		give_up(t, "mmap of the rig");
	memset(memory, 1, PAGE);
	want(t, map(t, IOVA, memory, PAGE), "READ and WRITE");
	want(t, vfio_map(t->container, IOVA, memory, PAGE, VFIO_DMA_MAP_FLAG_READ), "READ");
	munmap(memory, PAGE);
}

static void io_memory(struct test *t)
{
	strange_memory(t, 0);
}

static void pfnmap_memory(struct test *t)
{
	strange_memory(t, PAGE);
}

static void pins_nothing(struct test *t)
{
	struct rig_pins pins = { .none = 1 };
	char *memory = get_pages(t, 600);
	struct before before;

	if (t->settings->series != SERIES_7_3)
		dangerous(t, "before 7.3 it goes on with pages that it does not have");
	setup(t, 1);
	look(t, &before);
	open_rig(t);
	if (ioctl_rig(t, RIG_SET_PINS, &pins))
		cannot(t, "needs a kernel with kprobes");
	want(t, map(t, IOVA, memory, 600 * PAGE), "the first call pins nothing");
	pins.after = 1;
	ioctl_rig(t, RIG_SET_PINS, &pins);
	want(t, map(t, IOVA, memory, 600 * PAGE), "the second call pins nothing");
	pins.none = 0;
	ioctl_rig(t, RIG_SET_PINS, &pins);
	unchanged(t, &before);
	want_value(t, 0, map(t, IOVA, memory, 600 * PAGE), "after that");
}

const struct row units_rows[] = {
	ROW("19", "group whose DMA is owned by another", NEITHER, ALL(-EPERM), owned),
	ROW("19d", "group that is in another's domain", NEITHER, ALL(-EBUSY), used),
	ROW("27", "no domain can be had: nothing changes", BOTH, EACH(-EIO, -EXDEV, -EXDEV),
	    no_domain),
	ROW("28", "group attached to a foreign domain", BOTH, ALL(-EBUSY), foreign_domain),
	ROW("29", "group behind units of two drivers", BOTH, ALL(-EINVAL), two_drivers),
	ROW("29r", "unit refuses the group: its errno, nothing changes", BOTH, ALL(-EXDEV),
	    attach_refused),
	ROW("30", "new aperture disjoint from the window", BOTH, ALL(-EINVAL), disjoint),
	ROW("31", "new aperture excludes a mapping", BOTH, ALL(-EINVAL), excludes_mapping),
	ROW("32", "reserved region overlaps a mapping", BOTH, ALL(-EINVAL), reserved_overlaps),
	ROW("32d", "direct region overlaps a mapping", BOTH, ALL(-EINVAL), direct_overlaps),
	ROW("32m", "MSI region overlaps a mapping", BOTH, ALL(-EINVAL), msi_overlaps),
	ROW("33", "relaxable region overlaps a mapping", BOTH, ALL(0), relaxable_overlaps),
	ROW("34", "no valid IOVA left", BOTH, ALL(-EINVAL), nothing_left),
	ROW("37", "suitable domain refuses the group: a domain of its own, replay", BOTH, ALL(0),
	    suitable_refuses),
	ROW("38", "different driver: new domain, replay", BOTH, ALL(0), other_driver),
	ROW("38c", "different coherency: new domain, replay", BOTH, ALL(0), other_coherency),
	ROW("39", "replay of a mapping below the new domain's granule", BOTH, ALL(-EINVAL),
	    replay_misaligned),
	ROW("41", "doorbell window can't be had: its errno, nothing changes", BOTH, ALL(-EEXIST),
	    doorbell_fails),
	ROW("46", "detach of one domain of several: window and page sizes as before", BOTH, ALL(0),
	    one_leaves),
	DEFECT("70", "ends at 2^64: bytes unmapped", BOTH, EACH(0, 0, 2 * PAGE), 2 * PAGE,
	       ends_at_top),
	ROW("79r", "VM_PFNMAP of an ordinary page, of the rig", BOTH, ALL(-EFAULT), pfnmap_memory),
	ROW("81", "VM_IO without VM_PFNMAP", BOTH, ALL(-EFAULT), io_memory),
	DEFECT("82", "memory manager pins 0 pages", BOTH, ALL(-EFAULT), -EFAULT, pins_nothing),
	ROW("87", "a domain refuses the map: undone in all", BOTH, ALL(-EXDEV), second_refuses),
	ROW("87l", "... its second part", BOTH, ALL(-EXDEV), second_refuses_late),
	END_OF_ROWS
};
