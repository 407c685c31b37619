// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Ahead: memory that nobody has touched yet is faulted in by workers, before
 * the request comes to pin it.
 *
 * Of a map of untouched memory most is page faults: a page is found, cleared
 * and entered into the process's table, one after the other by the one thread
 * that asked. So that goes to several: memory is cut into slices, and each
 * worker takes the next that nobody has taken, beyond the one that the request
 * is in. When the request comes to a slice that a worker is still at, it takes
 * one itself until that one is done. Workers only fault in, as a touch by any
 * thread of the process would; they pin, bill and keep nothing. Whatever they
 * have done or left, the request pins all of it, in order, as if they had never
 * been, and there is nothing of theirs to undo.
 *
 * Whether memory is untouched is seen from the request's own page faults, so
 * that touched memory costs no more than to look at a counter. A worker that
 * finds nothing to do for a while ends, and one that is too far ahead does: a
 * request that is refused leaves no more than WINDOW slices touched for nothing.
 *
 * What is done for a process in another thread must not escape what holds for
 * the process:
 *
 * - memory control groups: pages are charged to that of the mm, whoever faults.
 *   Page tables, and what else the kernel needs, to that of the thread, which
 *   therefore takes the process's, and its group for I/O (pages may be swapped).
 * - huge pages of hugetlbfs are charged to groups of the thread, and there is no
 *   way to take another's. They are left to the request.
 * - NUMA: a policy of memory (mbind()) or of a shared file holds for any
 *   thread. With one of the thread's (set_mempolicy()), or when its cpuset does
 *   not have all memory, there are no workers. Where memory is best near the
 *   processor, workers must be: one that runs on another node than the request
 *   does ends.
 * - userfaultfd: a fault would wait for the process. Such memory is left to the
 *   request, and so are files: with memory that is anonymous or shmem, a fault
 *   waits for nobody's good will, and ends.
 * - a control group of processor time is escaped, as with anything that a
 *   workqueue does for a process; the "workers" parameter may be 0.
 *
 * No worker outlives the request, which has the mm's contents for as long.
 */
#include <linux/blk-cgroup.h>
#include <linux/cgroup.h>
#include <linux/memcontrol.h>
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/shmem_fs.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/topology.h>
#include <linux/userfaultfd_k.h>
#include <linux/workqueue.h>

#include "compat.h"
#include "host.h"

/* What is taken at a time: a huge page, where there are some. */
#define SLICE_BYTES	((unsigned long)SZ_2M)

/* So many slices the workers may be ahead of the request (64 MiB). */
#define WINDOW		32

/* After so many slices in a row in which there was nothing to do a worker ends. */
#define PATIENCE	8

/* Faulted in before it is looked whether somebody else wants the mmap lock. */
#define PIECE_PAGES	16

/* After so many pins in a row that took a fault, or one that took many, memory is untouched. */
#define COLD_PINS	3
#define FEW_FAULTS	32ul

/* Worker is not at any slice. */
#define NOWHERE		(~0ull)

struct worker {
	struct work_struct work;
	struct mf_ahead *ahead;
	u64 slice;
};

/**
 * struct mf_ahead - memory that a request is about to pin
 * @owner: whose
 * @mm: and that one's address space
 * @task: the thread that asked
 * @memcg: what control group of memory the process is in
 * @io: and of I/O
 * @first: the first address of it
 * @end: and the one behind the last
 * @flags: for what it is faulted in, as the pin does
 * @vaddr: to where the request has come
 * @faults: how many page faults it had taken by then
 * @cold: how many of its last pins took some
 * @lock: guards what follows, and where workers are
 * @node: where the request runs
 * @at: the slice that it is in
 * @next: the first that nobody has taken
 * @slices: how many there are
 * @again: before this one workers are not started once more
 * @full: the workers ended because they were too far ahead
 * @stop: something went wrong, or the request is over
 * @running: workers that were started and have not ended
 * @nr: how many there are
 * @workers: these
 */
struct mf_ahead {
	struct mf_owner *owner;
	struct mm_struct *mm;
	struct task_struct *task;
	struct mem_cgroup *memcg;
	struct cgroup_subsys_state *io;
	unsigned long first;
	unsigned long end;
	unsigned int flags;

	unsigned long vaddr;
	unsigned long faults;
	unsigned int cold;

	spinlock_t lock;	/* of all below */
	int node;
	u64 at;
	u64 next;
	u64 slices;
	u64 again;
	bool full;
	bool stop;
	unsigned int running;
	unsigned int nr;
	struct worker workers[];
};

static struct workqueue_struct *queue;

static unsigned long faults_taken(void)
{
	return current->min_flt + current->maj_flt;
}

/* Would the pin fault it in the same way, and can a fault wait for nobody but the kernel? */
static bool is_ours(const struct mf_ahead *a, struct vm_area_struct *vma)
{
	if (vma->vm_flags & (VM_IO | VM_PFNMAP | VM_MIXEDMAP) || userfaultfd_armed(vma))
		return false;
	/* Only to be read: a pin gives private memory a page of its own, a fault the zero page. */
	if (!(a->flags & FOLL_WRITE) && !(vma->vm_flags & VM_MAYSHARE))
		return false;
	return vma_is_anonymous(vma) ||
	       (vma->vm_file && shmem_mapping(vma->vm_file->f_mapping));
}

/* Fault in some, and go beyond it; the mmap lock is held. */
static int touch_piece(struct mf_ahead *a, unsigned long *at, unsigned long end)
{
	struct vm_area_struct *vma = find_vma(a->mm, *at);
	long got;

	if (!vma || vma->vm_start >= end) {
		*at = end;
		return 0;
	}
	*at = max(*at, vma->vm_start);
	end = min(end, vma->vm_end);
	if (!is_ours(a, vma)) {
		*at = end;
		return 0;
	}
	got = mfk_fault_in(a->mm, *at, min_t(long, (end - *at) >> PAGE_SHIFT, PIECE_PAGES),
			   a->flags);
	if (got <= 0)
		return got ? got : -EFAULT;
	*at += got << PAGE_SHIFT;
	return 0;
}

/* Let whoever wants the mmap lock for writing have it. */
static void make_way(struct mf_ahead *a)
{
	if (!mfk_owner_is_waited_for(a->owner) && !mmap_lock_is_contended(a->mm))
		return;
	mmap_read_unlock(a->mm);
	cond_resched();
	mfk_owner_let_in(a->owner);
	mmap_read_lock(a->mm);
}

static bool is_over(const struct mf_ahead *a)
{
	return READ_ONCE(a->stop) || fatal_signal_pending(a->task);
}

/*
 * Fault a slice in. What goes wrong the request will see for itself, when it
 * comes to it: there is nothing to be done ahead any more.
 */
static void touch(struct mf_ahead *a, u64 slice)
{
	unsigned long start = round_down(a->first, SLICE_BYTES) + slice * SLICE_BYTES;
	unsigned long end = min(start + SLICE_BYTES, a->end);
	unsigned long at = max(start, a->first);
	/* Not from where pages must stay movable: there the pin would move them out again. */
	unsigned int flags = memalloc_pin_save();
	int err = 0;

	mfk_owner_let_in(a->owner);
	mmap_read_lock(a->mm);
	while (!err && at < end && !is_over(a)) {
		err = touch_piece(a, &at, end);
		make_way(a);
	}
	mmap_read_unlock(a->mm);
	memalloc_pin_restore(flags);
	if (err)
		WRITE_ONCE(a->stop, true);
}

/* The next slice, when the request is at @at; the lock is held. */
static bool take_locked(struct mf_ahead *a, u64 at, u64 *slice)
{
	if (a->stop || a->next >= a->slices || a->next > at + WINDOW)
		return false;
	*slice = a->next++;
	return true;
}

/* What a worker does next, if it does not end. @idle: slices for which it was not needed. */
static bool work_on(struct mf_ahead *a, struct worker *w, unsigned int idle)
{
	bool more = false;

	spin_lock(&a->lock);
	w->slice = NOWHERE;
	if (idle >= PATIENCE || numa_node_id() != a->node)
		a->again = a->at + WINDOW;
	else
		more = take_locked(a, a->at, &w->slice);
	if (!more) {
		a->full |= a->next > a->at + WINDOW;
		a->running--;
	}
	spin_unlock(&a->lock);
	return more;
}

static void work(struct work_struct *work)
{
	struct worker *w = container_of(work, struct worker, work);
	struct mf_ahead *a = w->ahead;
	struct mem_cgroup *old = set_active_memcg(a->memcg);
	unsigned int idle = 0;
	unsigned long before;

	kthread_associate_blkcg(a->io);
	while (work_on(a, w, idle)) {
		before = faults_taken();
		touch(a, w->slice);
		idle = faults_taken() == before ? idle + 1 : 0;
	}
	kthread_associate_blkcg(NULL);
	set_active_memcg(old);
}

static void workers_start_locked(struct mf_ahead *a)
{
	unsigned int i;

	if (a->running || a->stop)
		return;
	a->full = false;
	a->running = a->nr;
	for (i = 0; i < a->nr; i++)
		queue_work_node(a->node, queue, &a->workers[i].work);
}

/* A worker is at this slice; the lock is held. */
static bool is_in_hand(const struct mf_ahead *a, u64 slice)
{
	unsigned int i;

	for (i = 0; i < a->nr; i++) {
		if (a->workers[i].slice == slice)
			return true;
	}
	return false;
}

/* The request comes to a slice: while a worker is at it, it does another. */
static bool come_to(struct mf_ahead *a, u64 slice, u64 *other)
{
	bool take;

	spin_lock(&a->lock);
	a->node = numa_node_id();
	a->at = slice;
	a->next = max(a->next, slice + 1);
	if (a->full && a->next <= slice + WINDOW / 2)
		workers_start_locked(a);
	take = is_in_hand(a, slice) && take_locked(a, slice, other);
	spin_unlock(&a->lock);
	return take;
}

/* What the last pin, that of what is before @vaddr, says about memory. */
static void learn(struct mf_ahead *a, unsigned long vaddr)
{
	unsigned long pages = (vaddr - a->vaddr) >> PAGE_SHIFT;
	unsigned long faults = faults_taken() - a->faults;

	if (vaddr <= a->vaddr || !faults)
		a->cold = 0;
	else if (faults >= max(pages / 2, FEW_FAULTS))
		a->cold = COLD_PINS;
	else
		a->cold++;
	if (a->cold < COLD_PINS)
		return;
	spin_lock(&a->lock);
	if (a->at >= a->again)
		workers_start_locked(a);
	spin_unlock(&a->lock);
}

/**
 * mfk_ahead_reach() - the request is about to pin what is at an address
 * @a: what it is part of
 * @vaddr: the address; what is before it was pinned
 *
 * Context: may take as long as it takes to fault some memory in.
 */
void mfk_ahead_reach(struct mf_ahead *a, u64 vaddr)
{
	unsigned long to = untagged_addr((unsigned long)vaddr);
	u64 slice = (to - round_down(a->first, SLICE_BYTES)) / SLICE_BYTES, other;

	learn(a, to);
	if (slice != a->at) {
		while (come_to(a, slice, &other))
			touch(a, other);
	}
	a->vaddr = to;
	a->faults = faults_taken();
}

/* Does it make no difference to where a page is taken from, which thread faults it in? */
static bool is_placed_freely(void)
{
#ifdef CONFIG_CPUSETS
	/* It may change meanwhile, as it may while the request faults pages in itself. */
	if (!nodes_subset(node_states[N_MEMORY], current->mems_allowed))
		return false;
#endif
#ifdef CONFIG_NUMA
	return !current->mempolicy;
#else
	return true;
#endif
}

static void adopt_groups(struct mf_ahead *a)
{
	a->memcg = get_mem_cgroup_from_mm(a->mm);
#ifdef CONFIG_BLK_CGROUP
	a->io = task_get_css(current, io_cgrp_id);
#endif
}

static void drop_groups(struct mf_ahead *a)
{
	mem_cgroup_put(a->memcg);
	if (a->io)
		css_put(a->io);
}

/* See @ahead_begin of struct mf_host_ops. */
struct mf_ahead *mfk_ahead_begin(struct mf_host *host, struct mf_owner *owner, u64 vaddr,
				 u64 pages, u32 prot)
{
	unsigned long first = untagged_addr((unsigned long)vaddr);
	unsigned int nr = READ_ONCE(mfk_workers), i;
	struct mf_ahead *a;

	if (!nr || mfk_owner_mm(owner) != current->mm || !is_placed_freely() ||
	    !access_ok((void __user *)first, pages << PAGE_SHIFT))
		return NULL;
	a = kzalloc(struct_size(a, workers, nr), GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (!a)
		return NULL;

	a->owner = owner;
	a->mm = current->mm;
	a->task = current;
	a->first = first;
	a->end = first + (pages << PAGE_SHIFT);
	a->flags = prot & MF_WRITE ? FOLL_WRITE : 0;
	a->vaddr = first;
	a->faults = faults_taken();
	spin_lock_init(&a->lock);
	a->node = numa_node_id();
	a->next = 1;
	a->slices = DIV_ROUND_UP(a->end - round_down(first, SLICE_BYTES), SLICE_BYTES);
	a->nr = nr;
	for (i = 0; i < nr; i++) {
		INIT_WORK(&a->workers[i].work, work);
		a->workers[i].ahead = a;
		a->workers[i].slice = NOWHERE;
	}
	adopt_groups(a);
	return a;
}

/* See @ahead_end of struct mf_host_ops. */
void mfk_ahead_end(struct mf_host *host, struct mf_ahead *a)
{
	unsigned int i;

	spin_lock(&a->lock);
	a->stop = true;
	spin_unlock(&a->lock);
	for (i = 0; i < a->nr; i++)
		cancel_work_sync(&a->workers[i].work);
	drop_groups(a);
	kfree(a);
}

/* No more run at a time, for all requests together, than there are processors. */
int mfk_ahead_init(void)
{
	queue = alloc_workqueue(KBUILD_MODNAME "_ahead", WQ_UNBOUND | WQ_SYSFS,
				min(num_online_cpus(), 256u));
	return queue ? 0 : -ENOMEM;
}

void mfk_ahead_exit(void)
{
	destroy_workqueue(queue);
}
