// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Section 3.4: MAP_DMA, what is refused for its arguments, its place or the number of mappings. */
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "row.h"

#define RW	VFIO_MAP_RW
#define ARGSZ	sizeof(struct vfio_iommu_type1_dma_map)
#define TOP	(~0ULL - PAGE + 1)	/* the last page of 64 bits */

static void argsz_too_small(struct test *t)
{
	uintptr_t memory = (uintptr_t)get_pages(t, 1);

	setup(t, 1);
	want(t, map_args(t, 0, RW, memory, IOVA, PAGE), "argsz 0");
	want(t, map_args(t, 31, RW, memory, IOVA, PAGE), "argsz 31");
	want_value(t, 0, map_args(t, 4096, RW, memory, IOVA, PAGE), "argsz 4096");
}

static void unknown_flag(struct test *t)
{
	uintptr_t memory = (uintptr_t)get_pages(t, 1);

	setup(t, 1);
	want(t, map_args(t, ARGSZ, RW | 8, memory, IOVA, PAGE), "flag 8");
	want(t, map_args(t, ARGSZ, RW | 1u << 31, memory, IOVA, PAGE), "flag 1 << 31");
	want_value(t, 0, unmap_all(t), "bytes mapped by that");
}

static void size_zero(struct test *t)
{
	setup(t, 1);
	want(t, map(t, IOVA, get_pages(t, 1), 0), "size 0");
	want(t, map(t, 0, NULL, 0), "all 0");
}

static void iova_wraps(struct test *t)
{
	char *memory = get_pages(t, 2);

	setup(t, 1);
	want(t, map(t, TOP, memory, 2 * PAGE), "by a page");
	want(t, map(t, IOVA, memory, ~0ULL - PAGE + 1), "by a huge size");
	want(t, map_args(t, ARGSZ, 0, (uintptr_t)memory, TOP, 2 * PAGE), "by a page, flags 0");
	want_value(t, -EINVAL, map_args(t, ARGSZ, RW | 8, (uintptr_t)memory, TOP, 2 * PAGE),
		   "by a page, unknown flag");
}

static void vaddr_wraps(struct test *t)
{
	setup(t, 1);
	want(t, map_args(t, ARGSZ, RW, TOP, IOVA, 2 * PAGE), "by a page");
}

static void no_protection(struct test *t)
{
	setup(t, 1);
	want(t, map_args(t, ARGSZ, 0, (uintptr_t)get_pages(t, 1), IOVA, PAGE), "flags 0");
}

static void vaddr_and_protection(struct test *t)
{
	uintptr_t memory = (uintptr_t)get_pages(t, 1);
	const __u32 vaddr = VFIO_DMA_MAP_FLAG_VADDR;

	setup(t, 1);
	want(t, map_args(t, ARGSZ, vaddr | VFIO_DMA_MAP_FLAG_READ, memory, IOVA, PAGE), "READ");
	want(t, map_args(t, ARGSZ, vaddr | VFIO_DMA_MAP_FLAG_WRITE, memory, IOVA, PAGE), "WRITE");
}

static void misaligned(struct test *t)
{
	char *memory = get_pages(t, 3);
	__u64 half;

	setup(t, 1);
	half = granule(t) / 2;
	want(t, map(t, IOVA, memory, PAGE + half), "size");
	want(t, map(t, IOVA, memory, 1), "size 1");
	want(t, map(t, IOVA + half, memory, PAGE), "iova");
	want(t, map(t, IOVA, memory + half, PAGE), "vaddr");
	want(t, map(t, IOVA + half, memory + half, PAGE), "iova and vaddr");
	want_value(t, 0, unmap_all(t), "bytes mapped by that");
}

static void wraps_misaligned(struct test *t)
{
	char *memory = get_pages(t, 2);

	setup(t, 1);
	want(t, map(t, TOP + 1, memory, 2 * PAGE), "iova");
	want(t, map_args(t, ARGSZ, RW, TOP + 1, IOVA, 2 * PAGE), "vaddr");
}

static void overlap(struct test *t)
{
	char *memory = get_pages(t, 8);

	setup(t, 1);
	must_map(t, IOVA, memory, 4 * PAGE);
	want(t, map(t, IOVA, memory, 4 * PAGE), "the same again");
	want(t, map(t, IOVA, memory + 4 * PAGE, PAGE), "the first page");
	want(t, map(t, IOVA + PAGE, memory + 4 * PAGE, PAGE), "a page inside");
	want(t, map(t, IOVA + 3 * PAGE, memory, 4 * PAGE), "the last page and more");
	want(t, map(t, IOVA - PAGE, memory, 2 * PAGE), "from before to the first page");
	want(t, map(t, IOVA - PAGE, memory, 8 * PAGE), "around it");
	want_value(t, 0, map(t, IOVA - PAGE, memory + 4 * PAGE, PAGE), "adjacent before");
	want_value(t, 0, map(t, IOVA + 4 * PAGE, memory + 5 * PAGE, PAGE), "adjacent behind");
	want_value(t, 6 * PAGE, unmap_all(t), "bytes mapped in the end");
}

static void overlap_at_limit(struct test *t)
{
	char *memory = get_pages(t, 1);

	set_parameter(t, "dma_entry_limit", "1");
	setup(t, 1);
	must_map(t, IOVA, memory, PAGE);
	want(t, map(t, IOVA, memory, PAGE), "identical");
}

static void limit_reached(struct test *t)
{
	char *memory = get_pages(t, 1);

	set_parameter(t, "dma_entry_limit", "3");
	setup(t, 1);
	for (int i = 0; i < 3; i++)
		must_map(t, IOVA + i * PAGE, memory, PAGE);
	want_value(t, 0, available(t), "left");
	want(t, map(t, IOVA + 3 * PAGE, memory, PAGE), "one more than the limit");
	want_value(t, PAGE, unmap(t, IOVA + PAGE, PAGE), "bytes unmapped");
	want_value(t, 0, map(t, IOVA + 9 * PAGE, memory, PAGE), "after one was unmapped");
	want(t, map(t, IOVA + 3 * PAGE, memory, PAGE), "one more again");
}

/* The limit is sampled when a container gets its type. */
static void limit_sampled(struct test *t)
{
	int first;

	set_parameter(t, "dma_entry_limit", "5");
	setup(t, 1);
	set_parameter(t, "dma_entry_limit", "2");
	want(t, available(t), "in the container that was there");
	first = t->container;
	open_container(t);
	open_group(t, 1);
	join_group(t, 1);
	if (vfio_set_type(t->container, t->type))
		give_up(t, "SET_IOMMU of another container");
	want_value(t, 2, available(t), "in a new container");
	close_group(t, 0);
	close(first);
}

static void outside_window(struct test *t)
{
	char *memory = get_pages(t, 4);
	struct vfio_info info;
	__u64 last;

	setup(t, 1);
	get_info(t, &info);
	last = info.ranges[info.nranges - 1].end;
	if (info.nranges > 1) {
		__u64 gap = info.ranges[0].end + 1;

		want(t, map(t, gap, memory, PAGE), "reserved region");
		want(t, map(t, gap - PAGE, memory, 2 * PAGE), "its border before");
		want(t, map(t, info.ranges[1].start - PAGE, memory, 2 * PAGE), "its border behind");
		want(t, map(t, gap - PAGE, memory, info.ranges[1].start - gap + 2 * PAGE),
		     "both ranges and the region between");
	}
	if (last + 1 < TOP) {
		want(t, map(t, last + 1, memory, PAGE), "behind the aperture");
		want(t, map(t, last - PAGE + 1, memory, 2 * PAGE), "border of the aperture");
		want(t, map(t, TOP - PAGE, memory, PAGE), "far behind the aperture");
	}
	want_value(t, 0, unmap_all(t), "bytes mapped by that");
}

static void outside_at_limit(struct test *t)
{
	char *memory = get_pages(t, 1);
	struct vfio_info info;

	set_parameter(t, "dma_entry_limit", "1");
	setup(t, 1);
	must_map(t, IOVA, memory, PAGE);
	get_info(t, &info);
	if (info.nranges < 2)
		cannot(t, "needs a unit with a reserved region");
	want(t, map(t, info.ranges[0].end + 1, memory, PAGE), "in the reserved region");
}

static void at_the_ends(struct test *t)
{
	char *memory = get_pages(t, 2);
	struct vfio_info info;

	setup(t, 1);
	get_info(t, &info);
	for (int i = 0; i < info.nranges; i++) {
		__u64 last_page = info.ranges[i].end - PAGE + 1;

		want(t, map(t, info.ranges[i].start, memory, PAGE), "first page of range %d", i);
		want(t, map(t, last_page, memory, PAGE), "last page of range %d", i);
		want_value(t, PAGE, unmap(t, last_page, PAGE), "unmap of it");
		want(t, map(t, last_page - PAGE, memory, 2 * PAGE), "last two pages");
		want_value(t, 2 * PAGE, unmap(t, last_page - PAGE, 2 * PAGE), "unmap of them");
		want_value(t, PAGE, unmap(t, info.ranges[i].start, PAGE), "unmap of the first");
	}
}

const struct row map_rows[] = {
	ROW("55", "argsz < 32", BOTH, ALL(-EINVAL), argsz_too_small),
	ROW("56", "unknown flag", BOTH, ALL(-EINVAL), unknown_flag),
	ELSEWHERE("57", "field that does not fit the host",
		  "no test: the module does not build for a 32-bit kernel"),
	ROW("58", "size 0", BOTH, ALL(-EINVAL), size_zero),
	ROW("59", "iova + size - 1 wraps", BOTH, EACH(-EINVAL, -EINVAL, -EOVERFLOW), iova_wraps),
	ROW("60", "vaddr + size - 1 wraps", BOTH, EACH(-EINVAL, -EINVAL, -EOVERFLOW), vaddr_wraps),
	ROW("61", "neither READ, WRITE nor VADDR", BOTH, ALL(-EINVAL), no_protection),
	ROW("62", "VADDR with READ or WRITE", BOTH, ALL(-EINVAL), vaddr_and_protection),
	ROW("63", "size, iova or vaddr not a multiple of the granule", BOTH, ALL(-EINVAL),
	    misaligned),
	ROW("64", "wraps and is misaligned", BOTH, EACH(-EINVAL, -EINVAL, -EOVERFLOW),
	    wraps_misaligned),
	ROW("65", "overlaps a mapping", BOTH, ALL(-EEXIST), overlap),
	ROW("66", "overlaps, and the limit is reached", BOTH, ALL(-EEXIST), overlap_at_limit),
	ROW("67", "limit of mappings reached", BOTH, ALL(-ENOSPC), limit_reached),
	ROW("67a", "dma_entry_limit is sampled when the type is set", BOTH, ALL(5), limit_sampled),
	ROW("68", "outside the window, or over two ranges of it", BOTH, ALL(-EINVAL),
	    outside_window),
	ROW("69", "outside the window, and the limit is reached", BOTH, ALL(-ENOSPC),
	    outside_at_limit),
	ROW("71", "ends with the last byte of a range, or starts with its first", BOTH, ALL(0),
	    at_the_ends),
	END_OF_ROWS
};
