// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Gates and requests.
 *
 * That a request waits cannot be seen from outside without guessing how long
 * it would take not to. So the linker gives us the engine's own waiting: every
 * pthread_cond_wait() of the program goes through __wrap_pthread_cond_wait(),
 * and when a request's thread gets there, it is about to wait on the turnstile,
 * whose lock it holds: from then on no turn can be missed.
 */
#include <stdlib.h>

#include "tests/threads/gate.h"

int __real_pthread_cond_wait(pthread_cond_t *cond, pthread_mutex_t *lock);
int __wrap_pthread_cond_wait(pthread_cond_t *cond, pthread_mutex_t *lock);

static pthread_mutex_t requests_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t requests_moved = PTHREAD_COND_INITIALIZER;
static __thread struct request *own;

/* Note that the request got somewhere. */
static void note(bool *what)
{
	pthread_mutex_lock(&requests_lock);
	*what = true;
	pthread_cond_broadcast(&requests_moved);
	pthread_mutex_unlock(&requests_lock);
}

int __wrap_pthread_cond_wait(pthread_cond_t *cond, pthread_mutex_t *lock)
{
	if (own)
		note(&own->waits);
	return __real_pthread_cond_wait(cond, lock);
}

void gate_init(struct gate *g)
{
	pthread_mutex_init(&g->lock, NULL);
	pthread_cond_init(&g->moved, NULL);
	g->reached = false;
	g->open = false;
}

void gate_fini(struct gate *g)
{
	pthread_cond_destroy(&g->moved);
	pthread_mutex_destroy(&g->lock);
}

/* Stop here until the gate is open. */
void gate_pass(struct gate *g)
{
	pthread_mutex_lock(&g->lock);
	g->reached = true;
	pthread_cond_broadcast(&g->moved);
	while (!g->open)
		__real_pthread_cond_wait(&g->moved, &g->lock);
	pthread_mutex_unlock(&g->lock);
}

/* Return when somebody has stopped at the gate. */
void gate_await(struct gate *g)
{
	pthread_mutex_lock(&g->lock);
	while (!g->reached)
		__real_pthread_cond_wait(&g->moved, &g->lock);
	pthread_mutex_unlock(&g->lock);
}

void gate_open(struct gate *g)
{
	pthread_mutex_lock(&g->lock);
	g->open = true;
	pthread_cond_broadcast(&g->moved);
	pthread_mutex_unlock(&g->lock);
}

int make_map(struct request *r)
{
	return mf_map(r->c, r->owner, r->iova, r->vaddr, r->size, MF_READ | MF_WRITE, 0, &r->why);
}

int make_unmap(struct request *r)
{
	return mf_unmap(r->c, r->iova, r->size, &r->unmapped, &r->why);
}

int make_unmap_all(struct request *r)
{
	return mf_unmap_all(r->c, &r->unmapped, &r->why);
}

static void *run(void *context)
{
	struct request *r = context;

	own = r;
	r->err = r->make(r);
	note(&r->returned);
	return NULL;
}

void request_start(struct request *r)
{
	r->waits = false;
	r->returned = false;
	if (pthread_create(&r->thread, NULL, run, r))
		abort();
}

/* Return when the request waits for another one; it must not end before. */
void request_await_wait(struct request *r)
{
	bool returned;

	pthread_mutex_lock(&requests_lock);
	while (!r->waits && !r->returned)
		__real_pthread_cond_wait(&requests_moved, &requests_lock);
	returned = r->returned;
	pthread_mutex_unlock(&requests_lock);
	if (returned)
		abort();
}

void request_join(struct request *r)
{
	pthread_join(r->thread, NULL);
}
