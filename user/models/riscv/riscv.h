/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * RISC-V IOMMU, second stage: what a unit is told is a device context (DC) of
 * the base format, what it walks are G-stage page tables.
 *
 * write.c and walk.c each say for themselves which bit is where, out of
 *   RISC-V IOMMU Architecture Specification 1.0: 2.1.3 device context, 3.2
 *	fault queue
 *   RISC-V Privileged Architecture, hypervisor extension, "Two-Stage Address
 *	Translation"; Svnapot
 * so that a mistake in one of them is not repeated by the other.
 *
 * Of what is optional a unit has what its configuration says:
 *   pgsizes	4 KiB, and superpages; 64 KiB is Svnapot. A unit that has none of
 *		64 KiB has the N bit reserved
 *   aperture	all of 41, 50 or 59 bits: Sv39x4, Sv48x4, Sv57x4. It has the
 *		smaller modes too
 *   output_bits capabilities.PAS
 *   enforces	never: see below
 * It has no ATS, no process contexts, no MSI tables, no hardware update of A and
 * D, no Svpbmt.
 *
 * Coherency: the specification gives an IOMMU nothing to enforce it with. What
 * comes nearest, PBMT in an entry (Svpbmt), can only make memory less coherent
 * than its physical attributes say (NC, IO); 0, leave those alone, says nothing
 * on what a device may ask for. So there is no unit that enforces, none needs
 * Svpbmt, and an entry with PBMT bits set is reserved.
 */
#ifndef MF_USER_RISCV_H
#define MF_USER_RISCV_H

#include "user/models/format.h"

#ifdef __cplusplus
extern "C" {
#endif

extern const struct mf_format mf_format_riscv;

#ifdef __cplusplus
}
#endif

#endif /* MF_USER_RISCV_H */
