// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* The words that cases are written in. */
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "scene.h"

void expect_failed(const char *file, int line, const char *format, ...)
{
	va_list arguments;

	printf("    %s:%d: ", strrchr(file, '/') ? strrchr(file, '/') + 1 : file, line);
	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	putchar('\n');
	fflush(stdout);
	_exit(1);
}

void cannot(const char *why)
{
	printf("    %s\n", why);
	fflush(stdout);
	_exit(CASE_SKIPPED);
}

struct rig_unit_spec unit_plain(void)
{
	return (struct rig_unit_spec){
		.pgsizes = PAGE | 2 * MIB | GIB,
		.aperture_last = (1ULL << 48) - 1,
		.flags = RIG_ENFORCES | RIG_ISOLATES,
	};
}

struct rig_unit_spec unit_loose(void)
{
	struct rig_unit_spec spec = unit_plain();

	spec.flags = RIG_ISOLATES;
	return spec;
}

struct rig_unit_spec unit_other(void)
{
	struct rig_unit_spec spec = unit_plain();

	spec.kind = 1;
	return spec;
}

struct rig_unit_spec unit_narrow(void)
{
	struct rig_unit_spec spec = unit_plain();

	spec.kind = 2;
	spec.aperture_last = (1ULL << 39) - 1;
	return spec;
}

struct rig_unit_spec unit_coarse(void)
{
	struct rig_unit_spec spec = unit_plain();

	spec.kind = 3;
	spec.pgsizes = 64 * KIB | 2 * MIB;
	return spec;
}

void scene_open(struct scene *s, unsigned long type, bool manifold)
{
	int i;

	memset(s, 0, sizeof(*s));
	vfio_quiet = true;
	s->type = type;
	s->manifold = manifold;
	for (i = 0; i < MAX_DEVICES; i++)
		s->groups[i] = -1;
	s->rig = open("/dev/manifold-rig", O_RDWR | O_CLOEXEC);
	expect(s->rig >= 0, "no /dev/manifold-rig: %s", strerror(errno));
	expect(!ioctl(s->rig, RIG_CLEAR), "the rig is in use: %s", strerror(errno));
	s->container = vfio_container_open();
	expect(s->container >= 0, "no container: %s", strerror(-s->container));
	/* Huge, for units with large pages; shared, so that a child's is the same. */
	s->memory = mmap(NULL, SCENE_MEMORY, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS | MAP_HUGETLB | MAP_POPULATE, -1, 0);
	expect(s->memory != MAP_FAILED, "no huge pages: %s", strerror(errno));
}

unsigned int add_unit(struct scene *s, struct rig_unit_spec spec)
{
	expect(!ioctl(s->rig, RIG_ADD_UNIT, &spec), "ADD_UNIT: %s", strerror(errno));
	return spec.unit;
}

struct rig_device_spec device_of(unsigned int unit)
{
	return (struct rig_device_spec){ .unit = unit, .beside = RIG_NONE };
}

int add_device_like(struct scene *s, const struct rig_device_spec *spec)
{
	struct rig_device_spec *d = &s->devices[s->ndevices];
	int err;

	expect(s->ndevices < MAX_DEVICES, "too many devices");
	*d = *spec;
	err = ioctl(s->rig, RIG_ADD_DEVICE, d) ? errno : 0;
	if (err == EOPNOTSUPP && spec->bus)
		cannot("the rig has one bus on this kernel");
	expect(!err, "ADD_DEVICE: %s", strerror(err));
	return s->ndevices++;
}

int add_device(struct scene *s, unsigned int unit)
{
	struct rig_device_spec spec = device_of(unit);

	return add_device_like(s, &spec);
}

int attach(struct scene *s, int device)
{
	int err;

	if (s->groups[device] < 0)
		s->groups[device] = vfio_group_open((int)s->devices[device].group);
	expect(s->groups[device] >= 0, "group %u: %s", s->devices[device].group,
	       strerror(-s->groups[device]));
	err = vfio_group_join(s->groups[device], s->container);
	if (!err && !s->has_type) {
		err = vfio_set_type(s->container, s->type);
		if (err)
			vfio_group_leave(s->groups[device]);
	}
	if (!err) {
		s->has_type = true;
		s->attached[device] = true;
	}
	return err;
}

void must_attach(struct scene *s, int device)
{
	int err = attach(s, device);

	expect(!err, "attach of device %d: %s", device, strerror(-err));
}

void detach(struct scene *s, int device)
{
	int i, err = vfio_group_leave(s->groups[device]);

	expect(!err, "detach of device %d: %s", device, strerror(-err));
	s->attached[device] = false;
	/* With its last group a container loses its type. */
	s->has_type = false;
	for (i = 0; i < s->ndevices; i++)
		s->has_type = s->has_type || s->attached[i];
}

int map(struct scene *s, __u64 iova, __u64 offset, __u64 size)
{
	return vfio_map(s->container, iova, s->memory + offset, size, VFIO_MAP_RW);
}

void must_map(struct scene *s, __u64 iova, __u64 offset, __u64 size)
{
	int err = map(s, iova, offset, size);

	expect(!err, "map of %#llx bytes at %#llx: %s", size, iova, strerror(-err));
}

long long unmap(struct scene *s, __u64 iova, __u64 size)
{
	int err = vfio_unmap(s->container, iova, &size, 0);

	return err ? err : (long long)size;
}

struct rig_device_state state_of(struct scene *s, int device)
{
	struct rig_device_state state = { .device = s->devices[device].device };

	expect(!ioctl(s->rig, RIG_GET_DEVICE, &state), "GET_DEVICE: %s", strerror(errno));
	return state;
}

struct rig_counters counters_of(struct scene *s, unsigned int unit, bool reset)
{
	struct rig_counters counters = { .unit = unit, .reset = reset };

	expect(!ioctl(s->rig, RIG_GET_COUNTERS, &counters), "GET_COUNTERS: %s", strerror(errno));
	return counters;
}

void set_faults(struct scene *s, struct rig_faults faults)
{
	expect(!ioctl(s->rig, RIG_SET_FAULTS, &faults), "SET_FAULTS: %s", strerror(errno));
}

int coherent(struct scene *s)
{
	return vfio_check_extension(s->container, VFIO_DMA_CC_IOMMU);
}

struct vfio_info info_of(struct scene *s)
{
	struct vfio_info info;
	int err = vfio_get_info(s->container, &info);

	expect(!err, "GET_INFO: %s", strerror(-err));
	return info;
}

bool window_has(const struct vfio_info *info, __u64 first, __u64 last)
{
	int i;

	for (i = 0; i < info->nranges; i++) {
		if (first >= info->ranges[i].start && last <= info->ranges[i].end)
			return true;
	}
	return false;
}

static unsigned int dma(struct scene *s, int device, __u64 iova, __u64 *word, bool write)
{
	struct rig_dma dma = {
		.device = s->devices[device].device,
		.write = write,
		.iova = iova,
		.buffer = (__u64)(uintptr_t)word,
		.bytes = sizeof(*word),
	};

	expect(!ioctl(s->rig, RIG_DMA, &dma), "DMA: %s", strerror(errno));
	return dma.fault;
}

unsigned int dma_read(struct scene *s, int device, __u64 iova, __u64 *word)
{
	return dma(s, device, iova, word, false);
}

unsigned int dma_write(struct scene *s, int device, __u64 iova, __u64 word)
{
	return dma(s, device, iova, &word, true);
}

static void reach_word(struct scene *s, int device, __u64 iova, __u64 offset)
{
	volatile __u64 *there = (volatile __u64 *)(s->memory + offset);
	__u64 sent = iova * 0x9e3779b97f4a7c15ULL + (unsigned int)device, got = 0;
	unsigned int fault;

	fault = dma_write(s, device, iova, sent);
	expect(!fault, "device %d can't write %#llx: fault %u", device, iova, fault);
	expect(*there == sent, "device %d wrote %#llx elsewhere", device, iova);
	*there = ~sent;
	fault = dma_read(s, device, iova, &got);
	expect(!fault, "device %d can't read %#llx: fault %u", device, iova, fault);
	expect(got == ~sent, "device %d read %#llx elsewhere", device, iova);
}

void must_reach(struct scene *s, int device, __u64 iova, __u64 offset, __u64 size)
{
	__u64 middle = size / 2 & ~7ULL, last = size - sizeof(__u64);

	reach_word(s, device, iova, offset);
	reach_word(s, device, iova + middle, offset + middle);
	reach_word(s, device, iova + last, offset + last);
}

void must_not_reach(struct scene *s, int device, __u64 iova, __u64 size)
{
	__u64 at, word;

	for (at = 0; at < size; at += PAGE) {
		unsigned int fault = dma_read(s, device, iova + at, &word);

		expect(fault == RIG_FAULT_NOT_PRESENT || fault == RIG_FAULT_NO_DOMAIN,
		       "device %d reads %#llx: fault %u", device, iova + at, fault);
	}
}

bool leaf_at(struct scene *s, int device, __u64 iova, struct rig_leaf *leaf)
{
	*leaf = (struct rig_leaf){ .device = s->devices[device].device, .iova = iova };
	if (ioctl(s->rig, RIG_FIND_LEAF, leaf)) {
		expect(errno == ENOENT, "FIND_LEAF: %s", strerror(errno));
		return false;
	}
	return leaf->iova <= iova;
}

void must_agree(struct scene *s, const int *devices, int n, __u64 iova, __u64 size)
{
	struct rig_leaf first, leaf;
	__u64 at;
	int i;

	for (at = iova; at < iova + size; at += PAGE) {
		expect(leaf_at(s, devices[0], at, &first), "%#llx is not mapped", at);
		for (i = 1; i < n; i++) {
			expect(leaf_at(s, devices[i], at, &leaf),
			       "%#llx is not mapped for device %d", at, devices[i]);
			expect(leaf.physical + (at - leaf.iova) ==
			       first.physical + (at - first.iova),
			       "%#llx is another page for device %d", at, devices[i]);
			expect(leaf.prot == first.prot, "%#llx has other rights for device %d",
			       at, devices[i]);
		}
	}
}

void start_traffic(struct scene *s, int device, __u64 iova, __u64 size)
{
	struct rig_traffic traffic = {
		.device = s->devices[device].device,
		.prot = RIG_READ | RIG_WRITE,
		.first = iova,
		.last = iova + size - 1,
	};

	expect(!ioctl(s->rig, RIG_START, &traffic), "START: %s", strerror(errno));
}

static struct rig_traffic get_traffic(struct scene *s, int device, unsigned long command)
{
	struct rig_traffic traffic = { .device = s->devices[device].device };

	expect(!ioctl(s->rig, command, &traffic), "traffic: %s", strerror(errno));
	return traffic;
}

struct rig_traffic stop_traffic(struct scene *s, int device)
{
	return get_traffic(s, device, RIG_STOP);
}

void wait_traffic(struct scene *s, int device, __u64 accesses)
{
	__u64 from = get_traffic(s, device, RIG_GET_TRAFFIC).bursts;

	while (get_traffic(s, device, RIG_GET_TRAFFIC).bursts - from < accesses)
		sleep_ms(1);
}

void must_have_reached(struct scene *s, int device)
{
	struct rig_traffic traffic;
	unsigned int i;

	wait_traffic(s, device, 50);
	traffic = stop_traffic(s, device);
	for (i = 1; i < RIG_FAULTS; i++)
		expect(!traffic.faults[i], "%llu accesses of device %d ended with fault %u",
		       traffic.faults[i], device, i);
}
