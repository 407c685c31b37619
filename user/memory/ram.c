// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Modelled RAM.
 *
 * Each page has bytes and a pin count; DMA reaches the bytes only while the
 * page is pinned, so a translation that outlives a pin is found by whoever
 * follows it. Pages can be reserved: these are foreign to their owners, as a
 * device's BAR is, always there for DMA and never pinned.
 *
 * An owner is a table from its own pages to those of the RAM. It is filled
 * when it is made, by the layout asked for, and may then be changed page by
 * page while the engine has none of it pinned.
 *
 * Invariant: a pin count is the number of pins the engine was given for the
 * page and has not given back, over all owners. The RAM's lock guards counts,
 * flags and bytes, and is the innermost but for the host's counters.
 */
#include <stdlib.h>
#include <sys/mman.h>

#include "user/memory/ram.h"

#define PAGE_FOREIGN	(1u << 0)
#define PAGE_DIRTY	(1u << 1)

struct mf_ram {
	struct mf_memory memory;
	struct mf_mutex lock;
	u64 pages;
	u64 used;		/* pages given to owners, from the first on */
	u32 *pins;
	u8 *flags;
	u8 *bytes;
};

static struct mf_ram *ram_of(struct mf_memory *memory)
{
	return mf_entry(memory, struct mf_ram, memory);
}

static struct mf_ram_owner *owner_of(struct mf_owner *owner)
{
	return mf_entry(owner, struct mf_ram_owner, owner);
}

static bool ram_has(struct mf_memory *memory, u64 pfn)
{
	return pfn >= MF_RAM_BASE_PFN && pfn - MF_RAM_BASE_PFN < ram_of(memory)->pages;
}

static u32 ram_pinned(struct mf_memory *memory, u64 pfn)
{
	struct mf_ram *ram = ram_of(memory);
	u64 page = pfn - MF_RAM_BASE_PFN;
	u32 pins;

	mf_mutex_lock(&ram->lock);
	pins = ram->flags[page] & PAGE_FOREIGN ? 1 : ram->pins[page];
	mf_mutex_unlock(&ram->lock);
	return pins;
}

static void copy_locked(struct mf_ram *ram, u64 page, u32 offset, void *buffer, u32 bytes,
			bool write)
{
	u8 *at = ram->bytes + (page << MF_PAGE_SHIFT) + offset;

	if (write)
		memcpy(at, buffer, bytes);
	else
		memcpy(buffer, at, bytes);
}

static enum mf_access ram_access(struct mf_memory *memory, u64 pfn, u32 offset, void *buffer,
				 u32 bytes, bool write)
{
	struct mf_ram *ram = ram_of(memory);
	enum mf_access result = MF_ACCESS_UNPINNED;
	u64 page = pfn - MF_RAM_BASE_PFN;

	mf_mutex_lock(&ram->lock);
	if (ram->pins[page] || ram->flags[page] & PAGE_FOREIGN) {
		copy_locked(ram, page, offset, buffer, bytes, write);
		result = MF_ACCESS_OK;
	}
	mf_mutex_unlock(&ram->lock);
	return result;
}

static const struct mf_memory_ops ram_ops = {
	.has = ram_has,
	.pinned = ram_pinned,
	.access = ram_access,
};

/**
 * mf_ram_new() - make RAM and let DMA go to it
 * @host: the host
 * @pages: how many; their bytes are zero, and take no space until touched
 *
 * Return: the RAM, or NULL without memory.
 */
struct mf_ram *mf_ram_new(struct mf_user_host *host, u64 pages)
{
	struct mf_ram *ram = calloc(1, sizeof(*ram));

	if (!ram)
		return NULL;
	ram->pages = pages;
	ram->pins = calloc(pages, sizeof(*ram->pins));
	ram->flags = calloc(pages, sizeof(*ram->flags));
	ram->bytes = mmap(NULL, pages << MF_PAGE_SHIFT, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (!ram->pins || !ram->flags || ram->bytes == MAP_FAILED) {
		if (ram->bytes != MAP_FAILED)
			munmap(ram->bytes, pages << MF_PAGE_SHIFT);
		free(ram->flags);
		free(ram->pins);
		free(ram);
		return NULL;
	}
	ram->memory.ops = &ram_ops;
	mf_mutex_init(&ram->lock);
	mf_user_host_add_memory(host, &ram->memory);
	return ram;
}

/**
 * mf_ram_free() - end RAM that has no owners any more
 */
void mf_ram_free(struct mf_ram *ram)
{
	mf_user_host_remove_memory(ram->memory.host, &ram->memory);
	mf_mutex_fini(&ram->lock);
	munmap(ram->bytes, ram->pages << MF_PAGE_SHIFT);
	free(ram->flags);
	free(ram->pins);
	free(ram);
}

/**
 * mf_ram_reserve() - make pages foreign: never pinned, never billed
 * @ram: the RAM
 * @pfn: the first page
 * @pages: how many; RAM may end before
 */
void mf_ram_reserve(struct mf_ram *ram, u64 pfn, u64 pages)
{
	u64 page = pfn - MF_RAM_BASE_PFN;

	mf_mutex_lock(&ram->lock);
	for (; pages-- && page < ram->pages; page++)
		ram->flags[page] |= PAGE_FOREIGN;
	mf_mutex_unlock(&ram->lock);
}

/**
 * mf_ram_read() - read bytes of one page as a CPU does, pinned or not
 */
void mf_ram_read(struct mf_ram *ram, u64 pfn, u32 offset, void *buffer, u32 bytes)
{
	mf_mutex_lock(&ram->lock);
	copy_locked(ram, pfn - MF_RAM_BASE_PFN, offset, buffer, bytes, false);
	mf_mutex_unlock(&ram->lock);
}

/**
 * mf_ram_write() - write bytes of one page as a CPU does, pinned or not
 */
void mf_ram_write(struct mf_ram *ram, u64 pfn, u32 offset, const void *buffer, u32 bytes)
{
	mf_mutex_lock(&ram->lock);
	copy_locked(ram, pfn - MF_RAM_BASE_PFN, offset, (void *)buffer, bytes, true);
	mf_mutex_unlock(&ram->lock);
}

/**
 * mf_ram_pinned() - how often a page is pinned; 0 for a foreign one
 */
u32 mf_ram_pinned(struct mf_ram *ram, u64 pfn)
{
	u32 pins;

	mf_mutex_lock(&ram->lock);
	pins = ram->pins[pfn - MF_RAM_BASE_PFN];
	mf_mutex_unlock(&ram->lock);
	return pins;
}

/**
 * mf_ram_pins() - how often each of some pages is pinned, all at one moment
 * @ram: the RAM
 * @pfn: the first page
 * @pages: how many
 * @pins: where to put as many counts
 */
void mf_ram_pins(struct mf_ram *ram, u64 pfn, u64 pages, u32 *pins)
{
	mf_mutex_lock(&ram->lock);
	memcpy(pins, &ram->pins[pfn - MF_RAM_BASE_PFN], pages * sizeof(*pins));
	mf_mutex_unlock(&ram->lock);
}

static bool has_flag(struct mf_ram *ram, u64 pfn, u8 flag)
{
	bool set;

	mf_mutex_lock(&ram->lock);
	set = ram->flags[pfn - MF_RAM_BASE_PFN] & flag;
	mf_mutex_unlock(&ram->lock);
	return set;
}

/**
 * mf_ram_foreign() - is the page reserved?
 */
bool mf_ram_foreign(struct mf_ram *ram, u64 pfn)
{
	return has_flag(ram, pfn, PAGE_FOREIGN);
}

/**
 * mf_ram_dirty() - was the page ever given back by who could have written it?
 */
bool mf_ram_dirty(struct mf_ram *ram, u64 pfn)
{
	return has_flag(ram, pfn, PAGE_DIRTY);
}

static bool same_run(const struct mf_ram_owner *o, u64 first, u64 page)
{
	return o->pfns[page] == o->pfns[first] + (page - first) &&
	       (o->ram->flags[o->pfns[page] - MF_RAM_BASE_PFN] & PAGE_FOREIGN) ==
	       (o->ram->flags[o->pfns[first] - MF_RAM_BASE_PFN] & PAGE_FOREIGN);
}

/* How many pages from @page on, @most at most, form one run for @prot. */
static u64 run_length(const struct mf_ram_owner *o, u64 page, u64 most, u32 prot)
{
	u8 forbidden = MF_RAM_ABSENT | (prot & MF_WRITE ? MF_RAM_READONLY : 0);
	u64 n = 0;

	while (n < most && page + n < o->pages && !(o->flags[page + n] & forbidden) &&
	       same_run(o, page, page + n))
		n++;
	return n;
}

static void pin_run(struct mf_ram *ram, u64 pfn, u64 pages, struct mf_batch *batch)
{
	u64 page = pfn - MF_RAM_BASE_PFN, i;
	bool foreign = ram->flags[page] & PAGE_FOREIGN;

	for (i = 0; !foreign && i < pages; i++)
		ram->pins[page + i]++;
	mf_batch_add(batch, pfn, pages, foreign ? MF_RUN_FOREIGN : 0);
}

static s64 ram_owner_pin(struct mf_owner *owner, u64 vaddr, u64 pages, u32 prot,
			 struct mf_batch *batch)
{
	struct mf_ram_owner *o = owner_of(owner);
	u64 page = (vaddr - o->vaddr) >> MF_PAGE_SHIFT, n = 0;

	if (vaddr < o->vaddr || page >= o->pages)
		return -EFAULT;
	if (o->pin_most)
		pages = mf_min(pages, o->pin_most);
	if (batch->memory_only && mf_ram_foreign(o->ram, o->pfns[page]))
		return -EINVAL;

	mf_mutex_lock(&o->ram->lock);
	while (n < pages && mf_batch_room(batch)) {
		u64 some = run_length(o, page + n, mf_batch_fit(batch, pages - n), prot);

		if (!some)
			break;
		pin_run(o->ram, o->pfns[page + n], some, batch);
		n += some;
	}
	mf_mutex_unlock(&o->ram->lock);
	return n ? (s64)n : -EFAULT;
}

static u64 unpin_run(struct mf_ram *ram, mf_run run, u32 prot)
{
	u64 page = mf_run_pfn(run) - MF_RAM_BASE_PFN, i;

	for (i = 0; i < mf_run_pages(run); i++) {
		if (prot & MF_WRITE)
			ram->flags[page + i] |= PAGE_DIRTY;
		if (ram->pins[page + i])
			ram->pins[page + i]--;
		else
			mf_user_host_misused(ram->memory.host);
	}
	return i;
}

static u64 ram_owner_unpin(struct mf_owner *owner, const mf_run *runs, u64 nr, u32 prot)
{
	struct mf_ram *ram = owner_of(owner)->ram;
	u64 pages = 0, i;

	mf_mutex_lock(&ram->lock);
	for (i = 0; i < nr; i++) {
		if (!mf_run_foreign(runs[i]))
			pages += unpin_run(ram, runs[i], prot);
	}
	mf_mutex_unlock(&ram->lock);
	return pages;
}

static bool has_access(const struct mf_ram_owner *o, u64 page, bool write)
{
	u8 forbidden = MF_RAM_ABSENT | (write ? MF_RAM_READONLY : 0);

	return page < o->pages && !(o->flags[page] & forbidden);
}

static int ram_owner_copy(struct mf_owner *owner, u64 vaddr, void *data, u64 bytes, bool write)
{
	struct mf_ram_owner *o = owner_of(owner);
	u64 page, n;

	for (; bytes; vaddr += n, data = (char *)data + n, bytes -= n) {
		page = (vaddr - o->vaddr) >> MF_PAGE_SHIFT;
		n = mf_min(bytes, MF_PAGE_SIZE - (vaddr & ~MF_PAGE_MASK));
		if (vaddr < o->vaddr || page >= o->pages || !has_access(o, page, write))
			return -EFAULT;
		mf_mutex_lock(&o->ram->lock);
		copy_locked(o->ram, o->pfns[page] - MF_RAM_BASE_PFN, vaddr & ~MF_PAGE_MASK, data,
			    n, write);
		mf_mutex_unlock(&o->ram->lock);
	}
	return 0;
}

static const struct mf_owner_ops ram_owner_ops = {
	.pin = ram_owner_pin,
	.unpin = ram_owner_unpin,
	.copy = ram_owner_copy,
};

/* splitmix64: all of its state is one number, so a seed says everything. */
static u64 next_random(u64 *state)
{
	u64 z = *state += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

/* Exchange whole blocks of pages until chance has moved each of them. */
static void shuffle(u64 *pfns, u64 pages, u64 block, u64 seed)
{
	u64 blocks = pages / block, i, j, k;

	for (i = blocks; i > 1; i--) {
		j = next_random(&seed) % i;
		for (k = 0; k < block; k++) {
			u64 *a = &pfns[(i - 1) * block + k], *b = &pfns[j * block + k], t = *a;

			*a = *b;
			*b = t;
		}
	}
}

/* Give the next @pages pages of RAM to an owner; false when there are no more. */
static bool take_pages(struct mf_ram *ram, u64 *pfns, u64 pages)
{
	u64 first, i;
	bool enough;

	mf_mutex_lock(&ram->lock);
	first = (ram->used + MF_RAM_CLUSTER - 1) / MF_RAM_CLUSTER * MF_RAM_CLUSTER;
	enough = first <= ram->pages && pages <= ram->pages - first;
	if (enough)
		ram->used = first + pages;
	mf_mutex_unlock(&ram->lock);

	for (i = 0; enough && i < pages; i++)
		pfns[i] = MF_RAM_BASE_PFN + first + i;
	return enough;
}

/**
 * mf_ram_owner_new() - make an address space over pages of RAM nobody has yet
 * @ram: the RAM
 * @vaddr: where its memory begins
 * @pages: how many pages
 * @layout: how they lie in RAM
 * @seed: decides what the layout leaves open
 *
 * Return: the owner, without a limit; or NULL when RAM or memory is used up.
 */
struct mf_ram_owner *mf_ram_owner_new(struct mf_ram *ram, u64 vaddr, u64 pages,
				      enum mf_ram_layout layout, u64 seed)
{
	struct mf_ram_owner *o = calloc(1, sizeof(*o));

	if (!o)
		return NULL;
	mf_owner_init(&o->owner, &ram_owner_ops);
	o->ram = ram;
	o->vaddr = vaddr;
	o->pages = pages;
	o->pfns = calloc(pages, sizeof(*o->pfns));
	o->flags = calloc(pages, sizeof(*o->flags));
	if (!o->pfns || !o->flags || !take_pages(ram, o->pfns, pages)) {
		mf_ram_owner_free(o);
		return NULL;
	}
	if (layout == MF_RAM_SCATTERED)
		shuffle(o->pfns, pages, 1, seed);
	if (layout == MF_RAM_CLUSTERED)
		shuffle(o->pfns, pages, MF_RAM_CLUSTER, seed);
	return o;
}

/**
 * mf_ram_owner_free() - end an address space nobody refers to any more
 */
void mf_ram_owner_free(struct mf_ram_owner *o)
{
	mf_owner_fini(&o->owner);
	free(o->flags);
	free(o->pfns);
	free(o);
}

/**
 * mf_ram_owner_pfn() - where a page of the owner is
 */
u64 mf_ram_owner_pfn(const struct mf_ram_owner *o, u64 vaddr)
{
	return o->pfns[(vaddr - o->vaddr) >> MF_PAGE_SHIFT];
}

/**
 * mf_ram_owner_place() - put a page of the owner somewhere else in RAM
 *
 * Two of its pages, or pages of two owners, may be the same page of RAM.
 */
void mf_ram_owner_place(struct mf_ram_owner *o, u64 vaddr, u64 pfn)
{
	o->pfns[(vaddr - o->vaddr) >> MF_PAGE_SHIFT] = pfn;
}

/**
 * mf_ram_owner_flag() - say MF_RAM_ABSENT, MF_RAM_READONLY or neither of pages
 */
void mf_ram_owner_flag(struct mf_ram_owner *o, u64 vaddr, u64 pages, u8 flags)
{
	memset(&o->flags[(vaddr - o->vaddr) >> MF_PAGE_SHIFT], flags, pages);
}
