/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * The VFIO container, group and device interface as a program sees it.
 *
 * Every function returns a negative errno on failure and, unless vfio_quiet is set, says on stderr
 * what failed: tests that provoke failures set vfio_quiet, everybody else wants the sentence.
 */
#ifndef CLIENT_VFIO_H
#define CLIENT_VFIO_H

#include <linux/types.h>
#include <linux/vfio.h>
#include <stdbool.h>
#include <stddef.h>

#define VFIO_MAP_RW (VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE)

extern bool vfio_quiet;

/* Says what failed, with the errno's name, and hands @error (negative) back. */
int vfio_failed(int error, const char *format, ...) __attribute__((format(printf, 2, 3)));
const char *error_name(int error);

/* A device bound to vfio-pci, from a list with lines "name pci-address group". */
struct vfio_listed {
	char name[32];
	char address[16];
	int group;
};

/* Returns how many lines of @file went into @list, at most @max. */
int vfio_list(const char *file, struct vfio_listed *list, int max);

int vfio_container_open(void);
int vfio_check_extension(int container, unsigned long extension);
int vfio_set_type(int container, unsigned long type);
int vfio_group_open(int number);
int vfio_group_join(int group, int container);
int vfio_group_leave(int group);

int vfio_map(int container, __u64 iova, const void *memory, __u64 size, __u32 flags);
/* @size: in, what to unmap; out, on success, what the kernel says it unmapped. */
int vfio_unmap(int container, __u64 iova, __u64 *size, __u32 flags);
int vfio_unmap_all(int container, __u64 *size);

#define VFIO_MAX_CAPS	8
#define VFIO_MAX_RANGES	32

/* What GET_INFO says, its capability chain taken apart. */
struct vfio_info {
	__u32 flags;
	__u32 needed;			/* argsz that holds everything */
	__u64 page_sizes;
	int ncaps;			/* the chain, in its order */
	struct vfio_info_cap_header caps[VFIO_MAX_CAPS];
	__u32 offset[VFIO_MAX_CAPS];	/* where each capability starts */
	bool has_available, has_migration;
	__u32 available;
	__u64 dirty_page_sizes, dirty_bitmap_limit;
	int nranges;
	struct vfio_iova_range ranges[VFIO_MAX_RANGES];
};

int vfio_get_info(int container, struct vfio_info *info);

struct vfio_device {
	int fd;
	char address[16];
	void *bar;
	size_t bar_size;
};

/* Opens the device, maps its BAR @bar whole and lets it be a bus master. */
int vfio_device_open(struct vfio_device *device, int group, const char *address, int bar);
void vfio_device_close(struct vfio_device *device);
int vfio_device_bus_master(struct vfio_device *device, bool on);
/* Another mapping of a BAR, as memory for MAP_DMA; MAP_FAILED when it cannot be had. */
void *vfio_device_map_bar(struct vfio_device *device, int bar, int protection, size_t *size);

#endif
