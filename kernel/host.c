// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The table of what Linux does for the engine, and what is too small for a file
 * of its own: memory.
 */
#include <linux/mm.h>
#include <linux/slab.h>

#include "host.h"

/*
 * Enough for a mapping of 4 PiB. A user may name any size the window has room
 * for, before a page of it is found to be there.
 */
#define MOST_BYTES (64ull << 20)

static void *host_alloc(struct mf_host *host, u64 bytes, bool zeroed)
{
	if (bytes > MOST_BYTES)
		return NULL;
	return kvmalloc(bytes, GFP_KERNEL_ACCOUNT | __GFP_NOWARN | (zeroed ? __GFP_ZERO : 0));
}

static void host_free(struct mf_host *host, void *memory)
{
	kvfree(memory);
}

const struct mf_host_ops mfk_ops = {
	.alloc = host_alloc,
	.free = host_free,
	.owner_get = mfk_owner_get,
	.owner_put = mfk_owner_put,
	.owner_ledger = mfk_owner_ledger,
	.owner_limit = mfk_owner_limit,
	.pin = mfk_pin,
	.ahead_begin = mfk_ahead_begin,
	.ahead_end = mfk_ahead_end,
	.unpin = mfk_unpin,
	.bill = mfk_bill,
	.unbill = mfk_unbill,
	.copy = mfk_copy,
	.group_id = mfk_group_id,
	.group_isolated = mfk_group_isolated,
	.group_regions = mfk_group_regions,
	.domain_alloc = mfk_domain_alloc_for,
	.domain_free = mfk_domain_free,
	.domain_attach = mfk_domain_attach,
	.domain_detach = mfk_domain_detach,
	.domain_settle = mfk_domain_settle,
	.domain_msi = mfk_domain_msi,
	.domain_map = mfk_domain_map,
	.domain_sync = mfk_domain_sync,
	.domain_unmap = mfk_domain_unmap,
	.domain_flush = mfk_domain_flush,
	.unmapping = mfk_unmapping,
	.event = mfk_event,
};

struct mf_host mfk_host = { .ops = &mfk_ops };
