// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * What a unit remembers of the tables it walked: the last translations, used
 * until a flush or the room is needed. It never looks at a table again, so
 * that what was unmapped and not flushed is still translated, as hardware does.
 */
#include "rig.h"

const struct rig_cached *rig_iotlb_find(const struct rig_unit *unit,
					const struct rig_domain *domain, u64 iova)
{
	u32 i;

	for (i = 0; i < RIG_IOTLB_ENTRIES; i++) {
		const struct rig_cached *c = &unit->iotlb[i];

		if (c->domain == domain && iova >= c->first && iova <= c->last)
			return c;
	}
	return NULL;
}

void rig_iotlb_add(struct rig_unit *unit, const struct rig_cached *cached)
{
	unit->iotlb[unit->victim] = *cached;
	unit->victim = (unit->victim + 1) % RIG_IOTLB_ENTRIES;
}

void rig_iotlb_drop(struct rig_unit *unit, const struct rig_domain *domain, u64 first, u64 last,
		    bool absent_only)
{
	u32 i;

	for (i = 0; i < RIG_IOTLB_ENTRIES; i++) {
		struct rig_cached *c = &unit->iotlb[i];

		if (c->domain == domain && c->first <= last && c->last >= first &&
		    (c->absent || !absent_only))
			c->domain = NULL;
	}
}
