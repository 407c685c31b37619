/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * A backend: somebody who can be asked to make memory reachable for a device. All do the same
 * work here, so that what they need for it can be compared.
 *
 * Another one is a file with a struct backend in it, and a line in backends.c.
 */
#ifndef BENCH_BACKEND_H
#define BENCH_BACKEND_H

#include <linux/types.h>
#include <stdbool.h>

#define SPACE_MAX_DEVICES 4

/* What a backend has to be able to do for a work. */
enum backend_can {
	CAN_MAP_MANY = 1 << 0,		/* many mappings at once, at IOVAs of choice */
	CAN_SHARE = 1 << 1,		/* several devices, each behind a unit of its own */
	CAN_MAP_DEVICES = 1 << 2,	/* memory of a device, not only pages */
	CAN_UNMAP_AT_ONCE = 1 << 3,	/* with no wait that would be measured, too */
};

/* A device that VFIO has, and where it is. */
struct device {
	char name[32];			/* what VFIO_GROUP_GET_DEVICE_FD calls it */
	int group;			/* /dev/vfio/GROUP */
};

/* One open IOVA space with devices behind it. A backend may use the numbers as it likes. */
struct space {
	const struct backend *backend;
	int fd;				/* the container, or whatever is in its place */
	__u32 id;			/* for those that number their spaces */
	int ndevices;
	struct {
		const struct device *device;
		int group, fd;		/* -1 where there is none */
	} devices[SPACE_MAX_DEVICES];
};

/**
 * struct backend - who does the work
 * @name: what it is called in results
 * @what: a sentence for the list
 * @can: bits of enum backend_can
 * @when_named: it takes part when it is asked for by name only
 * @ready: makes it the one that is asked from now on: loads a module, takes another away;
 *	-ENOTSUP when this kernel has none. It must not fork: the memory that is to be mapped would
 *	be shared with the child, and cost more to pin
 * @open: a new space with one device; the rest of @space is zero
 * @attach: one more device; by then there may be mappings
 * @detach: takes away the device that was attached last
 * @map: makes memory reachable for reading and writing
 * @unmap: exactly one mapping
 * @unmap_all: all mappings, in one call
 * @close: ends it, with whatever is still mapped
 *
 * All return 0 or a negative errno, and say on stderr what failed.
 */
struct backend {
	const char *name;
	const char *what;
	unsigned int can;
	bool when_named;
	int (*ready)(void);
	int (*open)(struct space *space, const struct device *device);
	int (*attach)(struct space *space, const struct device *device);
	int (*detach)(struct space *space);
	int (*map)(struct space *space, __u64 iova, void *address, __u64 bytes);
	int (*unmap)(struct space *space, __u64 iova, __u64 bytes);
	int (*unmap_all)(struct space *space);
	void (*close)(struct space *space);
};

extern const struct backend in_tree_backend;
extern const struct backend manifold_backend;
extern const struct backend manifold_counting_backend;
extern const struct backend iommufd_backend;
extern const struct backend iommufd_compat_backend;
extern const struct backend floor_backend;

/* All of them, in the order in which they take turns; ends with NULL. */
extern const struct backend *const backends[];

/* Whether this kernel has iommufd: 0 or -ENOTSUP. */
int iommufd_ready(void);

/* The file of Manifold's module, to be loaded beside in-tree type1. */
extern const char *manifold_module;

#endif /* BENCH_BACKEND_H */
