// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The pool of page tables.
 *
 * It is a memory like modelled RAM, with page frame numbers of its own, but
 * none of its pages is ever pinned: DMA that a wrong translation leads into a
 * page table is seen as what it is. Tables come in powers of two of pages, each
 * aligned to its size, because some formats begin with several pages in a row
 * and some have tables larger than a page. All words are little-endian, and
 * read and written whole.
 *
 * A table that was given back is filled with MF_POOL_POISON: whoever walks it
 * nevertheless finds entries that no format takes for a leaf by accident.
 *
 * Invariant: "used" is the number of pages that are out. The host's units lock
 * guards all of it.
 */
#include <stdlib.h>
#include <sys/mman.h>

#include "user/memory/pool.h"

#define MF_POOL_POISON	0x6b6b6b6b6b6b6b6bull
#define MAX_ORDER	8

struct mf_pool {
	struct mf_memory memory;
	u64 pages;
	u64 next;		/* pages beyond this were never out */
	u64 used;
	u64 free[MAX_ORDER + 1];	/* first free table of 2^order pages, or 0 */
	u64 *next_free;		/* by page: the next free table of the same order */
	u64 *words;
};

static const u64 base = MF_POOL_BASE_PFN << MF_PAGE_SHIFT;

static struct mf_pool *pool_of(struct mf_memory *memory)
{
	return mf_entry(memory, struct mf_pool, memory);
}

static bool pool_has(struct mf_memory *memory, u64 pfn)
{
	return pfn >= MF_POOL_BASE_PFN && pfn - MF_POOL_BASE_PFN < pool_of(memory)->pages;
}

static u32 pool_pinned(struct mf_memory *memory, u64 pfn)
{
	(void)memory;
	(void)pfn;
	return 0;
}

static enum mf_access pool_access(struct mf_memory *memory, u64 pfn, u32 offset, void *buffer,
				  u32 bytes, bool write)
{
	(void)memory;
	(void)pfn;
	(void)offset;
	(void)buffer;
	(void)bytes;
	(void)write;
	return MF_ACCESS_UNPINNED;
}

static const struct mf_memory_ops pool_ops = {
	.has = pool_has,
	.pinned = pool_pinned,
	.access = pool_access,
};

/**
 * mf_pool_new() - make a pool
 * @host: the host whose units use it
 * @pages: how many pages its tables may have together; they take no space
 *	until touched
 *
 * Return: the pool, or NULL without memory.
 */
struct mf_pool *mf_pool_new(struct mf_user_host *host, u64 pages)
{
	struct mf_pool *pool = calloc(1, sizeof(*pool));

	if (!pool)
		return NULL;
	pool->pages = pages;
	pool->next_free = calloc(pages, sizeof(*pool->next_free));
	pool->words = mmap(NULL, pages << MF_PAGE_SHIFT, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (!pool->next_free || pool->words == MAP_FAILED) {
		if (pool->words != MAP_FAILED)
			munmap(pool->words, pages << MF_PAGE_SHIFT);
		free(pool->next_free);
		free(pool);
		return NULL;
	}
	pool->memory.ops = &pool_ops;
	mf_user_host_add_memory(host, &pool->memory);
	return pool;
}

/**
 * mf_pool_free() - end a pool that no table is out of; NULL is fine
 */
void mf_pool_free(struct mf_pool *pool)
{
	if (!pool)
		return;
	mf_user_host_remove_memory(pool->memory.host, &pool->memory);
	munmap(pool->words, pool->pages << MF_PAGE_SHIFT);
	free(pool->next_free);
	free(pool);
}

static u64 *word_at(const struct mf_pool *pool, u64 address)
{
	return pool->words + (address - base) / sizeof(u64);
}

static u64 page_of(u64 address)
{
	return (address - base) >> MF_PAGE_SHIFT;
}

/* A place for a table that never had one; what alignment skips is not lost. */
static u64 fresh(struct mf_pool *pool, u32 order)
{
	u64 pages = 1ull << order, first = (pool->next + pages - 1) & ~(pages - 1);

	/* Before "next" is changed: a pool without room stays as it was. */
	if (first + pages > pool->pages)
		return 0;
	while (pool->next < first) {
		pool->next_free[pool->next] = pool->free[0];
		pool->free[0] = base + (pool->next++ << MF_PAGE_SHIFT);
	}
	pool->next = first + pages;
	return base + (first << MF_PAGE_SHIFT);
}

/**
 * mf_pool_get() - memory for a table, all zero
 * @pool: the pool
 * @shift: log2 of its bytes, from MF_PAGE_SHIFT to MF_PAGE_SHIFT + 8; it is
 *	aligned to its size. A smaller one gets a page
 *
 * Return: its physical address, or 0 when the pool is used up.
 */
u64 mf_pool_get(struct mf_pool *pool, u32 shift)
{
	u32 order = shift > MF_PAGE_SHIFT ? shift - MF_PAGE_SHIFT : 0;
	u64 address;

	if (order > MAX_ORDER)
		return 0;
	address = pool->free[order];
	if (address)
		pool->free[order] = pool->next_free[page_of(address)];
	else
		address = fresh(pool, order);
	if (!address)
		return 0;
	memset(word_at(pool, address), 0, MF_PAGE_SIZE << order);
	pool->used += 1ull << order;
	return address;
}

/**
 * mf_pool_put() - give back what mf_pool_get() gave for the same @shift
 */
void mf_pool_put(struct mf_pool *pool, u64 address, u32 shift)
{
	u32 order = shift > MF_PAGE_SHIFT ? shift - MF_PAGE_SHIFT : 0;

	memset(word_at(pool, address), MF_POOL_POISON & 0xff, MF_PAGE_SIZE << order);
	pool->next_free[page_of(address)] = pool->free[order];
	pool->free[order] = address;
	pool->used -= 1ull << order;
}

/**
 * mf_pool_used() - how many pages are out
 */
u64 mf_pool_used(const struct mf_pool *pool)
{
	return pool->used;
}

/**
 * mf_pool_read() - read a word, as a unit that walks a table does
 * @pool: the pool
 * @address: a physical address, a multiple of 8
 * @word: is set to what is there
 *
 * Return: false when there is no such memory.
 */
bool mf_pool_read(const struct mf_pool *pool, u64 address, u64 *word)
{
	if (address < base || page_of(address) >= pool->pages || address & 7)
		return false;
	*word = *word_at(pool, address);
	return true;
}

/**
 * mf_pool_write() - write a word of a table that is out
 * @pool: the pool
 * @address: a physical address in a table, a multiple of 8
 * @word: the word
 */
void mf_pool_write(struct mf_pool *pool, u64 address, u64 word)
{
	*word_at(pool, address) = word;
}
