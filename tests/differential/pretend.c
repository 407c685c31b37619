// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include "pretend.h"

#include <errno.h>
#include <stddef.h>

#include "../client/memory.h"

static struct fact *find(struct facts *facts, enum fact_name name)
{
	unsigned int i;

	for (i = 0; i < facts->nr; i++) {
		if (facts->list[i].name == name)
			return &facts->list[i];
	}
	return NULL;
}

static void short_size(const struct step *step, struct facts *facts)
{
	struct fact *size = find(facts, FACT_SIZE), *result = find(facts, FACT_RESULT);

	if (step->kind == STEP_UNMAP && step->process && size && result && !result->value &&
	    size->value >= 2 * PAGE && !(size->value & (PAGE - 1)))
		size->value -= PAGE;
}

static void bill_left(const struct step *step, struct facts *facts)
{
	struct fact *error = find(facts, FACT_ERRNO), *bill = find(facts, FACT_LCK);

	if (step->kind == STEP_MAP && error && error->value == EFAULT && step->size > PAGE && bill)
		bill->value += PAGE / 1024;
}

/* Once a group has left its container its device still has what was there. */
static void still_attached(const struct step *step, struct facts *facts)
{
	struct fact *attached = find(facts, FACT_ATTACHED), *result = find(facts, FACT_RESULT);

	if (step->kind == STEP_UNSET_CONTAINER && result && !result->value && attached)
		attached->value = 1;
}

const struct pretence pretences[] = {
	{ "short-size", "another process's unmap of two pages or more says a page too few", 9,
	  short_size },
	{ "bill-left", "a map that fails with EFAULT leaves a page billed", 8, bill_left },
	{ "still-attached", "a device keeps its domain when its group leaves the container", 4,
	  still_attached },
};

const unsigned int nr_pretences = sizeof(pretences) / sizeof(pretences[0]);

static const struct pretence *current;

void pretend(const struct pretence *pretence)
{
	current = pretence;
}

void pretend_seen(const struct step *step, struct facts *facts)
{
	if (current)
		current->change(step, facts);
}
