// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Memory of a device: the large BAR of QEMU's ivshmem, mapped through VFIO as a peer's is for DMA
 * from device to device.
 */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../tests/client/vfio.h"
#include "backend.h"
#include "kind.h"

#define LIST		"/tmp/vfio-devices"	/* by vfio-bind */
#define MAX_LISTED	16
#define BAR		2

/* The device is in a container of in-tree type1's, whosever turn it is later. */
static struct space holder;
static size_t bar_size;

static int get_pfnmap(struct block *block)
{
	struct vfio_listed listed[MAX_LISTED];
	struct vfio_device vfio = { };
	static struct device device;
	int i, err, n = vfio_list(LIST, listed, MAX_LISTED);
	size_t at;

	for (i = 0; i < n && strncmp(listed[i].name, "ivshmem", 7); i++)
		;
	if (i >= n)
		return -ENOTSUP;
	device.group = listed[i].group;
	err = in_tree_backend.ready();
	if (err)
		return err;
	memset(&holder, 0, sizeof(holder));
	err = in_tree_backend.open(&holder, &device);
	if (err)
		return err;
	vfio.fd = ioctl(holder.devices[0].group, VFIO_GROUP_GET_DEVICE_FD, listed[i].address);
	block->fd = vfio.fd;
	err = vfio.fd < 0 ? -errno : vfio_device_bus_master(&vfio, true);
	if (err)
		goto close;
	block->address = vfio_device_map_bar(&vfio, BAR, PROT_READ | PROT_WRITE,
					     &bar_size);
	err = block->address == MAP_FAILED ? -ENODEV : 0;
	if (err)
		goto close;
	if (block->size > bar_size)
		block->size = bar_size;
	for (at = 0; at < block->size; at += PAGE)
		(void)*(volatile char *)(block->address + at);
	return 0;
close:
	if (vfio.fd >= 0)
		close(vfio.fd);
	in_tree_backend.close(&holder);
	return err;
}

static void put_pfnmap(struct block *block)
{
	munmap(block->address, bar_size);
	close(block->fd);
	in_tree_backend.close(&holder);
}

const struct kind pfnmap_kind = { "pfnmap", HUGE_PAGE, false, get_pfnmap, put_pfnmap };
