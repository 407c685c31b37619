/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Arm SMMUv3, second stage: what a unit is told is a stream table entry (STE),
 * what it walks are VMSAv8-64 stage 2 translation tables.
 *
 * write.c and walk.c each say for themselves which bit is where, out of
 *   IHI 0070 (Arm SMMU architecture version 3): 5.2 STE, 7.3 event records
 *   DDI 0487 (Arm ARM, A-profile), D8: VMSAv8-64
 * so that a mistake in one of them is not repeated by the other.
 *
 * The unit is an SMMUv3.2 with second stage only, and of what is optional it
 * has what its configuration says:
 *   pgsizes	the smallest is the granule: 4, 16 or 64 KiB. The others are
 *		blocks, or entries with the contiguous bit
 *   aperture	all of 25 to 48 bits, with the 64 KiB granule to 52. As the unit
 *		knows no VMSAv8-32, no more than its physical addresses have
 *		(IHI 0070, 3.4: IAS == OAS)
 *   enforces	SMMU_IDR3.FWB: with STE.S2FWB, an entry's memory type is what
 *		an access has, whatever the device asks for. That is what
 *		enforces coherency on this hardware. A unit without it has the
 *		bit reserved: an STE that sets it is C_BAD_STE
 * It has no ATS, no stalling, no hardware update of flags, no big endian, no
 * small translation tables, no LPA2, no MPAM.
 */
#ifndef MF_USER_SMMUV3_H
#define MF_USER_SMMUV3_H

#include "user/models/format.h"

#ifdef __cplusplus
extern "C" {
#endif

extern const struct mf_format mf_format_smmuv3;

#ifdef __cplusplus
}
#endif

#endif /* MF_USER_SMMUV3_H */
