/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Faults that the fuzzer can be told to see in Manifold: does it find them, and shrink them? */
#ifndef DIFFERENTIAL_PRETEND_H
#define DIFFERENTIAL_PRETEND_H

#include <stdbool.h>

#include "steps.h"

struct pretence {
	const char *name;
	const char *what;
	unsigned int steps;	/* a shrunk sequence has no more than these */
	void (*change)(const struct step *step, struct facts *facts);
};

extern const struct pretence pretences[];
extern const unsigned int nr_pretences;

/* From now on this one, or none with NULL. */
void pretend(const struct pretence *pretence);
/* Changes what was seen of a step on Manifold, if the fault would. */
void pretend_seen(const struct step *step, struct facts *facts);

#endif /* DIFFERENTIAL_PRETEND_H */
