/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Kinds of memory: how it is made, and what its pages are like. */
#ifndef BENCH_KIND_H
#define BENCH_KIND_H

#include <stdbool.h>
#include <stddef.h>

#define PAGE		4096UL
#define MIB		(1UL << 20)
#define HUGE_PAGE	(2 * MIB)

struct block;

/**
 * struct kind - one kind of memory
 * @name: as in results
 * @page: what its size must be a multiple of
 * @touched: every page is memory, and there before anything is measured
 * @get: fills in address and size of a block whose other fields are zero; a negative errno,
 *	-ENOTSUP when this machine has no such memory
 * @put: NULL: the address is unmapped
 */
struct kind {
	const char *name;
	size_t page;
	bool touched;
	int (*get)(struct block *block);
	void (*put)(struct block *block);
};

/* Memory of some kind; its address is a multiple of HUGE_PAGE. */
struct block {
	const struct kind *kind;
	char *address;
	size_t size;
	void *room;			/* what was reserved to find an aligned place */
	int fd;
};

extern const struct kind scattered_kind;	/* 4K pages, no two neighbours contiguous */
extern const struct kind plain_kind;		/* 4K pages as the kernel gives them */
extern const struct kind thp_kind;		/* transparent huge pages */
extern const struct kind hugetlb_kind;		/* 2M pages of hugetlbfs, private */
extern const struct kind memfd_hugetlb_kind;	/* the same in a memfd, shared */
extern const struct kind untouched_kind;	/* private memory that has no pages yet */
extern const struct kind untouched_thp_kind;	/* the same, to be of transparent huge pages */
extern const struct kind pfnmap_kind;		/* a device's memory */

/* At least @size bytes. 0 or a negative errno. */
int block_get(struct block *block, const struct kind *kind, size_t size);
void block_put(struct block *block);
/* How many runs of contiguous page frames it is in; -1 when the kernel does not say. */
long block_runs(const struct block *block);

/* The numbers 0 to @n - 1 in an order that looks random, and is the same each time. */
unsigned int *shuffled(size_t n);

#endif /* BENCH_KIND_H */
