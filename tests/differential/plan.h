/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * What the generator believes to be so after the steps it has made: enough to
 * aim, and no more. It may be wrong; a step then meets another state than was
 * meant, on both backends.
 */
#ifndef DIFFERENTIAL_PLAN_H
#define DIFFERENTIAL_PLAN_H

#include <stdbool.h>

#include "generate.h"

#define MAX_MAPPINGS 12

struct plan_mapping {
	__u64 iova, size, vaddr;
};

struct plan_container {
	unsigned int type;		/* VFIO_TYPE1_IOMMU, VFIO_TYPE1v2_IOMMU, or 0 */
	__u32 groups;
	unsigned int nmappings;
	struct plan_mapping mappings[MAX_MAPPINGS];
};

struct plan_process {
	bool alive;
	__u32 containers, groups, devices;	/* files it has */
	struct {
		__u64 size;
		unsigned int sort;
	} slots[MAX_SLOTS];
};

struct plan {
	__u64 random;
	const struct stage *stage;
	unsigned int without;
	struct sequence *sequence;
	unsigned int ngroups;			/* those this sequence is about, */
	unsigned int groups[4];			/* and which they are */
	struct plan_process processes[MAX_PROCESSES];
	struct plan_container containers[MAX_CONTAINERS];
};

__u64 plan_random(struct plan *plan);
/* Below @n. */
unsigned int plan_below(struct plan *plan, unsigned int n);
/* True once in @n times. */
bool plan_once_in(struct plan *plan, unsigned int n);
__u64 plan_one_of(struct plan *plan, const __u64 *list, unsigned int n);

/* The step goes to the end of the sequence; the plan takes it as done. */
void plan_add(struct plan *plan, const struct step *step);

/* arguments.c: values that are right, nearly right, or wrong */
void choose_map(struct plan *plan, struct step *step);
void choose_unmap(struct plan *plan, struct step *step);
void choose_dirty(struct plan *plan, struct step *step);
void choose_info(struct plan *plan, struct step *step);
/* Some IOVA that something is likely to be at; so many bytes from it on. */
void choose_target(struct plan *plan, struct step *step);
/* Part of a slot, or all of it. */
void choose_memory(struct plan *plan, struct step *step);

#endif /* DIFFERENTIAL_PLAN_H */
