// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * units: every edu of a machine with several SMMUs in one container. A line a fact, as vfio-client.
 *
 * usage: units MODULE DEVICES UNITS
 *
 *   MODULE   whose folder in debugfs tells the domains
 *   DEVICES  lines "NAME PCI-ADDRESS GROUP", as vfio-bind writes them; the first one's group opens
 *            the container, the others join it when memory is mapped already
 *   UNITS    how many domains there must be
 */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "edu.h"
#include "kmsg.h"
#include "memory.h"
#include "proc.h"
#include "session.h"

#define IOVA		0x10000000ULL
#define SIZE		(64 * PAGE)
#define DOORBELL	0x8000000ULL	/* where arm-smmu-v3 wants to map doorbells */
#define EDU_IRQ_RAISE	0x60
#define EDU_IRQ_STATUS	0x24
#define EDU_IRQ_ACK	0x64

static struct vfio_listed devices[MAX_DEVICES];
static int groups[MAX_DEVICES];
static struct edu edus[MAX_DEVICES];
static int count, container;
static struct memory memory;

static const char *called(int n)
{
	static char text[MAX_DEVICES][64];

	snprintf(text[n], sizeof(text[n]), "%.31s %.15s", devices[n].name, devices[n].address);
	return text[n];
}

/* The last IOVA that may be mapped; 0 when it cannot be told. */
static __u64 window(const char *when)
{
	struct vfio_info info;

	if (!fact(!vfio_get_info(container, &info) && info.nranges, "GET_INFO %s", when))
		return 0;
	printf("      page sizes %#llx, window", info.page_sizes);
	for (int i = 0; i < info.nranges; i++)
		printf(" %#llx-%#llx", info.ranges[i].start, info.ranges[i].end);
	putchar('\n');
	return info.ranges[info.nranges - 1].end;
}

/* Bytes go to the device and come back to the page after. */
static bool same(int n, __u64 iova, char *base)
{
	memory_fill(base, EDU_MAX_TRANSFER, 17 + n);
	memset(base + PAGE, 0, EDU_MAX_TRANSFER);
	return !edu_copy(&edus[n], iova, iova + PAGE, EDU_MAX_TRANSFER) &&
	       !memcmp(base, base + PAGE, EDU_MAX_TRANSFER);
}

/* The unit's event queue as the driver prints it: the event, then its four words. */
static bool refused(int n, __u64 iova, enum edu_direction direction)
{
	unsigned int bus, slot, function, want = 0, words = 0;
	unsigned long long word, stream = 0;
	bool event = false, seen = false;
	char record[2048], *text;
	int mark = kmsg_mark();
	ssize_t got;

	if (sscanf(devices[n].address, "%*x:%x:%x.%x", &bus, &slot, &function) != 3)
		goto out;
	want = bus << 8 | slot << 3 | function;
	/* An event for every four bytes; ten events in five seconds are printed. */
	sleep_ms(600);
	if (edu_dma(&edus[n], iova, 4, direction))
		goto out;
	for (int ms = 0; ms < 2000 && !seen; ms += 10) {
		while (!seen) {
			got = read(mark, record, sizeof(record) - 1);
			/* EPIPE: older records were overwritten, the next read goes on. */
			if (got < 0 && errno == EPIPE)
				continue;
			if (got <= 0)
				break;
			record[got] = 0;
			text = strchr(record, ';');
			if (!text)
				continue;
			if (strstr(text, "event 0x")) {
				event = strstr(text, "event 0x10 ") || strstr(text, "event 0x13 ");
				words = 0;
			} else if (event && sscanf(text, "%*[^x]x%llx", &word) == 1) {
				if (words == 0)
					stream = word >> 32;
				if (words++ == 2)
					seen = stream == want && word >> 12 == iova >> 12;
			}
		}
		sleep_ms(10);
	}
out:
	close(mark);
	return fact(seen, "%s: %s of iova %#llx refused by its unit, stream %#x", called(n),
		    direction == EDU_WRITES_MEMORY ? "write" : "read", iova, want);
}

static bool join(int n)
{
	groups[n] = vfio_group_open(devices[n].group);
	if (groups[n] < 0)
		return false;
	return !vfio_group_join(groups[n], container) || (close(groups[n]), groups[n] = -1, false);
}

static bool open_device(int n)
{
	return fact(!edu_open(&edus[n], groups[n], devices[n].address), "%s: opened", called(n));
}

static void interrupt(int n)
{
	char buffer[sizeof(struct vfio_irq_set) + sizeof(int)] = { };
	struct vfio_irq_set *set = (struct vfio_irq_set *)buffer;
	volatile __u32 *bar = edus[n].device.bar;
	int event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	struct pollfd wait = { .fd = event, .events = POLLIN };
	__u64 times = 0;

	set->argsz = sizeof(buffer);
	set->flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER;
	set->index = VFIO_PCI_MSI_IRQ_INDEX;
	set->count = 1;
	memcpy(set->data, &event, sizeof(event));
	if (fact(!ioctl(edus[n].device.fd, VFIO_DEVICE_SET_IRQS, set), "%s: MSI on an eventfd",
		 called(n))) {
		bar[EDU_IRQ_RAISE / 4] = 1;
		fact(poll(&wait, 1, 5000) == 1 && read(event, &times, sizeof(times)) > 0,
		     "%s: its MSI arrived, %llu times", called(n), times);
		bar[EDU_IRQ_ACK / 4] = bar[EDU_IRQ_STATUS / 4];
		set->argsz = sizeof(*set);
		set->flags = VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_TRIGGER;
		set->count = 0;
		ioctl(edus[n].device.fd, VFIO_DEVICE_SET_IRQS, set);
	}
	close(event);
}

static void domains(const char *module, int units)
{
	char pattern[128], line[256];
	int found = 0;
	glob_t files;
	FILE *stream;

	snprintf(pattern, sizeof(pattern), "/sys/kernel/debug/%s/*/domains", module);
	if (glob(pattern, 0, NULL, &files)) {
		printf("#     no %s: the backend does not tell its domains\n", pattern);
		return;
	}
	stream = fopen(files.gl_pathv[0], "re");
	while (stream && fgets(line, sizeof(line), stream)) {
		printf("      %s", line);
		found += !strncmp(line, "domain ", 7);
	}
	if (stream)
		fclose(stream);
	fact(found == units, "%d domains, there are %d units", found, units);
	globfree(&files);
}

/*
 * What was mapped while the narrow units were out must keep them out. The devices behind them are
 * the last @narrow_count.
 */
static void edge(__u64 wide, __u64 narrow, int narrow_count)
{
	__u64 size = PAGE;
	int last = count - 1;

	vfio_quiet = true;
	fact(vfio_map(container, narrow + 1, memory.address, PAGE, VFIO_MAP_RW) == -EINVAL,
	     "no mapping at %#llx while a narrow unit is in the container", narrow + 1);
	vfio_quiet = false;
	for (int n = last; n > last - narrow_count; n--) {
		edu_close(&edus[n]);
		if (!fact(!vfio_group_leave(groups[n]), "%s: leaves the container", called(n)))
			return;
		close(groups[n]);
	}
	fact(window("without the narrow units") == wide, "the window is as wide as before again");
	if (!fact(!vfio_map(container, narrow + 1, memory.address, PAGE, VFIO_MAP_RW),
		  "now a mapping at %#llx", narrow + 1))
		return;
	vfio_quiet = true;
	fact(!join(last), "%s: its group is refused", called(last));
	vfio_quiet = false;
	fact(same(0, IOVA, memory.address), "%s: DMA after that", called(0));
	fact(!vfio_unmap(container, narrow + 1, &size, 0) && size == PAGE, "that one unmapped");
	for (int n = last; n > last - narrow_count; n--) {
		if (fact(join(n), "%s: its group is accepted", called(n)) && open_device(n))
			fact(same(n, IOVA, memory.address), "%s: DMA after its return", called(n));
	}
}

int main(int argc, char **argv)
{
	__u64 wide = 0, now = 0, size = SIZE;
	int narrow = 0;

	if (argc != 4) {
		fputs("usage: units MODULE DEVICES UNITS\n", stderr);
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	count = vfio_list(argv[2], devices, MAX_DEVICES);
	if (!fact(count > 1, "%d devices", count))
		return 1;
	container = vfio_container_open();
	if (!fact(container >= 0 && join(0), "%s: group %d opens the container", called(0),
		  devices[0].group) ||
	    !fact(!vfio_set_type(container, VFIO_TYPE1v2_IOMMU), "type 1 v2") || !open_device(0))
		return 1;
	wide = window("with the first group");
	printf("      VFIO_DMA_CC_IOMMU %d, VFIO_TYPE1_NESTING_IOMMU %d\n",
	       vfio_check_extension(container, VFIO_DMA_CC_IOMMU),
	       vfio_check_extension(container, VFIO_TYPE1_NESTING_IOMMU));
	if (!fact(!memory_get(&memory, MEMORY_ANONYMOUS, SIZE) &&
		  !vfio_map(container, IOVA, memory.address, SIZE, VFIO_MAP_RW),
		  "%lu bytes mapped at %#llx", SIZE, IOVA))
		return 1;
	fact(same(0, IOVA, memory.address), "%s: DMA", called(0));
	vfio_quiet = true;
	fact(vfio_map(container, DOORBELL, memory.address, PAGE, VFIO_MAP_RW) == -EINVAL,
	     "no mapping at %#llx, where doorbells are", DOORBELL);
	vfio_quiet = false;

	for (int n = 1; n < count; n++) {
		char when[64];

		if (!fact(join(n), "%s: group %d joins", called(n), devices[n].group) ||
		    !open_device(n))
			return 1;
		snprintf(when, sizeof(when), "with %d groups", n + 1);
		now = window(when);
		narrow += now < wide;
		fact(same(n, IOVA, memory.address), "%s: DMA to memory mapped before it joined",
		     called(n));
	}
	domains(argv[1], atoi(argv[3]));
	for (int n = 0; n < count; n++)
		fact(same(n, IOVA + SIZE / 2, memory.address + SIZE / 2),
		     "%s: DMA with all groups in", called(n));
	for (int n = 0; n < count; n++)
		interrupt(n);

	if (narrow)
		edge(wide, now, narrow);

	fact(!vfio_unmap(container, IOVA, &size, 0) && size == SIZE, "unmapped, size %#llx", size);
	memory_fill(memory.address, SIZE, 99);
	for (int n = 0; n < count; n++) {
		refused(n, IOVA, EDU_WRITES_MEMORY);
		refused(n, IOVA + PAGE, EDU_READS_MEMORY);
	}
	fact(memory_filled(memory.address, SIZE, 99), "memory is as it was after the refused DMA");

	if (fact(!vfio_map(container, IOVA, memory.address, PAGE, VFIO_DMA_MAP_FLAG_READ),
		 "a page mapped for reading only")) {
		for (int n = 0; n < count; n++)
			refused(n, IOVA, EDU_WRITES_MEMORY);
		fact(memory_filled(memory.address, SIZE, 99), "it is as it was");
	}
	for (int n = 0; n < count; n++) {
		edu_close(&edus[n]);
		close(groups[n]);
	}
	close(container);
	fact(!proc_billed(0), "nothing is billed after the container was closed");
	printf("# %s\n", facts_failed() ? "FAILED" : "all facts hold");
	return facts_failed() ? 1 : 0;
}
