/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* All small sets of leaves, in all orders. See crosscheck.c. */
#ifndef MF_TEST_CROSSCHECK_H
#define MF_TEST_CROSSCHECK_H

#include "tests/support/world.h"

void crosscheck(const struct mf_model_config *config);

#endif /* MF_TEST_CROSSCHECK_H */
