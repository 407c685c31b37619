/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Something that is done on the second processor at the same time. */
#ifndef BENCH_ASIDE_H
#define BENCH_ASIDE_H

#include <pthread.h>
#include <stdatomic.h>

struct aside {
	void (*run)(void *with);
	void *with;
	pthread_t thread;
	atomic_int state;
};

/*
 * The thread is there and waits, and the caller is kept on the first processor, so that neither is
 * woken while it is measured. 0 or a negative errno; -ENOTSUP: there is one processor.
 */
int aside_prepare(struct aside *aside, void (*run)(void *with), void *with);
/* It runs now. */
void aside_go(struct aside *aside);
/* It has run. */
void aside_wait(struct aside *aside);
/* After that, and when it never went: the thread ends, and the caller may be anywhere again. */
void aside_end(struct aside *aside);

#endif /* BENCH_ASIDE_H */
