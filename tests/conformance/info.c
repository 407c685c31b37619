// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Section 3.3: GET_INFO. */
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "row.h"

#define HEAD		sizeof(struct vfio_iommu_type1_info)
#define CANARY		0xa5

/* The structure with canaries behind what the kernel may write. */
union buffer {
	struct vfio_iommu_type1_info info;
	unsigned char bytes[4096];
};

static int ask(struct test *t, union buffer *buffer, __u32 argsz)
{
	memset(buffer, CANARY, sizeof(*buffer));
	buffer->info.argsz = argsz;
	return ioctl(t->container, VFIO_IOMMU_GET_INFO, buffer) ? -errno : 0;
}

static bool untouched(const union buffer *buffer, size_t from)
{
	while (from < sizeof(*buffer)) {
		if (buffer->bytes[from++] != CANARY)
			return false;
	}
	return true;
}

static __u32 capability_size(struct test *t, const struct vfio_info *info, int i)
{
	bool aligned = t->settings->series != SERIES_6_1;

	switch (info->caps[i].id) {
	case VFIO_IOMMU_TYPE1_INFO_CAP_MIGRATION:
		return 32;
	case VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL:
		return aligned ? 16 : 12;
	case VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE:
		return 16 + 16 * info->nranges;
	default:
		give_up(t, "unknown capability %u", info->caps[i].id);
	}
}

/* argsz that the capabilities present need. */
static __u32 needed(struct test *t)
{
	struct vfio_info info;
	__u32 size = HEAD;

	get_info(t, &info);
	for (int i = 0; i < info.ncaps; i++)
		size += capability_size(t, &info, i);
	return size;
}

static void argsz_too_small(struct test *t)
{
	static const __u32 sizes[] = { 0, 4, 12, 15 };
	union buffer buffer;

	setup(t, 1);
	for (int i = 0; i < 4; i++) {
		want(t, ask(t, &buffer, sizes[i]), "argsz %u", sizes[i]);
		want_true(t, buffer.info.argsz == sizes[i] && untouched(&buffer, 4),
			  "argsz %u: nothing is written", sizes[i]);
	}
}

static void bad_pointer(struct test *t)
{
	char *memory = get_pages(t, 2);
	struct vfio_iommu_type1_info *half = (void *)(memory + PAGE - 8);
	struct vfio_iommu_type1_info *fixed = (void *)memory;

	setup(t, 1);
	want(t, ioctl(t->container, VFIO_IOMMU_GET_INFO, NULL) ? -errno : 0, "NULL");
	want(t, ioctl(t->container, VFIO_IOMMU_GET_INFO, -PAGE) ? -errno : 0, "kernel address");
	half->argsz = HEAD;
	munmap(memory + PAGE, PAGE);
	want(t, ioctl(t->container, VFIO_IOMMU_GET_INFO, half) ? -errno : 0, "half unmapped");
	fixed->argsz = HEAD;
	mprotect(memory, PAGE, PROT_READ);
	want(t, ioctl(t->container, VFIO_IOMMU_GET_INFO, fixed) ? -errno : 0, "read-only");
	put_pages(memory, 1);
}

static void argsz_without_offset(struct test *t)
{
	union buffer buffer;
	__u32 whole;

	setup(t, 1);
	whole = needed(t);
	for (__u32 argsz = 16; argsz < 20; argsz++) {
		want(t, ask(t, &buffer, argsz), "argsz %u", argsz);
		want_value(t, VFIO_IOMMU_INFO_PGSIZES | VFIO_IOMMU_INFO_CAPS, buffer.info.flags,
			   "flags for argsz %u", argsz);
		want_value(t, whole, buffer.info.argsz, "argsz written for argsz %u", argsz);
		want_true(t, untouched(&buffer, argsz), "argsz %u: no byte behind it written",
			  argsz);
		if (t->settings->series == SERIES_6_1)
			want_true(t, untouched(&buffer, 16), "argsz %u: cap_offset not written",
				  argsz);
	}
}

static void argsz_without_caps(struct test *t)
{
	union buffer buffer;
	__u32 whole;

	setup(t, 1);
	whole = needed(t);
	for (__u32 argsz = HEAD; argsz < whole; argsz += whole - HEAD - 1) {
		want(t, ask(t, &buffer, argsz), "argsz %u", argsz);
		want_value(t, VFIO_IOMMU_INFO_PGSIZES | VFIO_IOMMU_INFO_CAPS, buffer.info.flags,
			   "flags for argsz %u", argsz);
		want_value(t, whole, buffer.info.argsz, "argsz written for argsz %u", argsz);
		want_value(t, 0, buffer.info.cap_offset, "cap_offset for argsz %u", argsz);
		want_true(t, untouched(&buffer, HEAD), "argsz %u: nothing behind the head", argsz);
	}
}

/* VT-d's capability register (11.4.2): bits 34 and 35 are 2 MiB and 1 GiB pages. */
static void page_sizes(struct test *t)
{
	struct vfio_info info;
	__u64 cap, expect = PAGE;
	char text[64];

	if (proc_text("/sys/class/iommu/dmar0/intel-iommu/cap", text, sizeof(text)))
		cannot(t, "needs a VT-d unit");
	cap = strtoull(text, NULL, 16);
	expect |= cap >> 34 & 1 ? HUGE_PAGE : 0;
	expect |= cap >> 35 & 1 ? 1024 * MIB : 0;
	setup(t, 1);
	get_info(t, &info);
	want(t, info.page_sizes == expect, "page sizes %#llx, the unit's %#llx", info.page_sizes,
	     expect);
	note(t, "page sizes %#llx", info.page_sizes);
}

static void enough_room(struct test *t)
{
	union buffer buffer;
	struct vfio_info info;
	__u32 whole;
	int at;

	setup(t, 1);
	whole = needed(t);
	get_info(t, &info);
	for (__u32 argsz = whole; argsz < 4096; argsz += 1024) {
		want(t, ask(t, &buffer, argsz), "argsz %u", argsz);
		want_value(t, argsz, buffer.info.argsz, "argsz written");
		want_value(t, HEAD, buffer.info.cap_offset, "cap_offset");
		want_true(t, untouched(&buffer, whole), "nothing behind the capabilities");
	}
	at = info.ncaps - 2;
	want_true(t, at >= 0 && info.caps[at].id == VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL &&
		  info.caps[at + 1].id == VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE &&
		  !info.caps[at + 1].next, "the chain ends with DMA_AVAIL, IOVA_RANGE");
	for (int i = 0; i < info.ncaps; i++)
		want_value(t, 1, info.caps[i].version, "version of capability %u",
			   info.caps[i].id);
}

static void migration(struct test *t)
{
	struct vfio_info info;
	bool first;

	setup(t, 1);
	get_info(t, &info);
	first = info.ncaps && info.caps[0].id == VFIO_IOMMU_TYPE1_INFO_CAP_MIGRATION;
	want(t, info.has_migration == has(t, FEATURE_DIRTY), "capability present: %d",
	     info.has_migration);
	want_value(t, info.has_migration, first, "it comes first");
	if (!info.has_migration)
		return;
	want_value(t, info.page_sizes & -info.page_sizes, info.dirty_page_sizes, "page sizes");
	want_value(t, 1 << 28, info.dirty_bitmap_limit, "bitmap limit");
}

/* A line of reserved_regions: "0x00000000fee00000 0x00000000feefffff msi", sorted. */
static bool next_reserved(FILE *stream, struct vfio_iova_range *range)
{
	unsigned long long first, last;
	char kind[32];

	while (fscanf(stream, "%llx %llx %31s", &first, &last, kind) == 3) {
		if (!strcmp(kind, "direct-relaxable"))
			continue;
		range->start = first;
		range->end = last;
		return true;
	}
	return false;
}

/* One group, one unit: the window is the aperture less the group's reserved regions. */
static void window(struct test *t)
{
	struct vfio_iova_range reserved;
	struct vfio_info info;
	char path[96];
	FILE *stream;
	__u64 from = 0, last;
	int n = 0;

	setup(t, 1);
	get_info(t, &info);
	snprintf(path, sizeof(path), "/sys/kernel/iommu_groups/%d/reserved_regions",
		 t->groups[0].listed.group);
	stream = fopen(path, "re");
	if (!stream || !info.nranges)
		give_up(t, "ranges, or %s", path);
	last = info.ranges[info.nranges - 1].end;
	while (next_reserved(stream, &reserved) && reserved.start <= last) {
		if (reserved.start > from) {
			want_true(t, n < info.nranges && info.ranges[n].start == from &&
				  info.ranges[n].end == reserved.start - 1,
				  "range %d is %#llx-%#llx", n, from, reserved.start - 1);
			n++;
		}
		from = reserved.end + 1;
	}
	fclose(stream);
	want_true(t, n == info.nranges - 1 && info.ranges[n].start == from && n > 0,
		  "range %d, the last, starts at %#llx", n, from);
	want(t, !(last & (last + 1)), "the last byte %#llx is that of an address width", last);
	note(t, "%d ranges up to %#llx", info.nranges, last);
}

static void dma_available(struct test *t)
{
	char *memory = get_pages(t, 3), path[128];
	long limit;

	parameter_path(t->settings, "dma_entry_limit", path, sizeof(path));
	limit = proc_value(path);
	setup(t, 1);
	want(t, available(t) == limit, "no mapping, limit %ld", limit);
	for (int i = 0; i < 3; i++) {
		must_map(t, IOVA + i * 2 * PAGE, memory + i * PAGE, PAGE);
		want_value(t, limit - i - 1, available(t), "%d mappings", i + 1);
	}
	unmap(t, IOVA, PAGE);
	want_value(t, limit - 2, available(t), "one unmapped");
	unmap_all(t);
	want_value(t, limit, available(t), "all unmapped");
	note(t, "limit %ld", limit);
}

static void capability_bytes(struct test *t)
{
	struct vfio_info info;
	__u32 at = HEAD;

	setup(t, 1);
	get_info(t, &info);
	for (int i = 0; i < info.ncaps; i++) {
		want_value(t, at, info.offset[i], "offset of capability %u", info.caps[i].id);
		note(t, "%u at %u", info.caps[i].id, info.offset[i]);
		at += capability_size(t, &info, i);
	}
	want(t, info.needed == at, "argsz %u for %d ranges, %u computed", info.needed,
	     info.nranges, at);
}

const struct row info_rows[] = {
	ROW("47", "argsz < 16", BOTH, ALL(-EINVAL), argsz_too_small),
	ROW("48", "bad pointer", BOTH, ALL(-EFAULT), bad_pointer),
	ROW("49", "argsz 16 to 19: argsz raised, cap_offset not written", BOTH, ALL(0),
	    argsz_without_offset),
	ROW("50", "argsz too small for capabilities: argsz raised, cap_offset 0", BOTH, ALL(0),
	    argsz_without_caps),
	ROW("50p", "page sizes are the unit's", BOTH, ALL(1), page_sizes),
	ROW("51", "argsz sufficient: cap_offset 24, chain ends DMA_AVAIL, IOVA_RANGE", BOTH, ALL(0),
	    enough_room),
	ROW("51m", "the migration capability is the backend's, and first", BOTH, ALL(1), migration),
	ROW("51r", "IOVA_RANGE is the aperture less the reserved regions", BOTH, ALL(1), window),
	ROW("53", "DMA_AVAIL is the limit less the mappings", BOTH, ALL(1), dma_available),
	ROW("54", "capability sizes: 32, 12 (6.12 and later: 16), 16 + 16 a range", BOTH, ALL(1),
	    capability_bytes),
	END_OF_ROWS
};
