// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The generator: it begins with what makes a container, usually, and goes on
 * with whatever comes, more often with what there is something to do for.
 */
#include "generate.h"

#include <errno.h>
#include <linux/vfio.h>
#include <string.h>
#include <sys/mman.h>

#include "../client/memory.h"
#include "plan.h"

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

__u64 plan_random(struct plan *plan)
{
	__u64 z = (plan->random += 0x9e3779b97f4a7c15ULL);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

unsigned int plan_below(struct plan *plan, unsigned int n)
{
	return n ? (unsigned int)(plan_random(plan) >> 32) % n : 0;
}

bool plan_once_in(struct plan *plan, unsigned int n)
{
	return !plan_below(plan, n);
}

__u64 plan_one_of(struct plan *plan, const __u64 *list, unsigned int n)
{
	return list[plan_below(plan, n)];
}

/* --- what steps do to the plan --------------------------------------------------------------- */

static void reset_container(struct plan_container *c)
{
	c->type = 0;
	c->nmappings = 0;
}

static void leave(struct plan *plan, unsigned int group)
{
	unsigned int i;

	for (i = 0; i < MAX_CONTAINERS; i++) {
		struct plan_container *c = &plan->containers[i];

		if (!(c->groups & 1u << group))
			continue;
		c->groups &= ~(1u << group);
		if (!c->groups)
			reset_container(c);
	}
}

static void done_map(struct plan_container *c, const struct step *step)
{
	if (!c->type || c->nmappings == MAX_MAPPINGS || step->pointer ||
	    step->flags & ~3u || !step->flags || !step->size || step->size > 64 * MIB ||
	    (step->iova | step->size | step->vaddr) & (PAGE - 1))
		return;
	c->mappings[c->nmappings++] =
		(struct plan_mapping){ step->iova, step->size, step->vaddr };
}

static void done_unmap(struct plan_container *c, const struct step *step)
{
	unsigned int i, left = 0;

	if (step->pointer || step->flags & ~VFIO_DMA_UNMAP_FLAG_ALL)
		return;
	for (i = 0; i < c->nmappings; i++) {
		struct plan_mapping *m = &c->mappings[i];

		if (!step->flags && (m->iova < step->iova ||
				     m->iova - step->iova + m->size > step->size))
			c->mappings[left++] = *m;
	}
	c->nmappings = left;
}

static void done_memory(struct plan_process *p, const struct step *step)
{
	unsigned int slot = (unsigned int)((step->vaddr - SLOTS_ADDRESS) / SLOT_SIZE);

	p->slots[slot % MAX_SLOTS].size = step->size;
	p->slots[slot % MAX_SLOTS].sort = (unsigned int)step->value;
}

static void done_exec(struct plan_process *p)
{
	memset(p->slots, 0, sizeof(p->slots));
}

static bool anyone_has(const struct plan *plan, bool container, unsigned int number)
{
	unsigned int i;

	for (i = 0; i < MAX_PROCESSES; i++) {
		const struct plan_process *p = &plan->processes[i];

		if (p->alive && (container ? p->containers : p->groups) & 1u << number)
			return true;
	}
	return false;
}

static bool in_a_container(const struct plan *plan, unsigned int group)
{
	unsigned int i;

	for (i = 0; i < MAX_CONTAINERS; i++) {
		if (plan->containers[i].groups & 1u << group)
			return true;
	}
	return false;
}

/* What nobody has open any more is no more. */
static void forget_closed(struct plan *plan)
{
	unsigned int i;

	for (i = 0; i < MAX_GROUPS; i++) {
		if (!anyone_has(plan, false, i))
			leave(plan, i);
	}
	for (i = 0; i < MAX_CONTAINERS; i++) {
		if (!anyone_has(plan, true, i) && !plan->containers[i].groups)
			reset_container(&plan->containers[i]);
	}
}

static void done_attach(struct plan *plan, const struct step *step)
{
	const struct plan_process *p = &plan->processes[step->process];

	if (p->groups & 1u << step->group && p->containers & 1u << step->container &&
	    !in_a_container(plan, step->group) && step->group != STAGE_NOT_ISOLATED)
		plan->containers[step->container].groups |= 1u << step->group;
}

void plan_add(struct plan *plan, const struct step *step)
{
	struct plan_process *p = &plan->processes[step->process];
	struct plan_container *c = &plan->containers[step->container];
	__u32 container = 1u << step->container, group = 1u << step->group;

	plan->sequence->steps[plan->sequence->nr++] = *step;
	switch (step->kind) {
	case STEP_OPEN_CONTAINER:
		if (!anyone_has(plan, true, step->container))
			memset(c, 0, sizeof(*c));
		p->containers |= container;
		break;
	case STEP_CLOSE_CONTAINER:
		p->containers &= ~container;
		forget_closed(plan);
		break;
	case STEP_OPEN_GROUP:
		if (!anyone_has(plan, false, step->group))
			p->groups |= group;
		break;
	case STEP_CLOSE_GROUP:
		p->groups &= ~group;
		forget_closed(plan);
		break;
	case STEP_OPEN_DEVICE:
		p->devices |= group;
		break;
	case STEP_CLOSE_DEVICE:
		p->devices &= ~group;
		break;
	case STEP_SET_CONTAINER:
		done_attach(plan, step);
		break;
	case STEP_UNSET_CONTAINER:
		if (p->groups & group)
			leave(plan, step->group);
		break;
	case STEP_SET_IOMMU:
		if (p->containers & container && c->groups && !c->type &&
		    (step->value == 1 || step->value == 3))
			c->type = (unsigned int)step->value;
		break;
	case STEP_MAP:
		done_map(c, step);
		break;
	case STEP_UNMAP:
		done_unmap(c, step);
		break;
	case STEP_MEMORY:
		done_memory(p, step);
		break;
	case STEP_MREMAP:
		plan->processes[step->process].slots[(step->value - SLOTS_ADDRESS) / SLOT_SIZE]
			.size = step->size;
		break;
	case STEP_FORK:
		plan->processes[step->value] = *p;
		break;
	case STEP_EXEC:
		done_exec(p);
		break;
	case STEP_EXIT:
	case STEP_KILL:
		p->alive = false;
		forget_closed(plan);
		break;
	default:
		break;
	}
}

/* --- steps, one function for those that are alike -------------------------------------------- */

static unsigned int some_group(struct plan *plan)
{
	return plan->groups[plan_below(plan, plan->ngroups)];
}

static bool serves(const struct plan *plan, unsigned int process, unsigned int container)
{
	return plan->processes[process].alive && plan->containers[container].type &&
		plan->processes[process].containers & 1u << container;
}

/* Mostly a container that has a type, and a process that has it, if there is such a one. */
static void choose_container(struct plan *plan, struct step *step)
{
	unsigned int i, n = MAX_PROCESSES * MAX_CONTAINERS, from = plan_below(plan, n);

	if (plan_once_in(plan, 20))
		return;
	for (i = 0; i < n; i++) {
		unsigned int process = (from + i) % n / MAX_CONTAINERS;
		unsigned int container = (from + i) % MAX_CONTAINERS;

		if (!serves(plan, process, container))
			continue;
		step->process = (__u8)process;
		step->container = (__u8)container;
		return;
	}
}

static void make_memory(struct plan *plan, struct step *step)
{
	static const __u64 pages[] = { 4, 16, 16, 16, 64, 64, 128, 600 };
	unsigned int sort = plan_below(plan, 2 * SORTS);

	/* Half of it is of no sort that maps fail on. */
	step->value = sort < SORTS ? sort : sort % SORT_READ_ONLY;
	step->vaddr = SLOT(plan_below(plan, MAX_SLOTS));
	step->size = PAGE * plan_one_of(plan, pages, COUNT(pages));
	if (step->value == SORT_HUGETLB || step->value == SORT_THP) {
		/* Clearing it takes long. */
		if (plan_once_in(plan, 2))
			step->value = SORT_MEMFD;
		else
			step->size = HUGE_PAGE;
	}
}

static void make_files(struct plan *plan, struct step *step)
{
	struct plan_process *p = &plan->processes[step->process];
	__u32 container = 1u << step->container, group = 1u << step->group;

	switch (step->kind) {
	case STEP_OPEN_CONTAINER:
		if (p->containers & container)
			step->kind = STEP_NONE;
		break;
	case STEP_CLOSE_CONTAINER:
		if (!(p->containers & container))
			step->kind = STEP_NONE;
		break;
	case STEP_OPEN_GROUP:
		if (p->groups & group)
			step->kind = STEP_NONE;
		break;
	case STEP_CLOSE_GROUP:
		if (!(p->groups & group))
			step->kind = STEP_NONE;
		break;
	case STEP_OPEN_DEVICE:
		if (p->devices & group)
			step->kind = STEP_NONE;
		break;
	case STEP_CLOSE_DEVICE:
		if (!(p->devices & group))
			step->kind = STEP_NONE;
		break;
	}
}

static void make_fork(struct plan *plan, struct step *step)
{
	unsigned int i;

	for (i = 0; i < MAX_PROCESSES; i++) {
		if (!plan->processes[i].alive) {
			step->value = i;
			return;
		}
	}
	step->kind = STEP_NONE;
}

/* The last one stays, so that there is somebody to do what comes. */
static void make_end(struct plan *plan, struct step *step)
{
	unsigned int i, alive = 0;

	for (i = 0; i < MAX_PROCESSES; i++)
		alive += plan->processes[i].alive;
	if (alive < 2)
		step->kind = STEP_NONE;
}

static void make_limit(struct plan *plan, struct step *step)
{
	static const __u64 limits[] = { 0, PAGE, 4 * PAGE, 16 * PAGE, 64 * PAGE, 100 * PAGE, MIB,
					2 * MIB, 8 * MIB, ~0ULL };

	step->value = plan_one_of(plan, limits, COUNT(limits));
}

static void make_mremap(struct plan *plan, struct step *step)
{
	choose_memory(plan, step);
	step->value = SLOT(plan_below(plan, MAX_SLOTS));
	/* Not over itself, and a slot's rest stays its own. */
	if ((step->value ^ step->vaddr) / SLOT_SIZE == 0)
		step->kind = STEP_NONE;
}

static void make_dma(struct plan *plan, struct step *step)
{
	choose_target(plan, step);
	step->value = plan_random(plan);
	step->iova &= ~7ULL;
	if (step->iova > ~0ULL - (1 << 20))
		step->kind = STEP_NONE;
}

static void make_unit(struct plan *plan, struct step *step)
{
	/* Not EINVAL, which is what a request that makes no sense is told. */
	static const __u64 errors[] = { 0, 0, EIO, ENOMEM, EBUSY };

	step->group = (__u8)plan->stage->groups[step->group].unit;
	step->value = plan_one_of(plan, errors, COUNT(errors));
}

static void make_value(struct plan *plan, struct step *step)
{
	static const __u64 types[] = { 1, 3, 3, 3, 0, 2, 4, 5, 6, 7, 8, 9, 10, 100,
				       ~0ULL };
	static const __u64 extensions[] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 77, ~0ULL };
	static const __u64 protections[] = { 0, PROT_READ, PROT_READ | PROT_WRITE };
	/* Not 1 (a lasting state of the core's), nor those that are asked for elsewhere. */
	static const __u64 unknown[] = { 9, 10, 11, 15, 16, 18, 30, 60, 99 };
	static const __u64 limits[] = { 0, 1, 2, 3, 65535 };

	switch (step->kind) {
	case STEP_SET_IOMMU:
		step->value = plan_one_of(plan, types, COUNT(types));
		break;
	case STEP_CHECK_EXTENSION:
		step->value = plan_one_of(plan, extensions, COUNT(extensions));
		break;
	case STEP_MPROTECT:
		step->value = plan_one_of(plan, protections, COUNT(protections));
		break;
	case STEP_UNKNOWN:
		step->value = plan_one_of(plan, unknown, COUNT(unknown));
		break;
	case STEP_ENTRY_LIMIT:
		step->value = plan_one_of(plan, limits, COUNT(limits));
		break;
	case STEP_CAPABILITY:
		step->value = plan_below(plan, 2);
		break;
	case STEP_FILL:
		step->value = plan_random(plan);
		break;
	}
}

/* What each kind needs beside a process, a container and a group; and how often it comes. */
static const struct {
	unsigned int weight;
	void (*make)(struct plan *plan, struct step *step);
	void (*then)(struct plan *plan, struct step *step);
} makers[STEP_KINDS] = {
	[STEP_OPEN_CONTAINER] = { 10, make_files, NULL },
	[STEP_CLOSE_CONTAINER] = { 5, make_files, NULL },
	[STEP_OPEN_GROUP] = { 15, make_files, NULL },
	[STEP_CLOSE_GROUP] = { 5, make_files, NULL },
	[STEP_OPEN_DEVICE] = { 5, make_files, NULL },
	[STEP_CLOSE_DEVICE] = { 5, make_files, NULL },
	[STEP_GROUP_STATUS] = { 3, NULL, NULL },
	[STEP_SET_CONTAINER] = { 25, NULL, NULL },
	[STEP_UNSET_CONTAINER] = { 15, NULL, NULL },
	[STEP_SET_IOMMU] = { 12, make_value, NULL },
	[STEP_API_VERSION] = { 1, NULL, NULL },
	[STEP_CHECK_EXTENSION] = { 12, make_value, NULL },
	[STEP_GET_INFO] = { 20, choose_info, NULL },
	[STEP_MAP] = { 110, choose_map, NULL },
	[STEP_UNMAP] = { 60, choose_unmap, NULL },
	[STEP_DIRTY] = { 40, choose_dirty, NULL },
	[STEP_UNKNOWN] = { 3, make_value, NULL },
	[STEP_MEMORY] = { 25, make_memory, NULL },
	[STEP_MUNMAP] = { 10, choose_memory, NULL },
	[STEP_MPROTECT] = { 6, choose_memory, make_value },
	[STEP_DISCARD] = { 8, choose_memory, NULL },
	[STEP_MREMAP] = { 8, make_mremap, NULL },
	[STEP_FILL] = { 12, choose_memory, make_value },
	[STEP_SUM] = { 8, choose_memory, NULL },
	[STEP_MLOCK] = { 6, choose_memory, NULL },
	[STEP_MUNLOCK] = { 4, choose_memory, NULL },
	[STEP_FORK] = { 10, make_fork, NULL },
	[STEP_EXEC] = { 4, NULL, NULL },
	[STEP_EXIT] = { 5, make_end, NULL },
	[STEP_KILL] = { 3, make_end, NULL },
	[STEP_LIMIT] = { 12, make_limit, NULL },
	[STEP_CAPABILITY] = { 12, make_value, NULL },
	[STEP_DMA_READ] = { 10, make_dma, NULL },
	[STEP_DMA_WRITE] = { 14, make_dma, NULL },
	[STEP_UNIT_FAILS] = { 5, make_unit, NULL },
	[STEP_UNIT_REFUSES] = { 4, make_unit, NULL },
	[STEP_ENTRY_LIMIT] = { 2, make_value, NULL },
};

static unsigned int choose_kind(struct plan *plan)
{
	unsigned int kind, sum = 0, at;

	for (kind = 0; kind < STEP_KINDS; kind++)
		sum += makers[kind].weight;
	at = plan_below(plan, sum);
	for (kind = 0; at >= makers[kind].weight; kind++)
		at -= makers[kind].weight;
	return kind;
}

static void add_any(struct plan *plan)
{
	struct step step = { .kind = (__u8)choose_kind(plan) };
	unsigned int process = plan_below(plan, MAX_PROCESSES);

	while (!plan->processes[process].alive)
		process = (process + 1) % MAX_PROCESSES;
	step.process = (__u8)process;
	step.group = (__u8)some_group(plan);
	step.container = (__u8)plan_below(plan, MAX_CONTAINERS);
	if ((step.kind >= STEP_CHECK_EXTENSION && step.kind <= STEP_UNKNOWN) ||
	    step.kind == STEP_DMA_READ || step.kind == STEP_DMA_WRITE ||
	    (step.kind == STEP_SET_CONTAINER && !plan_once_in(plan, 3)))
		choose_container(plan, &step);
	if (step.kind == STEP_DIRTY && plan->without & WITHOUT_DIRTY)
		return;
	if (makers[step.kind].make)
		makers[step.kind].make(plan, &step);
	if (step.kind != STEP_NONE && makers[step.kind].then)
		makers[step.kind].then(plan, &step);
	if (step.kind != STEP_NONE)
		plan_add(plan, &step);
}

/* --- the sequence ---------------------------------------------------------------------------- */

static void add_kind(struct plan *plan, enum step_kind kind, const struct step *of,
		     unsigned int group, __u64 value)
{
	struct step step = *of;

	step.kind = (__u8)kind;
	step.group = (__u8)group;
	step.value = value;
	plan_add(plan, &step);
}

/* A container with one group or more, and memory to map. */
static void begin(struct plan *plan, unsigned int process, unsigned int container)
{
	const struct step of = { .process = (__u8)process, .container = (__u8)container };
	unsigned int i, n = 1 + plan_below(plan, plan->ngroups);

	add_kind(plan, STEP_OPEN_CONTAINER, &of, 0, 0);
	for (i = 0; i < n; i++) {
		if (in_a_container(plan, plan->groups[i]))
			continue;
		if (!(plan->processes[process].groups & 1u << plan->groups[i]))
			add_kind(plan, STEP_OPEN_GROUP, &of, plan->groups[i], 0);
		add_kind(plan, STEP_SET_CONTAINER, &of, plan->groups[i], 0);
		if (!plan->containers[container].type)
			add_kind(plan, STEP_SET_IOMMU, &of, 0, plan_once_in(plan, 3) ? 1 : 3);
	}
	for (i = 0; i < 2; i++) {
		struct step memory = { .process = (__u8)process, .kind = STEP_MEMORY };

		make_memory(plan, &memory);
		plan_add(plan, &memory);
	}
}

/* When no container works any more, another one is made, mostly. */
static void begin_again(struct plan *plan)
{
	unsigned int i, k, process = 0;

	for (i = 0; i < MAX_PROCESSES; i++) {
		for (k = 0; k < MAX_CONTAINERS; k++) {
			if (serves(plan, i, k))
				return;
		}
		if (plan->processes[i].alive)
			process = i;
	}
	for (k = 0; k < MAX_CONTAINERS; k++) {
		if (!anyone_has(plan, true, k)) {
			begin(plan, process, k);
			return;
		}
	}
}

void generate(struct sequence *sequence, __u64 seed, const struct stage *stage,
	      unsigned int without)
{
	struct plan plan = {
		.random = seed * 0x632be59bd9b4e019ULL, .stage = stage, .without = without,
		.sequence = sequence,
	};
	unsigned int i, length;

	memset(sequence, 0, sizeof(*sequence));
	sequence->seed = seed;
	plan.processes[0].alive = true;
	plan.ngroups = 1 + plan_below(&plan, 4);
	for (i = 0; i < plan.ngroups; i++) {
		plan.groups[i] = plan_below(&plan, (unsigned int)stage->ngroups);
		/* Twice the same is once. */
		if (i && plan.groups[i] == plan.groups[i - 1])
			plan.groups[i] = (plan.groups[i] + 1) % (unsigned int)stage->ngroups;
	}
	if (!plan_once_in(&plan, 8))
		begin(&plan, 0, 0);
	length = 12 + plan_below(&plan, MAX_STEPS - 24);
	while (sequence->nr < length) {
		if (sequence->nr + 12 < MAX_STEPS && plan_once_in(&plan, 8))
			begin_again(&plan);
		add_any(&plan);
	}
}
