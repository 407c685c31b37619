// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include "iommufd.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/vfio.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "vfio.h"

/* The headers of Debian 12 are older than iommufd: what is asked of it, in its words. */
#define REQUEST(number)		_IO(VFIO_TYPE, number)
#define IOMMU_DESTROY		REQUEST(0x80)
#define IOMMU_IOAS_ALLOC	REQUEST(0x81)
#define IOMMU_IOAS_COPY		REQUEST(0x83)
#define IOMMU_IOAS_MAP		REQUEST(0x85)
#define IOMMU_IOAS_UNMAP	REQUEST(0x86)
#define IOMMU_OPTION		REQUEST(0x87)
#define DEVICE_BIND_IOMMUFD	REQUEST(VFIO_BASE + 18)
#define DEVICE_ATTACH		REQUEST(VFIO_BASE + 19)
#define DEVICE_DETACH		REQUEST(VFIO_BASE + 20)

#define FIXED_IOVA		(1U << 0)
#define WRITEABLE		(1U << 1)
#define READABLE		(1U << 2)

#define OPTION_RLIMIT_MODE	0
#define OPTION_SET		0

struct destroy {
	__u32 size, id;
};

struct ioas_alloc {
	__u32 size, flags, out_ioas;
};

struct ioas_map {
	__u32 size, flags, ioas, reserved;
	__u64 address, length, iova;
};

struct ioas_copy {
	__u32 size, flags, to, from;
	__u64 length, to_iova, from_iova;
};

struct ioas_unmap {
	__u32 size, ioas;
	__u64 iova, length;
};

struct option {
	__u32 size, option;
	__u16 operation, reserved;
	__u32 object;
	__u64 value;
};

struct device_bind {
	__u32 argsz, flags;
	__s32 iommufd;
	__u32 out_id;
};

struct device_attach {
	__u32 argsz, flags, space;
};

struct device_detach {
	__u32 argsz, flags;
};

int iommufd_open(void)
{
	int fd = open("/dev/iommu", O_RDWR | O_CLOEXEC);

	return fd >= 0 ? fd : vfio_failed(-errno, "open /dev/iommu");
}

int iommufd_bill_process(int iommufd, bool on)
{
	struct option option = {
		.size = sizeof(option),
		.option = OPTION_RLIMIT_MODE,
		.operation = OPTION_SET,
		.value = on,
	};

	return !ioctl(iommufd, IOMMU_OPTION, &option) ? 0 :
		vfio_failed(-errno, "OPTION RLIMIT_MODE %d", on);
}

int iommufd_ioas_alloc(int iommufd, __u32 *ioas)
{
	struct ioas_alloc alloc = { .size = sizeof(alloc) };

	if (ioctl(iommufd, IOMMU_IOAS_ALLOC, &alloc))
		return vfio_failed(-errno, "IOAS_ALLOC");
	*ioas = alloc.out_ioas;
	return 0;
}

int iommufd_destroy(int iommufd, __u32 id)
{
	struct destroy destroy = { .size = sizeof(destroy), .id = id };

	return !ioctl(iommufd, IOMMU_DESTROY, &destroy) ? 0 :
		vfio_failed(-errno, "DESTROY %u", id);
}

int iommufd_map(int iommufd, __u32 ioas, __u64 iova, const void *memory, __u64 size)
{
	struct ioas_map map = {
		.size = sizeof(map),
		.flags = FIXED_IOVA | WRITEABLE | READABLE,
		.ioas = ioas,
		.address = (uintptr_t)memory,
		.length = size,
		.iova = iova,
	};

	return !ioctl(iommufd, IOMMU_IOAS_MAP, &map) ? 0 :
		vfio_failed(-errno, "IOAS_MAP iova %#llx size %#llx of %p", iova, size, memory);
}

int iommufd_copy(int iommufd, __u32 to, __u64 to_iova, __u32 from, __u64 from_iova, __u64 size)
{
	struct ioas_copy copy = {
		.size = sizeof(copy),
		.flags = FIXED_IOVA | WRITEABLE | READABLE,
		.to = to,
		.from = from,
		.length = size,
		.to_iova = to_iova,
		.from_iova = from_iova,
	};

	return !ioctl(iommufd, IOMMU_IOAS_COPY, &copy) ? 0 :
		vfio_failed(-errno, "IOAS_COPY %u iova %#llx to %u iova %#llx size %#llx",
			    from, from_iova, to, to_iova, size);
}

int iommufd_unmap(int iommufd, __u32 ioas, __u64 iova, __u64 *size)
{
	struct ioas_unmap unmap = {
		.size = sizeof(unmap),
		.ioas = ioas,
		.iova = iova,
		.length = *size,
	};

	if (ioctl(iommufd, IOMMU_IOAS_UNMAP, &unmap))
		return vfio_failed(-errno, "IOAS_UNMAP iova %#llx size %#llx", iova, *size);
	*size = unmap.length;
	return 0;
}

int iommufd_unmap_all(int iommufd, __u32 ioas, __u64 *size)
{
	*size = UINT64_MAX;
	return iommufd_unmap(iommufd, ioas, 0, size);
}

/* The device's own file is called after a number that the VFIO core has given it. */
static int find_file(const char *name, char *path, size_t size)
{
	static const char *const buses[] = { "pci", "platform" };
	char folder[96];
	const struct dirent *entry;
	int i, error = -ENOENT;
	DIR *stream = NULL;

	for (i = 0; i < 2 && !stream; i++) {
		snprintf(folder, sizeof(folder), "/sys/bus/%s/devices/%s/vfio-dev", buses[i], name);
		stream = opendir(folder);
	}
	if (!stream)
		return vfio_failed(-errno, "open %s", folder);
	while (error && (entry = readdir(stream))) {
		if (strncmp(entry->d_name, "vfio", 4))
			continue;
		snprintf(path, size, "/dev/vfio/devices/%.32s", entry->d_name);
		error = 0;
	}
	closedir(stream);
	return error ? vfio_failed(error, "a device in %s", folder) : 0;
}

int iommufd_device_open(const char *name, int iommufd)
{
	struct device_bind bind = { .argsz = sizeof(bind), .iommufd = iommufd };
	char path[64];
	int fd, error;

	error = find_file(name, path, sizeof(path));
	if (error)
		return error;
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return vfio_failed(-errno, "open %s", path);
	if (ioctl(fd, DEVICE_BIND_IOMMUFD, &bind)) {
		error = vfio_failed(-errno, "BIND_IOMMUFD %s", path);
		close(fd);
		return error;
	}
	return fd;
}

int iommufd_device_attach(int device, __u32 ioas)
{
	struct device_attach attach = { .argsz = sizeof(attach), .space = ioas };

	return !ioctl(device, DEVICE_ATTACH, &attach) ? 0 :
		vfio_failed(-errno, "ATTACH_IOMMUFD_PT %u", ioas);
}

int iommufd_device_detach(int device)
{
	struct device_detach detach = { .argsz = sizeof(detach) };

	return !ioctl(device, DEVICE_DETACH, &detach) ? 0 :
		vfio_failed(-errno, "DETACH_IOMMUFD_PT");
}
