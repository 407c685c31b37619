// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Commands that move bytes: content proves what arrived, the kernel's log what was refused. */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kmsg.h"
#include "memory.h"
#include "nvme.h"
#include "proc.h"
#include "session.h"

#define IOVA		0x10000000ULL	/* where the memory of a test is mapped */
#define IOVA_HIGH	0x7f00000000ULL	/* above 4 GiB, and in another subtree of the page table */
#define IOVA_BAR	0x40000000ULL

/* The kernel prints ten faults in five seconds and drops the rest. */
#define FAULT_SPACING_MS	600
#define FAULT_SILENCE_MS	5500

/*
 * Does a DMA that the IOMMU has to refuse and looks for the refusal in the log. A device in a group
 * of several may be seen by the IOMMU under the address of the bridge before it.
 */
static bool faults(struct session *session, const struct vfio_listed *listed, struct edu *edu,
		   __u64 iova, enum edu_direction direction)
{
	bool alone = session_group_size(session, listed->group) == 1;
	bool write = direction == EDU_WRITES_MEMORY, seen = false;
	struct kmsg_fault fault;

	for (int attempt = 0; attempt < 2 && !seen; attempt++) {
		int mark = kmsg_mark();

		if (mark < 0) {
			vfio_failed(mark, "/dev/kmsg");
			return false;
		}
		sleep_ms(attempt ? FAULT_SILENCE_MS : FAULT_SPACING_MS);
		if (!edu_dma(edu, iova, 64, direction))
			seen = kmsg_find_fault(mark, alone ? listed->address : NULL, write, iova,
					       1000, &fault);
		close(mark);
	}
	return fact(seen, "%s %s: %s of iova %#llx refused by the IOMMU: %s", listed->name,
		    listed->address, write ? "write" : "read", iova,
		    seen ? fault.line : "no such fault in the log");
}

static void round_trip(const struct vfio_listed *listed, struct edu *edu, char *memory, __u64 iova)
{
	const unsigned int size = EDU_MAX_TRANSFER;

	memory_fill(memory, size, edu->device.fd);
	memset(memory + PAGE, 0, size);
	fact(!edu_copy(edu, iova, iova + PAGE, size) && !memcmp(memory, memory + PAGE, size),
	     "%s %s: %u bytes at iova %#llx to the device and back are the same", listed->name,
	     listed->address, size, iova);
}

/*
 * A page mapped for reading only, and one for everything after it. The write is tried first: QEMU
 * refuses it without a word once a read has put the translation into its IOTLB.
 */
static void read_only(struct session *session, const struct vfio_listed *listed, struct edu *edu,
		      char *memory)
{
	const unsigned int count = EDU_MAX_TRANSFER;
	__u64 size = 2 * PAGE;

	if (!fact(!vfio_map(session->container, IOVA, memory, PAGE, VFIO_DMA_MAP_FLAG_READ) &&
		  !vfio_map(session->container, IOVA + PAGE, memory + PAGE, PAGE, VFIO_MAP_RW),
		  "%s: a page mapped for reading only, another for both", listed->name))
		return;
	memory_fill(memory, PAGE, 7);
	memset(memory + PAGE, 0, PAGE);
	faults(session, listed, edu, IOVA, EDU_WRITES_MEMORY);
	fact(memory_filled(memory, PAGE, 7), "%s: memory is unchanged after the refused write",
	     listed->name);
	fact(!edu_copy(edu, IOVA, IOVA + PAGE, count) && memory_filled(memory + PAGE, count, 7),
	     "%s: copies %u bytes from it to the other", listed->name, count);
	if (session->options->type == VFIO_TYPE1v2_IOMMU)
		fact(!vfio_unmap(session->container, IOVA, &size, 0) && size == 2 * PAGE,
		     "%s: both unmapped at once", listed->name);
	else
		fact(!vfio_unmap_all(session->container, &size) && size == 2 * PAGE,
		     "%s: all unmapped", listed->name);
}

static void nothing_arrives(struct session *session, const struct vfio_listed *listed,
			    struct edu *edu, char *memory, __u64 iova)
{
	const size_t size = 4 * PAGE;

	memory_fill(memory, size, 99);
	faults(session, listed, edu, iova, EDU_WRITES_MEMORY);
	fact(memory_filled(memory, size, 99), "%s: memory is unchanged after the refused write",
	     listed->name);
	faults(session, listed, edu, iova, EDU_READS_MEMORY);
}

static void one_edu(struct session *session, const struct vfio_listed *listed, struct edu *edu,
		    __u64 iova)
{
	__u64 size = 4 * PAGE;
	struct memory memory;

	if (!fact(!memory_get(&memory, MEMORY_ANONYMOUS, size), "memory for the test"))
		return;
	if (fact(!vfio_map(session->container, iova, memory.address, size, VFIO_MAP_RW),
		 "%s %s group %d: %llu bytes mapped at iova %#llx", listed->name, listed->address,
		 listed->group, size, iova)) {
		round_trip(listed, edu, memory.address, iova);
		fact(!vfio_unmap(session->container, iova, &size, 0) && size == 4 * PAGE,
		     "%s: unmapped, size %#llx", listed->name, size);
		nothing_arrives(session, listed, edu, memory.address, iova);
	}
	read_only(session, listed, edu, memory.address);
	memory_put(&memory);
}

int command_edu(const struct options *options)
{
	const struct vfio_listed *listed;
	struct session session;
	long billed = proc_billed(0);
	int error = session_open(&session, options, "edu", 0, 0);

	if (error)
		return error;
	for (int i = 0; (listed = session_device(&session, "edu", i)); i++) {
		struct edu edu;

		if (!fact(!session_edu(&session, i, &edu), "%s %s: opened", listed->name,
			  listed->address))
			continue;
		one_edu(&session, listed, &edu, i & 1 ? IOVA_HIGH : IOVA);
		edu_close(&edu);
	}
	session_close(&session);
	fact(proc_billed(0) == billed, "nothing is billed any more");
	return 0;
}

/* Reads and writes at the start, over a 2 MiB border where there is one, and at the very end. */
static void move_in(const char *name, struct edu *edu, struct memory *memory)
{
	const unsigned int count = EDU_MAX_TRANSFER;
	size_t middle = memory->size > HUGE_PAGE ? HUGE_PAGE - count / 2 : PAGE - count / 2;
	size_t last = memory->size - count;
	char *at = memory->address;

	memory_fill(at, count, 1);
	fact(!edu_copy(edu, IOVA, IOVA + middle, count) && memory_filled(at + middle, count, 1),
	     "%s: device copies from offset 0 to %#zx", name, middle);
	memory_fill(at + middle, count, 2);
	fact(!edu_copy(edu, IOVA + middle, IOVA + last, count) &&
	     memory_filled(at + last, count, 2),
	     "%s: device copies from offset %#zx to %#zx", name, middle, last);
}

static void one_kind(struct session *session, struct edu *edu, enum memory_kind kind)
{
	const char *name = memory_name(kind);
	struct memory memory;
	__u64 size;
	long billed;
	int error = memory_get(&memory, kind, 4 * MIB);

	if (!fact(!error, "%s: 4 MiB of such memory%s%s", name, error ? ": " : "",
		  error ? error_name(error) : ""))
		return;
	billed = proc_billed(0);
	size = memory.size;
	if (fact(!vfio_map(session->container, IOVA, memory.address, size, VFIO_MAP_RW),
		 "%s: mapped", name)) {
		long more = proc_billed(0) - billed;

		fact(more == (long)(size / PAGE), "%s: billed %ld pages of %llu", name, more,
		     size / PAGE);
		move_in(name, edu, &memory);
		fact(!vfio_unmap(session->container, IOVA, &size, 0) && size == memory.size &&
		     proc_billed(0) == billed, "%s: unmapped, no longer billed", name);
	}
	memory_put(&memory);
}

/* One device reads and writes registers of the other through a mapping of its BAR. */
static void use_bar(struct session *session, struct edu *edu, struct edu *peer)
{
	__u32 out = 0x12345678, in = 0, id, live = 0;
	struct memory memory;
	__u64 size = PAGE;

	if (!fact(!memory_get(&memory, MEMORY_ANONYMOUS, size), "memory for the test"))
		return;
	if (!fact(!vfio_map(session->container, IOVA, memory.address, size, VFIO_MAP_RW),
		  "p2p: memory mapped"))
		goto put;
	memcpy(&id, peer->device.bar, sizeof(id));
	if (!edu_copy(edu, IOVA_BAR + EDU_IDENTIFICATION, IOVA, sizeof(in)))
		memcpy(&in, memory.address, sizeof(in));
	fact(in == id && EDU_IDENTIFIED(in), "p2p: %s reads the identification of %s: %#x",
	     edu->device.address, peer->device.address, in);
	memcpy(memory.address, &out, sizeof(out));
	if (!edu_copy(edu, IOVA, IOVA_BAR + EDU_LIVENESS, sizeof(out)))
		live = edu_read_liveness(peer);
	fact(live == ~out, "p2p: %s writes %#x to the liveness register of %s, which reads %#x",
	     edu->device.address, out, peer->device.address, live);
	vfio_unmap(session->container, IOVA, &size, 0);
put:
	memory_put(&memory);
}

static void peer_to_peer(struct session *session, struct edu *edu)
{
	long billed = proc_billed(0);
	struct edu peer;
	__u64 size;

	if (!fact(!session_edu(session, 1, &peer), "p2p: a second edu"))
		return;
	size = peer.device.bar_size;
	if (fact(!vfio_map(session->container, IOVA_BAR, peer.device.bar, size, VFIO_MAP_RW),
		 "p2p: BAR of %s, %#llx bytes, mapped", peer.device.address, size)) {
		fact(proc_billed(0) == billed, "p2p: a BAR is not billed");
		use_bar(session, edu, &peer);
		fact(!vfio_unmap(session->container, IOVA_BAR, &size, 0) &&
		     size == peer.device.bar_size && proc_billed(0) == billed,
		     "p2p: BAR unmapped, size %#llx", size);
	}
	edu_close(&peer);
}

static int with_first_edu(const struct options *options, bool kinds)
{
	struct session session;
	struct edu edu;
	int error = session_open(&session, options, "edu", 0, 0);

	if (error)
		return error;
	error = session_edu(&session, 0, &edu);
	if (!error) {
		for (int kind = 0; kinds && kind < MEMORY_KINDS; kind++)
			one_kind(&session, &edu, kind);
		peer_to_peer(&session, &edu);
		edu_close(&edu);
	}
	session_close(&session);
	return error;
}

int command_memory(const struct options *options)
{
	return with_first_edu(options, true);
}

int command_p2p(const struct options *options)
{
	return with_first_edu(options, false);
}

/* The test disk: 8-byte little-endian word k is (k + 1) * this. */
#define DISK_STEP	0x9e3779b97f4a7c15ULL

static bool is_pattern(const void *data, __u64 offset, unsigned int bytes)
{
	const __u64 *words = data;

	for (unsigned int i = 0; i < bytes / sizeof(*words); i++) {
		if (words[i] != (offset / sizeof(*words) + i + 1) * DISK_STEP)
			return false;
	}
	return true;
}

static void read_disk(struct nvme *nvme)
{
	const __u64 last = nvme->blocks - NVME_DATA / nvme->block_size;
	const __u64 blocks[] = { 0, 1, nvme->blocks / 2 + 3, last };

	for (size_t i = 0; i < sizeof(blocks) / sizeof(blocks[0]); i++) {
		const void *data = nvme_read(nvme, blocks[i], NVME_DATA);

		fact(data && is_pattern(data, blocks[i] * nvme->block_size, NVME_DATA),
		     "nvme: %lu bytes from block %llu are the disk's", NVME_DATA, blocks[i]);
	}
}

int command_nvme(const struct options *options)
{
	const struct vfio_listed *listed;
	struct session session;
	struct memory memory;
	struct nvme nvme;
	__u64 size;
	int error = session_open(&session, options, "nvme", 0, 1);

	if (error)
		return error;
	listed = session_device(&session, "nvme", 0);
	error = memory_get(&memory, MEMORY_ANONYMOUS, NVME_MEMORY);
	if (error)
		goto close;
	error = vfio_map(session.container, IOVA_HIGH, memory.address, memory.size, VFIO_MAP_RW);
	if (error)
		goto put;
	error = nvme_open(&nvme, session_group(&session, listed->group), listed->address,
			  memory.address, IOVA_HIGH);
	if (!error) {
		fact(nvme.model[0] && nvme.serial[0], "nvme: %s: model \"%s\" serial \"%s\"",
		     listed->address, nvme.model, nvme.serial);
		fact(nvme.blocks && nvme.block_size >= 512 && nvme.block_size <= NVME_DATA,
		     "nvme: %llu blocks of %u bytes", nvme.blocks, nvme.block_size);
		read_disk(&nvme);
		nvme_close(&nvme);
	}
	size = memory.size;
	fact(!vfio_unmap(session.container, IOVA_HIGH, &size, 0) && size == memory.size,
	     "nvme: queues unmapped");
put:
	memory_put(&memory);
close:
	session_close(&session);
	return error;
}
