// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Section 3.6, DIRTY_PAGES, and UNMAP_DMA that tells what is dirty (3.5): which arguments are
 * taken, and what is refused. What is dirty is in tracking.c.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "row.h"

#define HEAD	offsetof(struct vfio_iommu_type1_dirty_bitmap, data)
#define START	VFIO_IOMMU_DIRTY_PAGES_FLAG_START
#define STOP	VFIO_IOMMU_DIRTY_PAGES_FLAG_STOP
#define GET	VFIO_IOMMU_DIRTY_PAGES_FLAG_GET_BITMAP
#define UNMAP_GET VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP
#define CANARY	0xa5
#define TOP	(~0ULL - PAGE + 1)	/* the last page of 64 bits */

/* --- requests ------------------------------------------------------------------------------ */

struct get_request {
	struct vfio_iommu_type1_dirty_bitmap head;
	struct vfio_iommu_type1_dirty_bitmap_get get;
};

#define GET_SIZE sizeof(struct get_request)

struct unmap_request {
	struct vfio_iommu_type1_dma_unmap head;
	struct vfio_bitmap bitmap;
};

#define UNMAP_SIZE sizeof(struct unmap_request)

int dirty_request(struct test *t, __u32 argsz, __u32 flags)
{
	struct get_request request = { .head = { .argsz = argsz, .flags = flags } };

	return ioctl(t->container, VFIO_IOMMU_DIRTY_PAGES, &request) ? -errno : 0;
}

static int get_args(struct test *t, __u32 argsz, __u32 flags, __u64 iova, __u64 size, __u64 page,
		    void *bitmap, __u64 bytes)
{
	struct get_request request = {
		.head = { .argsz = argsz, .flags = flags },
		.get = {
			.iova = iova,
			.size = size,
			.bitmap = { .pgsize = page, .size = bytes, .data = bitmap },
		},
	};

	return ioctl(t->container, VFIO_IOMMU_DIRTY_PAGES, &request) ? -errno : 0;
}

int dirty_get(struct test *t, __u64 iova, __u64 size, __u64 page, void *bitmap, __u64 bytes)
{
	return get_args(t, GET_SIZE, GET, iova, size, page, bitmap, bytes);
}

static long unmap_get(struct test *t, __u32 argsz, __u32 flags, __u64 iova, __u64 size,
		      __u64 page, void *bitmap, __u64 bytes)
{
	struct unmap_request request = {
		.head = { .argsz = argsz, .flags = flags | UNMAP_GET, .iova = iova, .size = size },
		.bitmap = { .pgsize = page, .size = bytes, .data = bitmap },
	};

	return ioctl(t->container, VFIO_IOMMU_UNMAP_DMA, &request) ? -errno :
								     (long)request.head.size;
}

long unmap_dirty(struct test *t, __u64 iova, __u64 size, __u64 page, void *bitmap, __u64 bytes)
{
	return unmap_get(t, UNMAP_SIZE, 0, iova, size, page, bitmap, bytes);
}

void must_track(struct test *t)
{
	int error = dirty_request(t, HEAD, START);

	if (error) {
		errno = -error;
		give_up(t, "DIRTY_PAGES START");
	}
}

/* A container with a mapping of 8 pages at IOVA, tracked. */
static char *setup_tracked(struct test *t)
{
	char *memory = get_pages(t, 8);

	needs(t, FEATURE_DIRTY);
	setup(t, 1);
	must_map(t, IOVA, memory, 8 * PAGE);
	must_track(t);
	return memory;
}

static void still_mapped(struct test *t)
{
	want_value(t, 8, proc_billed(0), "pages still billed");
	want_value(t, 8 * PAGE, unmap_all(t), "bytes that were still mapped");
}

/* --- UNMAP_DMA with the flag --------------------------------------------------------------- */

static void unmap_bad_flags(struct test *t)
{
	__u64 bits[16];

	setup_tracked(t);
	want(t, unmap_get(t, UNMAP_SIZE, VFIO_DMA_UNMAP_FLAG_ALL, 0, 0, PAGE, bits, 8), "ALL");
	want(t, unmap_get(t, UNMAP_SIZE, VFIO_DMA_UNMAP_FLAG_VADDR, IOVA, 8 * PAGE, PAGE, bits, 8),
	     "VADDR");
	want(t, unmap_get(t, UNMAP_SIZE, VFIO_DMA_UNMAP_FLAG_VADDR | VFIO_DMA_UNMAP_FLAG_ALL, 0, 0,
			  PAGE, bits, 8), "ALL and VADDR");
	still_mapped(t);
}

static void unmap_small_argsz(struct test *t)
{
	__u64 bits[16];

	setup_tracked(t);
	want(t, unmap_get(t, 24, 0, IOVA, 8 * PAGE, PAGE, bits, 8), "argsz 24");
	want(t, unmap_get(t, UNMAP_SIZE - 1, 0, IOVA, 8 * PAGE, PAGE, bits, 8), "argsz 47");
	still_mapped(t);
}

static void unmap_bad_pointer(struct test *t)
{
	setup_tracked(t);
	want(t, unmap_dirty(t, IOVA, 8 * PAGE, PAGE, (void *)-PAGE, 8), "a kernel address");
	want(t, unmap_dirty(t, IOVA, 8 * PAGE, PAGE, (void *)(1ULL << 63), 8), "half of 64 bits");
	still_mapped(t);
}

static void unmap_bad_size(struct test *t)
{
	__u64 bits[16];

	setup_tracked(t);
	want(t, unmap_dirty(t, IOVA, 8 * PAGE, PAGE, bits, 0), "bitmap of 0 bytes");
	want(t, unmap_dirty(t, IOVA, 8 * PAGE, PAGE, bits, 7), "of 7 bytes, for 8 pages");
	want(t, unmap_dirty(t, IOVA, 65 * PAGE, PAGE, bits, 8), "of 8 bytes, for 65 pages");
	want(t, unmap_dirty(t, IOVA, 8 * PAGE, PAGE, bits, (1ULL << 28) + 1),
	     "of a byte more than 256 MiB");
	want(t, unmap_dirty(t, IOVA, 0, PAGE, bits, 8), "for no pages");
	still_mapped(t);
}

static void unmap_untracked(struct test *t)
{
	__u64 bits[16];

	setup_tracked(t);
	want(t, unmap_dirty(t, IOVA, 8 * PAGE, 2 * PAGE, bits, 8), "pages twice the granule");
	want(t, unmap_dirty(t, IOVA, 8 * PAGE, PAGE / 2, bits, 8), "half the granule");
	want(t, unmap_dirty(t, IOVA, 8 * PAGE, 3 * PAGE, bits, 8), "no power of two");
	want_value(t, 0, dirty_request(t, HEAD, STOP), "STOP");
	want(t, unmap_dirty(t, IOVA, 8 * PAGE, PAGE, bits, 8), "tracking is off");
	still_mapped(t);
}

static void page_size_zero(struct test *t)
{
	__u64 bits[16];

	setup_tracked(t);
	dangerous(t, "it shifts by the number of the lowest bit of 0 (7.3 says so: UBSAN)");
	want(t, unmap_dirty(t, IOVA, 8 * PAGE, 0, bits, 8), "UNMAP_DMA");
	want(t, dirty_get(t, IOVA, 8 * PAGE, 0, bits, 8), "GET_BITMAP");
	still_mapped(t);
}

static void unmap_v1(struct test *t)
{
	char *memory = get_pages(t, 8);
	__u64 bits[16];

	setup(t, 1);
	must_map(t, IOVA, memory, 8 * PAGE);
	want(t, unmap_dirty(t, IOVA, 8 * PAGE, PAGE, bits, 8), "v1");
	still_mapped(t);
}

/* --- DIRTY_PAGES --------------------------------------------------------------------------- */

static void refused_on_v1(struct test *t)
{
	__u64 bits[16];

	needs(t, FEATURE_DIRTY);
	setup(t, 1);
	want(t, dirty_request(t, HEAD, START), "START");
	want(t, dirty_request(t, HEAD, STOP), "STOP");
	want(t, dirty_get(t, IOVA, PAGE, PAGE, bits, 8), "GET_BITMAP");
	want(t, dirty_request(t, 0, 1u << 31), "argsz 0 and an unknown flag");
	want(t, ioctl(t->container, VFIO_IOMMU_DIRTY_PAGES, NULL) ? -errno : 0, "NULL");
}

static void bad_head(struct test *t)
{
	needs(t, FEATURE_DIRTY);
	setup(t, 1);
	want(t, dirty_request(t, 0, START), "argsz 0");
	want(t, dirty_request(t, HEAD - 1, START), "argsz 7");
	want(t, dirty_request(t, HEAD, START | 8), "flag 8");
	want(t, dirty_request(t, HEAD, 1u << 31), "flag 1 << 31");
	want_value(t, -EFAULT, ioctl(t->container, VFIO_IOMMU_DIRTY_PAGES, NULL) ? -errno : 0,
		   "NULL");
	want_value(t, 0, dirty_request(t, 4096, START), "argsz 4096");
}

static void not_one_flag(struct test *t)
{
	setup_tracked(t);
	want(t, dirty_request(t, GET_SIZE, 0), "flags 0");
	want(t, dirty_request(t, GET_SIZE, START | STOP), "START and STOP");
	want(t, dirty_request(t, GET_SIZE, START | GET), "START and GET_BITMAP");
	want(t, dirty_request(t, GET_SIZE, STOP | GET), "STOP and GET_BITMAP");
	want(t, dirty_request(t, GET_SIZE, START | STOP | GET), "all three");
}

static void twice(struct test *t)
{
	__u64 bits[1] = { 0 };

	needs(t, FEATURE_DIRTY);
	setup(t, 1);
	want(t, dirty_request(t, HEAD, STOP), "STOP when it was never on");
	want(t, dirty_request(t, HEAD, START), "START");
	must_map(t, IOVA, get_pages(t, 8), 8 * PAGE);
	want(t, dirty_request(t, HEAD, START), "START again");
	want_value(t, 0, dirty_get(t, IOVA, 8 * PAGE, PAGE, bits, 8), "GET_BITMAP");
	want_value(t, 0xff, bits[0], "bits");
	want(t, dirty_request(t, HEAD, STOP), "STOP");
	want(t, dirty_request(t, HEAD, STOP), "STOP again");
}

static void get_small_argsz(struct test *t)
{
	__u64 bits[1];

	setup_tracked(t);
	want(t, get_args(t, HEAD, GET, IOVA, 8 * PAGE, PAGE, bits, 8), "argsz 8");
	want(t, get_args(t, GET_SIZE - 1, GET, IOVA, 8 * PAGE, PAGE, bits, 8), "argsz 47");
}

static void get_nothing(struct test *t)
{
	__u64 bits[1];

	setup_tracked(t);
	want(t, dirty_get(t, IOVA, 0, PAGE, bits, 8), "size 0");
	want(t, dirty_get(t, 0, 0, PAGE, bits, 8), "size and iova 0");
}

static void get_wraps(struct test *t)
{
	__u64 bits[1];

	setup_tracked(t);
	want(t, dirty_get(t, TOP, 2 * PAGE, PAGE, bits, 8), "by a page");
	want(t, dirty_get(t, IOVA, ~0ULL - PAGE + 1, PAGE, bits, 8), "by a huge size");
	want(t, dirty_get(t, TOP + 1, 2 * PAGE, PAGE, bits, 8), "by a page, misaligned");
}

static void get_to_the_top(struct test *t)
{
	__u64 bits[1] = { 5 };

	setup_tracked(t);
	want(t, dirty_get(t, TOP, PAGE, PAGE, bits, 8), "the last page");
	want(t, dirty_get(t, TOP - 3 * PAGE, 4 * PAGE, PAGE, bits, 8), "the last four");
	want_value(t, 5, bits[0], "user memory untouched");
}

static void get_bad_size(struct test *t)
{
	__u64 bits[16];

	setup_tracked(t);
	want(t, dirty_get(t, IOVA, 8 * PAGE, PAGE, bits, 0), "of 0 bytes");
	want(t, dirty_get(t, IOVA, 8 * PAGE, PAGE, bits, 7), "of 7 bytes, for 8 pages");
	want(t, dirty_get(t, IOVA, 65 * PAGE, PAGE, bits, 8), "of 8 bytes, for 65 pages");
	want(t, dirty_get(t, IOVA, 8 * PAGE, PAGE, bits, (1ULL << 28) + 1), "over 256 MiB");
	want_value(t, 0, dirty_get(t, IOVA, 65 * PAGE, PAGE, bits, 16), "16 bytes, for 65 pages");
}

static void get_misaligned(struct test *t)
{
	__u64 bits[16];

	setup_tracked(t);
	want(t, dirty_get(t, IOVA, 8 * PAGE, 2 * PAGE, bits, 8), "pages twice the granule");
	want(t, dirty_get(t, IOVA, 8 * PAGE, PAGE / 2, bits, 8), "half the granule");
	want(t, dirty_get(t, IOVA + PAGE / 2, 8 * PAGE, PAGE, bits, 8), "iova");
	want(t, dirty_get(t, IOVA, 8 * PAGE - 1, PAGE, bits, 8), "size");
}

static void get_untracked(struct test *t)
{
	__u64 bits[1] = { 5 };

	setup_tracked(t);
	want_value(t, 0, dirty_request(t, HEAD, STOP), "STOP");
	want(t, dirty_get(t, IOVA, 8 * PAGE, PAGE, bits, 8), "after STOP");
	want_value(t, 5, bits[0], "user memory untouched");
}

static void get_cut(struct test *t)
{
	__u64 bits[16];

	setup_tracked(t);
	want(t, dirty_get(t, IOVA + PAGE, 7 * PAGE, PAGE, bits, 8), "begins inside");
	want(t, dirty_get(t, IOVA, 7 * PAGE, PAGE, bits, 8), "ends inside");
	want(t, dirty_get(t, IOVA + PAGE, PAGE, PAGE, bits, 8), "is inside");
	want(t, dirty_get(t, IOVA - PAGE, 2 * PAGE, PAGE, bits, 8), "from before it");
	want(t, dirty_get(t, IOVA + 7 * PAGE, 8 * PAGE, PAGE, bits, 8), "from its last page on");
	want_value(t, 0, dirty_get(t, IOVA - PAGE, 10 * PAGE, PAGE, bits, 8), "around it");
}

static void get_holes(struct test *t)
{
	unsigned char bits[16], before[16];

	setup_tracked(t);
	memset(bits, CANARY, sizeof(bits));
	memset(before, CANARY, sizeof(before));
	want(t, dirty_get(t, IOVA + 8 * PAGE, 64 * PAGE, PAGE, bits, 16), "behind it");
	want(t, dirty_get(t, IOVA - 64 * PAGE, 64 * PAGE, PAGE, bits, 16), "before it");
	want_true(t, !memcmp(bits, before, sizeof(bits)), "user memory is untouched");
}

const struct row dirty_rows[] = {
	ROW("97", "DIRTY with ALL or VADDR", V2, ALL(-EINVAL), unmap_bad_flags),
	ROW("98", "DIRTY and argsz < 48", V2, ALL(-EINVAL), unmap_small_argsz),
	ROW("99", "DIRTY, bitmap outside user memory", V2, ALL(-EINVAL), unmap_bad_pointer),
	ROW("100", "DIRTY, bad size of the bitmap", V2, ALL(-EINVAL), unmap_bad_size),
	ROW("106", "DIRTY, tracking off or other page size", V2, ALL(-EINVAL), unmap_untracked),
	DEFECT("106z", "DIRTY, and GET_BITMAP, for pages of 0 bytes", V2, ALL(-EINVAL), -EINVAL,
	       page_size_zero),
	ROW("107", "DIRTY on v1", V1, ALL(-EINVAL), unmap_v1),
	ROW("126", "DIRTY_PAGES on v1", V1, ALL(-EACCES), refused_on_v1),
	ROW("127", "argsz < 8, or unknown flag", V2, ALL(-EINVAL), bad_head),
	ROW("128", "no flag, or more than one", V2, ALL(-EINVAL), not_one_flag),
	ROW("129", "START twice, STOP when off", V2, ALL(0), twice),
	ROW("132", "GET_BITMAP, argsz < 48", V2, ALL(-EINVAL), get_small_argsz),
	ROW("133", "GET_BITMAP, size 0", V2, ALL(-EINVAL), get_nothing),
	ROW("134", "GET_BITMAP, iova + size - 1 wraps", V2, EACH(-EINVAL, -EINVAL, -EOVERFLOW),
	    get_wraps),
	ROW("135", "GET_BITMAP, range ends at 2^64", V2, EACH(-EINVAL, -EINVAL, 0),
	    get_to_the_top),
	ROW("136", "GET_BITMAP, bitmap too small or over 256 MiB", V2, ALL(-EINVAL), get_bad_size),
	ROW("137", "GET_BITMAP, other page size, iova or size misaligned", V2, ALL(-EINVAL),
	    get_misaligned),
	ROW("138", "GET_BITMAP, tracking off", V2, ALL(-EINVAL), get_untracked),
	ROW("139", "GET_BITMAP cuts a mapping", V2, ALL(-EINVAL), get_cut),
	ROW("140", "GET_BITMAP of what is not mapped: user memory untouched", V2, ALL(0),
	    get_holes),
	END_OF_ROWS
};
