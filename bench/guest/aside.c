// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include "aside.h"

#include <errno.h>
#include <sched.h>

enum { STARTING, READY, GO, DONE, END };

/* One of the first two processors, or with -1 either. */
static int stay_on(int processor)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	if (processor != 1)
		CPU_SET(0, &set);
	if (processor)
		CPU_SET(1, &set);
	return sched_setaffinity(0, sizeof(set), &set) ? -errno : 0;
}

static void *live(void *argument)
{
	struct aside *aside = argument;
	int state;

	stay_on(1);
	atomic_store(&aside->state, READY);
	do {
		state = atomic_load(&aside->state);
		if (state == GO) {
			aside->run(aside->with);
			atomic_store(&aside->state, DONE);
		}
	} while (state != END);
	return NULL;
}

int aside_prepare(struct aside *aside, void (*run)(void *with), void *with)
{
	int err = stay_on(1);

	/* That it can be had at all is known now. */
	if (!err)
		err = stay_on(0);
	if (err)
		return err == -EINVAL ? -ENOTSUP : err;
	aside->run = run;
	aside->with = with;
	atomic_init(&aside->state, STARTING);
	err = -pthread_create(&aside->thread, NULL, live, aside);
	if (err)
		stay_on(-1);
	while (!err && atomic_load(&aside->state) != READY)
		sched_yield();
	return err;
}

void aside_go(struct aside *aside)
{
	atomic_store(&aside->state, GO);
}

void aside_wait(struct aside *aside)
{
	while (atomic_load(&aside->state) != DONE)
		;
}

void aside_end(struct aside *aside)
{
	atomic_store(&aside->state, END);
	pthread_join(aside->thread, NULL);
	stay_on(-1);
}
