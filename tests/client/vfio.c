// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include "vfio.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/pci_regs.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

bool vfio_quiet;

const char *error_name(int error)
{
	const char *name = strerrorname_np(error < 0 ? -error : error);

	return name ? name : "unknown errno";
}

int vfio_failed(int error, const char *format, ...)
{
	va_list args;

	if (vfio_quiet)
		return error;
	va_start(args, format);
	fputs("vfio: ", stderr);
	vfprintf(stderr, format, args);
	fprintf(stderr, ": %s (%d)\n", error_name(error), -error);
	va_end(args);
	return error;
}

int vfio_list(const char *file, struct vfio_listed *list, int max)
{
	FILE *stream = fopen(file, "re");
	char line[128];
	int n = 0;

	if (!stream)
		return vfio_failed(-errno, "open %s", file);
	while (n < max && fgets(line, sizeof(line), stream)) {
		struct vfio_listed *listed = &list[n];

		if (sscanf(line, "%31s %15s %d", listed->name, listed->address,
			   &listed->group) == 3)
			n++;
	}
	fclose(stream);
	return n;
}

int vfio_container_open(void)
{
	int fd = open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC);

	return fd >= 0 ? fd : vfio_failed(-errno, "open /dev/vfio/vfio");
}

int vfio_check_extension(int container, unsigned long extension)
{
	int value = ioctl(container, VFIO_CHECK_EXTENSION, extension);

	return value >= 0 ? value : vfio_failed(-errno, "CHECK_EXTENSION %lu", extension);
}

int vfio_set_type(int container, unsigned long type)
{
	return !ioctl(container, VFIO_SET_IOMMU, type) ? 0 :
		vfio_failed(-errno, "SET_IOMMU type %lu", type);
}

int vfio_group_open(int number)
{
	char path[32];
	int fd;

	snprintf(path, sizeof(path), "/dev/vfio/%d", number);
	fd = open(path, O_RDWR | O_CLOEXEC);
	return fd >= 0 ? fd : vfio_failed(-errno, "open %s", path);
}

int vfio_group_join(int group, int container)
{
	struct vfio_group_status status = { .argsz = sizeof(status) };

	if (ioctl(group, VFIO_GROUP_GET_STATUS, &status))
		return vfio_failed(-errno, "GROUP_GET_STATUS");
	if (!(status.flags & VFIO_GROUP_FLAGS_VIABLE))
		return vfio_failed(-EPERM, "group not viable: a device has another driver");
	return !ioctl(group, VFIO_GROUP_SET_CONTAINER, &container) ? 0 :
		vfio_failed(-errno, "GROUP_SET_CONTAINER");
}

int vfio_group_leave(int group)
{
	return !ioctl(group, VFIO_GROUP_UNSET_CONTAINER) ? 0 :
		vfio_failed(-errno, "GROUP_UNSET_CONTAINER");
}

int vfio_map(int container, __u64 iova, const void *memory, __u64 size, __u32 flags)
{
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map),
		.flags = flags,
		.vaddr = (uintptr_t)memory,
		.iova = iova,
		.size = size,
	};

	return !ioctl(container, VFIO_IOMMU_MAP_DMA, &map) ? 0 :
		vfio_failed(-errno, "MAP_DMA iova %#llx size %#llx vaddr %p flags %#x",
			    iova, size, memory, flags);
}

int vfio_unmap(int container, __u64 iova, __u64 *size, __u32 flags)
{
	struct vfio_iommu_type1_dma_unmap unmap = {
		.argsz = sizeof(unmap),
		.flags = flags,
		.iova = iova,
		.size = *size,
	};

	if (ioctl(container, VFIO_IOMMU_UNMAP_DMA, &unmap))
		return vfio_failed(-errno, "UNMAP_DMA iova %#llx size %#llx flags %#x",
				   iova, *size, flags);
	*size = unmap.size;
	return 0;
}

int vfio_unmap_all(int container, __u64 *size)
{
	*size = 0;
	return vfio_unmap(container, 0, size, VFIO_DMA_UNMAP_FLAG_ALL);
}

/* One capability of the chain; capabilities need not be aligned, hence the copies. */
static int read_capability(struct vfio_info *info, const char *cap, size_t left)
{
	struct vfio_info_cap_header header;

	memcpy(&header, cap, sizeof(header));
	if (header.id == VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL) {
		struct vfio_iommu_type1_info_dma_avail available;

		if (left < sizeof(available))
			return -EPROTO;
		memcpy(&available, cap, sizeof(available));
		info->has_available = true;
		info->available = available.avail;
	} else if (header.id == VFIO_IOMMU_TYPE1_INFO_CAP_MIGRATION) {
		struct vfio_iommu_type1_info_cap_migration migration;

		if (left < sizeof(migration))
			return -EPROTO;
		memcpy(&migration, cap, sizeof(migration));
		info->has_migration = true;
		info->dirty_page_sizes = migration.pgsize_bitmap;
		info->dirty_bitmap_limit = migration.max_dirty_bitmap_size;
	} else if (header.id == VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE) {
		struct vfio_iommu_type1_info_cap_iova_range window;

		if (left < sizeof(window))
			return -EPROTO;
		memcpy(&window, cap, sizeof(window));
		if (window.nr_iovas > VFIO_MAX_RANGES ||
		    left < sizeof(window) + window.nr_iovas * sizeof(info->ranges[0]))
			return -EPROTO;
		info->nranges = window.nr_iovas;
		memcpy(info->ranges, cap + sizeof(window), info->nranges * sizeof(info->ranges[0]));
	}
	return 0;
}

static int read_chain(struct vfio_info *info, const char *buffer, __u32 size, __u32 at)
{
	while (at) {
		if (info->ncaps == VFIO_MAX_CAPS || at < sizeof(struct vfio_iommu_type1_info) ||
		    at + sizeof(info->caps[0]) > size)
			return -EPROTO;
		memcpy(&info->caps[info->ncaps], buffer + at, sizeof(info->caps[0]));
		info->offset[info->ncaps] = at;
		if (read_capability(info, buffer + at, size - at))
			return -EPROTO;
		at = info->caps[info->ncaps++].next;
	}
	return 0;
}

int vfio_get_info(int container, struct vfio_info *info)
{
	struct vfio_iommu_type1_info head = { .argsz = sizeof(head) }, *whole;
	int error = 0;

	memset(info, 0, sizeof(*info));
	if (ioctl(container, VFIO_IOMMU_GET_INFO, &head))
		return vfio_failed(-errno, "GET_INFO");
	info->flags = head.flags;
	info->needed = head.argsz;
	info->page_sizes = head.iova_pgsizes;
	if (!(head.flags & VFIO_IOMMU_INFO_CAPS))
		return 0;

	whole = calloc(1, head.argsz);
	if (!whole)
		return vfio_failed(-ENOMEM, "GET_INFO of %u bytes", head.argsz);
	whole->argsz = head.argsz;
	if (ioctl(container, VFIO_IOMMU_GET_INFO, whole))
		error = vfio_failed(-errno, "GET_INFO of %u bytes", head.argsz);
	else if (read_chain(info, (char *)whole, head.argsz, whole->cap_offset))
		error = vfio_failed(-EPROTO, "GET_INFO: malformed capability chain");
	free(whole);
	return error;
}

static int region_info(struct vfio_device *device, __u32 index, struct vfio_region_info *region)
{
	memset(region, 0, sizeof(*region));
	region->argsz = sizeof(*region);
	region->index = index;
	return !ioctl(device->fd, VFIO_DEVICE_GET_REGION_INFO, region) ? 0 :
		vfio_failed(-errno, "%s: GET_REGION_INFO %u", device->address, index);
}

int vfio_device_bus_master(struct vfio_device *device, bool on)
{
	struct vfio_region_info config;
	__u16 command;
	int error;

	error = region_info(device, VFIO_PCI_CONFIG_REGION_INDEX, &config);
	if (error)
		return error;
	if (pread(device->fd, &command, 2, config.offset + PCI_COMMAND) != 2)
		return vfio_failed(-EIO, "%s: read of the command register", device->address);
	command |= PCI_COMMAND_MEMORY;
	command = on ? command | PCI_COMMAND_MASTER : command & ~PCI_COMMAND_MASTER;
	if (pwrite(device->fd, &command, 2, config.offset + PCI_COMMAND) != 2)
		return vfio_failed(-EIO, "%s: write of the command register", device->address);
	return 0;
}

void *vfio_device_map_bar(struct vfio_device *device, int bar, int protection, size_t *size)
{
	struct vfio_region_info region;
	void *memory;

	if (region_info(device, VFIO_PCI_BAR0_REGION_INDEX + bar, &region))
		return MAP_FAILED;
	if (!region.size || !(region.flags & VFIO_REGION_INFO_FLAG_MMAP)) {
		vfio_failed(-ENODEV, "%s: BAR %d cannot be mapped", device->address, bar);
		return MAP_FAILED;
	}
	memory = mmap(NULL, region.size, protection, MAP_SHARED, device->fd, region.offset);
	if (memory == MAP_FAILED)
		vfio_failed(-errno, "%s: mmap of BAR %d", device->address, bar);
	*size = region.size;
	return memory;
}

int vfio_device_open(struct vfio_device *device, int group, const char *address, int bar)
{
	int error;

	memset(device, 0, sizeof(*device));
	snprintf(device->address, sizeof(device->address), "%s", address);
	device->fd = ioctl(group, VFIO_GROUP_GET_DEVICE_FD, address);
	if (device->fd < 0)
		return vfio_failed(-errno, "%s: GROUP_GET_DEVICE_FD", address);
	error = vfio_device_bus_master(device, true);
	if (error)
		goto close;
	device->bar = vfio_device_map_bar(device, bar, PROT_READ | PROT_WRITE, &device->bar_size);
	if (device->bar == MAP_FAILED) {
		error = -ENODEV;
		goto close;
	}
	return 0;
close:
	close(device->fd);
	device->fd = -1;
	return error;
}

void vfio_device_close(struct vfio_device *device)
{
	if (device->fd < 0)
		return;
	munmap(device->bar, device->bar_size);
	close(device->fd);
	device->fd = -1;
}
