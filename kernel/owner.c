// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Owners: the address spaces whose pages are pinned, and their bill.
 *
 * There is one owner per mm, shared by all containers, and it holds on to the
 * mm itself, not to its contents (mmgrab, not mmget): a process may exit while
 * a mapping lives on, and then nobody is left to bill. The limit is that of the
 * process that first mapped something, whoever asks. A container keeps the first
 * owner it had for as long as it is there.
 *
 * The bill is the mm's locked_vm, which it shares with mlock() and everything
 * else that counts against RLIMIT_MEMLOCK. It is changed under the mmap lock
 * held for writing, which blocks the owner's page faults; so the engine asks
 * for many pages at a time. CAP_IPC_LOCK lifts the limit, not the count.
 *
 * Who waits for that lock can wait long while workers fault pages in (ahead.c):
 * they hold it for reading most of the time, and a reader that comes back gets it
 * before a writer that sleeps. So the bill is made behind a gate, and workers let
 * go, and stay out, while somebody has that.
 *
 * Which pages are billed the engine keeps in the owner's ledger, and it asks for
 * the bill with the ledger's lock held. So that is taken before the mmap lock, and
 * who holds an mmap lock may not call the engine.
 */
#include <linux/atomic.h>
#include <linux/hashtable.h>
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/slab.h>

#include "host.h"

struct mf_owner {
	struct hlist_node node;
	refcount_t refs;
	struct mm_struct *mm;
	struct task_struct *task;
	pid_t pid;
	atomic64_t billed;
	struct mutex gate;	/* whoever has it is to get the mmap lock before workers do */
	struct mf_ledger ledger;
};

static DEFINE_HASHTABLE(owners, 6);
static DEFINE_SPINLOCK(owners_lock);

static struct mf_owner *find_locked(struct mm_struct *mm)
{
	struct mf_owner *owner;

	hash_for_each_possible(owners, owner, node, (unsigned long)mm) {
		if (owner->mm == mm) {
			refcount_inc(&owner->refs);
			return owner;
		}
	}
	return NULL;
}

/* The owner that has @mm, or a new one. */
static struct mf_owner *find_or_make(struct mm_struct *mm)
{
	struct mf_owner *owner, *fresh;

	spin_lock(&owners_lock);
	owner = find_locked(mm);
	spin_unlock(&owners_lock);
	if (owner)
		return owner;

	fresh = kzalloc(sizeof(*fresh), GFP_KERNEL_ACCOUNT);
	if (!fresh)
		return ERR_PTR(-ENOMEM);

	spin_lock(&owners_lock);
	owner = find_locked(mm);
	if (!owner) {
		refcount_set(&fresh->refs, 1);
		mmgrab(mm);
		fresh->mm = mm;
		fresh->task = get_task_struct(current->group_leader);
		fresh->pid = task_tgid_nr(current);
		mutex_init(&fresh->gate);
		mf_ledger_init(&fresh->ledger);
		hash_add(owners, &fresh->node, (unsigned long)mm);
		owner = fresh;
		fresh = NULL;
	}
	spin_unlock(&owners_lock);
	kfree(fresh);
	return owner;
}

/**
 * mfk_owner_current() - the owner that the calling process is
 * @known: where a container keeps the first that asked; NULL there: none has
 *
 * Nearly all containers have one owner ever. That one is found without a lock,
 * it is the container's reference that is relied upon, and it need not be made
 * anew when it has had no mapping for a while.
 *
 * Return: the owner, to be given to mfk_owner_done() while the container is held;
 * -ENODEV for a task without memory, or -ENOMEM.
 */
struct mf_owner *mfk_owner_current(struct mf_owner **known)
{
	/* What it points to is as find_or_make() left it: the pair of cmpxchg(). */
	struct mf_owner *owner = smp_load_acquire(known), *first;
	struct mm_struct *mm = current->mm;

	if (!mm)
		return ERR_PTR(-ENODEV);
	if (owner && owner->mm == mm)
		return owner;

	owner = find_or_make(mm);
	if (IS_ERR(owner))
		return owner;
	/* The first one's reference is the container's from now on. */
	first = cmpxchg(known, NULL, owner);
	if (first == owner)
		mfk_owner_put(&mfk_host, owner);
	return owner;
}

/**
 * mfk_owner_done() - the end of what mfk_owner_current() began
 * @known: the same as there; which, once it is set, stays so
 * @owner: what it returned
 */
void mfk_owner_done(struct mf_owner **known, struct mf_owner *owner)
{
	if (owner != READ_ONCE(*known))
		mfk_owner_put(&mfk_host, owner);
}

void mfk_owner_get(struct mf_host *host, struct mf_owner *owner)
{
	refcount_inc(&owner->refs);
}

void mfk_owner_put(struct mf_host *host, struct mf_owner *owner)
{
	if (!refcount_dec_and_lock(&owner->refs, &owners_lock))
		return;
	__acquire(&owners_lock);	/* what sparse can't see for itself */
	hash_del(&owner->node);
	spin_unlock(&owners_lock);
	WARN_ON_ONCE(atomic64_read(&owner->billed) || owner->ledger.bytes);
	mf_ledger_fini(&owner->ledger);
	mutex_destroy(&owner->gate);
	mmdrop(owner->mm);
	put_task_struct(owner->task);
	kfree(owner);
}

/* The module ends, and so has every container: an owner that is left would never be given back. */
void mfk_owner_exit(void)
{
	WARN_ON_ONCE(!hash_empty(owners));
}

struct mm_struct *mfk_owner_mm(const struct mf_owner *owner)
{
	return owner->mm;
}

pid_t mfk_owner_pid(const struct mf_owner *owner)
{
	return owner->pid;
}

struct mf_ledger *mfk_owner_ledger(struct mf_host *host, struct mf_owner *owner)
{
	return &owner->ledger;
}

/* Pages of the owner's that are locked by anybody and anything, and how many may be. */
void mfk_owner_limit(struct mf_host *host, struct mf_owner *owner, u64 *billed, u64 *limit)
{
	*billed = READ_ONCE(owner->mm->locked_vm);
	*limit = task_rlimit(owner->task, RLIMIT_MEMLOCK) >> PAGE_SHIFT;
}

/* Pages billed to the owner by all containers. */
u64 mfk_owner_billed(const struct mf_owner *owner)
{
	return atomic64_read(&owner->billed);
}

/* Keep the owner's mm from ending; whose own it is has it anyway. False: it has ended. */
static bool hold_mm(struct mf_owner *owner)
{
	return owner->mm == current->mm || mmget_not_zero(owner->mm);
}

static void release_mm(struct mf_owner *owner)
{
	if (owner->mm != current->mm)
		mmput(owner->mm);
}

/**
 * mfk_bill() - count pages against the owner's RLIMIT_MEMLOCK
 * @host: the host
 * @owner: whose
 * @pages: how many
 * @unlimited: whatever the limit is
 *
 * Return: 0, -ENOMEM beyond the limit, -EINTR when killed while waiting, or
 * -ESRCH when the owner has exited.
 */
int mfk_bill(struct mf_host *host, struct mf_owner *owner, u64 pages, bool unlimited)
{
	int err = -EINTR;

	if (!hold_mm(owner))
		return -ESRCH;
	if (!mutex_lock_killable(&owner->gate)) {
		if (!mmap_write_lock_killable(owner->mm)) {
			err = __account_locked_vm(owner->mm, pages, true, owner->task, unlimited);
			mmap_write_unlock(owner->mm);
		}
		mutex_unlock(&owner->gate);
	}
	release_mm(owner);

	if (!err)
		atomic64_add(pages, &owner->billed);
	return err;
}

/* Take pages off the bill; after an exit there is nobody left to refund. */
void mfk_unbill(struct mf_host *host, struct mf_owner *owner, u64 pages)
{
	atomic64_sub(pages, &owner->billed);
	if (!hold_mm(owner))
		return;
	mutex_lock(&owner->gate);
	mmap_write_lock(owner->mm);
	__account_locked_vm(owner->mm, pages, false, owner->task, true);
	mmap_write_unlock(owner->mm);
	mutex_unlock(&owner->gate);
	release_mm(owner);
}

/**
 * mfk_owner_is_waited_for() - somebody wants the owner's mmap lock for a bill
 * @owner: whose
 *
 * Context: the mmap lock may be held, for reading.
 * Return: whether who holds it is to let go, and to call mfk_owner_let_in().
 */
bool mfk_owner_is_waited_for(struct mf_owner *owner)
{
	return mutex_is_locked(&owner->gate);
}

/* Wait until bills are made. Context: the mmap lock is not held. */
void mfk_owner_let_in(struct mf_owner *owner)
{
	if (!mfk_owner_is_waited_for(owner))
		return;
	mutex_lock(&owner->gate);
	mutex_unlock(&owner->gate);
}
