// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The differences that are meant to be: docs/differences.md, as far as a
 * sequence can meet them. Each says just when it applies and what must then be
 * seen; whatever else is seen is a difference as any other.
 */
#include <errno.h>
#include <limits.h>
#include <linux/vfio.h>

#include "../client/memory.h"
#include "compare.h"

#define IN(name) (1ULL << (name))

static const struct step *step_of(const struct sequence *sequence, const struct difference *d)
{
	static const struct step none;

	return d->step < sequence->nr ? &sequence->steps[d->step] : &none;
}

/*
 * A mapping that fails for two reasons: memory that can't be pinned, a bill too
 * high, a unit that refuses. In-tree meets them run by run, Manifold pins more
 * before it bills, and bills more before it maps. Nothing is left of it on both.
 */
static bool fails_otherwise(const struct sequence *sequence, const struct difference *d)
{
	const __u64 may = 1ULL << EFAULT | 1ULL << ENOMEM | 1ULL << EIO | 1ULL << EBUSY;
	__u64 a = said(d, IN_TREE, FACT_ERRNO, 0), b = said(d, MANIFOLD, FACT_ERRNO, 0);
	const struct step *step = step_of(sequence, d);

	return step->kind == STEP_MAP && step->size > PAGE && a && b && a < 64 && b < 64 &&
		may >> a & 1 && may >> b & 1 && only_in(d, IN(FACT_ERRNO));
}

/* A range may end at 2^64; in-tree compares its end, which is 0, until 6.12. */
static bool ends_at_top(const struct sequence *sequence, const struct difference *d)
{
	const struct step *step = step_of(sequence, d);

	return step->kind == STEP_DIRTY && step->size && !(step->iova + step->size) &&
		said(d, IN_TREE, FACT_ERRNO, 0) == EINVAL &&
		said(d, MANIFOLD, FACT_RESULT, 1) == 0 &&
		only_in(d, IN(FACT_RESULT) | IN(FACT_ERRNO) | IN(FACT_BITMAP));
}

/* The same of UNMAP: in-tree succeeds and removes nothing. */
static bool unmap_to_top(const struct sequence *sequence, const struct difference *d)
{
	const struct step *step = step_of(sequence, d);

	return step->kind == STEP_UNMAP && step->size && !(step->iova + step->size) &&
		said(d, IN_TREE, FACT_RESULT, 1) == 0 && said(d, IN_TREE, FACT_SIZE, 1) == 0 &&
		said(d, MANIFOLD, FACT_RESULT, 1) == 0 && said(d, MANIFOLD, FACT_SIZE, 0);
}

/* More pages than a bitmap may have: refused before the memory is looked for, not after. */
static bool too_large_to_track(const struct sequence *sequence, const struct difference *d)
{
	const struct step *step = step_of(sequence, d);
	__u64 error = said(d, IN_TREE, FACT_ERRNO, 0);

	return step->kind == STEP_MAP && step->size / PAGE > INT_MAX &&
		(error == EFAULT || error == ENOMEM) &&
		said(d, MANIFOLD, FACT_ERRNO, 0) == EINVAL && only_in(d, IN(FACT_ERRNO));
}

/* Has the container been given the group whose interrupts are not isolated? */
static bool not_isolated(const struct sequence *sequence, const struct difference *d)
{
	const struct step *step = step_of(sequence, d);
	unsigned int i;

	if (step->kind == STEP_SET_CONTAINER)
		return step->group == STAGE_NOT_ISOLATED;
	for (i = 0; i < d->step && step->kind == STEP_SET_IOMMU; i++) {
		if (sequence->steps[i].kind == STEP_SET_CONTAINER &&
		    sequence->steps[i].container == step->container &&
		    sequence->steps[i].group == STAGE_NOT_ISOLATED)
			return true;
	}
	return false;
}

/* Isolation is asked about before the group is attached to anything, not after. */
static bool isolation_first(const struct sequence *sequence, const struct difference *d)
{
	return not_isolated(sequence, d) && said(d, MANIFOLD, FACT_ERRNO, 0) == EPERM &&
		said(d, IN_TREE, FACT_ERRNO, 0) && only_in(d, IN(FACT_ERRNO));
}

struct intended intended[] = {
	{ "ends-at-top", "a range of dirty pages may end at 2^64", true, ends_at_top, 0 },
	{ "unmap-to-top", "an unmap may end at 2^64", false, unmap_to_top, 0 },
	{ "too-large-to-track", "a mapping too large for dirty tracking is refused first", true,
	  too_large_to_track, 0 },
	{ "isolation-first", "interrupt isolation is looked at before all else", true,
	  isolation_first, 0 },
	{ "fails-otherwise", "of two reasons to fail another one is met first", true,
	  fails_otherwise, 0 },
};

const unsigned int nr_intended = sizeof(intended) / sizeof(intended[0]);
