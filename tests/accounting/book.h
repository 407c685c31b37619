/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * What is pinned for whom, kept beside the kernel: which page frames a mapping has, read from
 * /proc/PID/pagemap as it is made, and what each rule makes of that.
 */
#ifndef ACCOUNTING_BOOK_H
#define ACCOUNTING_BOOK_H

#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* How often a page is billed that is pinned more than once for its owner. */
enum rule {
	RULE_EACH_TIME,		/* in-tree: each mapping is billed whole */
	RULE_ONCE,		/* distinct pages */
};

const char *rule_name(enum rule rule);

/* What an entry of the book is about. */
enum entry_kind {
	ENTRY_MAPPED,		/* a mapping that a domain holds */
	ENTRY_SOFTWARE,		/* pages of a mapping that an emulated device pinned */
};

/**
 * struct entry - pages that are pinned by one request
 * @kind: an enum entry_kind
 * @live: it is there
 * @covered: of ENTRY_SOFTWARE: the mapping has a domain, too
 * @container: number of the container
 * @mm: address space they are billed to
 * @iova: where
 * @pages: how many
 * @frames: their page frames; 0: nobody's memory (the zero page, a device), never billed
 */
struct entry {
	enum entry_kind kind;
	bool live, covered;
	int container, mm;
	__u64 iova;
	size_t pages;
	__u32 *frames;
};

#define MAX_ENTRIES 4096

struct book {
	struct entry entries[MAX_ENTRIES];
	size_t nr;
};

/* Learns what memory there is and which page is the zero page; needs root. */
bool book_prepare(void);
void book_clear(struct book *book);

/*
 * Looks up where @pages pages of process @pid (0: this one) are now and notes them as pinned.
 * NULL when the process has no such pages, or there is no room.
 */
struct entry *book_add(struct book *book, enum entry_kind kind, pid_t pid, int mm, int container,
		       __u64 vaddr, __u64 iova, size_t pages);
/* All that is wholly in a range of IOVAs, or all of a container. */
void book_remove(struct book *book, int container, __u64 iova, __u64 size);
void book_close(struct book *book, int container);
/* A mapping gets another owner. */
void book_move(struct book *book, int container, __u64 iova, int mm);

/* Pages that are billed to an address space by the rule; pages that are pinned. */
long book_billed(const struct book *book, int mm, enum rule rule);
long book_pinned(const struct book *book);
/* Pages of the process's memory that would be billed anew by the rule of once. */
long book_new(const struct book *book, int mm, pid_t pid, __u64 vaddr, size_t pages);

#endif
