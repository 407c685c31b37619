// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Which memory a page frame number belongs to; and what owners have in common.
 *
 * The list of memories changes only while no device does DMA, so that access
 * needs no lock here; what a memory holds it guards itself.
 */
#include "user/memory/memory.h"

/**
 * mf_owner_init() - make an owner without a limit
 */
void mf_owner_init(struct mf_owner *owner, const struct mf_owner_ops *ops)
{
	memset(owner, 0, sizeof(*owner));
	owner->ops = ops;
	owner->limit = MF_NO_LIMIT;
	mf_ledger_init(&owner->ledger);
}

/**
 * mf_owner_fini() - end an owner nobody refers to any more
 */
void mf_owner_fini(struct mf_owner *owner)
{
	mf_ledger_fini(&owner->ledger);
}

/**
 * mf_user_host_add_memory() - let DMA go to a memory
 *
 * Memories added later are asked first.
 */
void mf_user_host_add_memory(struct mf_user_host *host, struct mf_memory *memory)
{
	memory->host = host;
	memory->next = host->memories;
	host->memories = memory;
}

/**
 * mf_user_host_remove_memory() - no more DMA to a memory
 */
void mf_user_host_remove_memory(struct mf_user_host *host, struct mf_memory *memory)
{
	struct mf_memory **link = &host->memories;

	while (*link && *link != memory)
		link = &(*link)->next;
	if (*link)
		*link = memory->next;
}

static struct mf_memory *find(struct mf_user_host *host, u64 pfn)
{
	struct mf_memory *memory = host->memories;

	while (memory && !memory->ops->has(memory, pfn))
		memory = memory->next;
	return memory;
}

/**
 * mf_memory_access() - what DMA does once it is translated
 * @host: the host
 * @pfn: the page
 * @offset: the first byte in it
 * @buffer: what to write, or where to put what is read
 * @bytes: how many, all in the page
 * @write: write it
 *
 * Return: MF_ACCESS_OK, or why nothing was touched.
 */
enum mf_access mf_memory_access(struct mf_user_host *host, u64 pfn, u32 offset, void *buffer,
				u32 bytes, bool write)
{
	struct mf_memory *memory = find(host, pfn);

	if (!memory)
		return MF_ACCESS_NOWHERE;
	return memory->ops->access(memory, pfn, offset, buffer, bytes, write);
}

/**
 * mf_memory_pinned() - how often a page is pinned; foreign ones count as pinned
 */
u32 mf_memory_pinned(struct mf_user_host *host, u64 pfn)
{
	struct mf_memory *memory = find(host, pfn);

	return memory ? memory->ops->pinned(memory, pfn) : 0;
}
