/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* The walker's half of mf_format_riscv. */
#ifndef MF_USER_RISCV_WALK_H
#define MF_USER_RISCV_WALK_H

#include "user/models/format.h"

enum mf_fault_why mf_riscv_walk(const struct mf_walker *w, u64 iova, struct mf_translation *t);
void mf_riscv_describe(const struct mf_walker *w, u32 source, struct mf_fault *fault);

#endif /* MF_USER_RISCV_WALK_H */
