/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* A small NVMe driver: polling, one namespace, one I/O queue, everything in mapped memory. */
#ifndef CLIENT_NVME_H
#define CLIENT_NVME_H

#include "vfio.h"

/* Memory that the driver needs: queues, one page for identify data, one for blocks. */
#define NVME_MEMORY	(6 * 4096UL)
#define NVME_DATA	4096UL

struct nvme_queue {
	volatile void *commands, *completions;
	__u64 commands_iova, completions_iova;
	unsigned int id, tail, head, phase;
};

struct nvme {
	struct vfio_device device;
	char *memory;
	__u64 iova;
	unsigned int stride;
	int timeout_ms;
	__u16 last_id;
	struct nvme_queue admin, io;
	char model[41], serial[21];
	__u64 blocks;
	unsigned int block_size;
};

/*
 * Resets and sets up the controller, reads its identity, and makes the I/O queues. @memory, of
 * NVME_MEMORY bytes, must be mapped for the device at @iova.
 */
int nvme_open(struct nvme *nvme, int group, const char *address, void *memory, __u64 iova);
void nvme_close(struct nvme *nvme);

/* Reads @bytes, at most NVME_DATA, from block @block on; returns where the data is, or NULL. */
const void *nvme_read(struct nvme *nvme, __u64 block, unsigned int bytes);

#endif
