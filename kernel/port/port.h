/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * What the engine needs of its environment, in the Linux kernel. The contract
 * is at the head of core/host.h.
 */
#ifndef MF_PORT_H
#define MF_PORT_H

#include <linux/atomic.h>
#include <linux/bitops.h>
#include <linux/errno.h>
#include <linux/iommu.h>
#include <linux/mutex.h>
#include <linux/rwsem.h>
#include <linux/string.h>
#include <linux/types.h>
#include <linux/wait.h>

#if BITS_PER_LONG != 64
#error "Manifold serves 64-bit kernels"
#endif

#define MF_PAGE_SHIFT PAGE_SHIFT

struct mf_host_ops;

static inline bool mf_set_bit(u64 *bits, u64 nr)
{
	return __test_and_set_bit(nr, (unsigned long *)bits);
}

static inline void mf_clear_bit(u64 *bits, u64 nr)
{
	__clear_bit(nr, (unsigned long *)bits);
}

struct mf_rwlock {
	struct rw_semaphore sem;
};

/* Macros, so that lockdep gives each place of initialisation its own class. */
#define mf_rwlock_init(l)	init_rwsem(&(l)->sem)
#define mf_mutex_init(m)	mutex_init(&(m)->mutex)

static inline void mf_rwlock_fini(struct mf_rwlock *l)
{
}

static inline void mf_rwlock_read_lock(struct mf_rwlock *l)
{
	down_read(&l->sem);
}

static inline void mf_rwlock_read_unlock(struct mf_rwlock *l)
{
	up_read(&l->sem);
}

static inline void mf_rwlock_write_lock(struct mf_rwlock *l)
{
	down_write(&l->sem);
}

static inline void mf_rwlock_write_unlock(struct mf_rwlock *l)
{
	up_write(&l->sem);
}

struct mf_mutex {
	struct mutex mutex;
};

static inline void mf_mutex_fini(struct mf_mutex *m)
{
	mutex_destroy(&m->mutex);
}

static inline void mf_mutex_lock(struct mf_mutex *m)
{
	mutex_lock(&m->mutex);
}

static inline void mf_mutex_unlock(struct mf_mutex *m)
{
	mutex_unlock(&m->mutex);
}

struct mf_turnstile {
	atomic64_t turn;
	wait_queue_head_t waiters;
};

static inline void mf_turnstile_init(struct mf_turnstile *t)
{
	atomic64_set(&t->turn, 0);
	init_waitqueue_head(&t->waiters);
}

static inline void mf_turnstile_fini(struct mf_turnstile *t)
{
}

static inline u64 mf_turnstile_read(struct mf_turnstile *t)
{
	return atomic64_read(&t->turn);
}

static inline void mf_turnstile_advance(struct mf_turnstile *t)
{
	atomic64_inc(&t->turn);
	if (wq_has_sleeper(&t->waiters))
		wake_up_all(&t->waiters);
}

static inline int mf_turnstile_wait(struct mf_turnstile *t, u64 turn)
{
	return wait_event_killable(t->waiters, mf_turnstile_read(t) != turn) ? -EINTR : 0;
}

/* @any: something was unmapped, all of it from @first to @last; see tables.c. */
struct mf_gather {
	struct iommu_iotlb_gather iotlb;
	u64 first;
	u64 last;
	bool any;
};

static inline void mf_gather_init(struct mf_gather *g)
{
	iommu_iotlb_gather_init(&g->iotlb);
	g->first = 0;
	g->last = 0;
	g->any = false;
}

/* Linux is the only host there is here; see kernel/host.c. */
extern const struct mf_host_ops mfk_ops;

#define mf_ops(host)	((void)(host), &mfk_ops)

/* Is any tracepoint on that events of this type go to? See events.c. */
#define mf_listens(type)	mfk_listens(type)
bool mfk_listens(unsigned int type);

#endif /* MF_PORT_H */
