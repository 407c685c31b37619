// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include <malloc.h>
#include <stdlib.h>

#include "tests/support/null_host.h"

static struct null_host *of(struct mf_host *host)
{
	return mf_entry(host, struct null_host, host);
}

static void count(struct mf_host *host, enum mf_call_type type)
{
	of(host)->calls[type]++;
}

static void *null_alloc(struct mf_host *host, u64 bytes, bool zeroed)
{
	void *memory = zeroed ? calloc(1, bytes) : malloc(bytes);

	count(host, MF_CALL_ALLOC);
	of(host)->held += malloc_usable_size(memory);
	return memory;
}

static void null_free(struct mf_host *host, void *memory)
{
	if (!memory)
		return;
	count(host, MF_CALL_FREE);
	of(host)->held -= malloc_usable_size(memory);
	free(memory);
}

static void null_owner_get(struct mf_host *host, struct mf_owner *owner)
{
	(void)owner;
	count(host, MF_CALL_OWNER_GET);
}

static void null_owner_put(struct mf_host *host, struct mf_owner *owner)
{
	(void)owner;
	count(host, MF_CALL_OWNER_PUT);
}

static struct mf_ledger *null_owner_ledger(struct mf_host *host, struct mf_owner *owner)
{
	(void)owner;
	return &of(host)->ledger;
}

/* A gap of a page behind each run keeps it from the next. */
static void add_runs(struct mf_batch *batch, u64 page, u64 pages, u64 run_pages)
{
	while (pages && mf_batch_room(batch)) {
		u64 some = mf_min(pages, run_pages - page % run_pages);

		mf_batch_add(batch, page + page / run_pages, some, 0);
		page += some;
		pages -= some;
	}
}

static s64 null_pin(struct mf_host *host, struct mf_owner *owner, u64 vaddr, u64 pages, u32 prot,
		    struct mf_batch *batch)
{
	u64 run_pages = of(host)->run_pages, before = batch->pages;

	(void)owner;
	(void)prot;
	count(host, MF_CALL_PIN);
	pages = mf_min(pages, NULL_PIN_PAGES);
	if (run_pages)
		add_runs(batch, vaddr >> MF_PAGE_SHIFT, pages, run_pages);
	else
		mf_batch_add(batch, vaddr >> MF_PAGE_SHIFT, pages, 0);
	of(host)->pages_pinned += batch->pages - before;
	return (s64)(batch->pages - before);
}

static void null_unpin(struct mf_host *host, struct mf_owner *owner, const mf_run *runs, u64 nr,
		       u32 prot)
{
	(void)owner;
	(void)runs;
	(void)prot;
	count(host, MF_CALL_UNPIN);
	of(host)->runs_unpinned += nr;
}

static int null_bill(struct mf_host *host, struct mf_owner *owner, u64 pages, bool unlimited)
{
	(void)owner;
	(void)pages;
	(void)unlimited;
	count(host, MF_CALL_BILL);
	return 0;
}

static void null_unbill(struct mf_host *host, struct mf_owner *owner, u64 pages)
{
	(void)owner;
	(void)pages;
	count(host, MF_CALL_UNBILL);
}

/* A group is a kind and a number and nothing else, and a domain is the group it was made for. */
static u32 null_group_id(struct mf_host *host, struct mf_host_group *group)
{
	count(host, MF_CALL_GROUP_ID);
	return (u16)(size_t)group;
}

static bool null_group_isolated(struct mf_host *host, struct mf_host_group *group)
{
	(void)group;
	count(host, MF_CALL_GROUP_ISOLATED);
	return true;
}

static int null_group_regions(struct mf_host *host, struct mf_host_group *group, mf_region_fn fn,
			      void *context)
{
	(void)group;
	(void)fn;
	(void)context;
	count(host, MF_CALL_GROUP_REGIONS);
	return 0;
}

static int null_domain_alloc(struct mf_host *host, struct mf_host_group *group, bool nesting,
			     struct mf_host_domain **out)
{
	(void)nesting;
	count(host, MF_CALL_DOMAIN_ALLOC);
	*out = (struct mf_host_domain *)group;
	return 0;
}

static void null_domain_free(struct mf_host *host, struct mf_host_domain *domain)
{
	(void)domain;
	count(host, MF_CALL_DOMAIN_FREE);
}

static int null_domain_attach(struct mf_host *host, struct mf_host_domain *domain,
			      struct mf_host_group *group)
{
	(void)domain;
	(void)group;
	count(host, MF_CALL_DOMAIN_ATTACH);
	return 0;
}

static void null_domain_detach(struct mf_host *host, struct mf_host_domain *domain,
			       struct mf_host_group *group)
{
	(void)domain;
	(void)group;
	count(host, MF_CALL_DOMAIN_DETACH);
}

static void null_domain_settle(struct mf_host *host, struct mf_host_domain *domain,
			       struct mf_features *features)
{
	count(host, MF_CALL_DOMAIN_SETTLE);
	*features = (struct mf_features){
		.kind = (size_t)domain >> 16, .pgsizes = MF_PAGE_SIZE | 2ull << 20 | 1ull << 30,
		.aperture = { 0, ~0ull }, .coherent = true,
	};
}

static int null_domain_msi(struct mf_host *host, struct mf_host_domain *domain, u64 base)
{
	(void)domain;
	(void)base;
	count(host, MF_CALL_DOMAIN_MSI);
	return 0;
}

static int null_domain_map(struct mf_host *host, struct mf_host_domain *domain, u64 iova,
			   const mf_run *runs, u64 nr, u32 prot)
{
	(void)domain;
	(void)iova;
	(void)runs;
	(void)prot;
	count(host, MF_CALL_DOMAIN_MAP);
	of(host)->runs_mapped += nr;
	return 0;
}

static int null_domain_sync(struct mf_host *host, struct mf_host_domain *domain,
			    struct mf_span span)
{
	(void)domain;
	(void)span;
	count(host, MF_CALL_DOMAIN_SYNC);
	return 0;
}

static u64 null_domain_unmap(struct mf_host *host, struct mf_host_domain *domain, u64 iova,
			     u64 bytes, struct mf_gather *gather)
{
	(void)domain;
	(void)iova;
	(void)gather;
	count(host, MF_CALL_DOMAIN_UNMAP);
	return bytes;
}

static void null_domain_flush(struct mf_host *host, struct mf_host_domain *domain,
			      struct mf_gather *gather)
{
	(void)domain;
	(void)gather;
	count(host, MF_CALL_DOMAIN_FLUSH);
}

static void null_event(struct mf_host *host, void *cookie, const struct mf_event *event)
{
	(void)cookie;
	of(host)->events[event->type]++;
}

/* No software device is attached: nobody copies or is asked to unpin. And no bill is refused. */
static const struct mf_host_ops null_ops = {
	.alloc = null_alloc,
	.free = null_free,
	.owner_get = null_owner_get,
	.owner_put = null_owner_put,
	.owner_ledger = null_owner_ledger,
	.pin = null_pin,
	.unpin = null_unpin,
	.bill = null_bill,
	.unbill = null_unbill,
	.group_id = null_group_id,
	.group_isolated = null_group_isolated,
	.group_regions = null_group_regions,
	.domain_alloc = null_domain_alloc,
	.domain_free = null_domain_free,
	.domain_attach = null_domain_attach,
	.domain_detach = null_domain_detach,
	.domain_settle = null_domain_settle,
	.domain_msi = null_domain_msi,
	.domain_map = null_domain_map,
	.domain_sync = null_domain_sync,
	.domain_unmap = null_domain_unmap,
	.domain_flush = null_domain_flush,
	.event = null_event,
};

void null_host_init(struct null_host *host)
{
	*host = (struct null_host){ .host = { .ops = &null_ops } };
	mf_ledger_init(&host->ledger);
}

struct mf_owner *null_owner(void)
{
	static char owner;

	return (struct mf_owner *)&owner;
}

struct mf_host_group *null_group(u16 kind, u16 number)
{
	return (struct mf_host_group *)((size_t)kind << 16 | number);
}
