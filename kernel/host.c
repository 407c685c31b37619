// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The table of what Linux does for the engine, and the two things too small
 * for a file of their own: memory, and what becomes of events.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/mm.h>
#include <linux/printk.h>
#include <linux/ratelimit.h>
#include <linux/slab.h>

#include "host.h"

/*
 * Enough for a mapping of 4 PiB. A user may name any size the window has room
 * for, before a page of it is found to be there.
 */
#define MOST_BYTES (64ull << 20)

static void *host_alloc(struct mf_host *host, u64 bytes)
{
	if (bytes > MOST_BYTES)
		return NULL;
	return kvzalloc(bytes, GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
}

static void host_free(struct mf_host *host, void *memory)
{
	kvfree(memory);
}

static void log_refusal(const struct mfk_container *k, const struct mf_refusal *refusal)
{
	char text[192];

	mf_refusal_text(refusal, text, sizeof(text));

	/* The two that an operator, not the program, has to do something about. */
	if (refusal->reason == MF_REASON_BILL || refusal->reason == MF_REASON_INTERRUPTS)
		pr_warn_ratelimited("container %u of %s[%d]: %s\n", k->id, k->comm, k->pid, text);
	else
		pr_debug_ratelimited("container %u of %s[%d]: %s\n", k->id, k->comm, k->pid, text);
}

static void host_event(struct mf_host *host, void *cookie, const struct mf_event *event)
{
	const struct mfk_container *k = cookie;

	if (event->type == MF_EVENT_REFUSED)
		log_refusal(k, event->refusal);
	else if (event->type == MF_EVENT_STUCK)
		pr_err_ratelimited("container %u: the unit of domain %u did not unmap %#llx-%#llx, which stays pinned\n",
				   k->id, event->domain, event->span.first, event->span.last);
}

static const struct mf_host_ops ops = {
	.alloc = host_alloc,
	.free = host_free,
	.owner_get = mfk_owner_get,
	.owner_put = mfk_owner_put,
	.pin = mfk_pin,
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
	.event = host_event,
};

struct mf_host mfk_host = { .ops = &ops };
