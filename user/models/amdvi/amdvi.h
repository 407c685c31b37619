/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * AMD-Vi, host page tables (v1).
 *
 * Source: AMD I/O Virtualization Technology (IOMMU) Specification, 48882,
 * revision 3.08; sections are named where they are used.
 */
#ifndef MF_USER_AMDVI_H
#define MF_USER_AMDVI_H

#include "user/models/format.h"

#ifdef __cplusplus
extern "C" {
#endif

extern const struct mf_format mf_format_amdvi;

#ifdef __cplusplus
}
#endif

#endif /* MF_USER_AMDVI_H */
