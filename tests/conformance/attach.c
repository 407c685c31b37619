// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Section 3.2: attach and detach of groups. */
#include <string.h>

#include "row.h"

static void not_isolated(struct test *t)
{
	if (!booted_with("intremap=off"))
		cannot(t, "needs a kernel booted with intremap=off");
	set_parameter(t, "allow_unsafe_interrupts", "0");
	setup_bare(t, 1);
	want(t, vfio_set_type(t->container, t->type), "allow_unsafe_interrupts=0");
	set_parameter(t, "allow_unsafe_interrupts", "1");
	want_value(t, 0, vfio_set_type(t->container, t->type), "allow_unsafe_interrupts=1");
}

static bool same_info(const struct vfio_info *a, const struct vfio_info *b)
{
	return a->page_sizes == b->page_sizes && a->needed == b->needed &&
		a->available == b->available && a->nranges == b->nranges &&
		!memcmp(a->ranges, b->ranges, a->nranges * sizeof(a->ranges[0]));
}

/* The second group finds a domain that suits it: nothing is pinned or billed again. */
static void joins_domain(struct test *t)
{
	char *memory = get_pages(t, 8);
	struct vfio_info before, after;
	struct edu first, second;
	long billed, pinned;

	setup(t, 1);
	must_map(t, IOVA, memory, 4 * PAGE);
	must_map(t, 1ULL << 33, memory + 4 * PAGE, 4 * PAGE);
	get_info(t, &before);
	billed = proc_billed(0);
	pinned = proc_pinned();
	open_group(t, 1);
	want(t, vfio_group_join(t->groups[1].fd, t->container), "second group");
	get_info(t, &after);
	want_true(t, same_info(&before, &after), "GET_INFO says the same as before");
	want_value(t, billed, proc_billed(0), "pages billed");
	want_value(t, pinned, proc_pinned(), "pages pinned");

	get_edu(t, 0, &first);
	get_edu(t, 1, &second);
	want_true(t, dma_works(&first, memory, IOVA), "the first device's DMA works");
	want_true(t, dma_works(&second, memory, IOVA), "the second device's DMA works");
	want_true(t, dma_works(&second, memory + 4 * PAGE, 1ULL << 33), "... in every mapping");
	edu_close(&first);
	edu_close(&second);
}

static void failure_changes_nothing(struct test *t)
{
	char *memory = get_pages(t, 4);
	struct vfio_info before, after;
	struct edu edu;
	long billed;

	if (!booted_with("intremap=off"))
		cannot(t, "needs a kernel booted with intremap=off");
	set_parameter(t, "allow_unsafe_interrupts", "1");
	setup(t, 1);
	must_map(t, IOVA, memory, 4 * PAGE);
	get_info(t, &before);
	billed = proc_billed(0);
	set_parameter(t, "allow_unsafe_interrupts", "0");
	open_group(t, 1);
	want(t, vfio_group_join(t->groups[1].fd, t->container), "second group");
	get_info(t, &after);
	want_true(t, same_info(&before, &after), "GET_INFO says the same as before");
	want_value(t, billed, proc_billed(0), "pages billed");
	get_edu(t, 0, &edu);
	want_true(t, dma_works(&edu, memory, IOVA), "the first device's DMA still works");
	edu_close(&edu);
	set_parameter(t, "allow_unsafe_interrupts", "1");
	want_value(t, 0, vfio_group_join(t->groups[1].fd, t->container), "once it is allowed");
}

static void detach_last(struct test *t)
{
	char *memory = get_pages(t, 4);
	long billed = proc_billed(0), pinned = proc_pinned();

	setup(t, 2);
	must_map(t, IOVA, memory, 4 * PAGE);
	want(t, vfio_group_leave(t->groups[0].fd), "first group");
	want_value(t, billed + 4, proc_billed(0), "pages billed with a group left");
	want(t, vfio_group_leave(t->groups[1].fd), "last group");
	want_value(t, billed, proc_billed(0), "pages billed with none left");
	want_value(t, pinned, proc_pinned(), "pages pinned with none left");

	join_group(t, 0);
	if (vfio_set_type(t->container, t->type))
		give_up(t, "SET_IOMMU again");
	want_value(t, 0, unmap_all(t), "bytes mapped in the container used again");
}

/* The group that made the domain leaves it to the one that joined. */
static void detach_one(struct test *t)
{
	char *memory = get_pages(t, 4);
	struct vfio_info before, after;
	struct edu edu;

	setup(t, 2);
	must_map(t, IOVA, memory, 4 * PAGE);
	get_info(t, &before);
	want(t, vfio_group_leave(t->groups[0].fd), "the first of two groups");
	get_info(t, &after);
	want_true(t, same_info(&before, &after), "GET_INFO says the same as before");
	get_edu(t, 1, &edu);
	want_true(t, dma_works(&edu, memory, IOVA), "DMA of the other group works");
	edu_close(&edu);
	want_value(t, 0, vfio_group_join(t->groups[0].fd, t->container), "joining again");
	get_edu(t, 0, &edu);
	want_true(t, dma_works(&edu, memory, IOVA), "DMA of the first works again");
	edu_close(&edu);
}

const struct row attach_rows[] = {
	SKIP("24", "attach while an entry's vaddr is invalid", "later: VADDR"),
	SKIP("25", "group already in the container",
	     "not reachable by ioctl: the core refuses a second SET_CONTAINER first"),
	SKIP("26", "emulated group", "later: emulated groups"),
	SKIP("27", "domain allocation fails", "needs fault injection"),
	SKIP("28", "group attached to a foreign domain", "needs a user of the IOMMU besides VFIO"),
	SKIP("29", "IOMMU driver that the domain is incompatible with", "needs several units"),
	SKIP("30", "new aperture disjoint from the window", "needs several units"),
	SKIP("31", "new aperture excludes a mapping", "needs several units"),
	SKIP("32", "reserved region overlaps a mapping",
	     "needs a group with a reserved region of its own"),
	SKIP("33", "relaxable region overlaps a mapping",
	     "needs a group with a reserved region of its own"),
	SKIP("34", "no valid IOVA left", "needs several units"),
	ROW("35", "interrupts not isolated, allow_unsafe_interrupts=0", BOTH, ALL(-EPERM),
	    not_isolated),
	ROW("36", "group that suits an existing domain joins it, no replay", BOTH, ALL(0),
	    joins_domain),
	SKIP("37", "suitable domain refuses the group", "needs fault injection"),
	SKIP("38", "different coherency or driver: new domain, replay", "needs several units"),
	SKIP("39", "replay of a mapping below the new domain's granule", "needs several units"),
	SKIP("40", "replay has to pin and exceeds memlock", "later: emulated groups"),
	SKIP("41", "software MSI region, cookie fails", "needs an Arm SMMU"),
	ROW("42", "failed attach changes nothing", BOTH, ALL(-EPERM), failure_changes_nothing),
	SKIP("43", "first domain joins an emulated group", "later: emulated groups"),
	SKIP("44", "last domain leaves, emulated group stays", "later: emulated groups"),
	ROW("45", "detach of the last group removes all mappings", BOTH, ALL(0), detach_last),
	ROW("45a", "detach of one group of two in a domain keeps them", BOTH, ALL(0), detach_one),
	SKIP("46", "detach of one domain of several", "needs several units"),
	END_OF_ROWS
};
