// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Driving units by hand: what a host without this engine would do, one call at
 * a time. It shows what goes wrong there.
 */
#include <stdlib.h>

#include "tools/sim/machine.h"

int hand_domain(struct machine *m, u32 domain, u32 group)
{
	struct mf_host *host = &m->host.host;

	if (m->domains[domain])
		return -EBUSY;
	return host->ops->domain_alloc(host, &m->groups[group], false, &m->domains[domain]);
}

int hand_attach(struct machine *m, u32 domain, u32 group)
{
	struct mf_host *host = &m->host.host;

	if (!m->domains[domain])
		return -ENODEV;
	return host->ops->domain_attach(host, m->domains[domain], &m->groups[group]);
}

int hand_settle(struct machine *m, u32 domain)
{
	struct mf_host *host = &m->host.host;
	struct mf_features features;

	if (!m->domains[domain] || m->domains[domain]->settled || !m->domains[domain]->groups)
		return -ENODEV;
	host->ops->domain_settle(host, m->domains[domain], &features);
	return 0;
}

static void unpin(struct machine *m, struct hand_map *map)
{
	struct mf_host *host = &m->host.host;
	struct mf_owner *owner = &m->owners[map->owner]->owner;

	if (map->nr)
		host->ops->unpin(host, owner, map->runs, map->nr, map->prot);
	host->ops->owner_put(host, owner);
	free(map->runs);
	free(map);
}

static s64 pin(struct machine *m, struct hand_map *map)
{
	struct mf_host *host = &m->host.host;
	u64 pages = map->bytes >> MF_PAGE_SHIFT;
	struct mf_batch batch = { .runs = map->runs, .max = (u32)pages };
	s64 n = 1;

	while (n > 0 && batch.pages < pages) {
		n = host->ops->pin(host, &m->owners[map->owner]->owner,
				   map->vaddr + (batch.pages << MF_PAGE_SHIFT),
				   pages - batch.pages, map->prot, &batch);
		map->nr = batch.nr;
	}
	return n;
}

/**
 * hand_map() - pin memory and map it into one domain
 */
int hand_map(struct machine *m, const struct hand_map *plan)
{
	struct mf_host_domain *domain = m->domains[plan->domain];
	u64 pages = plan->bytes >> MF_PAGE_SHIFT;
	struct mf_host *host = &m->host.host;
	struct hand_map *map;
	s64 err;

	if (!domain || !domain->settled)
		return -ENODEV;
	if ((plan->iova | plan->bytes | plan->vaddr) & (MF_PAGE_SIZE - 1) || !pages ||
	    plan->bytes > MOST_MEMORY || plan->iova + (plan->bytes - 1) < plan->iova)
		return -EINVAL;
	map = calloc(1, sizeof(*map));
	if (!map)
		return -ENOMEM;
	*map = *plan;
	map->runs = calloc(pages, sizeof(*map->runs));
	if (!map->runs) {
		free(map);
		return -ENOMEM;
	}
	host->ops->owner_get(host, &m->owners[map->owner]->owner);
	err = pin(m, map);
	if (err > 0)
		err = host->ops->domain_map(host, domain, map->iova, map->runs, map->nr,
					    map->prot);
	if (err) {
		unpin(m, map);
		return (int)err;
	}
	host->ops->domain_sync(host, domain, (struct mf_span){ map->iova,
							       map->iova + (map->bytes - 1) });
	map->next = m->hand_maps;
	m->hand_maps = map;
	return 0;
}

static bool unmap_one(struct machine *m, struct hand_map **link)
{
	struct mf_host *host = &m->host.host;
	struct hand_map *map = *link;
	struct mf_gather gather;
	u64 done;

	mf_gather_init(&gather);
	done = host->ops->domain_unmap(host, m->domains[map->domain], map->iova, map->bytes,
				       &gather);
	host->ops->domain_flush(host, m->domains[map->domain], &gather);
	if (done != map->bytes)
		return false;
	*link = map->next;
	unpin(m, map);
	return true;
}

/**
 * hand_unmap() - unmap what was mapped by hand at exactly this range
 */
int hand_unmap(struct machine *m, u32 domain, u64 iova, u64 bytes)
{
	struct hand_map **link;

	for (link = &m->hand_maps; *link; link = &(*link)->next) {
		if ((*link)->domain == domain && (*link)->iova == iova &&
		    (*link)->bytes == bytes)
			return unmap_one(m, link) ? 0 : -EIO;
	}
	return -EINVAL;
}

int hand_detach(struct machine *m, u32 domain, u32 group)
{
	struct mf_host *host = &m->host.host;

	if (!m->domains[domain] || m->groups[group].domain != m->domains[domain])
		return -EINVAL;
	host->ops->domain_detach(host, m->domains[domain], &m->groups[group]);
	return 0;
}

/**
 * hand_free() - detach all groups of a domain, end it, unpin what it mapped
 */
int hand_free(struct machine *m, u32 domain)
{
	struct mf_host *host = &m->host.host;
	struct hand_map **link = &m->hand_maps, *map;
	u32 i;

	if (!m->domains[domain])
		return -ENODEV;
	for (i = 0; i < m->s->nr_groups; i++)
		hand_detach(m, domain, i);
	host->ops->domain_free(host, m->domains[domain]);
	m->domains[domain] = NULL;
	while (*link) {
		map = *link;
		if (map->domain != domain) {
			link = &map->next;
			continue;
		}
		*link = map->next;
		unpin(m, map);
	}
	return 0;
}
