/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * What every file of the engine speaks in. Integer types, errnos, locks and
 * the size of a page come from the host's port.h; see host.h for its contract.
 */
#ifndef MF_TYPES_H
#define MF_TYPES_H

#include "port.h"

#define MF_PAGE_SIZE	(1ull << MF_PAGE_SHIFT)
#define MF_PAGE_MASK	(~(MF_PAGE_SIZE - 1))

/*
 * Of what is written before it is read: not to be cleared, where the compiler was
 * told to clear what is on the stack (CONFIG_INIT_STACK_ALL_ZERO).
 */
#if defined(__has_attribute)
#if __has_attribute(uninitialized)
#define mf_uninitialized __attribute__((uninitialized))
#endif
#endif
#ifndef mf_uninitialized
#define mf_uninitialized
#endif

/* What a device may do to a mapping: read it, write it. */
#define MF_READ		(1u << 0)
#define MF_WRITE	(1u << 1)

/**
 * struct mf_span - an IOVA range, both ends inclusive
 * @first: its first byte
 * @last: its last byte; never below @first, and may be 2^64-1
 */
struct mf_span {
	u64 first;
	u64 last;
};

/* Opaque to the engine: the host knows what they are. */
struct mf_host_group;
struct mf_host_domain;
struct mf_owner;
struct mf_ahead;

#define mf_entry(ptr, type, member) \
	((type *)((char *)(ptr) - __builtin_offsetof(type, member)))

static inline u64 mf_min(u64 a, u64 b)
{
	return a < b ? a : b;
}

static inline u64 mf_max(u64 a, u64 b)
{
	return a > b ? a : b;
}

/* Whole host pages in a span whose ends are page aligned. */
static inline u64 mf_span_pages(struct mf_span s)
{
	return ((s.last - s.first) >> MF_PAGE_SHIFT) + 1;
}

static inline bool mf_spans_overlap(struct mf_span a, struct mf_span b)
{
	return a.first <= b.last && b.first <= a.last;
}

#endif /* MF_TYPES_H */
