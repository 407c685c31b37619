/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* QEMU's teaching device "edu": one DMA engine with a 4096-byte buffer of its own. */
#ifndef CLIENT_EDU_H
#define CLIENT_EDU_H

#include "vfio.h"

/* QEMU 7.2 aborts on a transfer that ends with the device's buffer: never use its last part. */
#define EDU_MAX_TRANSFER 2048

struct edu {
	struct vfio_device device;
};

enum edu_direction {
	EDU_READS_MEMORY,		/* memory -> device */
	EDU_WRITES_MEMORY,		/* device -> memory */
};

int edu_open(struct edu *edu, int group, const char *address);
void edu_close(struct edu *edu);

/*
 * Moves @count bytes between memory at @iova and the device's buffer. Success means that the engine
 * finished, not that the bytes arrived: a device is not told that the IOMMU refused it.
 */
int edu_dma(struct edu *edu, __u64 iova, unsigned int count, enum edu_direction direction);

/*
 * Has the device read @count bytes at @from and write them at @to; whether they arrived is for the
 * caller to compare.
 */
int edu_copy(struct edu *edu, __u64 from, __u64 to, unsigned int count);

/* The liveness register gives back the complement of what was written to it. */
__u32 edu_read_liveness(struct edu *edu);
#define EDU_IDENTIFICATION	0x00
#define EDU_IDENTIFIED(value)	(((value) & 0xff) == 0xed)
#define EDU_LIVENESS		0x04

#endif
