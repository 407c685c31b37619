// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The drawing: the topology from containers on the left to units on the right,
 * and below it the IOVA space of each container as a map that grows upwards.
 *
 * Everything is laid out in rows of one height, so that no text can lie upon
 * another. IOVAs are not to scale: a stretch of them is one row, and one that
 * nobody uses is marked as a break.
 */
#include <stdarg.h>
#include <stdlib.h>

#include "tools/sim/svg.h"

#define MARGIN		24
#define ROW		22
#define COLUMN		300
#define BOX		230
#define LETTER		7

static const char style[] =
	"<style>\n"
	"  text { font: 13px ui-sans-serif, 'DejaVu Sans', Arial, sans-serif; fill: #1b1f24 }\n"
	"  .code { font-family: ui-monospace, 'DejaVu Sans Mono', monospace; font-size: 12px }\n"
	"  .title { font-size: 17px; font-weight: bold }\n"
	"  .head { font-weight: bold }\n"
	"  .dim { fill: #59636e }\n"
	"  .paper { fill: #ffffff }\n"
	"  .box { stroke: #59636e; fill: #f3f5f7 }\n"
	"  .container { fill: #ddeeff; stroke: #2a6fb0 }\n"
	"  .domain { fill: #e6f4e6; stroke: #3d8b40 }\n"
	"  .unit { fill: #fdf0d5; stroke: #b07d1a }\n"
	"  .mapping { fill: #a8d0f5; stroke: #2a6fb0 }\n"
	"  .foreign { fill: #d9c4f0; stroke: #7a4fb0 }\n"
	"  .reserved { fill: #f6c8c3; stroke: #b3423a }\n"
	"  .window { fill: #ffffff; stroke: #8c96a0 }\n"
	"  .outside { fill: #d5d9de; stroke: #8c96a0 }\n"
	"  .alone { stroke-dasharray: 5 4; fill: none }\n"
	"  .line { stroke: #59636e; fill: none; stroke-width: 1.5 }\n"
	"  @media (prefers-color-scheme: dark) {\n"
	"    text { fill: #e6e9ec } .dim { fill: #a2abb5 } .paper { fill: #16191d }\n"
	"    .box { fill: #23282e; stroke: #8c96a0 } .container { fill: #16395a }\n"
	"    .domain { fill: #1d4020 } .unit { fill: #4d3a10 } .mapping { fill: #1f5285 }\n"
	"    .foreign { fill: #4b2f70 } .reserved { fill: #6e2a25 } .window { fill: #23282e }\n"
	"    .outside { fill: #3a4149 } .line { stroke: #a2abb5 }\n"
	"  }\n"
	"</style>\n";

/**
 * svg_text() - one line of text, with what means something in XML escaped
 */
void svg_text(struct drawing *d, u32 x, u32 y, const char *class, const char *format, ...)
{
	char text[256], *c;
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	fprintf(d->out, "<text x=\"%u\" y=\"%u\" class=\"%s\">", x, y, class);
	for (c = text; *c; c++) {
		if (*c == '<')
			fputs("&lt;", d->out);
		else if (*c == '&')
			fputs("&amp;", d->out);
		else
			fputc(*c, d->out);
	}
	fputs("</text>\n", d->out);
}

void svg_box(struct drawing *d, u32 x, u32 y, u32 width, u32 height, const char *class)
{
	fprintf(d->out, "<rect x=\"%u\" y=\"%u\" width=\"%u\" height=\"%u\" rx=\"4\" "
		"class=\"box %s\"/>\n", x, y, width, height, class);
}

static void svg_link(struct drawing *d, u32 x1, u32 y1, u32 x2, u32 y2)
{
	u32 middle = (x1 + x2) / 2;

	fprintf(d->out, "<path class=\"line\" d=\"M%u %u C%u %u %u %u %u %u\"/>\n", x1, y1, middle,
		y1, middle, y2, x2, y2);
}

#define X_CONTAINER	MARGIN
#define X_DOMAIN	(MARGIN + COLUMN)
#define X_GROUP		(MARGIN + 2 * COLUMN)
#define X_UNIT		(MARGIN + 3 * COLUMN)

/* Centres of the boxes, for the links between them. */
static u32 unit_middle(const struct drawing *d, u32 unit)
{
	return d->top + unit * 3 * ROW + ROW + 4;
}

static void draw_unit_box(struct drawing *d, u32 index)
{
	const struct unit_plan *unit = &d->m->s->units[index];
	u32 y = d->top + index * 3 * ROW;
	u64 span = unit->config.aperture.last;
	u32 bits = span ? 64 - (u32)__builtin_clzll(span) : 0;

	svg_box(d, X_UNIT, y, BOX, 2 * ROW + 8, "unit");
	svg_text(d, X_UNIT + 10, y + 19, "head", "unit %s", unit->name);
	svg_text(d, X_UNIT + 10, y + 40, "dim", "%s, %u bits, %s", unit->config.format->name,
		 bits, unit->config.enforces ? "snoop control" : "no snoop control");
}

/* Device names, as many as fit into a box. */
static void list_devices(const struct machine *m, u32 group, char *text, size_t size)
{
	size_t used = 0, most = BOX / LETTER - 4;
	u32 i;

	text[0] = 0;
	for (i = 0; i < m->s->nr_devices; i++) {
		const char *name = m->s->devices[i].name;

		if (m->s->devices[i].group != group)
			continue;
		if (used + strlen(name) + 2 > mf_min(most, size)) {
			snprintf(text + used, size - used, " ...");
			return;
		}
		used += (size_t)snprintf(text + used, size - used, "%s%s", used ? ", " : "", name);
	}
}

static void draw_group_box(struct drawing *d, u32 index, u32 y)
{
	char devices[128];

	list_devices(d->m, index, devices, sizeof(devices));
	svg_box(d, X_GROUP, y, BOX, 2 * ROW + 8, d->placed[index] ? "group" : "group alone");
	svg_text(d, X_GROUP + 10, y + 19, "head", "group %u%s", d->m->groups[index].id,
		 d->placed[index] ? "" : ", attached to nothing");
	svg_text(d, X_GROUP + 10, y + 40, "dim", "%s", devices);
	svg_link(d, X_GROUP + BOX, y + ROW + 4, X_UNIT,
		 unit_middle(d, d->m->s->groups[index].unit));
}

static void place_group(void *context, struct mf_host_group *group, u32 id)
{
	struct drawing *d = context;

	(void)id;
	d->placed[group - d->m->groups] = true;
	draw_group_box(d, (u32)(group - d->m->groups), d->y);
	svg_link(d, X_DOMAIN + BOX, d->domain_middle, X_GROUP, d->y + ROW + 4);
	d->y += 3 * ROW;
}

static void draw_container_box(struct drawing *d, u32 index)
{
	struct mf_container *c = d->m->containers[index];
	char pinned[SIZE_TEXT], billed[SIZE_TEXT], sizes[SIZE_TEXT];
	u32 top = d->y, middle, i;
	struct mf_domain_info info;
	struct mf_status status;

	mf_get_status(c, &status);
	middle = top + ROW * 3 / 2 + 4;
	for (i = 0; mf_get_domain(c, i, &info); i++) {
		u64 smallest = info.features.pgsizes & -info.features.pgsizes;

		d->domain_middle = d->y + ROW + 4;
		svg_box(d, X_DOMAIN, d->y, BOX, 2 * ROW + 8, "domain");
		svg_text(d, X_DOMAIN + 10, d->y + 19, "head", "domain %u", info.id);
		svg_text(d, X_DOMAIN + 10, d->y + 40, "dim", "pages from %s, %s",
			 show_size(smallest, sizes),
			 info.features.coherent ? "coherent" : "not coherent");
		svg_link(d, X_CONTAINER + BOX, middle, X_DOMAIN, d->domain_middle);
		mf_for_each_group(c, info.id, place_group, d);
	}
	svg_box(d, X_CONTAINER, top, BOX, 3 * ROW + 8, "container");
	svg_text(d, X_CONTAINER + 10, top + 19, "head", "container %s", d->m->s->containers[index]);
	svg_text(d, X_CONTAINER + 10, top + 40, "dim", "%llu mapping%s, pinned %s",
		 status.nr_mappings, status.nr_mappings == 1 ? "" : "s",
		 show_size(status.pages_pinned << MF_PAGE_SHIFT, pinned));
	svg_text(d, X_CONTAINER + 10, top + 61, "dim", "billed %s",
		 show_size(status.pages_billed << MF_PAGE_SHIFT, billed));
	d->y = (u32)mf_max(d->y, top + 4 * ROW);
}

static void draw_topology(struct drawing *d)
{
	u32 i;

	for (i = 0; i < d->m->s->nr_units; i++)
		draw_unit_box(d, i);
	d->y = d->top;
	for (i = 0; i < d->m->s->nr_containers; i++) {
		if (d->m->containers[i])
			draw_container_box(d, i);
	}
	for (i = 0; i < d->m->s->nr_groups; i++) {
		if (d->placed[i])
			continue;
		draw_group_box(d, i, d->y);
		d->y += 3 * ROW;
	}
	d->y = (u32)mf_max(d->y, d->top + d->m->s->nr_units * 3 * ROW);
}

static void draw_owners(struct drawing *d)
{
	char has[SIZE_TEXT], pays[SIZE_TEXT];
	u32 i;

	for (i = 0; i < d->m->s->nr_owners; i++) {
		const struct owner_plan *plan = &d->m->s->owners[i];
		u64 billed = d->m->owners[i]->owner.billed << MF_PAGE_SHIFT;

		d->y += ROW;
		svg_text(d, MARGIN, d->y, "dim", "owner %s: billed %s, %s%s", plan->name,
			 show_size(billed, pays),
			 plan->memlock == ~0ull ? "no limit" : "limit ",
			 plan->memlock == ~0ull ? "" : show_size(plan->memlock, has));
	}
	d->y += ROW;
}

/**
 * draw_svg() - draw a machine with all that is open
 * @m: the machine
 * @title: what the drawing is called
 * @out: where to
 */
void draw_svg(struct machine *m, const char *title, FILE *out)
{
	char *text = NULL;
	size_t size = 0;
	FILE *memory = open_memstream(&text, &size);
	struct drawing d = { .m = m, .out = memory, .top = MARGIN + 2 * ROW };
	const char *name = strrchr(title, '/') ? strrchr(title, '/') + 1 : title;

	if (!memory) {
		fprintf(out, "<svg xmlns=\"http://www.w3.org/2000/svg\"/>\n");
		return;
	}
	svg_text(&d, MARGIN, MARGIN + 16, "title", "%.80s", name);
	draw_topology(&d);
	draw_owners(&d);
	draw_iova_spaces(&d);
	fclose(memory);
	fprintf(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%u\" height=\"%u\" "
		"viewBox=\"0 0 %u %u\">\n", DRAWING_WIDTH, d.y + MARGIN, DRAWING_WIDTH,
		d.y + MARGIN);
	fputs(style, out);
	fprintf(out, "<rect width=\"100%%\" height=\"100%%\" class=\"paper\"/>\n%s</svg>\n", text);
	free(text);
}
