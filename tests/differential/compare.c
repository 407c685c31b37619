// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include "compare.h"

#include <string.h>

enum fact_name difference_in(const struct difference *d)
{
	enum backend which = d->fact < d->nr[IN_TREE] ? IN_TREE : MANIFOLD;

	return d->facts[which][d->fact].name;
}

__u64 said(const struct difference *d, enum backend which, enum fact_name name,
	   __u64 otherwise)
{
	return fact_of(d->facts[which], d->nr[which], name, otherwise);
}

static bool same_fact(const struct fact *a, const struct fact *b)
{
	return a->name == b->name && a->index == b->index && a->at == b->at &&
	       a->value == b->value;
}

bool only_in(const struct difference *d, __u64 names)
{
	unsigned int a = 0, b = 0;

	for (;;) {
		while (a < d->nr[IN_TREE] && names >> d->facts[IN_TREE][a].name & 1)
			a++;
		while (b < d->nr[MANIFOLD] && names >> d->facts[MANIFOLD][b].name & 1)
			b++;
		if (a == d->nr[IN_TREE] || b == d->nr[MANIFOLD])
			return a == d->nr[IN_TREE] && b == d->nr[MANIFOLD];
		if (!same_fact(&d->facts[IN_TREE][a++], &d->facts[MANIFOLD][b++]))
			return false;
	}
}

/* Where the facts of the step part; false: they do not. */
static bool find_fact(struct difference *d)
{
	unsigned int i;

	for (i = 0; i < d->nr[IN_TREE] && i < d->nr[MANIFOLD]; i++) {
		if (!same_fact(&d->facts[IN_TREE][i], &d->facts[MANIFOLD][i]))
			break;
	}
	d->fact = i;
	return i < d->nr[IN_TREE] || i < d->nr[MANIFOLD];
}

static struct intended *find_intended(const struct sequence *sequence,
				      const struct difference *d)
{
	unsigned int i;

	for (i = 0; i < nr_intended; i++) {
		if (intended[i].is(sequence, d))
			return &intended[i];
	}
	return NULL;
}

bool compare(const struct sequence *sequence, struct transcript *const transcripts[BACKENDS],
	     unsigned int number, struct difference *d)
{
	unsigned int step, b;

	for (step = 0; step <= sequence->nr; step++) {
		struct intended *known;

		d->step = step;
		d->kind = step < sequence->nr ? sequence->steps[step].kind : STEP_NONE;
		for (b = 0; b < BACKENDS; b++) {
			const struct transcript *t = &transcripts[b][number];

			/* There was no room to write it down: nothing can be said. */
			if (t->overflow)
				return false;
			d->facts[b] = &t->facts[t->first[step]];
			d->nr[b] = t->first[step + 1] - t->first[step];
		}
		if (!find_fact(d))
			continue;
		known = find_intended(sequence, d);
		if (!known)
			return true;
		known->seen++;
		if (!known->goes_on)
			return false;
	}
	return false;
}

bool alike(const struct difference *a, const struct difference *b)
{
	return a->kind == b->kind && difference_in(a) == difference_in(b);
}
