// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The picture in text: every container with its domains, what is behind them,
 * its IOVA space, and who pays.
 */
#include "tools/sim/run.h"

#define MOST_WINDOW_LINES	16
#define MOST_MAPPING_LINES	12

static void draw_unit(FILE *out, const struct unit_plan *unit)
{
	const struct mf_model_config *c = &unit->config;
	char size[SIZE_TEXT];
	u64 sizes;

	fprintf(out, "unit %s: %s, pages", unit->name, c->format->name);
	for (sizes = c->pgsizes; sizes; sizes &= sizes - 1)
		fprintf(out, " %s", show_size(sizes & -sizes, size));
	fprintf(out, ", aperture 0x%llx..0x%llx, %s%s\n", c->aperture.first, c->aperture.last,
		c->enforces ? "snoop control" : "no snoop control",
		c->caching ? ", caching mode" : "");
}

struct domain_drawing {
	struct machine *m;
	FILE *out;
};

static void draw_group(void *context, struct mf_host_group *group, u32 id)
{
	struct domain_drawing *d = context;
	u32 index = (u32)(group - d->m->groups), i;

	fprintf(d->out, "  |    +-- group %u, behind %s:", id,
		d->m->s->units[d->m->s->groups[index].unit].name);
	for (i = 0; i < d->m->s->nr_devices; i++) {
		if (d->m->s->devices[i].group == index)
			fprintf(d->out, " %s%s", d->m->s->devices[i].name,
				d->m->busy[i] ? " (at work)" : "");
	}
	fputc('\n', d->out);
}

static void draw_domains(struct machine *m, struct mf_container *c, FILE *out)
{
	struct domain_drawing drawing = { .m = m, .out = out };
	struct mf_domain_info d;
	char size[SIZE_TEXT];
	u64 sizes;
	u32 i;

	for (i = 0; mf_get_domain(c, i, &d); i++) {
		fprintf(out, "  +--[ domain %u ] pages", d.id);
		for (sizes = d.features.pgsizes; sizes; sizes &= sizes - 1)
			fprintf(out, " %s", show_size(sizes & -sizes, size));
		fprintf(out, ", %scoherent\n", d.features.coherent ? "" : "not ");
		mf_for_each_group(c, d.id, draw_group, &drawing);
		fputs("  |\n", out);
	}
}

static void draw_window(struct mf_container *c, FILE *out)
{
	struct mf_span window[MOST_WINDOW_LINES];
	struct mf_info info;
	char size[SIZE_TEXT];
	u32 n = (u32)mf_min(mf_get_info(c, &info, window, MOST_WINDOW_LINES), MOST_WINDOW_LINES);
	u32 i;

	fprintf(out, "  |  granule %s, %scoherent, window%s\n", show_size(info.granule, size),
		info.coherent ? "" : "not ", info.nr_window ? ":" : ": none");
	for (i = 0; i < n && i < info.nr_window; i++)
		fprintf(out, "  |    0x%016llx..0x%016llx\n", window[i].first, window[i].last);
	if (info.nr_window > MOST_WINDOW_LINES)
		fprintf(out, "  |    and %u ranges more\n", info.nr_window - MOST_WINDOW_LINES);
	fputs("  |\n", out);
}

static void draw_mapping(const struct machine *m, const struct mf_mapping_info *info, FILE *out)
{
	char size[SIZE_TEXT];

	fprintf(out, "  |    0x%016llx  %c%c %6s  %s at 0x%llx, %llu run%s%s%s\n", info->span.first,
		info->prot & MF_READ ? 'r' : '-', info->prot & MF_WRITE ? 'w' : '-',
		show_size(info->span.last - info->span.first + 1, size),
		machine_owner_name(m, info->owner), info->vaddr, info->runs,
		info->runs == 1 ? "" : "s", info->foreign ? ", a device, not billed" : "",
		info->state == MF_MAPPING_LIVE ? "" : ", being removed");
}

static void draw_mappings(struct machine *m, struct mf_container *c, FILE *out)
{
	struct mf_mapping_info info;
	u64 iova = 0, n = 0;

	while (mf_next_mapping(c, iova, &info)) {
		if (!n)
			fputs("  |  mappings:\n", out);
		if (n++ < MOST_MAPPING_LINES)
			draw_mapping(m, &info, out);
		iova = info.span.last + 1;
		if (!iova)
			break;
	}
	if (n > MOST_MAPPING_LINES)
		fprintf(out, "  |    and %llu mappings more\n", n - MOST_MAPPING_LINES);
	if (n)
		fputs("  |\n", out);
}

static void draw_container(struct machine *m, u32 index, FILE *out)
{
	struct mf_container *c = m->containers[index];
	struct mf_status status;
	char pinned[SIZE_TEXT], billed[SIZE_TEXT], foreign[SIZE_TEXT];

	mf_get_status(c, &status);
	fprintf(out, "  [ container %s: %s ]\n  |\n", m->s->containers[index],
		status.rules == MF_TYPE1 ? "type1" : "type1v2");
	draw_window(c, out);
	draw_mappings(m, c, out);
	draw_domains(m, c, out);
	fprintf(out, "  +-- pinned %s, billed %s, foreign %s; %llu of %u mappings%s\n\n",
		show_size(status.pages_pinned << MF_PAGE_SHIFT, pinned),
		show_size(status.pages_billed << MF_PAGE_SHIFT, billed),
		show_size(status.pages_foreign << MF_PAGE_SHIFT, foreign), status.nr_mappings,
		status.mapping_limit, status.nr_stuck ? ", some are stuck" : "");
}

static void draw_owner(const struct machine *m, u32 index, FILE *out)
{
	const struct owner_plan *plan = &m->s->owners[index];
	u64 billed = m->owners[index]->owner.billed << MF_PAGE_SHIFT;
	char has[SIZE_TEXT], pays[SIZE_TEXT], limit[SIZE_TEXT];

	fprintf(out, "  owner %s: %s of memory, %s; billed %s of %s\n", plan->name,
		show_size(plan->bytes, has), word_of(layout_words, plan->layout),
		show_size(billed, pays),
		plan->memlock == ~0ull ? "any" : show_size(plan->memlock, limit));
}

/**
 * draw_text() - draw a machine with all that is open
 */
void draw_text(struct machine *m, FILE *out)
{
	u32 i;

	for (i = 0; i < m->s->nr_containers; i++) {
		if (m->containers[i])
			draw_container(m, i, out);
	}
	for (i = 0; i < m->s->nr_owners; i++)
		draw_owner(m, i, out);
	for (i = 0; i < m->s->nr_units; i++) {
		fputs("  ", out);
		draw_unit(out, &m->s->units[i]);
	}
}
