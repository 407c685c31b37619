/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* DMA faults as VT-d's driver reports them in the kernel's log. */
#ifndef CLIENT_KMSG_H
#define CLIENT_KMSG_H

#include <linux/types.h>
#include <stdbool.h>

struct kmsg_fault {
	char address[20];		/* of the device, as 0000:00:04.0 */
	bool write;
	__u64 iova;
	char line[256];
};

/* A mark: whatever is logged from now on. A file descriptor, or a negative errno. */
int kmsg_mark(void);

/*
 * Waits up to @timeout_ms for a fault logged after the mark, of the device at @address (NULL: of
 * any), of the page at @iova. The kernel prints at most ten faults in five seconds:
 * callers space theirs.
 */
bool kmsg_find_fault(int mark, const char *address, bool write, __u64 iova, int timeout_ms,
		     struct kmsg_fault *fault);

#endif
