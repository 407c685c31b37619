/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * What the two parts of the drawing share.
 */
#ifndef MF_TOOLS_SIM_SVG_H
#define MF_TOOLS_SIM_SVG_H

#include "tools/sim/run.h"

#define DRAWING_WIDTH	1200

/**
 * struct drawing - a drawing under way
 * @m: what is drawn
 * @out: where to
 * @top: where the topology begins
 * @y: where there is room below all that was drawn
 * @domain_middle: the middle of the domain whose groups are being drawn
 * @placed: by group: it was drawn
 */
struct drawing {
	struct machine *m;
	FILE *out;
	u32 top;
	u32 y;
	u32 domain_middle;
	bool placed[MOST_GROUPS];
};

void svg_text(struct drawing *d, u32 x, u32 y, const char *class, const char *format, ...)
	__attribute__((format(printf, 5, 6)));
void svg_box(struct drawing *d, u32 x, u32 y, u32 width, u32 height, const char *class);
void draw_iova_spaces(struct drawing *d);

#endif /* MF_TOOLS_SIM_SVG_H */
