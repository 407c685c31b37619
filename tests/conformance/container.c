// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Section 3.1: container and group. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "row.h"

#define NO_SUCH_TYPE	99UL

static void api_version(struct test *t)
{
	open_container(t);
	want(t, ioctl(t->container, VFIO_GET_API_VERSION), "GET_API_VERSION");
}

static void check_extensions(struct test *t, const unsigned long *ids, const char *when)
{
	for (; *ids; ids++)
		want(t, vfio_check_extension(t->container, *ids), "extension %lu, %s", *ids, when);
}

static void extensions(struct test *t, const unsigned long *ids)
{
	open_container(t);
	check_extensions(t, ids, "no group");
	close_container(t);
	setup_bare(t, 1);
	check_extensions(t, ids, "no type set");
	if (vfio_set_type(t->container, t->type))
		give_up(t, "SET_IOMMU");
	check_extensions(t, ids, "type set");
}

static void unknown_extensions(struct test *t)
{
	static const unsigned long ids[] = {
		VFIO_SPAPR_TCE_IOMMU, VFIO_EEH, VFIO_SPAPR_TCE_v2_IOMMU, VFIO_NOIOMMU_IOMMU,
		NO_SUCH_TYPE, 0x7fff, 0
	};

	extensions(t, ids);
}

static void known_extensions(struct test *t)
{
	static const unsigned long ids[] = {
		VFIO_TYPE1_IOMMU, VFIO_TYPE1v2_IOMMU, VFIO_UNMAP_ALL, 0
	};

	extensions(t, ids);
}

static void extension_before_type(struct test *t, unsigned long id)
{
	open_container(t);
	want(t, vfio_check_extension(t->container, id), "no group");
	close_container(t);
	setup_bare(t, 1);
	want(t, vfio_check_extension(t->container, id), "group, no type set");
}

static void coherency_before(struct test *t)
{
	extension_before_type(t, VFIO_DMA_CC_IOMMU);
}

/* The only unit of this machine says in its capabilities (VT-d 11.4.3, bit 7) what is right. */
static void coherency_after(struct test *t)
{
	char text[64];
	int snoop;

	if (proc_text("/sys/class/iommu/dmar0/intel-iommu/ecap", text, sizeof(text)))
		cannot(t, "needs a VT-d unit");
	snoop = strtoull(text, NULL, 16) >> 7 & 1;
	setup(t, 1);
	want(t, vfio_check_extension(t->container, VFIO_DMA_CC_IOMMU) == snoop,
	     "unit with snoop control %d", snoop);
	note(t, "DMA_CC=%d", vfio_check_extension(t->container, VFIO_DMA_CC_IOMMU));
}

static void vaddr_before(struct test *t)
{
	extension_before_type(t, VFIO_UPDATE_VADDR);
}

static void vaddr_after(struct test *t)
{
	int value;

	setup(t, 1);
	value = vfio_check_extension(t->container, VFIO_UPDATE_VADDR);
	want(t, value == has(t, FEATURE_VADDR), "UPDATE_VADDR says %d", value);
}

static void requests_without_type(struct test *t, const char *when)
{
	struct vfio_iommu_type1_dirty_bitmap dirty = {
		.argsz = sizeof(dirty), .flags = VFIO_IOMMU_DIRTY_PAGES_FLAG_START,
	};
	struct vfio_iommu_type1_info info = { .argsz = sizeof(info) };
	char *memory = get_pages(t, 1);

	want(t, map(t, IOVA, memory, PAGE), "MAP_DMA, %s", when);
	want(t, unmap(t, IOVA, PAGE), "UNMAP_DMA, %s", when);
	want(t, ioctl(t->container, VFIO_IOMMU_GET_INFO, &info) ? -errno : 0, "GET_INFO, %s", when);
	want(t, ioctl(t->container, VFIO_IOMMU_DIRTY_PAGES, &dirty) ? -errno : 0,
	     "DIRTY_PAGES, %s", when);
	put_pages(memory, 1);
}

static void before_set_iommu(struct test *t)
{
	open_container(t);
	requests_without_type(t, "no group");
	open_group(t, 0);
	join_group(t, 0);
	requests_without_type(t, "with a group");
}

static void unknown_ioctl(struct test *t)
{
	setup(t, 1);
	want(t, ioctl(t->container, _IO(VFIO_TYPE, VFIO_BASE + 90)) ? -errno : 0, "number 90");
	want(t, ioctl(t->container, VFIO_IOMMU_ENABLE) ? -errno : 0, "another driver's");
}

static void type_without_group(struct test *t)
{
	open_container(t);
	want(t, vfio_set_type(t->container, t->type), "type %lu", t->type);
}

static void type_twice(struct test *t)
{
	setup(t, 1);
	want(t, vfio_set_type(t->container, VFIO_TYPE1_IOMMU), "type 1 after %lu", t->type);
	want(t, vfio_set_type(t->container, VFIO_TYPE1v2_IOMMU), "type 3 after %lu", t->type);
}

static void type_unknown(struct test *t)
{
	setup_bare(t, 1);
	want(t, vfio_set_type(t->container, NO_SUCH_TYPE), "type %lu", NO_SUCH_TYPE);
	want(t, vfio_set_type(t->container, VFIO_SPAPR_TCE_IOMMU), "another platform's type");
	want_value(t, 0, vfio_set_type(t->container, t->type), "a known type after that");
}

/* A kernel told not to remap interrupts makes every attach fail, unless a parameter allows it. */
static void attach_fails(struct test *t)
{
	if (!booted_with("intremap=off"))
		cannot(t, "needs a kernel booted with intremap=off");
	set_parameter(t, "allow_unsafe_interrupts", "0");
	setup_bare(t, 2);
	want(t, vfio_set_type(t->container, t->type), "two groups");
	want_value(t, -EINVAL, map(t, IOVA, t, PAGE), "MAP_DMA after that");
	want_value(t, 0, proc_module_users(t->settings->module), "users of the module");
	set_parameter(t, "allow_unsafe_interrupts", "1");
	want_value(t, 0, vfio_set_type(t->container, t->type), "SET_IOMMU once it is allowed");
}

static int set_container(struct test *t, int fd)
{
	return ioctl(t->groups[0].fd, VFIO_GROUP_SET_CONTAINER, &fd) ? -errno : 0;
}

static void bad_container_fd(struct test *t)
{
	int closed;

	open_group(t, 0);
	closed = open("/dev/null", O_RDWR);
	close(closed);
	want(t, set_container(t, closed), "closed fd");
	want(t, set_container(t, 9999), "fd 9999");
}

static void other_container_fd(struct test *t)
{
	int fds[2];

	open_group(t, 0);
	fds[0] = open("/dev/null", O_RDWR);
	want(t, set_container(t, fds[0]), "/dev/null");
	close(fds[0]);
	want(t, set_container(t, t->groups[0].fd), "the group itself");
	if (pipe(fds))
		give_up(t, "pipe");
	want(t, set_container(t, fds[0]), "a pipe");
}

static void container_twice(struct test *t)
{
	int other;

	setup(t, 1);
	want(t, set_container(t, t->container), "the same container");
	other = vfio_container_open();
	want(t, set_container(t, other), "another container");
	close(other);
}

static void write_driver_file(struct test *t, const char *file)
{
	const char *address = t->groups[0].listed.address;
	char path[128];
	int error;

	snprintf(path, sizeof(path), "/sys/bus/pci/drivers/vfio-pci/%s", file);
	error = proc_set_text(path, address);
	if (error) {
		errno = -error;
		give_up(t, "write %s to %s", address, path);
	}
}

static void group_lost_device(struct test *t)
{
	int lost;

	open_container(t);
	open_group(t, 0);
	write_driver_file(t, "unbind");
	lost = set_container(t, t->container);
	close_group(t, 0);
	write_driver_file(t, "bind");
	want(t, lost, "device unbound from vfio-pci");
	open_group(t, 0);
	want_value(t, 0, set_container(t, t->container), "bound again");
}

static void unset_none(struct test *t)
{
	open_group(t, 0);
	want(t, vfio_group_leave(t->groups[0].fd), "never set");
	open_container(t);
	join_group(t, 0);
	want_value(t, 0, vfio_group_leave(t->groups[0].fd), "set");
	want(t, vfio_group_leave(t->groups[0].fd), "unset before");
}

static void unset_with_device(struct test *t)
{
	struct edu edu;

	setup(t, 1);
	get_edu(t, 0, &edu);
	want(t, vfio_group_leave(t->groups[0].fd), "device open");
	edu_close(&edu);
	want_value(t, 0, vfio_group_leave(t->groups[0].fd), "device closed");
}

static void unset_last(struct test *t)
{
	unsigned long other = t->type == VFIO_TYPE1_IOMMU ? VFIO_TYPE1v2_IOMMU : VFIO_TYPE1_IOMMU;
	char *memory = get_pages(t, 16);
	long billed = proc_billed(0), pinned = proc_pinned();

	setup(t, 1);
	must_map(t, IOVA, memory, 8 * PAGE);
	must_map(t, 1ULL << 33, memory + 8 * PAGE, 8 * PAGE);
	want_value(t, billed + 16, proc_billed(0), "pages billed while mapped");
	want_value(t, pinned + 16, proc_pinned(), "pages pinned while mapped");
	want(t, vfio_group_leave(t->groups[0].fd), "with two mappings");
	want_value(t, billed, proc_billed(0), "pages billed after it");
	want_value(t, pinned, proc_pinned(), "pages pinned after it");
	want_value(t, -EINVAL, map(t, IOVA, memory, PAGE), "MAP_DMA after it");

	join_group(t, 0);
	want_value(t, -EINVAL, map(t, IOVA, memory, PAGE), "MAP_DMA before SET_IOMMU");
	want_value(t, 0, vfio_set_type(t->container, other), "the other type");
	want_value(t, 0, map(t, IOVA, memory, 16 * PAGE), "MAP_DMA where mappings were");
}

/* A device keeps its group's container alive, whoever else lets go of it. */
static void device_outlives_fds(struct test *t)
{
	char *memory = get_pages(t, 2);
	long billed = proc_billed(0);
	struct edu edu;

	setup(t, 1);
	must_map(t, IOVA, memory, 2 * PAGE);
	get_edu(t, 0, &edu);
	close_container(t);
	close_group(t, 0);
	want_value(t, billed + 2, proc_billed(0), "pages billed while the device is open");
	want(t, dma_works(&edu, memory, IOVA) ? 0 : -EIO, "DMA");
	edu_close(&edu);
	want_value(t, billed, proc_billed(0), "pages billed after the device");
	put_pages(memory, 2);
}

static void device_without_type(struct test *t)
{
	int fd;

	setup_bare(t, 1);
	fd = ioctl(t->groups[0].fd, VFIO_GROUP_GET_DEVICE_FD, t->groups[0].listed.address);
	want(t, fd < 0 ? -errno : fd, "no type set");
}

const struct row container_rows[] = {
	ROW("1", "GET_API_VERSION", NEITHER, ALL(VFIO_API_VERSION), api_version),
	ROW("2", "CHECK_EXTENSION of unknown ids", BOTH, ALL(0), unknown_extensions),
	ROW("2a", "CHECK_EXTENSION of 1, 3 and 9", BOTH, ALL(1), known_extensions),
	ROW("4", "CHECK_EXTENSION of DMA_CC before SET_IOMMU", NEITHER, ALL(0), coherency_before),
	ROW("4a", "CHECK_EXTENSION of DMA_CC after SET_IOMMU is the unit's", BOTH, ALL(1),
	    coherency_after),
	ROW("6", "CHECK_EXTENSION of UPDATE_VADDR before SET_IOMMU", NEITHER, ALL(0),
	    vaddr_before),
	ROW("6v", "CHECK_EXTENSION of UPDATE_VADDR after SET_IOMMU is the backend's", BOTH, ALL(1),
	    vaddr_after),
	ROW("7", "MAP, UNMAP, GET_INFO, DIRTY_PAGES before SET_IOMMU", NEITHER, ALL(-EINVAL),
	    before_set_iommu),
	ROW("8", "unknown ioctl after SET_IOMMU", BOTH, ALL(-ENOTTY), unknown_ioctl),
	ROW("9", "SET_IOMMU without a group", BOTH, ALL(-EINVAL), type_without_group),
	ROW("10", "SET_IOMMU twice", BOTH, ALL(-EINVAL), type_twice),
	ROW("11", "SET_IOMMU of a type that no backend has", BOTH, ALL(-ENODEV), type_unknown),
	ROW("13", "SET_IOMMU when attach fails: its errno, nothing left", BOTH, ALL(-EPERM),
	    attach_fails),
	ROW("14", "SET_CONTAINER of a bad fd", NEITHER, ALL(-EBADF), bad_container_fd),
	ROW("15", "SET_CONTAINER of an fd of another kind", NEITHER,
	    EACH(-EINVAL, -EBADFD, -EBADFD), other_container_fd),
	ROW("16", "SET_CONTAINER when set", BOTH, ALL(-EINVAL), container_twice),
	ROW("17", "SET_CONTAINER of a group that lost its device", NEITHER, ALL(-ENODEV),
	    group_lost_device),
	ROW("20", "UNSET_CONTAINER when none is set", NEITHER, ALL(-EINVAL), unset_none),
	ROW("21", "UNSET_CONTAINER with a device open", BOTH, ALL(-EBUSY), unset_with_device),
	ROW("22", "UNSET_CONTAINER of the last group: all released, container reusable", BOTH,
	    ALL(0), unset_last),
	ROW("22c", "container and group closed before the device: mappings stay until it closes",
	    BOTH, ALL(0), device_outlives_fds),
	ROW("23", "device opened when no type is set", NEITHER, ALL(-EINVAL), device_without_type),
	END_OF_ROWS
};
