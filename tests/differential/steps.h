/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * What a sequence is made of: steps, each done by one process, on containers,
 * groups and memory that have numbers. A step says all that it does: whatever
 * others are left out of the sequence, it does the same.
 */
#ifndef DIFFERENTIAL_STEPS_H
#define DIFFERENTIAL_STEPS_H

#include <linux/types.h>
#include <stddef.h>

#define MAX_STEPS	64
#define MAX_PROCESSES	4
#define MAX_CONTAINERS	3
#define MAX_GROUPS	10
#define MAX_SLOTS	6

/* Where things are, in every process, in both runs: also after exec. */
#define STAGE_ADDRESS		0x1000000000ULL
#define ARGUMENT_ADDRESS	0x1100000000ULL
#define BITMAP_ADDRESS		0x1200000000ULL
#define SLOTS_ADDRESS		0x2000000000ULL
#define SLOT_SIZE		0x2000000ULL
#define SLOT(n)			(SLOTS_ADDRESS + (n) * SLOT_SIZE)

#define FD_STAGE	60
#define FD_CONTAINER	100
#define FD_GROUP	110
#define FD_DEVICE	130
#define FD_FILE		150

enum step_kind {
	STEP_NONE,
	/* files */
	STEP_OPEN_CONTAINER,
	STEP_CLOSE_CONTAINER,
	STEP_OPEN_GROUP,
	STEP_CLOSE_GROUP,
	STEP_OPEN_DEVICE,
	STEP_CLOSE_DEVICE,
	/* requests of the VFIO core */
	STEP_GROUP_STATUS,
	STEP_SET_CONTAINER,
	STEP_UNSET_CONTAINER,
	STEP_SET_IOMMU,
	STEP_API_VERSION,
	STEP_CHECK_EXTENSION,
	/* requests of the backend */
	STEP_GET_INFO,
	STEP_MAP,
	STEP_UNMAP,
	STEP_DIRTY,
	STEP_UNKNOWN,
	/* memory */
	STEP_MEMORY,
	STEP_MUNMAP,
	STEP_MPROTECT,
	STEP_DISCARD,
	STEP_MREMAP,
	STEP_FILL,
	STEP_SUM,
	STEP_MLOCK,
	STEP_MUNLOCK,
	/* processes */
	STEP_FORK,
	STEP_EXEC,
	STEP_EXIT,
	STEP_KILL,
	STEP_LIMIT,
	STEP_CAPABILITY,
	/* devices, units, modules: done for all by the player */
	STEP_DMA_READ,
	STEP_DMA_WRITE,
	STEP_UNIT_FAILS,
	STEP_UNIT_REFUSES,
	STEP_ENTRY_LIMIT,
	STEP_KINDS,
};

/* Where the structure of an ioctl is. */
enum pointer {
	POINTER_GOOD,
	POINTER_NULL,
	POINTER_CUT,		/* its end is in a page that is not there */
	POINTER_READ_ONLY,
	POINTERS,
};

enum memory_sort {
	SORT_ANONYMOUS,
	SORT_UNTOUCHED,		/* the same, no page of it there yet */
	SORT_THP,
	SORT_HUGETLB,
	SORT_MEMFD,
	SORT_FILE_SHARED,
	SORT_FILE_PRIVATE,
	SORT_SHARED_ANONYMOUS,
	SORT_READ_ONLY,
	SORT_NO_ACCESS,
	SORT_HOLE,		/* anonymous, without its second page */
	SORT_NO_ACCESS_INSIDE,	/* anonymous, its third page PROT_NONE */
	SORTS,
};

/**
 * struct step - one step
 * @kind: an enum step_kind, which says what of the others it has
 * @process: who does it
 * @container: number of a container
 * @group: number of a group, and of its first device
 * @pointer: an enum pointer
 * @argsz: of the structure
 * @flags: of the structure
 * @iova: of the structure, or of DMA
 * @size: in bytes, of what it is about
 * @vaddr: address in the process
 * @value: what else there is: a type, an extension, an errno, a child's number ...
 * @bitmap_page: pgsize of a dirty bitmap
 * @bitmap_bytes: its size
 */
struct step {
	__u8 kind;
	__u8 process;
	__u8 container;
	__u8 group;
	__u8 pointer;
	__u32 argsz;
	__u32 flags;
	__u64 iova;
	__u64 size;
	__u64 vaddr;
	__u64 value;
	__u64 bitmap_page;
	__u64 bitmap_bytes;
};

struct sequence {
	__u64 seed;
	unsigned int nr;
	struct step steps[MAX_STEPS];
};

/* What is known after a step. A fact is equal on both backends, or there is a difference. */
enum fact_name {
	FACT_RESULT,
	FACT_ERRNO,
	FACT_BYTES,		/* a hash of the structure and all around it, after the call */
	FACT_ARGSZ,
	FACT_FLAGS,
	FACT_PGSIZES,
	FACT_CAP_OFFSET,
	FACT_CAP,		/* of one capability: where it is, and its version */
	FACT_AVAILABLE,
	FACT_DIRTY_PGSIZES,
	FACT_DIRTY_LIMIT,
	FACT_RANGES,
	FACT_RANGE_FIRST,
	FACT_RANGE_LAST,
	FACT_SIZE,
	FACT_BITMAP,
	FACT_SUM,
	FACT_SIGNAL,
	FACT_LCK,
	FACT_PIN,
	FACT_ATTACHED,
	FACT_COHERENT,
	FACT_DMA_FAULT,
	FACT_DMA_DONE,
	FACT_DMA_DATA,
	FACT_LEAF_PROT,
	FACT_LEFT_PINNED,
	FACT_LEFT_DOMAINS,
	FACT_STALE,
	FACT_UNPINNED,
	FACT_MISUSE,
	FACT_WARNINGS,
	FACT_HANG,
	FACT_NAMES,
};

/**
 * struct fact - one thing that was seen
 * @name: an enum fact_name
 * @index: of which one: a process, a group, a capability, a range
 * @at: an IOVA, for DMA
 * @value: what
 */
struct fact {
	__u16 name;
	__u16 index;
	__u64 at;
	__u64 value;
};

/* Of one step: those of its process first, then what the player observes. */
#define MAX_FACTS 320
struct facts {
	unsigned int nr;
	struct fact list[MAX_FACTS];
};

void fact_add(struct facts *facts, enum fact_name name, unsigned int index, __u64 at,
	      __u64 value);
/* The value of the first fact of a name, or @otherwise. */
__u64 fact_of(const struct fact *facts, unsigned int nr, enum fact_name name, __u64 otherwise);

/* FNV-1a, of 8 bytes at a time where there are 8. */
__u64 hash_bytes(const void *bytes, size_t n, __u64 hash);

#endif /* DIFFERENTIAL_STEPS_H */
