/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* A sequence as a listing like C, with what was seen. */
#ifndef DIFFERENTIAL_PRINT_H
#define DIFFERENTIAL_PRINT_H

#include <stdio.h>

#include "compare.h"

/*
 * The sequence up to the difference, each step with its result, and both
 * backends' answers to the last one beside each other. @transcripts may be
 * NULL: then only the steps are printed.
 */
void print_listing(FILE *to, const struct stage *stage, const struct sequence *sequence,
		   struct transcript *const transcripts[BACKENDS],
		   const struct difference *difference);

#endif /* DIFFERENTIAL_PRINT_H */
