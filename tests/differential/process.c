// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include "process.h"

#include <errno.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

void wait_for_change(__u32 *word, __u32 from, unsigned int ms)
{
	struct timespec time = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L };

	syscall(SYS_futex, word, FUTEX_WAIT, from, ms ? &time : NULL, NULL, 0);
}

void wake(__u32 *word)
{
	syscall(SYS_futex, word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

void add_result(struct facts *facts, long result)
{
	int error = errno;

	fact_add(facts, FACT_RESULT, 0, 0, (__u64)result);
	if (result == -1)
		fact_add(facts, FACT_ERRNO, 0, 0, (__u64)error);
}

/* --- what a process does to itself ---------------------------------------------------------- */

/*
 * The child is the player's too, so that the player can wait for its end. By the
 * time that it runs, the parent's box may have another step in it.
 */
static void do_fork(const struct step *step, struct box *box)
{
	unsigned int number = (unsigned int)step->value;
	long child = syscall(SYS_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0);

	if (!child)
		process_live(number);
	box->child = (pid_t)child;
	add_result(&box->facts, child < 0 ? -1 : 0);
}

static void do_exec(const struct step *step, struct box *box)
{
	char number[4];

	snprintf(number, sizeof(number), "%u", step->process);
	execl("/proc/self/exe", "vfio-differential", "--process", number, NULL);
	add_result(&box->facts, -1);
}

static void do_limit(const struct step *step, struct box *box)
{
	struct rlimit limit;

	if (!getrlimit(RLIMIT_MEMLOCK, &limit)) {
		limit.rlim_cur = step->value;
		limit.rlim_max = RLIM_INFINITY;
	}
	add_result(&box->facts, setrlimit(RLIMIT_MEMLOCK, &limit));
}

/* CAP_IPC_LOCK among the effective ones, or not. */
static void do_capability(const struct step *step, struct box *box)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { 0 };
	long result = syscall(SYS_capget, &header, data);

	if (!result) {
		data[0].effective &= ~(1u << CAP_IPC_LOCK);
		if (step->value)
			data[0].effective |= data[0].permitted & 1u << CAP_IPC_LOCK;
		result = syscall(SYS_capset, &header, data);
	}
	add_result(&box->facts, result);
}

static void do_step(struct box *box)
{
	const struct step *step = &box->step;

	switch (step->kind) {
	case STEP_FORK:
		do_fork(step, box);
		break;
	case STEP_EXEC:
		do_exec(step, box);
		break;
	case STEP_EXIT:
		_exit(0);
	case STEP_LIMIT:
		do_limit(step, box);
		break;
	case STEP_CAPABILITY:
		do_capability(step, box);
		break;
	default:
		if (step->kind >= STEP_MEMORY && step->kind <= STEP_MUNLOCK)
			perform_memory(step, &box->facts);
		else
			perform(step, &box->facts);
	}
}

/* --- its life -------------------------------------------------------------------------------- */

static void answer(struct box *box)
{
	__atomic_store_n(&box->done, box->request, __ATOMIC_RELEASE);
	wake(&box->done);
}

static void live(struct box *box)
{
	for (;;) {
		__u32 done = __atomic_load_n(&box->done, __ATOMIC_ACQUIRE);

		while (__atomic_load_n(&box->request, __ATOMIC_ACQUIRE) == done)
			wait_for_change(&box->request, done, 0);
		do_step(box);
		answer(box);
	}
}

void process_live(unsigned int number)
{
	/* Nobody is left behind when the player dies. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	perform_prepare();
	perform_memory_prepare();
	live(&board->boxes[number]);
	__builtin_unreachable();
}

void process_live_again(unsigned int number)
{
	void *at = (void *)STAGE_ADDRESS;

	if (number >= MAX_PROCESSES ||
	    mmap(at, sizeof(struct noticeboard), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
		 FD_STAGE, 0) != at)
		_exit(127);
	fact_add(&board->boxes[number].facts, FACT_RESULT, 0, 0, 0);
	answer(&board->boxes[number]);
	process_live(number);
}
