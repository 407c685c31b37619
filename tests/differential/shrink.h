/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* A sequence with a difference, made short. */
#ifndef DIFFERENTIAL_SHRINK_H
#define DIFFERENTIAL_SHRINK_H

#include "play.h"

/*
 * Leaves out steps and makes arguments plain, as long as a difference of the
 * same kind is left. False: the sequence, played again, shows none.
 */
bool shrink(struct stage *stage, struct sequence *sequence);

#endif /* DIFFERENTIAL_SHRINK_H */
