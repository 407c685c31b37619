// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The memory of the process that calls us.
 *
 * Pinning faults pages in for the access asked for (madvise MADV_POPULATE_*,
 * Linux 5.14) and locks them (mlock), so a page that can't be had is found
 * before DMA finds it, and RLIMIT_MEMLOCK is felt as a real host would feel
 * it. No unprivileged process can learn its page frame numbers, nor would DMA
 * by a modelled device gain by them: the "pfn" of a page is its virtual page
 * number, contiguous virtual pages are one run, and DMA is a memcpy().
 *
 * Locks do not nest in Linux: one munlock() undoes any number of mlock(). So
 * pins are counted per page here, and a page is unlocked with its last pin. A
 * program that locks memory itself should not unpin the same pages through us.
 *
 * Invariant: a page is in the table while it is pinned, and locked as long.
 */
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "user/memory/process.h"

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ	22
#define MADV_POPULATE_WRITE	23
#endif

/*
 * The system calls themselves: the sanitizers replace mlock() by a function
 * that does nothing, and then nothing here would be tested under them.
 */
static int lock_pages(u64 vaddr, u64 pages)
{
	return (int)syscall(SYS_mlock, vaddr, pages << MF_PAGE_SHIFT);
}

static void unlock_page(u64 page)
{
	syscall(SYS_munlock, page << MF_PAGE_SHIFT, MF_PAGE_SIZE);
}

/* Pages pinned at once: bounds what one call may fault in while it holds the lock. */
#define PIN_PAGES	4096

/* An open-addressed table from page number to pin count; 0 pins: free slot. */
struct slot {
	u64 page;
	u32 pins;
};

struct mf_process {
	struct mf_memory memory;
	struct mf_owner owner;
	struct mf_mutex lock;
	struct slot *slots;
	u64 nr_slots;		/* a power of two */
	u64 used;
};

static struct mf_process *of_memory(struct mf_memory *memory)
{
	return mf_entry(memory, struct mf_process, memory);
}

static struct mf_process *of_owner(struct mf_owner *owner)
{
	return mf_entry(owner, struct mf_process, owner);
}

static u64 home(const struct mf_process *p, u64 page)
{
	return (page * 0x9e3779b97f4a7c15ull >> 20) & (p->nr_slots - 1);
}

/* The slot of @page, or the free one where it would go. */
static struct slot *find(const struct mf_process *p, u64 page)
{
	u64 i = home(p, page);

	while (p->slots[i].pins && p->slots[i].page != page)
		i = (i + 1) & (p->nr_slots - 1);
	return &p->slots[i];
}

/* Make room for @more pages, so that no slot is looked for in a full table. */
static int reserve(struct mf_process *p, u64 more)
{
	struct slot *old = p->slots;
	u64 nr = p->nr_slots, n = nr ? nr : 1024, i;

	while (n < 2 * (p->used + more))
		n *= 2;
	if (n == nr)
		return 0;

	p->slots = calloc(n, sizeof(*p->slots));
	if (!p->slots) {
		p->slots = old;
		return -ENOMEM;
	}
	p->nr_slots = n;
	for (i = 0; i < nr; i++) {
		if (old[i].pins)
			*find(p, old[i].page) = old[i];
	}
	free(old);
	return 0;
}

/* Free a slot, and move up what was pushed past it. */
static void clear(struct mf_process *p, struct slot *s)
{
	u64 mask = p->nr_slots - 1, hole = s - p->slots, i = hole;

	p->used--;
	for (;;) {
		p->slots[hole].pins = 0;
		do {
			i = (i + 1) & mask;
			if (!p->slots[i].pins)
				return;
			/* It may move only if its home is not behind the hole. */
		} while (((i - home(p, p->slots[i].page)) & mask) < ((i - hole) & mask));
		p->slots[hole] = p->slots[i];
		hole = i;
	}
}

static bool process_has(struct mf_memory *memory, u64 pfn)
{
	(void)memory;
	return pfn << MF_PAGE_SHIFT >> MF_PAGE_SHIFT == pfn;
}

static u32 process_pinned(struct mf_memory *memory, u64 pfn)
{
	struct mf_process *p = of_memory(memory);
	u32 pins;

	mf_mutex_lock(&p->lock);
	pins = find(p, pfn)->pins;
	mf_mutex_unlock(&p->lock);
	return pins;
}

static enum mf_access process_access(struct mf_memory *memory, u64 pfn, u32 offset, void *buffer,
				     u32 bytes, bool write)
{
	struct mf_process *p = of_memory(memory);
	enum mf_access result = MF_ACCESS_UNPINNED;
	void *at = (void *)(uintptr_t)((pfn << MF_PAGE_SHIFT) + offset);

	mf_mutex_lock(&p->lock);
	if (find(p, pfn)->pins) {
		if (write)
			memcpy(at, buffer, bytes);
		else
			memcpy(buffer, at, bytes);
		result = MF_ACCESS_OK;
	}
	mf_mutex_unlock(&p->lock);
	return result;
}

static const struct mf_memory_ops process_memory_ops = {
	.has = process_has,
	.pinned = process_pinned,
	.access = process_access,
};

static int populate(u64 vaddr, u64 pages, u32 prot)
{
	int advice = prot & MF_WRITE ? MADV_POPULATE_WRITE : MADV_POPULATE_READ;

	return madvise((void *)(uintptr_t)vaddr, pages << MF_PAGE_SHIFT, advice) ? -EFAULT : 0;
}

/* Fault in pages from @vaddr on: how many of @pages there are for @prot. */
static u64 populate_some(u64 vaddr, u64 pages, u32 prot)
{
	u64 some = pages;

	/* Halve until it fits, then creep up to the page that is missing. */
	while (some && populate(vaddr, some, prot))
		some /= 2;
	while (some && some < pages && !populate(vaddr + (some << MF_PAGE_SHIFT), 1, prot))
		some++;
	return some;
}

/* Page by page, so that an overlapping pin keeps its lock. */
static void unpin_page(struct mf_process *p, u64 page)
{
	struct slot *s = find(p, page);

	if (!s->pins) {
		mf_user_host_misused(p->memory.host);
		return;
	}
	if (--s->pins)
		return;
	clear(p, s);
	unlock_page(page);
}

static void count_pages(struct mf_process *p, u64 page, u64 pages)
{
	for (; pages--; page++) {
		struct slot *s = find(p, page);

		if (!s->pins)
			p->used++;
		s->page = page;
		s->pins++;
	}
}

/* Unlock again what no pin holds, after mlock() got stuck half way. */
static void unlock_idle(struct mf_process *p, u64 page, u64 pages)
{
	for (; pages--; page++) {
		if (!find(p, page)->pins)
			unlock_page(page);
	}
}

static s64 pin_locked(struct mf_process *p, u64 vaddr, u64 pages, u32 prot, struct mf_batch *batch)
{
	u64 page = vaddr >> MF_PAGE_SHIFT, n;

	if (reserve(p, pages))
		return -ENOMEM;
	n = populate_some(vaddr, pages, prot);
	if (!n)
		return -EFAULT;
	if (lock_pages(vaddr, n)) {
		unlock_idle(p, page, n);
		return -ENOMEM;
	}
	count_pages(p, page, n);
	mf_batch_add(batch, page, n, 0);
	return (s64)n;
}

static s64 process_pin(struct mf_owner *owner, u64 vaddr, u64 pages, u32 prot,
		       struct mf_batch *batch)
{
	struct mf_process *p = of_owner(owner);
	s64 n;

	pages = mf_min(mf_batch_fit(batch, pages), PIN_PAGES);
	mf_mutex_lock(&p->lock);
	n = pin_locked(p, vaddr, pages, prot, batch);
	mf_mutex_unlock(&p->lock);
	return n;
}

static u64 process_unpin(struct mf_owner *owner, const mf_run *runs, u64 nr, u32 prot)
{
	struct mf_process *p = of_owner(owner);
	u64 pages = 0, i, j;

	(void)prot;		/* the kernel tracks what was written by memcpy() itself */
	mf_mutex_lock(&p->lock);
	for (i = 0; i < nr; i++) {
		for (j = 0; j < mf_run_pages(runs[i]); j++)
			unpin_page(p, mf_run_pfn(runs[i]) + j);
		pages += j;
	}
	mf_mutex_unlock(&p->lock);
	return pages;
}

/* By the system call, which says if there is no memory instead of dying of it. */
static int process_copy(struct mf_owner *owner, u64 vaddr, void *data, u64 bytes, bool write)
{
	struct iovec own = { data, bytes }, other = { (void *)(uintptr_t)vaddr, bytes };
	ssize_t n;

	(void)owner;
	n = write ? process_vm_writev(getpid(), &own, 1, &other, 1, 0) :
		    process_vm_readv(getpid(), &own, 1, &other, 1, 0);
	if (n < 0)
		return -errno;
	return (u64)n == bytes ? 0 : -EFAULT;
}

static const struct mf_owner_ops process_owner_ops = {
	.pin = process_pin,
	.unpin = process_unpin,
	.copy = process_copy,
};

/* Does this kernel fault pages in when asked to? */
static int probe(void)
{
	void *page = mmap(NULL, MF_PAGE_SIZE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int err;

	if (page == MAP_FAILED)
		return -ENOMEM;
	err = madvise(page, MF_PAGE_SIZE, MADV_POPULATE_WRITE) ? -EOPNOTSUPP : 0;
	munmap(page, MF_PAGE_SIZE);
	return err;
}

/**
 * mf_process_new() - let DMA go to this process's memory
 * @host: the host
 * @out: where to put it
 *
 * Return: 0; -EOPNOTSUPP on a kernel before 5.14; or -ENOMEM.
 */
int mf_process_new(struct mf_user_host *host, struct mf_process **out)
{
	struct mf_process *p;
	int err = probe();

	if (err)
		return err;
	p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	p->memory.ops = &process_memory_ops;
	mf_owner_init(&p->owner, &process_owner_ops);
	mf_mutex_init(&p->lock);
	if (reserve(p, 1)) {
		mf_owner_fini(&p->owner);
		mf_mutex_fini(&p->lock);
		free(p);
		return -ENOMEM;
	}
	mf_user_host_add_memory(host, &p->memory);
	*out = p;
	return 0;
}

/**
 * mf_process_free() - no more DMA to this process's memory
 */
void mf_process_free(struct mf_process *process)
{
	mf_user_host_remove_memory(process->memory.host, &process->memory);
	mf_owner_fini(&process->owner);
	mf_mutex_fini(&process->lock);
	free(process->slots);
	free(process);
}

/**
 * mf_process_owner() - the process as the owner of its memory
 */
struct mf_owner *mf_process_owner(struct mf_process *process)
{
	return &process->owner;
}
