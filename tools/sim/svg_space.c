// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The IOVA space of a container: one row a stretch of IOVAs of which all the
 * same can be said. The highest is on top. Beside a mapping stands what each
 * domain made of it: how many leaves of which size.
 */
#include <stdlib.h>

#include "tools/sim/svg.h"

#define MARGIN		24
#define ROW		22
#define BAR_X		(MARGIN + 160)
#define BAR_WIDTH	160
#define TEXT_X		(BAR_X + BAR_WIDTH + 14)
#define LEAVES_X	780
#define LEAVES_WIDTH	138
#define LEAVES_LETTERS	18
/* Columns of them; and leaves that are counted, lest a drawing take minutes. */
#define MOST_COLUMNS	3
#define MOST_LEAVES	(1u << 20)

/* How many rows one container gets; what is more is only counted. */
#define MOST_ROWS	28
#define MOST_EDGES	256

struct edges {
	u64 at[MOST_EDGES];
	u32 nr;
};

static void add_edge(struct edges *e, u64 at)
{
	if (e->nr < MOST_EDGES)
		e->at[e->nr++] = at;
}

static void add_span(struct edges *e, struct mf_span span)
{
	add_edge(e, span.first);
	if (span.last != ~0ull)
		add_edge(e, span.last + 1);
}

static int compare(const void *a, const void *b)
{
	const u64 *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static void sort_edges(struct edges *e)
{
	u32 i, n = 0;

	qsort(e->at, e->nr, sizeof(e->at[0]), compare);
	for (i = 0; i < e->nr; i++) {
		if (!n || e->at[n - 1] != e->at[i])
			e->at[n++] = e->at[i];
	}
	e->nr = n;
}

/* What bounds stretches: window and regions first, mappings while there is room. */
static u64 collect_edges(struct machine *m, u32 container, struct edges *e)
{
	struct mf_container *c = m->containers[container];
	struct mf_span window[MOST_WINDOWS];
	struct mf_mapping_info mapping;
	struct mf_info info;
	u64 iova = 0, hidden = 0;
	u32 n, i, j;

	add_edge(e, 0);
	n = (u32)mf_min(mf_get_info(c, &info, window, MOST_WINDOWS), MOST_WINDOWS);
	for (i = 0; i < mf_min(n, info.nr_window); i++)
		add_span(e, window[i]);
	for (i = 0; i < m->s->nr_groups; i++) {
		for (j = 0; m->attached[i] == container && j < m->groups[i].nr_regions; j++)
			add_span(e, m->groups[i].regions[j].span);
	}
	sort_edges(e);
	while (mf_next_mapping(c, iova, &mapping)) {
		if (e->nr + 2 < MOST_ROWS)
			add_span(e, mapping.span);
		else
			hidden++;
		iova = mapping.span.last + 1;
		if (!iova)
			break;
	}
	sort_edges(e);
	return hidden;
}

static const struct mf_region *region_at(const struct machine *m, u32 container, u64 iova,
					 u32 *group)
{
	u32 i, j;

	for (i = 0; i < m->s->nr_groups; i++) {
		for (j = 0; m->attached[i] == container && j < m->groups[i].nr_regions; j++) {
			const struct mf_region *r = &m->groups[i].regions[j];

			if (iova >= r->span.first && iova <= r->span.last) {
				*group = m->groups[i].id;
				return r;
			}
		}
	}
	return NULL;
}

static bool in_window(struct mf_container *c, u64 iova)
{
	struct mf_span window[MOST_WINDOWS];
	struct mf_info info;
	u32 n = (u32)mf_min(mf_get_info(c, &info, window, MOST_WINDOWS), MOST_WINDOWS), i;

	for (i = 0; i < mf_min(n, info.nr_window); i++) {
		if (iova >= window[i].first && iova <= window[i].last)
			return true;
	}
	return false;
}

static void find_group(void *context, struct mf_host_group *group, u32 id)
{
	(void)id;
	*(struct mf_host_group **)context = group;
}

/* 2 x 2M, 17 x 4K: what the domain of a group maps a mapping with. */
static void list_leaves(struct drawing *d, const struct mf_host_group *group,
			const struct mf_mapping_info *info, char *text, size_t size)
{
	struct mf_model *model = mf_entry(group->unit, struct mf_model, unit);
	u64 counts[64] = { 0 }, iova = info->span.first, n = 0;
	char shown[SIZE_TEXT];
	struct mf_translation t;
	size_t used = 0;
	u32 shift;

	mf_mutex_lock(&d->m->host.units_lock);
	while (n++ < MOST_LEAVES && !mf_model_walk(model, group->domain, iova, &t)) {
		counts[63 - __builtin_clzll((t.span.last - t.span.first) | 1) + 1]++;
		if (t.span.last >= info->span.last)
			break;
		iova = t.span.last + 1;
	}
	mf_mutex_unlock(&d->m->host.units_lock);
	text[0] = 0;
	for (shift = 64; shift-- && used < size;) {
		if (counts[shift])
			used += (size_t)snprintf(text + used, size - used, "%s%llu x %s",
						 used ? ", " : n > MOST_LEAVES ? "over " : "",
						 counts[shift], show_size(1ull << shift, shown));
	}
}

static void draw_leaves(struct drawing *d, struct mf_container *c,
			const struct mf_mapping_info *info)
{
	struct mf_domain_info domain;
	struct mf_host_group *group;
	char text[40];
	u32 i;

	for (i = 0; i < MOST_COLUMNS && mf_get_domain(c, i, &domain); i++) {
		group = NULL;
		mf_for_each_group(c, domain.id, find_group, &group);
		if (!group)
			continue;
		list_leaves(d, group, info, text, sizeof(text));
		svg_text(d, LEAVES_X + i * LEAVES_WIDTH, d->y + 16, "code", "%.*s%s",
			 LEAVES_LETTERS, text, strlen(text) > LEAVES_LETTERS ? ".." : "");
	}
}

static void draw_column_heads(struct drawing *d, struct mf_container *c)
{
	struct mf_domain_info domain;
	u32 i;

	for (i = 0; i < MOST_COLUMNS && mf_get_domain(c, i, &domain); i++)
		svg_text(d, LEAVES_X + i * LEAVES_WIDTH, d->y, "dim", "leaves, domain %u",
			 domain.id);
}

static void draw_mapping_row(struct drawing *d, struct mf_container *c,
			     const struct mf_mapping_info *info)
{
	char size[SIZE_TEXT];

	svg_box(d, BAR_X, d->y, BAR_WIDTH, ROW, info->foreign ? "foreign" : "mapping");
	svg_text(d, TEXT_X, d->y + 16, "", "%s %s%s: %.16s at 0x%llx, %llu run%s%s",
		 show_size(info->span.last - info->span.first + 1, size),
		 info->prot & MF_READ ? "r" : "-", info->prot & MF_WRITE ? "w" : "-",
		 machine_owner_name(d->m, info->owner), info->vaddr, info->runs,
		 info->runs == 1 ? "" : "s", info->foreign ? ", a device" : "");
	draw_leaves(d, c, info);
}

static void draw_break(struct drawing *d)
{
	u32 x, step = BAR_WIDTH / 8;

	fprintf(d->out, "<path class=\"line\" d=\"M%u %u", BAR_X, d->y + ROW / 2);
	for (x = 1; x <= 8; x++)
		fprintf(d->out, " L%u %u", BAR_X + x * step,
			d->y + ROW / 2 + (x == 8 ? 0 : x & 1 ? 4 : -4));
	fputs("\"/>\n", d->out);
}

/* Addresses say it exactly; this is for the eye. */
static const char *about(u64 bytes, char *text)
{
	u32 unit = (63 - (u32)__builtin_clzll(bytes | 1)) / 10;

	if (!bytes)
		return "16E";	/* 2^64 */
	snprintf(text, SIZE_TEXT, "%s%llu%.1s", bytes & ((1ull << 10 * unit) - 1) ? "about " : "",
		 bytes >> 10 * unit, &"\0KMGTPE"[unit]);
	return text;
}

static void draw_row(struct drawing *d, u32 container, u64 first, u64 last)
{
	struct mf_container *c = d->m->containers[container];
	struct mf_mapping_info info;
	const struct mf_region *region;
	char size[SIZE_TEXT];
	u32 group;

	if (mf_next_mapping(c, first, &info) && info.span.first <= first &&
	    info.span.last >= last) {
		draw_mapping_row(d, c, &info);
	} else {
		bool valid = in_window(c, first);

		region = region_at(d->m, container, first, &group);
		svg_box(d, BAR_X, d->y, BAR_WIDTH, ROW, valid ? "window" :
			region ? "reserved" : "outside");
		if (valid)
			draw_break(d);
		if (region && !valid)
			svg_text(d, TEXT_X, d->y + 16, "", "reserved: %s, group %u",
				 word_of(region_words, region->type), group);
		else
			svg_text(d, TEXT_X, d->y + 16, "dim", valid ? "free, %s" :
				 "outside the window", about(last - first + 1, size));
	}
	svg_text(d, MARGIN, d->y + ROW + 5, "code dim", "0x%llx", first);
	d->y += ROW;
}

static void draw_space(struct drawing *d, u32 container)
{
	struct edges edges = { .nr = 0 };
	u64 hidden = collect_edges(d->m, container, &edges);
	u32 i;

	d->y += 2 * ROW;
	svg_text(d, MARGIN, d->y, "head", "IOVA space of container %s",
		 d->m->s->containers[container]);
	draw_column_heads(d, d->m->containers[container]);
	d->y += ROW;
	svg_text(d, MARGIN, d->y + 5, "code dim", "2^64");
	for (i = edges.nr; i--;)
		draw_row(d, container, edges.at[i],
			 i + 1 < edges.nr ? edges.at[i + 1] - 1 : ~0ull);
	d->y += ROW;
	if (hidden)
		svg_text(d, TEXT_X, d->y, "dim", "and %llu mappings more, not drawn", hidden);
}

/**
 * draw_iova_spaces() - draw the IOVA space of every container that has domains
 */
void draw_iova_spaces(struct drawing *d)
{
	struct mf_status status;
	u32 i;

	for (i = 0; i < d->m->s->nr_containers; i++) {
		if (!d->m->containers[i])
			continue;
		mf_get_status(d->m->containers[i], &status);
		if (status.nr_domains)
			draw_space(d, i);
	}
}
