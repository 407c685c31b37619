// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include "edu.h"

#include <errno.h>

#include "proc.h"

#define EDU_SOURCE	0x80
#define EDU_TARGET	0x88
#define EDU_COUNT	0x90
#define EDU_COMMAND	0x98
#define EDU_START	0x1
#define EDU_TO_MEMORY	0x2
#define EDU_BUFFER	0x40000

/* A transfer takes 100 ms of the guest's time; an emulating host can be far slower than that. */
#define EDU_TIMEOUT_MS	10000

static __u32 read32(struct edu *edu, unsigned int offset)
{
	return *(volatile __u32 *)((char *)edu->device.bar + offset);
}

static void write64(struct edu *edu, unsigned int offset, __u64 value)
{
	*(volatile __u64 *)((char *)edu->device.bar + offset) = value;
}

int edu_open(struct edu *edu, int group, const char *address)
{
	int error = vfio_device_open(&edu->device, group, address, 0);
	__u32 id;

	if (error)
		return error;
	id = read32(edu, EDU_IDENTIFICATION);
	if (!EDU_IDENTIFIED(id)) {
		vfio_device_close(&edu->device);
		return vfio_failed(-ENODEV, "%s: %#x does not identify an edu", address, id);
	}
	return 0;
}

void edu_close(struct edu *edu)
{
	vfio_device_close(&edu->device);
}

__u32 edu_read_liveness(struct edu *edu)
{
	return read32(edu, EDU_LIVENESS);
}

static int wait_idle(struct edu *edu)
{
	for (int ms = 0; ms < EDU_TIMEOUT_MS; ms += 5) {
		if (!(read32(edu, EDU_COMMAND) & EDU_START))
			return 0;
		sleep_ms(5);
	}
	return vfio_failed(-ETIMEDOUT, "%s: DMA engine is busy", edu->device.address);
}

int edu_dma(struct edu *edu, __u64 iova, unsigned int count, enum edu_direction direction)
{
	bool to_memory = direction == EDU_WRITES_MEMORY;
	int error;

	if (!count || count > EDU_MAX_TRANSFER)
		return vfio_failed(-EINVAL, "DMA of %u bytes", count);
	/* The engine drops writes to its registers while it runs. */
	error = wait_idle(edu);
	if (error)
		return error;
	__sync_synchronize();
	write64(edu, EDU_SOURCE, to_memory ? EDU_BUFFER : iova);
	write64(edu, EDU_TARGET, to_memory ? iova : EDU_BUFFER);
	write64(edu, EDU_COUNT, count);
	write64(edu, EDU_COMMAND, EDU_START | (to_memory ? EDU_TO_MEMORY : 0));
	error = wait_idle(edu);
	__sync_synchronize();
	return error;
}

int edu_copy(struct edu *edu, __u64 from, __u64 to, unsigned int count)
{
	int error = edu_dma(edu, from, count, EDU_READS_MEMORY);

	return error ? error : edu_dma(edu, to, count, EDU_WRITES_MEMORY);
}
