/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * What the engine needs of its environment, on POSIX. The contract is at the
 * head of core/host.h.
 */
#ifndef MF_PORT_H
#define MF_PORT_H

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef unsigned long long u64;
typedef long long s64;

#define MF_PAGE_SHIFT 12

static inline bool mf_set_bit(u64 *bits, u64 nr)
{
	u64 bit = 1ull << nr % 64, was = bits[nr / 64];

	bits[nr / 64] = was | bit;
	return was & bit;
}

static inline void mf_clear_bit(u64 *bits, u64 nr)
{
	bits[nr / 64] &= ~(1ull << nr % 64);
}

struct mf_rwlock {
	pthread_rwlock_t lock;
};

static inline void mf_rwlock_init(struct mf_rwlock *l)
{
	pthread_rwlock_init(&l->lock, NULL);
}

static inline void mf_rwlock_fini(struct mf_rwlock *l)
{
	pthread_rwlock_destroy(&l->lock);
}

static inline void mf_rwlock_read_lock(struct mf_rwlock *l)
{
	pthread_rwlock_rdlock(&l->lock);
}

static inline void mf_rwlock_read_unlock(struct mf_rwlock *l)
{
	pthread_rwlock_unlock(&l->lock);
}

static inline void mf_rwlock_write_lock(struct mf_rwlock *l)
{
	pthread_rwlock_wrlock(&l->lock);
}

static inline void mf_rwlock_write_unlock(struct mf_rwlock *l)
{
	pthread_rwlock_unlock(&l->lock);
}

struct mf_mutex {
	pthread_mutex_t lock;
};

static inline void mf_mutex_init(struct mf_mutex *m)
{
	pthread_mutex_init(&m->lock, NULL);
}

static inline void mf_mutex_fini(struct mf_mutex *m)
{
	pthread_mutex_destroy(&m->lock);
}

static inline void mf_mutex_lock(struct mf_mutex *m)
{
	pthread_mutex_lock(&m->lock);
}

static inline void mf_mutex_unlock(struct mf_mutex *m)
{
	pthread_mutex_unlock(&m->lock);
}

struct mf_turnstile {
	pthread_mutex_t lock;
	pthread_cond_t turned;
	u64 turn;
};

static inline void mf_turnstile_init(struct mf_turnstile *t)
{
	pthread_mutex_init(&t->lock, NULL);
	pthread_cond_init(&t->turned, NULL);
	t->turn = 0;
}

static inline void mf_turnstile_fini(struct mf_turnstile *t)
{
	pthread_cond_destroy(&t->turned);
	pthread_mutex_destroy(&t->lock);
}

static inline u64 mf_turnstile_read(struct mf_turnstile *t)
{
	u64 turn;

	pthread_mutex_lock(&t->lock);
	turn = t->turn;
	pthread_mutex_unlock(&t->lock);
	return turn;
}

static inline void mf_turnstile_advance(struct mf_turnstile *t)
{
	pthread_mutex_lock(&t->lock);
	t->turn++;
	pthread_cond_broadcast(&t->turned);
	pthread_mutex_unlock(&t->lock);
}

static inline int mf_turnstile_wait(struct mf_turnstile *t, u64 turn)
{
	pthread_mutex_lock(&t->lock);
	while (t->turn == turn)
		pthread_cond_wait(&t->turned, &t->lock);
	pthread_mutex_unlock(&t->lock);
	return 0;
}

/* What a unit must still forget: one range that covers all that was unmapped. */
struct mf_gather {
	u64 first;
	u64 last;
};

static inline void mf_gather_init(struct mf_gather *g)
{
	g->first = ~0ull;
	g->last = 0;
}

#endif /* MF_PORT_H */
