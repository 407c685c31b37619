// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* iommufd by its own interface: an IOAS, and the device by a file of its own. */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "../../tests/client/iommufd.h"
#include "backend.h"

int iommufd_ready(void)
{
	return access("/dev/iommu", F_OK) ? -ENOTSUP : 0;
}

static int iommufd_attach(struct space *space, const struct device *device)
{
	int fd, err;

	if (space->ndevices == SPACE_MAX_DEVICES)
		return -ENOSPC;
	fd = iommufd_device_open(device->name, space->fd);
	if (fd < 0)
		return fd;
	err = iommufd_device_attach(fd, space->id);
	if (err) {
		close(fd);
		return err;
	}
	space->devices[space->ndevices].device = device;
	space->devices[space->ndevices].group = -1;
	space->devices[space->ndevices++].fd = fd;
	return 0;
}

static int iommufd_detach(struct space *space)
{
	int fd = space->devices[--space->ndevices].fd, err;

	err = iommufd_device_detach(fd);
	close(fd);
	return err;
}

static void iommufd_close(struct space *space)
{
	while (space->ndevices)
		close(space->devices[--space->ndevices].fd);
	close(space->fd);
}

static int iommufd_space(struct space *space, const struct device *device)
{
	int err;

	space->fd = iommufd_open();
	if (space->fd < 0)
		return space->fd;
	err = iommufd_ioas_alloc(space->fd, &space->id);
	if (!err)
		err = iommufd_attach(space, device);
	if (err)
		iommufd_close(space);
	return err;
}

static int iommufd_map_block(struct space *space, __u64 iova, void *address, __u64 bytes)
{
	return iommufd_map(space->fd, space->id, iova, address, bytes);
}

static int iommufd_unmap_block(struct space *space, __u64 iova, __u64 bytes)
{
	__u64 got = bytes;
	int err = iommufd_unmap(space->fd, space->id, iova, &got);

	if (err || got == bytes)
		return err;
	fprintf(stderr, "bench: iommufd unmapped %#llx of %#llx\n", got, bytes);
	return -EPROTO;
}

static int iommufd_unmap_everything(struct space *space)
{
	__u64 bytes;

	return iommufd_unmap_all(space->fd, space->id, &bytes);
}

const struct backend iommufd_backend = {
	.name = "iommufd",
	.what = "iommufd, by /dev/iommu and the device's own file",
	.can = CAN_MAP_MANY | CAN_SHARE | CAN_UNMAP_AT_ONCE,
	.ready = iommufd_ready,
	.open = iommufd_space,
	.attach = iommufd_attach,
	.detach = iommufd_detach,
	.map = iommufd_map_block,
	.unmap = iommufd_unmap_block,
	.unmap_all = iommufd_unmap_everything,
	.close = iommufd_close,
};
