/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Memory of every kind that a VFIO user maps. */
#ifndef CLIENT_MEMORY_H
#define CLIENT_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

#define PAGE		4096UL
#define MIB		(1UL << 20)
#define HUGE_PAGE	(2 * MIB)

enum memory_kind {
	MEMORY_ANONYMOUS,
	MEMORY_SHARED_ANONYMOUS,
	MEMORY_MEMFD,
	MEMORY_HUGETLB,
	MEMORY_HUGETLB_PRIVATE,
	MEMORY_THP,
	MEMORY_SHMEM_THP,
	MEMORY_KINDS
};

struct memory {
	enum memory_kind kind;
	char *address;
	size_t size;
	int fd;
	/* What was reserved to find aligned room for huge pages. */
	void *reserved;
	size_t reserved_size;
};

const char *memory_name(enum memory_kind kind);

/*
 * Touches every page, and proves that memory said to be of huge pages is. @size is rounded up to
 * the kind's page size. Returns a negative errno; -ENOTSUP when this machine has no such memory.
 */
int memory_get(struct memory *memory, enum memory_kind kind, size_t size);
void memory_put(struct memory *memory);

/* Fills with a pattern that differs at every page and for every seed; says whether it is intact. */
void memory_fill(void *address, size_t size, unsigned int seed);
bool memory_filled(const void *address, size_t size, unsigned int seed);

#endif
