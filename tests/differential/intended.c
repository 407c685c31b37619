// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The differences that are meant to be: docs/differences.md, as far as a
 * sequence can meet them. Each says just when it applies and what must then be
 * seen; whatever else is seen is a difference as any other.
 */
#include <errno.h>
#include <linux/vfio.h>

#include "../client/memory.h"
#include "compare.h"

#define IN(name) (1ULL << (name))

static const struct step *step_of(const struct sequence *sequence, const struct difference *d)
{
	static const struct step none;

	return d->step < sequence->nr ? &sequence->steps[d->step] : &none;
}

static bool extension_says_no(const struct sequence *sequence, const struct difference *d,
			      __u64 extension)
{
	const struct step *step = step_of(sequence, d);

	return step->kind == STEP_CHECK_EXTENSION && step->value == extension &&
	       said(d, IN_TREE, FACT_RESULT, 0) == 1 && said(d, MANIFOLD, FACT_RESULT, 1) == 0 &&
	       only_in(d, IN(FACT_RESULT));
}

static bool nesting(const struct sequence *sequence, const struct difference *d)
{
	return extension_says_no(sequence, d, VFIO_TYPE1_NESTING_IOMMU);
}

static bool no_vaddr(const struct sequence *sequence, const struct difference *d)
{
	return extension_says_no(sequence, d, VFIO_UPDATE_VADDR);
}

/* The chain is shorter, by one; so an argsz may be enough that in-tree finds too small. */
static bool no_migration(const struct sequence *sequence, const struct difference *d)
{
	const __u64 head = IN(FACT_BYTES) | IN(FACT_ARGSZ) | IN(FACT_CAP_OFFSET) | IN(FACT_CAP) |
		IN(FACT_DIRTY_PGSIZES) | IN(FACT_DIRTY_LIMIT);
	const __u64 chain = IN(FACT_AVAILABLE) | IN(FACT_RANGES) | IN(FACT_RANGE_FIRST) |
		IN(FACT_RANGE_LAST);
	const struct step *step = step_of(sequence, d);
	bool enough = said(d, IN_TREE, FACT_ARGSZ, 0) > step->argsz &&
		said(d, MANIFOLD, FACT_ARGSZ, 0) == step->argsz;

	return step->kind == STEP_GET_INFO && only_in(d, enough ? head | chain : head);
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

struct intended intended[] = {
	{ "nesting", "TYPE1_NESTING is not offered", true, nesting, 0 },
	{ "no-vaddr", "UPDATE_VADDR is not served", true, no_vaddr, 0 },
	{ "fails-otherwise", "of two reasons to fail another one is met first", true,
	  fails_otherwise, 0 },
	{ "no-migration", "no migration capability", true, no_migration, 0 },
};

const unsigned int nr_intended = sizeof(intended) / sizeof(intended[0]);
