// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Section 3.6, and UNMAP_DMA of 3.5: which pages are dirty, and that none is forgotten.
 *
 * Behind an IOMMU all that is mapped counts as dirty, each time. Which pages an emulated device has
 * touched is known: those it has pinned, and once those that it had, or wrote to by copying.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sysinfo.h>

#include "row.h"

#define START_SIZE	8
#define START		VFIO_IOMMU_DIRTY_PAGES_FLAG_START
#define STOP		VFIO_IOMMU_DIRTY_PAGES_FLAG_STOP
#define GRANULE_64K	(16 * PAGE)

/* A page of bitmap is for so much. */
#define BITMAP_PAGE_COVERS (PAGE * 8 * PAGE)

/* More pages than fit an int. */
#define TOO_MANY ((1ULL << 31) * PAGE)

static int start(struct test *t)
{
	return dirty_request(t, START_SIZE, START);
}

/* The bits of so many pages, fewer than 64, from @iova on. */
static __u64 bits_of(struct test *t, __u64 iova, __u64 pages)
{
	__u64 bits[2] = { 0, 0 };
	int error = dirty_get(t, iova, pages * PAGE, PAGE, bits, sizeof(bits));

	want_value(t, 0, error, "GET_BITMAP of %llu pages at %#llx", pages, iova);
	want_value(t, 0, bits[1], "bits behind the last page");
	return bits[0];
}

/* --- behind an IOMMU ----------------------------------------------------------------------- */

static void all_dirty(struct test *t)
{
	char *memory = get_pages(t, 12);

	needs(t, FEATURE_DIRTY);
	setup(t, 1);
	must_map(t, IOVA, memory, 8 * PAGE);
	must_track(t);
	must_map(t, IOVA + 10 * PAGE, memory + 8 * PAGE, 4 * PAGE);
	want(t, bits_of(t, IOVA, 8), "mapped before START");
	want(t, bits_of(t, IOVA, 8), "asked again");
	want_value(t, 0xf, bits_of(t, IOVA + 10 * PAGE, 4), "mapped after START");
	want_value(t, 0x3cff, bits_of(t, IOVA, 14), "with a hole");
	want_value(t, 0, dirty_request(t, START_SIZE, STOP), "STOP");
	must_track(t);
	want(t, bits_of(t, IOVA, 8), "after STOP and START");
}

/* What a mapping's bits were moved by for one look must not be seen by the next. */
static void asked_elsewhere(struct test *t)
{
	char *memory = get_pages(t, 12);

	needs(t, FEATURE_DIRTY);
	setup(t, 1);
	must_map(t, IOVA, memory, 8 * PAGE);
	must_map(t, IOVA + 10 * PAGE, memory + 8 * PAGE, 4 * PAGE);
	must_track(t);
	want_value(t, 0x3cff, bits_of(t, IOVA, 14), "the second mapping begins with bit 10");
	want(t, bits_of(t, IOVA - PAGE, 15), "with bit 11: bits");
}

/* Bits that others share a word with: those in user memory stay. */
static void merged(struct test *t)
{
	char *memory = get_pages(t, 80);
	__u64 bits[4] = { 1, 1ULL << 63, 0, ~0ULL };

	needs(t, FEATURE_DIRTY);
	setup(t, 1);
	must_map(t, IOVA, memory, 80 * PAGE);
	must_track(t);
	/* 59 pages before it; its bits are 59 to 138. */
	want(t, dirty_get(t, IOVA - 59 * PAGE, 192 * PAGE, PAGE, bits, 24), "80 pages at bit 59");
	want_value(t, 0x1f, bits[0] >> 59, "first bits");
	want_true(t, bits[0] & 1, "a bit before them that was set in user memory stays");
	want_true(t, bits[1] == ~0ULL, "the word between");
	want_value(t, 0x7ff, bits[2], "last bits");
	want_true(t, bits[3] == ~0ULL, "the word behind the bitmap is untouched");
}

static void unmap_tells(struct test *t)
{
	char *memory = get_pages(t, 12);
	__u64 bits[2] = { 0, 0 };

	needs(t, FEATURE_DIRTY);
	setup(t, 1);
	must_map(t, IOVA, memory, 8 * PAGE);
	must_map(t, IOVA + 10 * PAGE, memory + 8 * PAGE, 4 * PAGE);
	must_track(t);
	want(t, unmap_dirty(t, IOVA, 14 * PAGE, PAGE, bits, 16), "two mappings and a hole");
	want_value(t, 0x3cff, bits[0], "bits");
	want_value(t, 0, proc_billed(0), "pages billed");
	want_value(t, 0, unmap_dirty(t, IOVA, 14 * PAGE, PAGE, bits, 16), "again");
}

static void unmap_tells_cut(struct test *t)
{
	char *memory = get_pages(t, 8);
	__u64 bits[2] = { 0, 0 };

	needs(t, FEATURE_DIRTY);
	setup(t, 1);
	must_map(t, IOVA, memory, 8 * PAGE);
	must_track(t);
	want(t, unmap_dirty(t, IOVA, 7 * PAGE, PAGE, bits, 16), "ends inside");
	want(t, unmap_dirty(t, IOVA + PAGE, 7 * PAGE, PAGE, bits, 16), "begins inside");
	want_value(t, 0, bits[0], "bits");
	want_value(t, 8 * PAGE, unmap_all(t), "bytes that were still mapped");
}

/* Bitmap memory whose second page nobody can write. */
static char *half_bitmap(struct test *t)
{
	char *bitmap = get_pages(t, 2);

	memset(bitmap, 0, 2 * PAGE);
	mprotect(bitmap + PAGE, PAGE, PROT_READ);
	return bitmap;
}

static void unmap_copy_fails(struct test *t)
{
	char *memory = get_pages(t, 8), *bitmap;
	long result;

	needs(t, FEATURE_DIRTY);
	setup(t, 1);
	bitmap = half_bitmap(t);
	must_map(t, IOVA, memory, 4 * PAGE);
	must_map(t, IOVA + BITMAP_PAGE_COVERS, memory + 4 * PAGE, 4 * PAGE);
	must_track(t);
	result = unmap_dirty(t, IOVA, 2 * BITMAP_PAGE_COVERS, PAGE, bitmap, 2 * PAGE);
	want_value(t, -EFAULT, result, "UNMAP_DMA");
	want_value(t, 0xf, bitmap[0], "bits of the first mapping");
	want(t, unmap_all(t), "bytes still mapped");
}

/* --- emulated devices ---------------------------------------------------------------------- */

/* A container with an emulated group alone, and a mapping of 32 pages, tracked; the group. */
static int setup_pinning(struct test *t, char **memory)
{
	int group;

	needs(t, FEATURE_DIRTY);
	group = setup_emulated(t);
	*memory = get_pages(t, 32);
	must_map(t, IOVA, *memory, 32 * PAGE);
	must_track(t);
	return group;
}

static void pinned_scope(struct test *t)
{
	char *memory, word[8] = "written";
	int group = setup_pinning(t, &memory);

	want_value(t, 0, bits_of(t, IOVA, 32), "nothing pinned");
	must_pin(t, group, IOVA + 3 * PAGE, 2);
	want_value(t, 0x18, bits_of(t, IOVA, 32), "two pages pinned");
	want_value(t, 0x18, bits_of(t, IOVA, 32), "asked again");
	unpin(t, group, IOVA + 3 * PAGE, 1);
	want_value(t, 0x18, bits_of(t, IOVA, 32), "one unpinned");
	want(t, bits_of(t, IOVA, 32), "asked again: only what is still pinned");
	unpin(t, group, IOVA + 4 * PAGE, 1);
	want_value(t, 0x10, bits_of(t, IOVA, 32), "the other unpinned");
	want_value(t, 0, bits_of(t, IOVA, 32), "asked again");

	want_value(t, 0, copy_in(t, group, IOVA + 7 * PAGE + 8, word, 8, 0), "dma_rw that writes");
	want_value(t, 0x80, bits_of(t, IOVA, 32), "after it");
	want_value(t, 0, bits_of(t, IOVA, 32), "asked again");
	want_value(t, 0, copy_out(t, group, IOVA + 9 * PAGE, word, 8, 0), "dma_rw that reads");
	want_value(t, 0, bits_of(t, IOVA, 32), "after it");
	want_value(t, 0, copy_in(t, group, IOVA + 12 * PAGE - 4, word, 8, 0), "over two pages");
	want_value(t, 0x1800, bits_of(t, IOVA, 32), "after it");
}

/* What was dirty before anybody looked: pinned and unpinned, or pinned before START. */
static void pinned_before(struct test *t)
{
	char *memory;
	int group = setup_pinning(t, &memory);

	must_pin(t, group, IOVA + 2 * PAGE, 1);
	unpin(t, group, IOVA + 2 * PAGE, 1);
	want(t, bits_of(t, IOVA, 32), "pinned and unpinned between two looks");
	want_value(t, 0, dirty_request(t, START_SIZE, STOP), "STOP");
	must_pin(t, group, IOVA + 5 * PAGE, 1);
	must_track(t);
	want_value(t, 0x20, bits_of(t, IOVA, 32), "pinned before START");
}

/* An IOMMU group makes everything dirty; when it leaves, once more. */
static void scope_of_group(struct test *t)
{
	char *memory;
	int group = setup_pinning(t, &memory);

	must_pin(t, group, IOVA, 1);
	want_value(t, 1, bits_of(t, IOVA, 32), "emulated group alone");
	open_group(t, 0);
	join_group(t, 0);
	want(t, bits_of(t, IOVA, 32), "with an IOMMU group");
	want(t, bits_of(t, IOVA, 32), "asked again");
	want_value(t, 0, vfio_group_leave(t->groups[0].fd), "the IOMMU group leaves");
	want(t, bits_of(t, IOVA, 32), "after that, once");
	want_value(t, 1, bits_of(t, IOVA, 32), "asked again: what is pinned");
}

/* A mapping is unmapped that an emulated device holds on to: it is told, what it had is dirty. */
static void unmap_pinned(struct test *t)
{
	struct rig_emulated_state state;
	__u64 bits[2] = { 0, 0 };
	char *memory;
	int group = setup_pinning(t, &memory);

	must_pin(t, group, IOVA + 3 * PAGE, 1);
	want_value(t, 32 * PAGE, unmap_dirty(t, IOVA, 32 * PAGE, PAGE, bits, 16), "UNMAP_DMA");
	want(t, bits[0], "bits");
	state = emulated_state(t, group);
	want_true(t, state.calls > 0, "the device was told");
	want_value(t, 0, state.pinned, "pages it still has");
}

/* --- limits -------------------------------------------------------------------------------- */

/* Nothing is pinned where there is no domain, so that a mapping may be as large as it likes. */
static void start_too_large(struct test *t)
{
	char *memory = get_pages(t, 1);

	needs(t, FEATURE_DIRTY);
	setup_emulated(t);
	must_map(t, IOVA, memory, PAGE);
	must_map(t, 1ULL << 44, memory, TOO_MANY);
	want(t, start(t), "INT_MAX + 1 pages");
	want_value(t, -EINVAL, dirty_get(t, IOVA, PAGE, PAGE, memory, 8), "GET_BITMAP after it");
	want_value(t, TOO_MANY, unmap(t, 1ULL << 44, TOO_MANY), "bytes unmapped");
	want_value(t, 0, start(t), "without it");
	want_value(t, 0, bits_of(t, IOVA, 1), "bits");
}

static void map_too_large(struct test *t)
{
	char *memory = get_pages(t, 1);
	long before;

	needs(t, FEATURE_DIRTY);
	setup_emulated(t);
	must_track(t);
	before = available(t);
	want(t, map(t, 1ULL << 44, memory, TOO_MANY), "INT_MAX + 1 pages");
	want_value(t, before, available(t), "mappings available");
	want_value(t, 0, unmap_all(t), "bytes mapped by that");
	want_value(t, 0, map(t, IOVA, memory, PAGE), "a page");
}

/* The bitmap of so many pages takes 256 MiB; that more than there is can't be had, at once. */
static void start_no_memory(struct test *t)
{
	char *memory = get_pages(t, 1);
	struct sysinfo info;

	needs(t, FEATURE_DIRTY);
	if (sysinfo(&info) || info.totalram * info.mem_unit >= 256 * MIB)
		cannot(t, "needs a machine with less than 256 MiB of memory");
	setup_emulated(t);
	must_map(t, IOVA, memory, PAGE);
	must_map(t, 1ULL << 44, memory, TOO_MANY - PAGE);
	want(t, start(t), "INT_MAX pages");
	want_value(t, -EINVAL, dirty_get(t, IOVA, PAGE, PAGE, memory, 8), "GET_BITMAP after it");
	want_value(t, TOO_MANY - PAGE, unmap(t, 1ULL << 44, TOO_MANY - PAGE), "bytes unmapped");
	want_value(t, 0, start(t), "without it");
}

/* --- what in-tree gets wrong --------------------------------------------------------------- */

/* Two pages, each the first of a mapping, that were dirty before a look which failed. */
static void fault_in_second(struct test *t)
{
	char *memory, *bitmap;
	int error, group;
	long found;

	needs(t, FEATURE_DIRTY);
	group = setup_emulated(t);
	bitmap = half_bitmap(t);
	memory = get_pages(t, 8);
	must_map(t, IOVA, memory, 4 * PAGE);
	must_map(t, IOVA + BITMAP_PAGE_COVERS, memory + 4 * PAGE, 4 * PAGE);
	must_track(t);
	for (int i = 0; i < 2; i++) {
		must_pin(t, group, IOVA + i * BITMAP_PAGE_COVERS, 1);
		unpin(t, group, IOVA + i * BITMAP_PAGE_COVERS, 1);
	}
	error = dirty_get(t, IOVA, 2 * BITMAP_PAGE_COVERS, PAGE, bitmap, 2 * PAGE);
	want_value(t, -EFAULT, error, "GET_BITMAP into a bitmap half of which is read-only");
	mprotect(bitmap, 2 * PAGE, PROT_READ | PROT_WRITE);
	memset(bitmap, 0, 2 * PAGE);
	error = dirty_get(t, IOVA, 2 * BITMAP_PAGE_COVERS, PAGE, bitmap, 2 * PAGE);
	want_value(t, 0, error, "GET_BITMAP again");
	found = (bitmap[0] & 1) + (bitmap[PAGE] & 1);
	want(t, found, "dirty pages found");
}

/* The mapping's bits begin inside a word, and have to be moved there. */
static void fault_while_moving(struct test *t)
{
	__u64 bits[2] = { 0, 0 };
	char *memory, *bitmap;
	int error, group = setup_pinning(t, &memory);

	bitmap = get_pages(t, 1);
	must_pin(t, group, IOVA + 8 * PAGE, 1);
	unpin(t, group, IOVA + 8 * PAGE, 1);
	mprotect(bitmap, PAGE, PROT_NONE);
	error = dirty_get(t, IOVA - 3 * PAGE, 40 * PAGE, PAGE, bitmap, 8);
	want_value(t, -EFAULT, error, "GET_BITMAP into a bitmap that can't be written");
	error = dirty_get(t, IOVA - 3 * PAGE, 40 * PAGE, PAGE, bits, 8);
	want_value(t, 0, error, "GET_BITMAP again");
	want(t, bits[0], "bits: page 8 of a mapping that begins with bit 3");
	mprotect(bitmap, PAGE, PROT_READ | PROT_WRITE);
}

/* Bitmaps made for pages of 64 KiB; then the unit that wanted those leaves. */
static void granule_shrinks(struct test *t)
{
	struct rig_unit_spec spec = unit_plain();
	struct memory memory;
	__u64 bits[4] = { 0 };
	int fine, coarse;

	needs(t, FEATURE_DIRTY);
	dangerous(t, "it writes behind the bitmaps it has allocated");
	if (memory_get(&memory, MEMORY_HUGETLB, HUGE_PAGE))
		cannot(t, "needs 2 MiB huge pages");
	spec.pgsizes |= GRANULE_64K;
	fine = add_group(t, add_unit(t, spec));
	coarse = add_group(t, add_unit(t, unit_coarse()));
	open_container(t);
	join_group(t, fine);
	join_group(t, coarse);
	if (vfio_set_type(t->container, t->type))
		give_up(t, "SET_IOMMU");
	want_value(t, GRANULE_64K, granule(t), "granule");
	must_map(t, IOVA, memory.address, 8 * GRANULE_64K);
	must_track(t);
	want_value(t, 0, dirty_get(t, IOVA, 8 * GRANULE_64K, GRANULE_64K, bits, 8), "by 64 KiB");
	want_value(t, 0xff, bits[0], "bits by 64 KiB");
	want_value(t, 0, vfio_group_leave(t->groups[coarse].fd), "the coarse unit leaves");
	want_value(t, PAGE, granule(t), "granule after that");
	memset(bits, 0, sizeof(bits));
	want(t, dirty_get(t, IOVA, 8 * GRANULE_64K, PAGE, bits, 16), "by 4 KiB");
	want_true(t, bits[0] == ~0ULL && bits[1] == ~0ULL, "all 128 pages are dirty");
	want_value(t, 0, bits[2], "bits behind them");
	want_value(t, -EINVAL, dirty_get(t, IOVA, 8 * GRANULE_64K, GRANULE_64K, bits, 8),
		   "by 64 KiB after that");
	/* And grows again. */
	want_value(t, 0, vfio_group_join(t->groups[coarse].fd, t->container), "it comes back");
	memset(bits, 0, sizeof(bits));
	want_value(t, 0, dirty_get(t, IOVA, 8 * GRANULE_64K, GRANULE_64K, bits, 8), "by 64 KiB");
	want_value(t, 0xff, bits[0], "bits by 64 KiB again");
	unmap_all(t);
	memory_put(&memory);
}

const struct row tracking_rows[] = {
	ROW("89", "MAP_DMA of more than INT_MAX pages while tracked: undone", V2, ALL(-EINVAL),
	    map_too_large),
	ROW("106d", "DIRTY: bytes unmapped, all pages dirty", V2, ALL(12 * PAGE), unmap_tells),
	ROW("109d", "DIRTY, cuts a mapping: nothing removed", V2, ALL(-EINVAL), unmap_tells_cut),
	ROW("121d", "DIRTY, a page of it pinned: told, and dirty", V2, ALL(8), unmap_pinned),
	ROW("122", "DIRTY, copy fails at the second mapping: bytes still mapped", V2,
	    ALL(4 * PAGE), unmap_copy_fails),
	ROW("130", "START with more than INT_MAX pages in a mapping", V2, ALL(-EINVAL),
	    start_too_large),
	ROW("131", "START without memory: none allocated", V2, ALL(-ENOMEM), start_no_memory),
	ROW("141", "GET_BITMAP with an IOMMU group: all bits, every time", V2, ALL(0xff),
	    all_dirty),
	DEFECT("141u", "GET_BITMAP of another range: nothing of the one before it", V2,
	       ALL(0x1e7f9fe), 0x79fe, asked_elsewhere),
	ROW("141m", "GET_BITMAP, bits that share a word", V2, ALL(0), merged),
	ROW("141s", "GET_BITMAP, IOMMU group beside an emulated one: all, and once after it", V2,
	    ALL(0xffffffff), scope_of_group),
	ROW("142", "GET_BITMAP, emulated group: what is pinned, once what was or was written", V2,
	    ALL(0x10), pinned_scope),
	ROW("142b", "GET_BITMAP, pinned and unpinned before it", V2, ALL(4), pinned_before),
	DEFECT("143", "GET_BITMAP failed at the second mapping: dirty pages found afterwards", V2,
	       ALL(1), 2, fault_in_second),
	DEFECT("143s", "GET_BITMAP failed at bits to be moved: bits found afterwards", V2,
	       ALL(1 << 14), 1 << 11, fault_while_moving),
	DEFECT("143g", "GET_BITMAP after the granule has shrunk", V2, ALL(0), 0, granule_shrinks),
	END_OF_ROWS
};
