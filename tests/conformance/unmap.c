// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Section 3.5: UNMAP_DMA. A result that is not negative is the number of bytes unmapped. */
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "row.h"

#define ARGSZ	sizeof(struct vfio_iommu_type1_dma_unmap)
#define FLAG_ALL VFIO_DMA_UNMAP_FLAG_ALL

/* A container with mappings of four pages each, at IOVA and every @step pages on. */
static char *setup_mapped(struct test *t, int mappings, int step)
{
	char *memory = get_pages(t, 4 * mappings);

	setup(t, 1);
	for (int i = 0; i < mappings; i++)
		must_map(t, IOVA + i * step * PAGE, memory + i * 4 * PAGE, 4 * PAGE);
	return memory;
}

static void still_mapped(struct test *t, int mappings)
{
	want_value(t, mappings * 4, proc_billed(0), "pages still billed");
	want_value(t, mappings * 4 * PAGE, unmap_all(t), "bytes that were still mapped");
}

static void bad_arguments(struct test *t)
{
	setup_mapped(t, 1, 4);
	want(t, unmap_args(t, 0, 0, IOVA, 4 * PAGE), "argsz 0");
	want(t, unmap_args(t, 23, 0, IOVA, 4 * PAGE), "argsz 23");
	want(t, unmap_args(t, ARGSZ, 8, IOVA, 4 * PAGE), "flag 8");
	want(t, unmap_args(t, ARGSZ, 1u << 31 | FLAG_ALL, 0, 0), "flag 1 << 31 and ALL");
	still_mapped(t, 1);
}

static void iova_misaligned(struct test *t)
{
	setup_mapped(t, 1, 4);
	want(t, unmap(t, IOVA + granule(t) / 2, 4 * PAGE), "by half a granule");
	want(t, unmap(t, IOVA - 1, 4 * PAGE), "by a byte");
	still_mapped(t, 1);
}

static void all_with_range(struct test *t)
{
	setup_mapped(t, 1, 4);
	want(t, unmap_args(t, ARGSZ, FLAG_ALL, IOVA, 0), "iova");
	want(t, unmap_args(t, ARGSZ, FLAG_ALL, 0, PAGE), "size");
	want(t, unmap_args(t, ARGSZ, FLAG_ALL, IOVA, 4 * PAGE), "both");
	still_mapped(t, 1);
}

static void bad_size(struct test *t)
{
	setup_mapped(t, 1, 4);
	want(t, unmap(t, IOVA, 0), "size 0");
	want(t, unmap(t, 0, 0), "size and iova 0");
	want(t, unmap(t, IOVA, PAGE + granule(t) / 2), "half a granule");
	want(t, unmap(t, IOVA, 4 * PAGE + 1), "a byte more");
	still_mapped(t, 1);
}

static void wraps(struct test *t)
{
	setup_mapped(t, 1, 4);
	want(t, unmap(t, ~0ULL - PAGE + 1, 2 * PAGE), "by a page");
	want(t, unmap(t, IOVA, ~0ULL - PAGE + 1), "by a huge size");
	want_value(t, -EINVAL, unmap(t, ~0ULL - PAGE + 2, 2 * PAGE), "by a page, misaligned");
	still_mapped(t, 1);
}

static void v2_start_inside(struct test *t)
{
	setup_mapped(t, 2, 4);
	want(t, unmap(t, IOVA + PAGE, 3 * PAGE), "to its end");
	want(t, unmap(t, IOVA + PAGE, PAGE), "a page inside");
	want(t, unmap(t, IOVA + 3 * PAGE, 5 * PAGE), "into the next, whole");
	still_mapped(t, 2);
}

static void v2_end_inside(struct test *t)
{
	setup_mapped(t, 2, 4);
	want(t, unmap(t, IOVA, PAGE), "its first page");
	want(t, unmap(t, IOVA - PAGE, 2 * PAGE), "from before it");
	want(t, unmap(t, IOVA, 5 * PAGE), "one whole and a page of the next");
	want(t, unmap(t, 0, IOVA + PAGE), "from 0");
	still_mapped(t, 2);
}

static void v2_several(struct test *t)
{
	char *memory = setup_mapped(t, 4, 6);
	long limit = available(t);

	want(t, unmap(t, IOVA - PAGE, 11 * PAGE), "two of four, with holes");
	want_value(t, limit + 2, available(t), "mappings available");
	want_value(t, 8, proc_billed(0), "pages billed");
	want(t, unmap(t, IOVA + 12 * PAGE, 10 * PAGE), "the other two, to the end of the last");
	must_map(t, IOVA, memory, 4 * PAGE);
	must_map(t, 1ULL << 33, memory + 4 * PAGE, 4 * PAGE);
	want(t, unmap(t, 0, 1ULL << 47), "far more than what there is");
	must_map(t, IOVA, memory, 4 * PAGE);
	must_map(t, 1ULL << 33, memory + 4 * PAGE, 4 * PAGE);
	want(t, unmap(t, 0, ~0ULL - PAGE + 1), "nearly all of 64 bits");
}

static void v2_nothing(struct test *t)
{
	setup_mapped(t, 2, 8);
	want(t, unmap(t, IOVA + 4 * PAGE, 4 * PAGE), "the hole between");
	want(t, unmap(t, IOVA - 4 * PAGE, 4 * PAGE), "right before");
	want(t, unmap(t, 1ULL << 33, PAGE), "far away");
	want(t, unmap(t, 1ULL << 60, PAGE), "outside the window");
	still_mapped(t, 2);
}

static void v1_start_inside(struct test *t)
{
	setup_mapped(t, 3, 4);
	want(t, unmap(t, IOVA + PAGE, PAGE), "a page inside");
	want(t, unmap(t, IOVA + PAGE, 3 * PAGE), "to its end");
	want(t, unmap(t, IOVA + PAGE, 11 * PAGE), "and two more, whole");
	still_mapped(t, 3);
}

static void v1_end_inside(struct test *t)
{
	char *memory = setup_mapped(t, 1, 4);

	want(t, unmap(t, IOVA, PAGE), "its first page");
	want_value(t, 0, proc_billed(0), "pages billed");
	must_map(t, IOVA, memory, 4 * PAGE);
	want(t, unmap(t, IOVA - 2 * PAGE, 3 * PAGE), "from before it");
	want_value(t, 0, unmap_all(t), "bytes that were still mapped");
}

static void v1_second_cut(struct test *t)
{
	char *memory = setup_mapped(t, 2, 4);

	want(t, unmap(t, IOVA, 5 * PAGE), "adjacent");
	must_map(t, IOVA, memory, 4 * PAGE);
	must_map(t, IOVA + 6 * PAGE, memory + 4 * PAGE, 4 * PAGE);
	want(t, unmap(t, IOVA, 7 * PAGE), "with a hole");
	want_value(t, 0, unmap_all(t), "bytes that were still mapped");
}

static void everything(struct test *t)
{
	char *memory;
	long limit;

	setup(t, 1);
	want_value(t, 0, unmap_all(t), "of an empty container");
	limit = available(t);
	memory = get_pages(t, 7);
	must_map(t, 0, memory, PAGE);
	must_map(t, IOVA, memory + PAGE, 2 * PAGE);
	must_map(t, IOVA + 2 * PAGE, memory + 3 * PAGE, PAGE);
	must_map(t, 1ULL << 38, memory + 4 * PAGE, 3 * PAGE);
	want(t, unmap_all(t), "four mappings");
	want_value(t, limit, available(t), "mappings available");
	want_value(t, 0, proc_billed(0), "pages billed");
	want_value(t, 0, unmap_all(t), "again");
}

static void twice(struct test *t)
{
	setup_mapped(t, 1, 4);
	want_value(t, 4 * PAGE, unmap(t, IOVA, 4 * PAGE), "once");
	want(t, unmap(t, IOVA, 4 * PAGE), "twice");
	want(t, unmap(t, IOVA, PAGE), "its first page");
}

/* The structure lies in memory that the kernel can read but not write. */
static void no_copy_back(struct test *t)
{
	struct vfio_iommu_type1_dma_unmap *args;
	char *page = get_pages(t, 1);
	long limit;

	setup_mapped(t, 1, 4);
	limit = available(t);
	args = (void *)page;
	args->argsz = ARGSZ;
	args->flags = 0;
	args->iova = IOVA;
	args->size = 4 * PAGE;
	mprotect(page, PAGE, PROT_READ);
	want(t, ioctl(t->container, VFIO_IOMMU_UNMAP_DMA, args) ? -errno : 0, "read-only struct");
	want_value(t, limit + 1, available(t), "mappings available: it was unmapped");
	want_value(t, 0, proc_billed(0), "pages billed");
}

static int map_pages(struct test *t, void *data)
{
	(void)data;
	return map(t, IOVA, get_pages(t, 64), 64 * PAGE) ? 1 : 0;
}

static void mapper_gone(struct test *t)
{
	long pinned = proc_pinned();

	setup(t, 1);
	want_value(t, 0, in_other_process(t, map_pages, NULL), "MAP_DMA in another process");
	want_value(t, pinned + 64, proc_pinned(), "pages pinned after the mapper's end");
	want(t, unmap(t, IOVA, 64 * PAGE), "by who holds the container");
	want_value(t, pinned, proc_pinned(), "pages pinned after the unmap");
	want_value(t, 0, proc_billed(0), "pages billed to who unmaps");
}

static int unmap_pages(struct test *t, void *data)
{
	*(long *)data = unmap(t, IOVA, 4 * PAGE);
	return proc_billed(0) ? 1 : 0;
}

static void other_process(struct test *t)
{
	long *result = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	setup_mapped(t, 1, 4);
	want_value(t, 0, in_other_process(t, unmap_pages, result), "pages billed to who unmaps");
	want(t, *result, "by another process");
	want_value(t, 0, proc_billed(0), "pages billed to the mapper");
}

const struct row unmap_rows[] = {
	ROW("96", "argsz < 24, or unknown flag", BOTH, ALL(-EINVAL), bad_arguments),
	ROW("102", "iova not a multiple of the granule", BOTH, ALL(-EINVAL), iova_misaligned),
	ROW("103", "ALL with an iova or a size", BOTH, ALL(-EINVAL), all_with_range),
	ROW("104", "size 0, or not a multiple of the granule", BOTH, ALL(-EINVAL), bad_size),
	ROW("105", "iova + size - 1 wraps", BOTH, EACH(-EINVAL, -EINVAL, -EOVERFLOW), wraps),
	ROW("108", "v2: starts inside a mapping: nothing removed", V2, ALL(-EINVAL),
	    v2_start_inside),
	ROW("109", "v2: ends inside a mapping: nothing removed", V2, ALL(-EINVAL), v2_end_inside),
	ROW("110", "v2: several mappings and holes: bytes unmapped", V2, ALL(8 * PAGE), v2_several),
	ROW("111", "v2: nothing there: bytes unmapped", V2, ALL(0), v2_nothing),
	ROW("112", "v1: starts inside the first mapping: bytes unmapped", V1, ALL(0),
	    v1_start_inside),
	ROW("113", "v1: ends inside a mapping: whole mapping's bytes", V1, ALL(4 * PAGE),
	    v1_end_inside),
	ROW("114", "v1: ends inside the second mapping: both mappings' bytes", V1, ALL(8 * PAGE),
	    v1_second_cut),
	ROW("115", "ALL: bytes of all mappings", BOTH, ALL(7 * PAGE), everything),
	ROW("116", "unmapped again: bytes unmapped", BOTH, ALL(0), twice),
	ROW("123", "size cannot be written back: unmapped nevertheless", BOTH, ALL(-EFAULT),
	    no_copy_back),
	ROW("124", "mapper has exited: bytes unmapped", BOTH, ALL(64 * PAGE), mapper_gone),
	ROW("125", "another process unmaps: bytes unmapped", BOTH, ALL(4 * PAGE), other_process),
	END_OF_ROWS
};
