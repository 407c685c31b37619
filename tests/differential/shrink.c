// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Shrinking. Loading the other backend is what takes the time, so all edits
 * that might do are played in one block, each alone, and then those that did
 * together: all, or else one half, or else as many as do.
 */
#include "shrink.h"

#include <linux/vfio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../client/memory.h"
#include "compare.h"

#define MAX_EDITS	400
#define MAX_ROUNDS	60

/* Leave out @count steps from @at on, or put another step there. */
struct edit {
	unsigned int at, count;
	struct step step;
};

struct shrinker {
	struct stage *stage;
	struct sequence *sequence;
	struct difference wanted;
	unsigned int nedits;
	struct edit *edits;
	struct sequence *candidates;
	struct transcript *transcripts[BACKENDS];
};

/* --- playing candidates ---------------------------------------------------------------------- */

static void apply(const struct sequence *from, const struct edit *edits, unsigned int nr,
		  struct sequence *to)
{
	bool gone[MAX_STEPS] = { false };
	unsigned int i, k;

	*to = *from;
	for (i = 0; i < nr; i++) {
		if (!edits[i].count)
			to->steps[edits[i].at] = edits[i].step;
		for (k = 0; k < edits[i].count; k++)
			gone[edits[i].at + k] = true;
	}
	for (i = 0, k = 0; i < from->nr; i++) {
		if (!gone[i])
			to->steps[k++] = to->steps[i];
	}
	to->nr = k;
}

/* Which of the candidates still show it. */
static bool play_candidates(struct shrinker *s, unsigned int nr, bool *good)
{
	struct difference d;
	unsigned int i;

	if (!play_block(s->stage, s->candidates, nr, s->transcripts))
		return false;
	for (i = 0; i < nr; i++)
		good[i] = compare(&s->candidates[i], s->transcripts, i, &d) &&
			  alike(&d, &s->wanted);
	return true;
}

/* Of the edits that do alone, as many together as do. */
static bool combine(struct shrinker *s, unsigned int nr)
{
	bool good[16];
	unsigned int n = 0, part, i;

	for (part = nr; part >= 1 && n < 15; part = part > 1 ? (part + 1) / 2 : 0) {
		apply(s->sequence, s->edits, part, &s->candidates[n++]);
		if (part < nr && n < 15)
			apply(s->sequence, s->edits + nr - part, part, &s->candidates[n++]);
	}
	if (!play_candidates(s, n, good))
		return false;
	for (i = 0; i < n; i++) {
		if (!good[i])
			continue;
		*s->sequence = s->candidates[i];
		return true;
	}
	return false;
}

/* True when the sequence has become simpler. */
static bool try_edits(struct shrinker *s)
{
	static bool good[MAX_EDITS];
	unsigned int i, n = 0;

	if (!s->nedits)
		return false;
	for (i = 0; i < s->nedits; i++)
		apply(s->sequence, &s->edits[i], 1, &s->candidates[i]);
	if (!play_candidates(s, s->nedits, good))
		return false;
	for (i = 0; i < s->nedits; i++) {
		const struct edit *last = n ? &s->edits[n - 1] : NULL;

		/* One edit a step: the first is the plainest. */
		if (good[i] && (!last || last->count || last->at != s->edits[i].at))
			s->edits[n++] = s->edits[i];
	}
	s->nedits = 0;
	return n && combine(s, n);
}

/* --- what might do --------------------------------------------------------------------------- */

static void leave_out(struct shrinker *s, unsigned int count)
{
	unsigned int at;

	s->nedits = 0;
	for (at = 0; at + count <= s->sequence->nr; at += count)
		s->edits[s->nedits++] = (struct edit){ .at = at, .count = count };
}

static void offer(struct shrinker *s, unsigned int at, const struct step *step)
{
	if (s->nedits < MAX_EDITS && memcmp(step, &s->sequence->steps[at], sizeof(*step)))
		s->edits[s->nedits++] = (struct edit){ .at = at, .step = *step };
}

#define OFFER(field, plain) \
	do { \
		struct step step_ = s->sequence->steps[at]; \
		step_.field = (plain); \
		offer(s, at, &step_); \
	} while (0)

/* Where the first memory of the sequence is. */
static __u64 first_memory(const struct shrinker *s)
{
	unsigned int i;

	for (i = 0; i < s->sequence->nr; i++) {
		if (s->sequence->steps[i].kind == STEP_MEMORY)
			return s->sequence->steps[i].vaddr;
	}
	return SLOT(0);
}

static void offer_request(struct shrinker *s, unsigned int at)
{
	const struct step *step = &s->sequence->steps[at];

	OFFER(pointer, POINTER_GOOD);
	switch (step->kind) {
	case STEP_MAP:
		OFFER(argsz, sizeof(struct vfio_iommu_type1_dma_map));
		OFFER(flags, VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE);
		break;
	case STEP_UNMAP:
		OFFER(argsz, sizeof(struct vfio_iommu_type1_dma_unmap));
		OFFER(flags, 0);
		break;
	case STEP_GET_INFO:
		OFFER(argsz, 4096);
		OFFER(flags, 0);
		break;
	}
	OFFER(size, PAGE);
	OFFER(size, 2 * PAGE);
	OFFER(iova, 0x20000000);
	OFFER(iova, 0x100000);
	OFFER(iova, step->iova & -PAGE);
	OFFER(vaddr, SLOT((step->vaddr - SLOTS_ADDRESS) / SLOT_SIZE));
	OFFER(vaddr, first_memory(s));
}

static void offer_memory(struct shrinker *s, unsigned int at)
{
	const struct step *step = &s->sequence->steps[at];

	if (step->kind == STEP_MEMORY)
		OFFER(value, SORT_ANONYMOUS);
	OFFER(size, 16 * PAGE);
	OFFER(size, PAGE);
	OFFER(vaddr, SLOT(0));
}

/* Names of processes, containers and groups that are the first. */
static void offer_names(struct shrinker *s, unsigned int at)
{
	OFFER(process, 0);
	OFFER(container, 0);
	if (s->sequence->steps[at].kind == STEP_SET_IOMMU)
		OFFER(value, VFIO_TYPE1v2_IOMMU);
}

static void make_plain(struct shrinker *s)
{
	unsigned int at;

	s->nedits = 0;
	for (at = 0; at < s->sequence->nr; at++) {
		unsigned int kind = s->sequence->steps[at].kind;

		offer_names(s, at);
		if (kind >= STEP_GET_INFO && kind <= STEP_DIRTY)
			offer_request(s, at);
		else if (kind >= STEP_MEMORY && kind <= STEP_MUNLOCK)
			offer_memory(s, at);
	}
}

/* Everywhere one group instead of another, or one slot. */
static void rename_groups(struct shrinker *s)
{
	unsigned int from, to, i, n = 0;
	bool good[MAX_GROUPS * 3];

	for (from = 1; from < MAX_GROUPS; from++) {
		for (to = 0; to < from && to < 3; to++) {
			struct sequence *c = &s->candidates[n];
			bool uses = false;

			*c = *s->sequence;
			for (i = 0; i < c->nr; i++) {
				struct step *step = &c->steps[i];

				if (step->kind >= STEP_UNIT_FAILS || step->group != from)
					continue;
				step->group = (__u8)to;
				uses = true;
			}
			n += uses;
		}
	}
	if (!n || !play_candidates(s, n, good))
		return;
	for (i = 0; i < n; i++) {
		if (good[i]) {
			*s->sequence = s->candidates[i];
			return;
		}
	}
}

/* --- a first guess --------------------------------------------------------------------------- */

/* What the last step can have to do with, the less the higher the @strictness. */
static bool matters(const struct step *step, const struct step *last, unsigned int strictness)
{
	bool same = step->container == last->container;

	if (step->kind <= STEP_CLOSE_GROUP || step->kind == STEP_FORK)
		return true;
	if (step->kind <= STEP_SET_IOMMU)
		return same || step->kind == STEP_UNSET_CONTAINER;
	if (step->kind <= STEP_GET_INFO || step->kind == STEP_UNKNOWN)
		return false;
	if (step->kind <= STEP_DIRTY)
		return same && (strictness < 2 || step->kind == last->kind ||
				step->iova < last->iova + last->size + PAGE);
	if (step->kind == STEP_MEMORY)
		return true;
	return !strictness;
}

/* Leaves out what probably does not matter, all at once. */
static void guess(struct shrinker *s)
{
	const struct step *last = &s->sequence->steps[s->sequence->nr - 1];
	unsigned int strictness, i;
	bool good[3];

	if (s->wanted.kind == STEP_NONE)
		return;
	for (strictness = 0; strictness < 3; strictness++) {
		struct sequence *c = &s->candidates[strictness];

		*c = *s->sequence;
		for (i = 0, c->nr = 0; i < s->sequence->nr; i++) {
			const struct step *step = &s->sequence->steps[i];

			if (step == last || matters(step, last, strictness))
				c->steps[c->nr++] = *step;
		}
	}
	if (!play_candidates(s, 3, good))
		return;
	for (i = 3; i-- > 0;) {
		if (good[i]) {
			*s->sequence = s->candidates[i];
			return;
		}
	}
}

/* --- all of it ------------------------------------------------------------------------------- */

static bool reproduces(struct shrinker *s)
{
	s->candidates[0] = *s->sequence;
	if (!play_block(s->stage, s->candidates, 1, s->transcripts) ||
	    !compare(s->sequence, s->transcripts, 0, &s->wanted))
		return false;
	/* What comes after it has no part in it. */
	if (s->wanted.step < s->sequence->nr)
		s->sequence->nr = s->wanted.step + 1;
	return true;
}

/* Only the kind and the name of what differs are kept: the facts are overwritten. */
static void keep_wanted(struct shrinker *s)
{
	static struct fact fact;

	fact.name = (__u16)difference_in(&s->wanted);
	s->wanted.facts[IN_TREE] = &fact;
	s->wanted.facts[MANIFOLD] = &fact;
	s->wanted.nr[IN_TREE] = 1;
	s->wanted.nr[MANIFOLD] = 1;
	s->wanted.fact = 0;
}

static void shorten(struct shrinker *s)
{
	unsigned int count, round = 0, before;

	guess(s);
	for (count = s->sequence->nr / 2; count > 1; count /= 2) {
		do {
			leave_out(s, count);
		} while (try_edits(s) && ++round < MAX_ROUNDS);
	}
	do {
		before = s->sequence->nr;
		do {
			leave_out(s, 1);
		} while (try_edits(s) && ++round < MAX_ROUNDS);
		rename_groups(s);
		do {
			make_plain(s);
		} while (try_edits(s) && ++round < MAX_ROUNDS);
	} while (s->sequence->nr < before && round < MAX_ROUNDS);
}

bool shrink(struct stage *stage, struct sequence *sequence)
{
	struct shrinker s = {
		.stage = stage,
		.sequence = sequence,
		.edits = calloc(MAX_EDITS, sizeof(struct edit)),
		.candidates = calloc(MAX_EDITS, sizeof(struct sequence)),
		.transcripts = {
			calloc(MAX_EDITS, sizeof(struct transcript)),
			calloc(MAX_EDITS, sizeof(struct transcript)),
		},
	};
	bool found = false;

	if (s.edits && s.candidates && s.transcripts[0] && s.transcripts[1])
		found = reproduces(&s);
	if (found) {
		keep_wanted(&s);
		shorten(&s);
	}
	free(s.edits);
	free(s.candidates);
	free(s.transcripts[0]);
	free(s.transcripts[1]);
	return found;
}
