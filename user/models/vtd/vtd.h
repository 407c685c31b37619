/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Intel VT-d, second-stage translation in legacy mode.
 *
 * Source: Intel Virtualization Technology for Directed I/O, Architecture
 * Specification, revision 4.1; sections are named where they are used.
 */
#ifndef MF_USER_VTD_H
#define MF_USER_VTD_H

#include "user/models/format.h"

#ifdef __cplusplus
extern "C" {
#endif

extern const struct mf_format mf_format_vtd;

#ifdef __cplusplus
}
#endif

#endif /* MF_USER_VTD_H */
