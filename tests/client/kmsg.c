// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include "kmsg.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proc.h"

int kmsg_mark(void)
{
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	lseek(fd, 0, SEEK_END);
	return fd;
}

/*
 * "DMAR: [DMA Write NO_PASID] Request device [00:04.0] fault addr 0x10000000 [fault reason ...";
 * the part after Write differs between kernels, and 7.3 has the segment before the device.
 */
static bool read_fault(const char *record, struct kmsg_fault *fault)
{
	const char *text = strchr(record, ';');
	const char *device, *iova;
	char name[13];

	if (!text || !strstr(text, "DMAR: [DMA "))
		return false;
	device = strstr(text, "device [");
	iova = strstr(text, "fault addr ");
	if (!device || !iova || sscanf(device, "device [%12[^]]", name) != 1)
		return false;
	snprintf(fault->address, sizeof(fault->address), "%s%s",
		 strchr(name, ':') == strrchr(name, ':') ? "0000:" : "", name);
	fault->write = strstr(text, "[DMA Write") != NULL;
	fault->iova = strtoull(iova + strlen("fault addr "), NULL, 16);
	snprintf(fault->line, sizeof(fault->line), "%.*s", (int)strcspn(text + 1, "\n"), text + 1);
	return true;
}

bool kmsg_find_fault(int mark, const char *address, bool write, __u64 iova, int timeout_ms,
		     struct kmsg_fault *fault)
{
	char record[2048];
	ssize_t n;

	for (int ms = 0; ms <= timeout_ms; ms += 10) {
		for (;;) {
			n = read(mark, record, sizeof(record) - 1);
			/* EPIPE: older records were overwritten, the next read goes on. */
			if (n < 0 && errno == EPIPE)
				continue;
			if (n <= 0)
				break;
			record[n] = 0;
			if (read_fault(record, fault) &&
			    (!address || !strcmp(fault->address, address)) &&
			    fault->write == write && fault->iova >> 12 == iova >> 12)
				return true;
		}
		sleep_ms(10);
	}
	return false;
}
