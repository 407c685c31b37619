/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Do the two halves of a format agree? See agree.c. */
#ifndef MF_TEST_AGREE_H
#define MF_TEST_AGREE_H

#include "tests/support/world.h"

void agree(const struct mf_model_config *config);

#endif /* MF_TEST_AGREE_H */
