// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* The requests: what a step says, as an ioctl, and all that it wrote back. */
#include <errno.h>
#include <fcntl.h>
#include <linux/vfio.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../client/memory.h"
#include "process.h"

/* A page for structures; none after it. */
#define ARGUMENT_BYTES	PAGE
#define BITMAP_BYTES	(64 * PAGE)
#define UNWRITTEN	0xa5

static char *const arguments = (char *)ARGUMENT_ADDRESS;
static char *const bitmap = (char *)BITMAP_ADDRESS;

void perform_prepare(void)
{
	int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;

	/* Not again in a child: its are there already. */
	if (mmap(arguments, ARGUMENT_BYTES + PAGE, PROT_NONE, flags, -1, 0) != arguments ||
	    mprotect(arguments, ARGUMENT_BYTES, PROT_READ | PROT_WRITE) ||
	    mmap(bitmap, BITMAP_BYTES, PROT_READ | PROT_WRITE, flags, -1, 0) != bitmap)
		_exit(126);
}

/* Where a structure of @bytes is, as the step wants it; the first @kept are there in any case. */
static void *place(const struct step *step, const void *what, size_t bytes, size_t kept)
{
	char *at = arguments;

	memset(arguments, UNWRITTEN, ARGUMENT_BYTES);
	switch (step->pointer) {
	case POINTER_NULL:
		return NULL;
	case POINTER_CUT:
		at = arguments + ARGUMENT_BYTES - kept;
		memcpy(at, what, kept);
		return at;
	case POINTER_READ_ONLY:
		memcpy(at, what, bytes);
		mprotect(at, PAGE, PROT_READ);
		return at;
	default:
		memcpy(at, what, bytes);
		return at;
	}
}

/* The call; the structure, if it is where it can be read, is in @what again. */
static long call(const struct step *step, unsigned long request, void *what, size_t bytes,
		 size_t kept, struct facts *facts)
{
	void *at = place(step, what, bytes, kept);
	long result = ioctl(FD_CONTAINER + step->container, request, at);

	add_result(facts, result);
	if (step->pointer == POINTER_READ_ONLY)
		mprotect(arguments, PAGE, PROT_READ | PROT_WRITE);
	if (at == arguments)
		memcpy(what, at, bytes);
	fact_add(facts, FACT_BYTES, 0, 0, hash_bytes(arguments, ARGUMENT_BYTES, 0));
	return at == arguments ? result : -1;
}

/* --- GET_INFO -------------------------------------------------------------------------------- */

static void add_ranges(const struct vfio_info_cap_header *header, struct facts *facts)
{
	const struct vfio_iommu_type1_info_cap_iova_range *cap = (const void *)header;
	unsigned int i;

	fact_add(facts, FACT_RANGES, 0, 0, cap->nr_iovas);
	for (i = 0; i < cap->nr_iovas && i < 16; i++) {
		fact_add(facts, FACT_RANGE_FIRST, i, 0, cap->iova_ranges[i].start);
		fact_add(facts, FACT_RANGE_LAST, i, 0, cap->iova_ranges[i].end);
	}
}

static void add_capability(const struct vfio_info_cap_header *header, unsigned int offset,
			   struct facts *facts)
{
	fact_add(facts, FACT_CAP, header->id, 0, (__u64)offset << 16 | header->version);
	if (header->id == VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL) {
		const struct vfio_iommu_type1_info_dma_avail *cap = (const void *)header;

		fact_add(facts, FACT_AVAILABLE, 0, 0, cap->avail);
	} else if (header->id == VFIO_IOMMU_TYPE1_INFO_CAP_MIGRATION) {
		const struct vfio_iommu_type1_info_cap_migration *cap = (const void *)header;

		fact_add(facts, FACT_DIRTY_PGSIZES, 0, 0, cap->pgsize_bitmap);
		fact_add(facts, FACT_DIRTY_LIMIT, 0, 0, cap->max_dirty_bitmap_size);
	} else if (header->id == VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE) {
		add_ranges(header, facts);
	}
}

static void add_chain(__u32 offset, struct facts *facts)
{
	int i;

	for (i = 0; i < 8 && offset && offset < ARGUMENT_BYTES - 64; i++) {
		const struct vfio_info_cap_header *header = (void *)(arguments + offset);

		add_capability(header, offset, facts);
		offset = header->next;
	}
}

static void get_info(const struct step *step, struct facts *facts)
{
	struct vfio_iommu_type1_info info;

	memset(&info, UNWRITTEN, sizeof(info));
	info.argsz = step->argsz;
	info.flags = step->flags;
	if (call(step, VFIO_IOMMU_GET_INFO, &info, sizeof(info), sizeof(info), facts))
		return;
	fact_add(facts, FACT_ARGSZ, 0, 0, info.argsz);
	fact_add(facts, FACT_FLAGS, 0, 0, info.flags);
	fact_add(facts, FACT_PGSIZES, 0, 0, info.iova_pgsizes);
	if (step->argsz < sizeof(info))
		return;
	fact_add(facts, FACT_CAP_OFFSET, 0, 0, info.cap_offset);
	if (info.flags & VFIO_IOMMU_INFO_CAPS && info.argsz == step->argsz)
		add_chain(info.cap_offset, facts);
}

/* --- MAP, UNMAP, dirty pages ----------------------------------------------------------------- */

static void map(const struct step *step, struct facts *facts)
{
	struct vfio_iommu_type1_dma_map m = {
		.argsz = step->argsz, .flags = step->flags, .vaddr = step->vaddr,
		.iova = step->iova, .size = step->size,
	};

	call(step, VFIO_IOMMU_MAP_DMA, &m, sizeof(m), sizeof(m) - 8, facts);
}

static struct vfio_bitmap user_bitmap(const struct step *step)
{
	memset(bitmap, 0, BITMAP_BYTES);
	return (struct vfio_bitmap){
		.pgsize = step->bitmap_page,
		.size = step->bitmap_bytes,
		.data = (__u64 *)(step->vaddr ? step->vaddr : BITMAP_ADDRESS),
	};
}

static void unmap(const struct step *step, struct facts *facts)
{
	struct {
		struct vfio_iommu_type1_dma_unmap head;
		struct vfio_bitmap bitmap;
	} u = {
		.head = { .argsz = step->argsz, .flags = step->flags, .iova = step->iova,
			  .size = step->size },
		.bitmap = user_bitmap(step),
	};

	call(step, VFIO_IOMMU_UNMAP_DMA, &u, sizeof(u), sizeof(u.head) - 8, facts);
	fact_add(facts, FACT_SIZE, 0, 0, u.head.size);
	if (step->flags & VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP)
		fact_add(facts, FACT_BITMAP, 0, 0, hash_bytes(bitmap, BITMAP_BYTES, 0));
}

static void dirty(const struct step *step, struct facts *facts)
{
	struct {
		struct vfio_iommu_type1_dirty_bitmap head;
		struct vfio_iommu_type1_dirty_bitmap_get get;
	} d = {
		.head = { .argsz = step->argsz, .flags = step->flags },
		.get = { .iova = step->iova, .size = step->size, .bitmap = user_bitmap(step) },
	};

	call(step, VFIO_IOMMU_DIRTY_PAGES, &d, sizeof(d), sizeof(d.head), facts);
	fact_add(facts, FACT_BITMAP, 0, 0, hash_bytes(bitmap, BITMAP_BYTES, 0));
}

/* --- files, and requests of the VFIO core ---------------------------------------------------- */

/* What is open already stays; opening it again would close it first. */
static void open_as(const char *path, int fd, struct facts *facts)
{
	int opened;

	if (fcntl(fd, F_GETFD) >= 0) {
		errno = EMFILE;
		add_result(facts, -1);
		return;
	}
	opened = open(path, O_RDWR);
	add_result(facts, opened < 0 ? -1 : 0);
	if (opened >= 0 && opened != fd) {
		dup2(opened, fd);
		close(opened);
	}
}

static void open_group(const struct step *step, struct facts *facts)
{
	char path[32];

	snprintf(path, sizeof(path), "/dev/vfio/%u", board->groups[step->group].number);
	open_as(path, FD_GROUP + step->group, facts);
}

static void open_device(const struct step *step, struct facts *facts)
{
	int fd = FD_DEVICE + step->group, opened;

	if (fcntl(fd, F_GETFD) >= 0) {
		errno = EMFILE;
		add_result(facts, -1);
		return;
	}
	opened = ioctl(FD_GROUP + step->group, VFIO_GROUP_GET_DEVICE_FD,
		       board->groups[step->group].device);
	add_result(facts, opened < 0 ? -1 : 0);
	if (opened >= 0) {
		dup2(opened, fd);
		close(opened);
	}
}

static void group_status(const struct step *step, struct facts *facts)
{
	struct vfio_group_status status = { .argsz = sizeof(status) };

	add_result(facts, ioctl(FD_GROUP + step->group, VFIO_GROUP_GET_STATUS, &status));
	fact_add(facts, FACT_FLAGS, 0, 0, status.flags);
}

static void set_container(const struct step *step, struct facts *facts)
{
	int container = FD_CONTAINER + step->container;

	add_result(facts, ioctl(FD_GROUP + step->group, VFIO_GROUP_SET_CONTAINER, &container));
}

void perform(const struct step *step, struct facts *facts)
{
	int container = FD_CONTAINER + step->container, group = FD_GROUP + step->group;

	switch (step->kind) {
	case STEP_OPEN_CONTAINER:
		open_as("/dev/vfio/vfio", container, facts);
		break;
	case STEP_CLOSE_CONTAINER:
		add_result(facts, close(container));
		break;
	case STEP_OPEN_GROUP:
		open_group(step, facts);
		break;
	case STEP_CLOSE_GROUP:
		add_result(facts, close(group));
		break;
	case STEP_OPEN_DEVICE:
		open_device(step, facts);
		break;
	case STEP_CLOSE_DEVICE:
		add_result(facts, close(FD_DEVICE + step->group));
		break;
	case STEP_GROUP_STATUS:
		group_status(step, facts);
		break;
	case STEP_SET_CONTAINER:
		set_container(step, facts);
		break;
	case STEP_UNSET_CONTAINER:
		add_result(facts, ioctl(group, VFIO_GROUP_UNSET_CONTAINER));
		break;
	case STEP_SET_IOMMU:
		add_result(facts, ioctl(container, VFIO_SET_IOMMU, step->value));
		break;
	case STEP_API_VERSION:
		add_result(facts, ioctl(container, VFIO_GET_API_VERSION));
		break;
	case STEP_CHECK_EXTENSION:
		add_result(facts, ioctl(container, VFIO_CHECK_EXTENSION, step->value));
		break;
	case STEP_GET_INFO:
		get_info(step, facts);
		break;
	case STEP_MAP:
		map(step, facts);
		break;
	case STEP_UNMAP:
		unmap(step, facts);
		break;
	case STEP_DIRTY:
		dirty(step, facts);
		break;
	case STEP_UNKNOWN:
		add_result(facts, ioctl(container, _IO(VFIO_TYPE, VFIO_BASE + step->value),
					arguments));
		break;
	}
}
