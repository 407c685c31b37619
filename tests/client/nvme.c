// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Registers, opcodes, layouts: NVM Express Base Specification 1.4, sections 3.1 and 4 to 6. */
#include "nvme.h"

#include <errno.h>
#include <string.h>

#include "proc.h"

#define REG_CAP		0x00
#define REG_CC		0x14
#define REG_CSTS	0x1c
#define REG_AQA		0x24
#define REG_ASQ		0x28
#define REG_ACQ		0x30
#define REG_DOORBELLS	0x1000

#define CC_ENABLE	(1u << 0)
#define CC_ENTRY_SIZES	(6u << 16 | 4u << 20)	/* 64-byte commands, 16-byte completions */
#define CSTS_READY	(1u << 0)
#define CSTS_FATAL	(1u << 1)

#define ADMIN_CREATE_SQ	0x01
#define ADMIN_CREATE_CQ	0x05
#define ADMIN_IDENTIFY	0x06
#define IO_READ		0x02
#define IDENTIFY_NAMESPACE	0
#define IDENTIFY_CONTROLLER	1

#define QUEUE_ENTRIES	16u
#define PAGE_OF(n)	((n) * 4096UL)
enum { ADMIN_SQ, ADMIN_CQ, IO_SQ, IO_CQ, IDENTITY, DATA };

struct command {
	__u8 opcode, flags;
	__u16 id;
	__u32 namespace;
	__u64 reserved, metadata, prp1, prp2;
	__u32 dw10, dw11, dw12, dw13, dw14, dw15;
};

struct completion {
	__u32 result, reserved;
	__u16 sq_head, sq_id, id, status;	/* status bit 0 is the phase */
};

static volatile void *reg(struct nvme *nvme, unsigned int offset)
{
	return (char *)nvme->device.bar + offset;
}

static __u32 read32(struct nvme *nvme, unsigned int offset)
{
	return *(volatile __u32 *)reg(nvme, offset);
}

static void write32(struct nvme *nvme, unsigned int offset, __u32 value)
{
	*(volatile __u32 *)reg(nvme, offset) = value;
}

/* 64-bit registers are written in two halves: a controller need not take more (section 3.1). */
static void write64(struct nvme *nvme, unsigned int offset, __u64 value)
{
	write32(nvme, offset, (__u32)value);
	write32(nvme, offset + 4, value >> 32);
}

static void ring(struct nvme *nvme, unsigned int queue, bool completion, unsigned int value)
{
	__sync_synchronize();
	write32(nvme, REG_DOORBELLS + (2 * queue + completion) * nvme->stride, value);
}

static int wait_ready(struct nvme *nvme, bool ready)
{
	for (int ms = 0; ms < nvme->timeout_ms; ms += 5) {
		__u32 status = read32(nvme, REG_CSTS);

		if (ready && (status & CSTS_FATAL))
			return vfio_failed(-EIO, "%s: fatal status %#x",
					   nvme->device.address, status);
		if (!!(status & CSTS_READY) == ready)
			return 0;
		sleep_ms(5);
	}
	return vfio_failed(-ETIMEDOUT, "%s: does not become %s", nvme->device.address,
			   ready ? "ready" : "idle");
}

static void queue_init(struct nvme *nvme, struct nvme_queue *queue, unsigned int id, int commands,
		       int completions)
{
	memset(queue, 0, sizeof(*queue));
	queue->id = id;
	queue->phase = 1;
	queue->commands = nvme->memory + PAGE_OF(commands);
	queue->completions = nvme->memory + PAGE_OF(completions);
	queue->commands_iova = nvme->iova + PAGE_OF(commands);
	queue->completions_iova = nvme->iova + PAGE_OF(completions);
}

/* Submits one command and waits for it; nothing else is ever in flight. */
static int execute(struct nvme *nvme, struct nvme_queue *queue, struct command *command)
{
	volatile struct completion *done =
		(volatile struct completion *)queue->completions + queue->head;
	__u16 status;
	int ms = 0;

	command->id = ++nvme->last_id;
	((volatile struct command *)queue->commands)[queue->tail] = *command;
	queue->tail = (queue->tail + 1) % QUEUE_ENTRIES;
	ring(nvme, queue->id, false, queue->tail);
	while ((done->status & 1) != queue->phase) {
		if (ms++ == nvme->timeout_ms)
			return vfio_failed(-ETIMEDOUT, "%s: queue %u, opcode %#x",
					   nvme->device.address, queue->id, command->opcode);
		sleep_ms(1);
	}
	__sync_synchronize();
	status = done->status >> 1;
	if (done->id != command->id)
		return vfio_failed(-EPROTO, "%s: completion of command %u, not of %u",
				   nvme->device.address, done->id, command->id);
	queue->head = (queue->head + 1) % QUEUE_ENTRIES;
	if (!queue->head)
		queue->phase ^= 1;
	ring(nvme, queue->id, true, queue->head);
	return !status ? 0 : vfio_failed(-EIO, "%s: queue %u, opcode %#x: status %#x",
					 nvme->device.address, queue->id, command->opcode, status);
}

static int enable(struct nvme *nvme)
{
	__u64 cap = read32(nvme, REG_CAP) | (__u64)read32(nvme, REG_CAP + 4) << 32;
	int error;

	nvme->stride = 4u << (cap >> 32 & 0xf);
	/* The controller says its time in units of 500 ms; an emulating host may need much more. */
	nvme->timeout_ms = 10000 + 500 * (int)(cap >> 24 & 0xff);
	write32(nvme, REG_CC, 0);
	error = wait_ready(nvme, false);
	if (error)
		return error;
	queue_init(nvme, &nvme->admin, 0, ADMIN_SQ, ADMIN_CQ);
	queue_init(nvme, &nvme->io, 1, IO_SQ, IO_CQ);
	write32(nvme, REG_AQA, (QUEUE_ENTRIES - 1) << 16 | (QUEUE_ENTRIES - 1));
	write64(nvme, REG_ASQ, nvme->admin.commands_iova);
	write64(nvme, REG_ACQ, nvme->admin.completions_iova);
	__sync_synchronize();
	write32(nvme, REG_CC, CC_ENTRY_SIZES | CC_ENABLE);
	return wait_ready(nvme, true);
}

static int identify(struct nvme *nvme, unsigned int what, __u32 namespace)
{
	struct command command = {
		.opcode = ADMIN_IDENTIFY,
		.namespace = namespace,
		.prp1 = nvme->iova + PAGE_OF(IDENTITY),
		.dw10 = what,
	};

	return execute(nvme, &nvme->admin, &command);
}

static void copy_text(char *to, const char *from, size_t size)
{
	memcpy(to, from, size);
	while (size && (to[size - 1] == ' ' || !to[size - 1]))
		size--;
	to[size] = 0;
}

static int read_identity(struct nvme *nvme)
{
	const char *data = nvme->memory + PAGE_OF(IDENTITY);
	__u32 format;
	int error = identify(nvme, IDENTIFY_CONTROLLER, 0);

	if (error)
		return error;
	copy_text(nvme->serial, data + 4, 20);
	copy_text(nvme->model, data + 24, 40);
	error = identify(nvme, IDENTIFY_NAMESPACE, 1);
	if (error)
		return error;
	memcpy(&nvme->blocks, data, sizeof(nvme->blocks));
	memcpy(&format, data + 128 + 4 * (data[26] & 0xf), sizeof(format));
	nvme->block_size = 1u << (format >> 16 & 0xff);
	return 0;
}

static int make_io_queues(struct nvme *nvme)
{
	struct command completions = {
		.opcode = ADMIN_CREATE_CQ,
		.prp1 = nvme->io.completions_iova,
		.dw10 = (QUEUE_ENTRIES - 1) << 16 | 1,
		.dw11 = 1,			/* contiguous, no interrupts */
	};
	struct command commands = {
		.opcode = ADMIN_CREATE_SQ,
		.prp1 = nvme->io.commands_iova,
		.dw10 = (QUEUE_ENTRIES - 1) << 16 | 1,
		.dw11 = 1 << 16 | 1,		/* contiguous, completions to queue 1 */
	};
	int error = execute(nvme, &nvme->admin, &completions);

	return error ? error : execute(nvme, &nvme->admin, &commands);
}

int nvme_open(struct nvme *nvme, int group, const char *address, void *memory, __u64 iova)
{
	int error;

	memset(nvme, 0, sizeof(*nvme));
	nvme->memory = memory;
	nvme->iova = iova;
	memset(memory, 0, NVME_MEMORY);
	error = vfio_device_open(&nvme->device, group, address, 0);
	if (error)
		return error;
	error = enable(nvme);
	if (!error)
		error = read_identity(nvme);
	if (!error)
		error = make_io_queues(nvme);
	if (error)
		nvme_close(nvme);
	return error;
}

void nvme_close(struct nvme *nvme)
{
	/* A controller left running would go on writing where its queues were. */
	write32(nvme, REG_CC, 0);
	wait_ready(nvme, false);
	vfio_device_close(&nvme->device);
}

const void *nvme_read(struct nvme *nvme, __u64 block, unsigned int bytes)
{
	struct command command = {
		.opcode = IO_READ,
		.namespace = 1,
		.prp1 = nvme->iova + PAGE_OF(DATA),
		.dw10 = (__u32)block,
		.dw11 = block >> 32,
		.dw12 = bytes / nvme->block_size - 1,
	};

	if (!bytes || bytes > NVME_DATA || bytes % nvme->block_size) {
		vfio_failed(-EINVAL, "%s: read of %u bytes", nvme->device.address, bytes);
		return NULL;
	}
	return execute(nvme, &nvme->io, &command) ? NULL : nvme->memory + PAGE_OF(DATA);
}
