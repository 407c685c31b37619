// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Doing a step: what it asks of the engine, of the units, or of the machine.
 */
#include <stdarg.h>

#include "tools/sim/run.h"

/**
 * problem() - the step fails whatever was expected of it
 */
void problem(struct result *r, const char *format, ...)
{
	va_list args;

	if (r->problem[0])
		return;
	va_start(args, format);
	vsnprintf(r->problem, sizeof(r->problem), format, args);
	va_end(args);
}

bool run_value(struct run *run, const struct expression *e, struct result *r, u64 *value)
{
	if (evaluate(e, run->variables, value))
		return true;
	problem(r, "expected a number from 0 to 2^64-1, but the sum is none");
	return false;
}

bool run_range(struct run *run, const struct range *range, struct result *r, u64 *first,
	       u64 *bytes)
{
	if (evaluate_range(range, run->variables, first, bytes))
		return true;
	problem(r, "expected a range below 2^64, but it ends before it begins or is too large");
	return false;
}

static struct mf_container *open_container(struct run *run, const struct step *step,
					   struct result *r)
{
	struct mf_container *c = run->m->containers[step->container];

	if (!c)
		problem(r, "expected an open container, but '%s' is not",
			run->s->containers[step->container]);
	return c;
}

#define DEFAULT_LIMIT 65535

static void do_open(struct run *run, const struct step *step, struct result *r)
{
	struct mf_container **c = &run->m->containers[step->container];
	struct mf_config config = {
		.rules = step->rules, .mapping_limit = DEFAULT_LIMIT,
		.bill_once = !step->by_mapping,
	};
	u64 limit;

	if (*c) {
		problem(r, "expected a closed container, but '%s' is open",
			run->s->containers[step->container]);
		return;
	}
	if (step->value && run_value(run, step->value, r, &limit))
		config.mapping_limit = (u32)mf_min(limit, ~0u);
	config.cookie = c;
	if (!r->problem[0])
		r->err = mf_open(&run->m->host.host, &config, c);
}

static void do_attach(struct run *run, const struct step *step, struct result *r)
{
	struct mf_container *c = open_container(run, step, r);

	if (!c)
		return;
	r->err = mf_attach(c, &run->m->groups[step->group],
			   step->unsafe ? MF_ATTACH_UNSAFE_INTERRUPTS : 0, &r->why);
	if (!r->err)
		run->m->attached[step->group] = step->container;
}

static void do_detach(struct run *run, const struct step *step, struct result *r)
{
	struct mf_container *c = open_container(run, step, r);

	if (!c)
		return;
	if (run->m->attached[step->group] != step->container) {
		problem(r, "expected an attached group, but group %u is not attached to '%s'",
			run->m->groups[step->group].id, run->s->containers[step->container]);
		return;
	}
	mf_detach(c, &run->m->groups[step->group]);
	run->m->attached[step->group] = NO_CONTAINER;
}

static void do_map(struct run *run, const struct step *step, struct result *r)
{
	struct mf_container *c = open_container(run, step, r);
	u64 iova, bytes, vaddr;

	if (c && run_range(run, &step->range, r, &iova, &bytes) &&
	    run_value(run, step->value, r, &vaddr))
		r->err = mf_map(c, &run->m->owners[step->owner]->owner, iova, vaddr, bytes,
				step->prot, step->small_pages ? MF_MAP_SMALL_PAGES : 0, &r->why);
}

static void do_unmap(struct run *run, const struct step *step, struct result *r)
{
	struct mf_container *c = open_container(run, step, r);
	u64 iova, bytes;

	if (!c)
		return;
	if (step->verb == DO_UNMAP_ALL)
		r->err = mf_unmap_all(c, &r->unmapped, &r->why);
	else if (run_range(run, &step->range, r, &iova, &bytes))
		r->err = mf_unmap(c, iova, bytes, &r->unmapped, &r->why);
}

static void break_unit(struct run *run, const struct step *step, u64 nth, u64 bytes)
{
	struct mf_model_faults *faults = &run->m->units[step->unit].faults;

	switch (step->defect) {
	case BREAK_MAP:
		faults->map_in = (u32)nth;
		faults->map_error = -step->error;
		break;
	case BREAK_UNMAP:
		faults->short_unmaps = (u32)nth;
		faults->short_bytes = bytes;
		break;
	case BREAK_REFUSE:
		faults->refuse = true;
		break;
	default:
		faults->careless = true;
		break;
	}
}

static void do_break(struct run *run, const struct step *step, struct result *r)
{
	u64 nth, bytes;

	if (!run_value(run, step->value, r, &nth) || !run_value(run, step->bytes, r, &bytes))
		return;
	if (nth > ~0u) {
		problem(r, "expected a number below 2^32, but it is %llu", nth);
	} else if (!step->on_host) {
		break_unit(run, step, nth, bytes);
	} else if (step->defect == BREAK_PIN) {
		run->m->break_pin = nth;
		run->m->pin_error = step->error;
	} else {
		run->m->break_alloc = nth;
	}
}

static void do_mend(struct run *run, const struct step *step)
{
	if (step->on_host) {
		run->m->break_pin = 0;
		run->m->break_alloc = 0;
	} else {
		run->m->units[step->unit].faults = (struct mf_model_faults){ 0 };
	}
}

static void do_hand_map(struct run *run, const struct step *step, struct result *r)
{
	struct hand_map map = { .domain = step->domain, .owner = step->owner, .prot = step->prot };

	if (!run_range(run, &step->range, r, &map.iova, &map.bytes))
		return;
	if (step->verb == DO_HAND_UNMAP)
		r->err = hand_unmap(run->m, step->domain, map.iova, map.bytes);
	else if (run_value(run, step->value, r, &map.vaddr))
		r->err = hand_map(run->m, &map);
}

static void do_by_hand(struct run *run, const struct step *step, struct result *r)
{
	switch (step->verb) {
	case DO_HAND_DOMAIN:
		r->err = hand_domain(run->m, step->domain, step->group);
		break;
	case DO_HAND_ATTACH:
		r->err = hand_attach(run->m, step->domain, step->group);
		break;
	case DO_HAND_SETTLE:
		r->err = hand_settle(run->m, step->domain);
		break;
	case DO_HAND_DETACH:
		r->err = hand_detach(run->m, step->domain, step->group);
		break;
	case DO_HAND_FREE:
		r->err = hand_free(run->m, step->domain);
		break;
	default:
		do_hand_map(run, step, r);
		break;
	}
}

/**
 * do_step() - do one step that is no loop, picture or expectation
 */
void do_step(struct run *run, const struct step *step, struct result *r)
{
	switch (step->verb) {
	case DO_OPEN:
		do_open(run, step, r);
		break;
	case DO_CLOSE:
		if (open_container(run, step, r))
			machine_close(run->m, step->container);
		break;
	case DO_ATTACH:
		do_attach(run, step, r);
		break;
	case DO_DETACH:
		do_detach(run, step, r);
		break;
	case DO_MAP:
		do_map(run, step, r);
		break;
	case DO_UNMAP:
	case DO_UNMAP_ALL:
		do_unmap(run, step, r);
		break;
	case DO_BREAK:
		do_break(run, step, r);
		break;
	case DO_MEND:
		do_mend(run, step);
		break;
	case DO_SAY:
		break;
	case DO_EXPECT:
		do_expect(run, step, r);
		break;
	default:
		if (step->verb >= DO_HAND_DOMAIN)
			do_by_hand(run, step, r);
		else
			do_device_step(run, step, r);
		break;
	}
}
