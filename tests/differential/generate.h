/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* From a seed to a sequence. */
#ifndef DIFFERENTIAL_GENERATE_H
#define DIFFERENTIAL_GENERATE_H

#include "stage.h"
#include "steps.h"

/* Requests that a backend does not serve, and that are left out. */
#define WITHOUT_VADDR	(1u << 0)
#define WITHOUT_DIRTY	(1u << 1)

/* The same seed, stage and @without make the same sequence. */
void generate(struct sequence *sequence, __u64 seed, const struct stage *stage,
	      unsigned int without);

#endif /* DIFFERENTIAL_GENERATE_H */
