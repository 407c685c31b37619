/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Modelled RAM, and address spaces over it whose fragmentation one chooses.
 */
#ifndef MF_USER_RAM_H
#define MF_USER_RAM_H

#include "user/memory/memory.h"

#ifdef __cplusplus
extern "C" {
#endif

/* RAM begins here, at a multiple of the largest leaf of any unit. */
#define MF_RAM_BASE_PFN		(1ull << 20)

/* Pages of a cluster: a 2 MiB page's worth. */
#define MF_RAM_CLUSTER		512

/**
 * enum mf_ram_layout - how neighbours in an owner lie in RAM
 * @MF_RAM_CONTIGUOUS: as neighbours
 * @MF_RAM_SCATTERED: in an order that a seed decides
 * @MF_RAM_CLUSTERED: in clusters of MF_RAM_CLUSTER pages, these scattered
 */
enum mf_ram_layout {
	MF_RAM_CONTIGUOUS,
	MF_RAM_SCATTERED,
	MF_RAM_CLUSTERED,
};

/* What can be said of an owner's page. */
#define MF_RAM_ABSENT		(1u << 0)	/* nothing there */
#define MF_RAM_READONLY		(1u << 1)	/* it can't be pinned for MF_WRITE */

struct mf_ram;

/**
 * struct mf_ram_owner - an address space over modelled RAM
 * @owner: what the engine takes
 * @ram: the RAM
 * @vaddr: where its memory begins
 * @pages: how many it has
 * @pin_most: how many pages a pin yields at most; 0 for no limit. Set it while
 *	the engine is at rest
 * @pfns: where each page is
 * @flags: and what is said of it
 */
struct mf_ram_owner {
	struct mf_owner owner;
	struct mf_ram *ram;
	u64 vaddr;
	u64 pages;
	u64 pin_most;
	u64 *pfns;
	u8 *flags;
};

struct mf_ram *mf_ram_new(struct mf_user_host *host, u64 pages);
void mf_ram_free(struct mf_ram *ram);
void mf_ram_reserve(struct mf_ram *ram, u64 pfn, u64 pages);
void mf_ram_read(struct mf_ram *ram, u64 pfn, u32 offset, void *buffer, u32 bytes);
void mf_ram_write(struct mf_ram *ram, u64 pfn, u32 offset, const void *buffer, u32 bytes);
u32 mf_ram_pinned(struct mf_ram *ram, u64 pfn);
void mf_ram_pins(struct mf_ram *ram, u64 pfn, u64 pages, u32 *pins);
bool mf_ram_foreign(struct mf_ram *ram, u64 pfn);
bool mf_ram_dirty(struct mf_ram *ram, u64 pfn);

struct mf_ram_owner *mf_ram_owner_new(struct mf_ram *ram, u64 vaddr, u64 pages,
				      enum mf_ram_layout layout, u64 seed);
void mf_ram_owner_free(struct mf_ram_owner *o);
u64 mf_ram_owner_pfn(const struct mf_ram_owner *o, u64 vaddr);
void mf_ram_owner_place(struct mf_ram_owner *o, u64 vaddr, u64 pfn);
void mf_ram_owner_flag(struct mf_ram_owner *o, u64 vaddr, u64 pages, u8 flags);

#ifdef __cplusplus
}
#endif

#endif /* MF_USER_RAM_H */
