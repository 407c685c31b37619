// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The floor: the same memory registered as a buffer with io_uring, which pins it for the long term,
 * keeps a list of its pages, and maps it nowhere. It lets go of it only when nobody can be using it
 * any more, and waits for that milliseconds, which is why only the one half is measured.
 */
#include <errno.h>
#include <linux/io_uring.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "backend.h"

static int failed(const char *what)
{
	int error = -errno;

	fprintf(stderr, "bench: io_uring: %s: %s\n", what, strerror(-error));
	return error;
}

static int floor_ready(void)
{
	struct io_uring_params params = { };
	long fd = syscall(SYS_io_uring_setup, 1, &params);

	/* Whatever the reason is, it can't be had here. */
	if (fd < 0)
		return -ENOTSUP;
	close((int)fd);
	return 0;
}

static int floor_open(struct space *space, const struct device *device)
{
	struct io_uring_params params = { };

	(void)device;
	space->fd = (int)syscall(SYS_io_uring_setup, 1, &params);
	return space->fd < 0 ? failed("setup") : 0;
}

static int floor_map(struct space *space, __u64 iova, void *address, __u64 bytes)
{
	struct iovec vector = { .iov_base = address, .iov_len = bytes };

	(void)iova;
	return syscall(SYS_io_uring_register, space->fd, IORING_REGISTER_BUFFERS, &vector, 1) ?
		failed("register buffers") : 0;
}

static int floor_unmap_all(struct space *space)
{
	return syscall(SYS_io_uring_register, space->fd, IORING_UNREGISTER_BUFFERS, NULL, 0) ?
		failed("unregister buffers") : 0;
}

static int floor_unmap(struct space *space, __u64 iova, __u64 bytes)
{
	(void)iova;
	(void)bytes;
	return floor_unmap_all(space);
}

static void floor_close(struct space *space)
{
	close(space->fd);
}

const struct backend floor_backend = {
	.name = "floor",
	.what = "io_uring's buffer registration: pinned, listed, mapped nowhere",
	.ready = floor_ready,
	.open = floor_open,
	.map = floor_map,
	.unmap = floor_unmap,
	.unmap_all = floor_unmap_all,
	.close = floor_close,
};
