/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Every refusal: its identifier, its errno, its sentence.
 *
 * The errno is what in-tree type1 returns for the condition; 0 stands for
 * "whatever errno the host gave". In a sentence %x is the refusal's next
 * argument in hexadecimal, %u in decimal, and %e its errno.
 */
#ifndef MF_REASON_H
#define MF_REASON_H

#include "types.h"

#define MF_REASONS(X) \
	/* any request */ \
	X(NO_MEMORY, -ENOMEM, "no memory for the engine's own records") \
	X(INTERRUPTED, -EINTR, "the task was killed while it waited for another request") \
	/* attach */ \
	X(GROUP_TWICE, -EINVAL, "group %u is already attached to this container") \
	X(DOMAIN_ALLOC, 0, "the host made no domain for group %u (errno %e)") \
	X(GROUP_REGIONS, 0, "the reserved regions of group %u can't be learned (errno %e)") \
	X(GROUP_ATTACH, 0, "the unit did not take group %u into its domain (errno %e)") \
	X(GROUP_RETURN, 0, "group %u could not return to its own domain (errno %e)") \
	X(INTERRUPTS, -EPERM, "interrupts of group %u are not isolated, and unsafe interrupts " \
			      "are not allowed") \
	X(NO_GRANULE, -EINVAL, "the unit of group %u maps pages of sizes %x, the container's " \
			       "domains %x: no size in common") \
	X(TOO_FINE, -EINVAL, "mapping %x-%x does not align to the granule %x that group %u needs") \
	X(NO_WINDOW, -EINVAL, "with group %u no IOVA would remain valid") \
	X(OUT_OF_APERTURE, -EINVAL, "mapping %x-%x is beyond the aperture %x-%x that group %u " \
				    "brings") \
	X(INVALID_VADDR, -EBUSY, "%u mappings have no valid vaddr at the moment") \
	X(IN_REGION, -EINVAL, "mapping %x-%x overlaps the reserved region %x-%x of group %u") \
	X(MSI, 0, "the message window at %x can't be set up for group %u (errno %e)") \
	X(REPLAY, 0, "mapping %x-%x can't be replayed into the domain of group %u (errno %e)") \
	/* map and unmap */ \
	X(NO_ACCESS, -EINVAL, "a mapping needs read or write access, or both") \
	X(SIZE_ZERO, -EINVAL, "the size is 0") \
	X(MISALIGNED, -EINVAL, "iova %x, vaddr %x, size %x: not all are multiples of the " \
			       "granule %x") \
	X(UNMAP_MISALIGNED, -EINVAL, "iova %x and size %x: not both are multiples of the " \
				     "granule %x") \
	X(IOVA_WRAPS, -EINVAL, "iova %x and size %x go beyond 2^64") \
	X(VADDR_WRAPS, -EINVAL, "vaddr %x and size %x go beyond 2^64") \
	X(OVERLAP, -EEXIST, "%x-%x overlaps the mapping %x-%x") \
	X(MAPPING_LIMIT, -ENOSPC, "all %u mappings that the container may hold are in use") \
	X(OUT_OF_WINDOW, -EINVAL, "%x-%x is not inside one range of valid IOVAs") \
	X(NO_GROUP, -EINVAL, "the container has no group") \
	X(PIN, 0, "the page at vaddr %x can't be pinned (errno %e)") \
	X(BILL, 0, "of %u pages %u are new to the bill, which has %u of at most %u (errno %e)") \
	X(UNIT_MAP, 0, "domain %u does not map %x-%x (errno %e)") \
	X(DETACHED, -EINVAL, "the last domain left while %x-%x was being mapped") \
	X(BISECTED, -EINVAL, "%x-%x would cut the mapping %x-%x") \
	X(STILL_PINNED, -EBUSY, "%u pages of %x-%x are pinned by a device that does not let go") \
	/* vaddr */ \
	X(EMULATED_GROUP, -EBUSY, "the container has an emulated group, which needs valid vaddrs") \
	X(VADDR_INVALID_TWICE, -EINVAL, "the vaddr of mapping %x-%x is invalid already") \
	X(NOTHING_TO_UPDATE, -ENOENT, "no mapping is in %x-%x") \
	X(VADDR_VALID, -EINVAL, "the vaddr of mapping %x-%x was not invalidated") \
	X(NOT_THE_MAPPING, -EINVAL, "%x-%x is not all of the mapping %x-%x") \
	/* pages for emulated groups */ \
	X(V2_ONLY, -EACCES, "only a type1v2 container can do this") \
	X(NO_PAGES, -EINVAL, "no pages are asked for") \
	X(NOT_MAPPED, -EINVAL, "iova %x is not mapped") \
	X(NO_RIGHT, -EPERM, "the mapping %x-%x does not allow this access") \
	X(COPY, 0, "the memory at vaddr %x can't be copied (errno %e)") \
	/* dirty pages */ \
	X(NOT_TRACKING, -EINVAL, "dirty pages are not being tracked") \
	X(TOO_MANY_PAGES, -EINVAL, "mapping %x-%x has more pages of %x bytes than can be tracked") \
	X(DIRTY_GRANULE, -EINVAL, "pages of %x bytes are asked for, the granule is %x") \
	X(DIRTY_SINK, 0, "the dirty bitmap can't be handed over (errno %e)")

enum mf_reason {
	MF_NOT_REFUSED,
#define MF_REASON_ENUM(id, err, text) MF_REASON_##id,
	MF_REASONS(MF_REASON_ENUM)
#undef MF_REASON_ENUM
	MF_NR_REASONS,
};

#define MF_REFUSAL_ARGS 5

/**
 * struct mf_refusal - one failed request
 * @reason: why
 * @err: the negative errno the request returned
 * @args: what the sentence's placeholders stand for, in their order
 */
struct mf_refusal {
	enum mf_reason reason;
	int err;
	u64 args[MF_REFUSAL_ARGS];
};

#ifdef __cplusplus
extern "C" {
#endif

const char *mf_reason_name(enum mf_reason reason);
u32 mf_refusal_text(const struct mf_refusal *refusal, char *buf, u32 size);

#ifdef __cplusplus
}
#endif

#endif /* MF_REASON_H */
