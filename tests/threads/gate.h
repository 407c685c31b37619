/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Threads that stop where a test wants them, and tell when they wait.
 */
#ifndef MF_TEST_GATE_H
#define MF_TEST_GATE_H

#include <pthread.h>

#include "core/manifold.h"

/* A place where one thread stops until another lets it go on. */
struct gate {
	pthread_mutex_t lock;
	pthread_cond_t moved;
	bool reached;
	bool open;
};

/* A request made by a thread of its own. */
struct request {
	int (*make)(struct request *r);
	struct mf_container *c;
	struct mf_owner *owner;
	u64 iova;
	u64 vaddr;
	u64 size;

	int err;
	u64 unmapped;
	struct mf_refusal why;

	pthread_t thread;
	bool waits;	/* it has begun to wait for another request */
	bool returned;
};

void gate_init(struct gate *g);
void gate_fini(struct gate *g);
void gate_pass(struct gate *g);
void gate_await(struct gate *g);
void gate_open(struct gate *g);

int make_map(struct request *r);
int make_unmap(struct request *r);
int make_unmap_all(struct request *r);

void request_start(struct request *r);
void request_await_wait(struct request *r);
void request_join(struct request *r);

#endif /* MF_TEST_GATE_H */
