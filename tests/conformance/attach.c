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
	ELSEWHERE("25", "group already in the container",
		  "tests/unit/attach_test.c: test_row_25_group_twice"),
	ROW("35", "interrupts not isolated, allow_unsafe_interrupts=0", BOTH, ALL(-EPERM),
	    not_isolated),
	ROW("36", "group that suits an existing domain joins it, no replay", BOTH, ALL(0),
	    joins_domain),
	ROW("42", "failed attach changes nothing", BOTH, ALL(-EPERM), failure_changes_nothing),
	ROW("45", "detach of the last group removes all mappings", BOTH, ALL(0), detach_last),
	ROW("45a", "detach of one group of two in a domain keeps them", BOTH, ALL(0), detach_one),
	END_OF_ROWS
};
