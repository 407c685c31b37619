/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * A scenario's text, and how to say where in it something is wrong.
 */
#ifndef MF_TOOLS_SIM_SOURCE_H
#define MF_TOOLS_SIM_SOURCE_H

#include <stdio.h>

#include "core/types.h"

/* No scenario is larger; a file that is, is something else. */
#define SOURCE_MOST	(1u << 20)

/**
 * struct place - where in a source
 * @at: byte from its beginning
 * @line: from 1
 * @column: from 1, in bytes
 */
struct place {
	u32 at;
	u32 line;
	u32 column;
};

/**
 * struct source - a text that is read
 * @name: what messages call it
 * @text: its bytes
 * @size: how many
 * @errors: where messages go
 * @failed: something was wrong with it; said once, for the first such thing
 */
struct source {
	const char *name;
	char *text;
	u32 size;
	FILE *errors;
	bool failed;
};

int source_load(struct source *s, const char *path, FILE *errors);
void source_free(struct source *s);
void source_error(struct source *s, const struct place *place, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void source_point(const struct source *s, const struct place *place, FILE *out);
u32 source_line(const struct source *s, u32 at, const char **text);
const char *closest_word(const char *word, const char *(*nth)(const void *, u32),
			 const void *words);

#endif /* MF_TOOLS_SIM_SOURCE_H */
