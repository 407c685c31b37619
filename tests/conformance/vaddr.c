// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * UPDATE_VADDR, in sections 3.1 to 3.5: mappings whose memory is given up and found again, maybe by
 * another process, while devices go on using it.
 */
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "row.h"

#define MAP_SIZE	sizeof(struct vfio_iommu_type1_dma_map)
#define UNMAP_SIZE	sizeof(struct vfio_iommu_type1_dma_unmap)
#define MAP_VADDR	VFIO_DMA_MAP_FLAG_VADDR
#define UNMAP_VADDR	VFIO_DMA_UNMAP_FLAG_VADDR
#define UNMAP_ALL	VFIO_DMA_UNMAP_FLAG_ALL

static long give_up_vaddr(struct test *t, __u64 iova, __u64 size)
{
	return unmap_args(t, UNMAP_SIZE, UNMAP_VADDR, iova, size);
}

static int new_vaddr(struct test *t, __u64 iova, const void *memory, __u64 size)
{
	return map_args(t, MAP_SIZE, MAP_VADDR, (uintptr_t)memory, iova, size);
}

/* A container with @mappings of four pages of shared memory each, one after the other from IOVA. */
static char *setup_mapped(struct test *t, int mappings)
{
	size_t size = mappings * 4 * PAGE;
	char *memory;

	needs(t, FEATURE_VADDR);
	memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		give_up(t, "shared memory");
	memset(memory, 0, size);
	setup(t, 1);
	for (int i = 0; i < mappings; i++)
		must_map(t, IOVA + i * 4 * PAGE, memory + i * 4 * PAGE, 4 * PAGE);
	return memory;
}

static void must_give_up(struct test *t, __u64 iova, __u64 size)
{
	if (give_up_vaddr(t, iova, size) != (long)size)
		give_up(t, "UNMAP_DMA with VADDR at %#llx", iova);
}

/* --- attach --------------------------------------------------------------------------------- */

static void attach_while_given_up(struct test *t)
{
	char *memory = setup_mapped(t, 2);

	must_give_up(t, IOVA, 4 * PAGE);
	open_group(t, 1);
	want(t, vfio_group_join(t->groups[1].fd, t->container), "one of two mappings");
	want_value(t, 0, new_vaddr(t, IOVA, memory, 4 * PAGE), "MAP_DMA with VADDR");
	want_value(t, 0, vfio_group_join(t->groups[1].fd, t->container), "once it is found again");
}

/* --- MAP_DMA -------------------------------------------------------------------------------- */

static void nothing_there(struct test *t)
{
	char *memory = setup_mapped(t, 1);

	want(t, new_vaddr(t, IOVA + 4 * PAGE, memory, 4 * PAGE), "behind the mapping");
	want(t, new_vaddr(t, 1ULL << 33, memory, PAGE), "far away");
	unmap_all(t);
	want(t, new_vaddr(t, IOVA, memory, 4 * PAGE), "where one was");
}

static void not_this_one(struct test *t)
{
	char *memory = setup_mapped(t, 2);

	want(t, new_vaddr(t, IOVA, memory, 4 * PAGE), "it has its memory");
	must_give_up(t, IOVA, 4 * PAGE);
	want(t, new_vaddr(t, IOVA, memory, 3 * PAGE), "smaller");
	want(t, new_vaddr(t, IOVA, memory, 8 * PAGE), "larger");
	want(t, new_vaddr(t, IOVA + PAGE, memory, 3 * PAGE), "begins inside");
	want(t, new_vaddr(t, IOVA - PAGE, memory, 5 * PAGE), "begins before");
	want(t, new_vaddr(t, IOVA + 4 * PAGE, memory, 4 * PAGE), "the other, which has its memory");
	want_value(t, 0, new_vaddr(t, IOVA, memory, 4 * PAGE), "the right one");
	want(t, new_vaddr(t, IOVA, memory, 4 * PAGE), "again");
}

/* Memory at another address is as good: the device goes on with what was pinned. */
static void found_again(struct test *t)
{
	char *memory = setup_mapped(t, 2), *other;
	struct edu edu;

	get_edu(t, 0, &edu);
	must_give_up(t, IOVA, 4 * PAGE);
	want_true(t, dma_works(&edu, memory, IOVA), "DMA without vaddr");
	other = mremap(memory, 0, 4 * PAGE, MREMAP_MAYMOVE);
	if (other == MAP_FAILED)
		give_up(t, "mremap");
	want(t, new_vaddr(t, IOVA, other, 4 * PAGE), "at another address");
	want_value(t, 8, proc_billed(0), "pages billed");
	want_true(t, dma_works(&edu, other, IOVA), "DMA after that");
	must_give_up(t, IOVA, 4 * PAGE);
	want(t, new_vaddr(t, IOVA, memory, 4 * PAGE), "and back");
	edu_close(&edu);
}

struct taking {
	char *memory;
	size_t limit;			/* 0: none */
	int result;
	long billed, billed_to_parent;
};

/* Another process takes the mapping over. */
static int take(struct test *t, void *data)
{
	struct taking *taking = data;
	pid_t parent = getppid();

	if (taking->limit)
		become_nobody(t, taking->limit);
	taking->result = new_vaddr(t, IOVA, taking->memory, 4 * PAGE);
	taking->billed = proc_billed(0);
	taking->billed_to_parent = proc_billed(parent);
	return 0;
}

static struct taking *setup_taking(struct test *t, size_t limit)
{
	struct taking *taking = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
				     MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (taking == MAP_FAILED)
		give_up(t, "shared memory");
	taking->memory = setup_mapped(t, 1);
	taking->limit = limit;
	must_give_up(t, IOVA, 4 * PAGE);
	in_other_process(t, take, taking);
	return taking;
}

static void other_over_limit(struct test *t)
{
	struct taking *taking = setup_taking(t, 3);

	want(t, taking->result, "4 pages, limit of 3");
	want_value(t, 0, taking->billed, "pages billed to the other process");
	want_value(t, 4, taking->billed_to_parent, "pages billed to the mapper");
	want_value(t, 4, proc_billed(0), "pages billed after that");
	want_value(t, -EBUSY, (open_group(t, 1), vfio_group_join(t->groups[1].fd, t->container)),
		   "the mapping still has no vaddr: attach");
	want_value(t, 0, new_vaddr(t, IOVA, taking->memory, 4 * PAGE), "by the mapper");
}

static void other_takes(struct test *t)
{
	struct taking *taking = setup_taking(t, 4);
	long pinned = proc_pinned();
	struct edu edu;

	want(t, taking->result, "4 pages, limit of 4");
	want_value(t, 4, taking->billed, "pages billed to the other process");
	want_value(t, 0, taking->billed_to_parent, "pages billed to the mapper");
	want_value(t, 0, proc_billed(0), "pages billed after the other's end");
	want_value(t, pinned, proc_pinned(), "pages pinned after the other's end");
	get_edu(t, 0, &edu);
	want_true(t, dma_works(&edu, taking->memory, IOVA), "DMA after the other's end");
	edu_close(&edu);
	want_value(t, 4 * PAGE, unmap_all(t), "bytes unmapped");
	want_value(t, 0, proc_billed(0), "pages billed");
}

static void map_meanwhile(struct test *t)
{
	char *memory = setup_mapped(t, 1), *more = get_pages(t, 1);

	must_give_up(t, IOVA, 4 * PAGE);
	want(t, map(t, IOVA + 4 * PAGE, more, PAGE), "beside it");
	want_value(t, -EEXIST, map(t, IOVA, more, PAGE), "over it");
	want_value(t, 5, proc_billed(0), "pages billed");
	want_value(t, 0, new_vaddr(t, IOVA, memory, 4 * PAGE), "MAP_DMA with VADDR");
}

/* --- UNMAP_DMA ------------------------------------------------------------------------------ */

static void given_up(struct test *t)
{
	char *memory = setup_mapped(t, 2);
	long limit = available(t);
	struct edu edu;

	get_edu(t, 0, &edu);
	want(t, give_up_vaddr(t, IOVA, 8 * PAGE), "two mappings");
	want_true(t, dma_works(&edu, memory, IOVA), "DMA to the first goes on");
	want_true(t, dma_works(&edu, memory + 4 * PAGE, IOVA + 4 * PAGE), "and to the second");
	want_value(t, 8, proc_billed(0), "pages billed");
	want_value(t, limit, available(t), "mappings available");
	edu_close(&edu);
}

static void given_up_cut(struct test *t)
{
	setup_mapped(t, 1);
	want(t, give_up_vaddr(t, IOVA, 3 * PAGE), "ends inside");
	want(t, give_up_vaddr(t, IOVA + PAGE, 3 * PAGE), "begins inside");
	want_value(t, 4 * PAGE, give_up_vaddr(t, IOVA, 4 * PAGE), "the whole");
}

static void given_up_again(struct test *t)
{
	char *memory = setup_mapped(t, 3);

	must_give_up(t, IOVA + 4 * PAGE, 4 * PAGE);
	want(t, give_up_vaddr(t, IOVA + 4 * PAGE, 4 * PAGE), "the same");
	want(t, give_up_vaddr(t, IOVA, 12 * PAGE), "all three, of which the second has none");
	want_value(t, -EINVAL, new_vaddr(t, IOVA, memory, 4 * PAGE), "the first has its memory");
	want_value(t, -EINVAL, new_vaddr(t, IOVA + 8 * PAGE, memory, 4 * PAGE), "and the third");
	want_value(t, 0, new_vaddr(t, IOVA + 4 * PAGE, memory + 4 * PAGE, 4 * PAGE),
		   "the second does not");
}

static void given_up_all(struct test *t)
{
	char *memory = setup_mapped(t, 3);
	long result = unmap_args(t, UNMAP_SIZE, UNMAP_VADDR | UNMAP_ALL, 0, 0);

	want(t, result, "three mappings");
	want_value(t, 12, proc_billed(0), "pages billed");
	for (int i = 0; i < 3; i++) {
		__u64 at = i * 4 * PAGE;

		want_value(t, 0, new_vaddr(t, IOVA + at, memory + at, 4 * PAGE), "mapping %d", i);
	}
	unmap_all(t);
	want_value(t, 0, unmap_args(t, UNMAP_SIZE, UNMAP_VADDR | UNMAP_ALL, 0, 0), "none");
}

static void unmapped_without(struct test *t)
{
	long pinned;

	setup_mapped(t, 2);
	pinned = proc_pinned();
	must_give_up(t, IOVA, 4 * PAGE);
	want(t, unmap(t, IOVA, 4 * PAGE), "the one without vaddr");
	want_value(t, 4, proc_billed(0), "pages billed");
	want_value(t, pinned - 4, proc_pinned(), "pages pinned");
	open_group(t, 1);
	want_value(t, 0, vfio_group_join(t->groups[1].fd, t->container),
		   "none is without vaddr: attach");
	must_give_up(t, IOVA + 4 * PAGE, 4 * PAGE);
	want_value(t, 4 * PAGE, unmap_all(t), "bytes unmapped with ALL");
}

/* --- with an emulated group ----------------------------------------------------------------- */

static void emulated_present(struct test *t)
{
	needs(t, FEATURE_VADDR);
	setup_emulated(t);
	must_map(t, IOVA, get_pages(t, 4), 4 * PAGE);
	want(t, give_up_vaddr(t, IOVA, 4 * PAGE), "a mapping");
	want(t, give_up_vaddr(t, IOVA, 3 * PAGE), "that is cut");
	want(t, give_up_vaddr(t, IOVA + 1, 0), "misaligned, of no size");
	want(t, unmap_args(t, UNMAP_SIZE, UNMAP_VADDR | UNMAP_ALL, 0, 0), "ALL");
}

static void emulated_extension(struct test *t)
{
	int group;

	needs(t, FEATURE_VADDR);
	setup_emulated(t);
	want(t, vfio_check_extension(t->container, VFIO_UPDATE_VADDR), "an emulated group alone");
	open_group(t, 0);
	join_group(t, 0);
	want(t, vfio_check_extension(t->container, VFIO_UPDATE_VADDR), "beside another");
	group = EDUS;
	close_device(t, group);
	want_value(t, 0, vfio_group_leave(t->groups[group].fd), "it leaves");
	want_value(t, 1, vfio_check_extension(t->container, VFIO_UPDATE_VADDR), "after that");
}

/* The other way round: a mapping without vaddr, and then an emulated group. */
static void emulated_joins(struct test *t)
{
	char *memory = setup_mapped(t, 1);
	int group;

	needs(t, FEATURE_EMULATED);
	must_give_up(t, IOVA, 4 * PAGE);
	group = add_emulated(t, RIG_HEARS_UNMAPS);
	want(t, vfio_group_join(t->groups[group].fd, t->container), "mapping without vaddr");
	want_value(t, 0, new_vaddr(t, IOVA, memory, 4 * PAGE), "MAP_DMA with VADDR");
	want_value(t, 0, vfio_group_join(t->groups[group].fd, t->container), "after that");
}

const struct row vaddr_rows[] = {
	ROW("6e", "CHECK_EXTENSION of UPDATE_VADDR with an emulated group", BOTH, ALL(0),
	    emulated_extension),
	ROW("24", "attach while a mapping has no vaddr", BOTH, ALL(-EBUSY),
	    attach_while_given_up),
	ROW("24e", "... of an emulated group", BOTH, ALL(-EBUSY), emulated_joins),
	ROW("90", "VADDR, nothing there", BOTH, ALL(-ENOENT), nothing_there),
	ROW("91", "VADDR of a mapping that has its memory, or of other bounds", BOTH,
	    ALL(-EINVAL), not_this_one),
	ROW("92", "VADDR from another process over memlock: mapping unchanged", BOTH,
	    ALL(-ENOMEM), other_over_limit),
	ROW("93", "VADDR", BOTH, ALL(0), found_again),
	ROW("93o", "VADDR from another process: the bill moves", BOTH, ALL(0), other_takes),
	ROW("94", "MAP while another mapping has no vaddr", BOTH, ALL(0), map_meanwhile),
	ROW("101", "VADDR with an emulated group", BOTH, ALL(-EBUSY), emulated_present),
	ROW("109v", "v2: VADDR cuts a mapping: nothing given up", V2, ALL(-EINVAL), given_up_cut),
	ROW("117", "VADDR: bytes given up, DMA goes on", BOTH, ALL(8 * PAGE), given_up),
	ROW("118", "VADDR of a mapping without vaddr: nothing given up", BOTH, ALL(-EINVAL),
	    given_up_again),
	ROW("119", "VADDR and ALL: bytes given up", BOTH, ALL(12 * PAGE), given_up_all),
	ROW("120", "unmap of a mapping without vaddr: bytes unmapped", BOTH, ALL(4 * PAGE),
	    unmapped_without),
	END_OF_ROWS
};
