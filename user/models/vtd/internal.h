/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* The two halves of the format. They share no definition of a bit. */
#ifndef MF_USER_VTD_INTERNAL_H
#define MF_USER_VTD_INTERNAL_H

#include "user/models/vtd/vtd.h"

const char *mf_vtd_possible(const struct mf_model_config *config);
int mf_vtd_create(struct mf_io_table *table);

enum mf_fault_why mf_vtd_walk(const struct mf_walker *w, u64 iova, struct mf_translation *t);
void mf_vtd_describe(const struct mf_walker *w, u32 source, struct mf_fault *fault);

#endif /* MF_USER_VTD_INTERNAL_H */
