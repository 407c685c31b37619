// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The window: what remains of the IOVA space when every domain's aperture has
 * been intersected and every group's reserved regions have been taken out.
 *
 * It is never edited but always computed anew from what is attached, so that
 * detaching gives back exactly what attaching took. n regions cut an aperture
 * into n + 1 ranges at most; whoever attaches a group allocates for all the
 * regions there will be, and so recomputing for fewer, when a group leaves,
 * needs no memory and can't fail.
 *
 * Regions that are direct but relaxable are there for firmware that is done
 * with them once a user owns the device: they stay usable.
 */
#include "window.h"

static int regions_add(struct mf_host *host, struct mf_regions *regions,
		       const struct mf_region *region)
{
	if (regions->nr == regions->max) {
		u32 max = regions->max ? 2 * regions->max : 4;
		struct mf_region *list = mf_alloc(host, max * (u64)sizeof(*list));

		if (!list)
			return -ENOMEM;
		if (regions->nr)
			memcpy(list, regions->list, regions->nr * sizeof(*list));
		mf_ops(host)->free(host, regions->list);
		regions->list = list;
		regions->max = max;
	}
	regions->list[regions->nr++] = *region;
	return 0;
}

struct load {
	struct mf_host *host;
	struct mf_regions *regions;
};

static int load_one(void *context, const struct mf_region *region)
{
	struct load *load = context;

	return regions_add(load->host, load->regions, region);
}

/**
 * mf_regions_load() - learn a group's reserved regions from the host
 * @host: the host
 * @group: the group
 * @regions: empty; filled on success, to be ended by mf_regions_fini()
 *
 * Return: 0 or a negative errno, with @regions empty.
 */
int mf_regions_load(struct mf_host *host, struct mf_host_group *group, struct mf_regions *regions)
{
	struct load load = { .host = host, .regions = regions };
	int err = mf_ops(host)->group_regions(host, group, load_one, &load);

	if (err)
		mf_regions_fini(host, regions);
	return err;
}

void mf_regions_fini(struct mf_host *host, struct mf_regions *regions)
{
	mf_ops(host)->free(host, regions->list);
	regions->list = NULL;
	regions->nr = 0;
	regions->max = 0;
}

static bool region_blocks(const struct mf_region *region)
{
	return region->type != MF_REGION_DIRECT_RELAXABLE;
}

/* A region that forbids mapping something in @span, or NULL. */
const struct mf_region *mf_regions_conflict(const struct mf_regions *regions, struct mf_span span)
{
	u32 i;

	for (i = 0; i < regions->nr; i++) {
		const struct mf_region *region = &regions->list[i];

		if (region_blocks(region) && mf_spans_overlap(region->span, span))
			return region;
	}
	return NULL;
}

/**
 * mf_regions_msi() - must software map the group's interrupt doorbell?
 * @regions: the group's regions
 * @base: where, if so
 *
 * A doorbell that hardware recognises anywhere needs no mapping, even when the
 * group has a place set aside for one.
 */
bool mf_regions_msi(const struct mf_regions *regions, u64 *base)
{
	bool found = false;
	u32 i;

	for (i = 0; i < regions->nr; i++) {
		if (regions->list[i].type == MF_REGION_MSI)
			return false;
		if (regions->list[i].type == MF_REGION_SW_MSI) {
			*base = regions->list[i].span.first;
			found = true;
		}
	}
	return found;
}

/**
 * mf_window_init() - an empty window with room for what some regions leave
 * @host: where its memory is from
 * @w: the window
 * @regions: how many regions may be taken out of it
 *
 * Return: 0 or -ENOMEM.
 */
int mf_window_init(struct mf_host *host, struct mf_window *w, u32 regions)
{
	w->nr = 0;
	w->max = regions + 1;
	w->spans = mf_alloc(host, w->max * (u64)sizeof(*w->spans));
	return w->spans ? 0 : -ENOMEM;
}

void mf_window_fini(struct mf_host *host, struct mf_window *w)
{
	mf_ops(host)->free(host, w->spans);
	w->spans = NULL;
	w->nr = 0;
	w->max = 0;
}

/* No range at all; the room for them stays. */
void mf_window_reset(struct mf_window *w)
{
	w->nr = 0;
}

/* One range, as wide as @aperture. */
void mf_window_start(struct mf_window *w, struct mf_span aperture)
{
	w->spans[0] = aperture;
	w->nr = 1;
}

static void remove_at(struct mf_window *w, u32 i)
{
	for (w->nr--; i < w->nr; i++)
		w->spans[i] = w->spans[i + 1];
}

static void insert_at(struct mf_window *w, u32 i, struct mf_span span)
{
	u32 j;

	for (j = w->nr++; j > i; j--)
		w->spans[j] = w->spans[j - 1];
	w->spans[i] = span;
}

static void subtract_one(struct mf_window *w, struct mf_span hole)
{
	u32 i = 0;

	while (i < w->nr) {
		struct mf_span *s = &w->spans[i];
		bool below = s->first < hole.first, above = s->last > hole.last;

		if (!mf_spans_overlap(*s, hole)) {
			i++;
		} else if (below && above) {
			struct mf_span rest = { hole.last + 1, s->last };

			s->last = hole.first - 1;
			insert_at(w, i + 1, rest);
			return;
		} else if (below) {
			s->last = hole.first - 1;
			i++;
		} else if (!above) {
			remove_at(w, i);
		} else {
			s->first = hole.last + 1;
			return;
		}
	}
}

/**
 * mf_window_subtract() - take a group's reserved regions out
 * @w: a window with room for one more range per region
 * @regions: the regions
 */
void mf_window_subtract(struct mf_window *w, const struct mf_regions *regions)
{
	u32 i;

	for (i = 0; i < regions->nr; i++) {
		if (region_blocks(&regions->list[i]))
			subtract_one(w, regions->list[i].span);
	}
}

/* Is all of @span inside one range? */
bool mf_window_contains(const struct mf_window *w, struct mf_span span)
{
	u32 i;

	for (i = 0; i < w->nr; i++) {
		if (w->spans[i].first <= span.first && span.last <= w->spans[i].last)
			return true;
	}
	return false;
}
