// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The backends behind VFIO's containers: in-tree type1, Manifold beside it, and iommufd, which is
 * a container of its own kind where the kernel has it.
 *
 * The VFIO core asks the backend that was registered last first. So Manifold is loaded for its turn
 * and unloaded for that of in-tree type1, which stays.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../../tests/client/iommufd.h"
#include "../../tests/client/proc.h"
#include "../../tests/client/vfio.h"
#include "backend.h"

#define MANIFOLD "vfio_manifold"

const char *manifold_module;

static int failed(int error, const char *what)
{
	fprintf(stderr, "bench: %s: %s\n", what, strerror(-error));
	return error;
}

static bool is_loaded(void)
{
	return proc_module_users(MANIFOLD) >= 0;
}

static int load(void)
{
	int fd, err = 0;

	if (!manifold_module)
		return -ENOTSUP;
	fd = open(manifold_module, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return failed(-errno, manifold_module);
	if (syscall(SYS_finit_module, fd, "allow_unsafe_interrupts=1", 0))
		err = failed(-errno, "loading " MANIFOLD);
	close(fd);
	return err;
}

/* The last container may have left work that still holds the module. */
static int unload(void)
{
	int tries;

	for (tries = 0; syscall(SYS_delete_module, MANIFOLD, O_NONBLOCK); tries++) {
		if (errno != EAGAIN && errno != EBUSY && errno != EWOULDBLOCK)
			return failed(-errno, "unloading " MANIFOLD);
		if (tries == 500)
			return failed(-EBUSY, "unloading " MANIFOLD);
		sleep_ms(10);
	}
	return 0;
}

static int in_tree_ready(void)
{
	if (access("/sys/module/vfio_iommu_type1", F_OK))
		return -ENOTSUP;
	return is_loaded() ? unload() : 0;
}

/* Containers that are opened from now on bill a page once, or as in-tree type1 does. */
static int load_billing(const char *once)
{
	int err = is_loaded() ? 0 : load();

	return err ? err : proc_set_text("/sys/module/" MANIFOLD "/parameters/bill_once", once);
}

static int manifold_ready(void)
{
	return load_billing("Y");
}

static int manifold_counting_ready(void)
{
	return load_billing("N");
}

static int type1_attach(struct space *space, const struct device *device)
{
	int group, err;

	if (space->ndevices == SPACE_MAX_DEVICES)
		return -ENOSPC;
	group = vfio_group_open(device->group);
	if (group < 0)
		return group;
	err = vfio_group_join(group, space->fd);
	if (err) {
		close(group);
		return err;
	}
	space->devices[space->ndevices].device = device;
	space->devices[space->ndevices].group = group;
	space->devices[space->ndevices++].fd = -1;
	return 0;
}

static int type1_detach(struct space *space)
{
	int group = space->devices[--space->ndevices].group, err;

	err = vfio_group_leave(group);
	close(group);
	return err;
}

static void type1_close(struct space *space)
{
	while (space->ndevices)
		close(space->devices[--space->ndevices].group);
	close(space->fd);
}

/* The container is there already. */
static int start(struct space *space, const struct device *device)
{
	int err;

	if (space->fd < 0)
		return space->fd;
	err = type1_attach(space, device);
	if (!err)
		err = vfio_set_type(space->fd, VFIO_TYPE1v2_IOMMU);
	if (err)
		type1_close(space);
	return err;
}

static int type1_open(struct space *space, const struct device *device)
{
	space->fd = vfio_container_open();
	return start(space, device);
}

/* Only a device that is open is behind iommufd's container; before, nothing would be mapped. */
static int compat_open_last(struct space *space)
{
	int last = space->ndevices - 1, fd;

	fd = ioctl(space->devices[last].group, VFIO_GROUP_GET_DEVICE_FD,
		   space->devices[last].device->name);
	if (fd < 0)
		return failed(-errno, "GROUP_GET_DEVICE_FD");
	space->devices[last].fd = fd;
	return 0;
}

static int compat_attach(struct space *space, const struct device *device)
{
	int err = type1_attach(space, device);

	if (err)
		return err;
	err = compat_open_last(space);
	if (err)
		type1_detach(space);
	return err;
}

static int compat_detach(struct space *space)
{
	close(space->devices[space->ndevices - 1].fd);
	return type1_detach(space);
}

static void compat_close(struct space *space)
{
	for (int i = 0; i < space->ndevices; i++) {
		if (space->devices[i].fd >= 0)
			close(space->devices[i].fd);
	}
	type1_close(space);
}

static int compat_open(struct space *space, const struct device *device)
{
	int err;

	space->fd = iommufd_open();
	err = start(space, device);
	if (err)
		return err;
	err = compat_open_last(space);
	if (err)
		compat_close(space);
	return err;
}

/* Whoever is measured must be who was meant. */
static int manifold_open(struct space *space, const struct device *device)
{
	int err = type1_open(space, device);

	if (!err && proc_module_users(MANIFOLD) < 1) {
		type1_close(space);
		err = failed(-EPROTO, "the container is not " MANIFOLD "'s");
	}
	return err;
}

static int type1_map(struct space *space, __u64 iova, void *address, __u64 bytes)
{
	return vfio_map(space->fd, iova, address, bytes, VFIO_MAP_RW);
}

static int type1_unmap(struct space *space, __u64 iova, __u64 bytes)
{
	__u64 got = bytes;
	int err = vfio_unmap(space->fd, iova, &got, 0);

	return err || got == bytes ? err : failed(-EPROTO, "an unmap that did less");
}

static int type1_unmap_all(struct space *space)
{
	__u64 bytes;

	return vfio_unmap_all(space->fd, &bytes);
}

#define TYPE1_CAN	(CAN_MAP_MANY | CAN_SHARE | CAN_MAP_DEVICES | CAN_UNMAP_AT_ONCE)
#define TYPE1_REQUESTS			\
	.map = type1_map,		\
	.unmap = type1_unmap,		\
	.unmap_all = type1_unmap_all
#define TYPE1_OPERATIONS		\
	.attach = type1_attach,		\
	.detach = type1_detach,		\
	.close = type1_close,		\
	TYPE1_REQUESTS

const struct backend in_tree_backend = {
	.name = "in-tree",
	.what = "the kernel's own vfio_iommu_type1",
	.can = TYPE1_CAN,
	.ready = in_tree_ready,
	.open = type1_open,
	TYPE1_OPERATIONS,
};

const struct backend manifold_backend = {
	.name = "manifold",
	.what = "Manifold, as vfio_manifold beside it",
	.can = TYPE1_CAN,
	.ready = manifold_ready,
	.open = manifold_open,
	TYPE1_OPERATIONS,
};

const struct backend manifold_counting_backend = {
	.name = "manifold-counting",
	.what = "the same with bill_once=0 (only when it is named)",
	.can = TYPE1_CAN,
	.when_named = true,
	.ready = manifold_counting_ready,
	.open = manifold_open,
	TYPE1_OPERATIONS,
};

const struct backend iommufd_compat_backend = {
	.name = "iommufd-compat",
	.what = "iommufd as a container: type1's requests to /dev/iommu",
	.can = TYPE1_CAN & ~CAN_MAP_DEVICES,
	.ready = iommufd_ready,
	.open = compat_open,
	.attach = compat_attach,
	.detach = compat_detach,
	.close = compat_close,
	TYPE1_REQUESTS,
};
