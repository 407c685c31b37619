// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include "actor.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOBODY		65534
#define POLL_MS		200

/* --- what an actor does ---------------------------------------------------------------------- */

/* Touched in an order in which no page comes after its neighbour: 7919 is prime. */
static char *scattered(size_t size)
{
	char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	size_t pages = size / PAGE, at = 0;

	if (memory == MAP_FAILED)
		return NULL;
	madvise(memory, size, MADV_NOHUGEPAGE);
	for (size_t i = 0; i < pages; i++) {
		memory[at * PAGE] = 1;
		at = (at + 7919) % pages;
	}
	/* Where 7919 divides the number of pages some have not been met. */
	memset(memory, 1, size);
	return memory;
}

char *actor_memory(int kind, size_t size, long *error)
{
	struct memory memory;

	if (kind == MEMORY_SCATTERED) {
		memory.address = scattered(size);
		*error = memory.address ? 0 : -ENOMEM;
		return memory.address;
	}
	*error = memory_get(&memory, (enum memory_kind)kind, size);
	return *error ? NULL : memory.address;
}

static long get_memory(const struct order *order)
{
	long error;
	char *memory = actor_memory((int)order->value, order->size, &error);

	return memory ? (long)memory : error;
}

static long map_file(const struct order *order)
{
	int flags = order->fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS :
		order->flags & MAP_PRIVATE ? MAP_PRIVATE : MAP_SHARED;
	void *memory;

	if (order->address)
		flags |= MAP_FIXED;
	memory = mmap((void *)order->address, order->size, PROT_READ | PROT_WRITE, flags, order->fd,
		      0);
	if (memory == MAP_FAILED)
		return -errno;
	/* Untouched memory is read page by page: no huge zero page. */
	if (order->fd < 0)
		madvise(memory, order->size, MADV_NOHUGEPAGE);
	return (long)memory;
}

static long touch(const struct order *order)
{
	volatile char *memory = (volatile char *)order->address;

	for (size_t at = 0; at < order->size; at += PAGE) {
		char byte = memory[at];

		if (order->kind == ORDER_WRITE)
			memory[at] = (char)(byte + 1);
	}
	return 0;
}

static long limit(const struct order *order)
{
	struct rlimit limit = { .rlim_cur = order->size, .rlim_max = order->size };

	return setrlimit(RLIMIT_MEMLOCK, &limit) ? -errno : 0;
}

static long become_nobody(void)
{
	return setgroups(0, NULL) || setresgid(NOBODY, NOBODY, NOBODY) ||
		setresuid(NOBODY, NOBODY, NOBODY) ? -errno : 0;
}

static long unmap(const struct order *order)
{
	__u64 size = order->size;
	int error = vfio_unmap(order->fd, order->iova, &size, order->flags);

	return error ? error : (long)size;
}

static long run_again(int far)
{
	char number[12];

	for (int fd = 3; fd < 256; fd++)
		fcntl(fd, F_SETFD, 0);
	snprintf(number, sizeof(number), "%d", far);
	execl("/proc/self/exe", "vfio-accounting", "--actor", number, NULL);
	return -errno;
}

static long obey(const struct order *order, int far)
{
	void *address = (void *)order->address;

	switch (order->kind) {
	case ORDER_MEMORY:
		return get_memory(order);
	case ORDER_MMAP:
		return map_file(order);
	case ORDER_MAP:
		return vfio_map(order->fd, order->iova, address, order->size, order->flags);
	case ORDER_UNMAP:
		return unmap(order);
	case ORDER_WRITE:
	case ORDER_READ:
		return touch(order);
	case ORDER_DISCARD:
		return madvise(address, order->size, MADV_DONTNEED) ? -errno : 0;
	case ORDER_MUNMAP:
		return munmap(address, order->size) ? -errno : 0;
	case ORDER_PROTECT:
		return mprotect(address, order->size, (int)order->flags) ? -errno : 0;
	case ORDER_LIMIT:
		return limit(order);
	case ORDER_NOBODY:
		return become_nobody();
	case ORDER_CLOSE:
		return close(order->fd) ? -errno : 0;
	case ORDER_EXEC:
		return run_again(far);
	case ORDER_FORK:
	case ORDER_EXIT:
		break;
	}
	return -EINVAL;
}

/* The child is a child of whoever tells its parent, so that its end can be waited for. */
static long fork_actor(int far)
{
	long child = syscall(SYS_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0);

	if (child < 0)
		return -errno;
	if (!child) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		actor_live(far);
	}
	return child;
}

void actor_live(int far)
{
	struct order order;

	vfio_quiet = true;
	while (recv(far, &order, sizeof(order), 0) == sizeof(order)) {
		long result;

		if (order.kind == ORDER_EXIT)
			break;
		result = order.kind == ORDER_FORK ? fork_actor((int)order.value) :
			obey(&order, far);
		if (send(far, &result, sizeof(result), 0) != sizeof(result))
			break;
	}
	_exit(0);
}

void actor_live_again(int far)
{
	long result = 0;

	if (send(far, &result, sizeof(result), 0) == sizeof(result))
		actor_live(far);
	_exit(1);
}

/* --- who tells it ---------------------------------------------------------------------------- */

bool actors_prepare(struct actor *actors)
{
	memset(actors, 0, MAX_ACTORS * sizeof(*actors));
	for (int i = 0; i < MAX_ACTORS; i++) {
		int ends[2];

		if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends))
			return false;
		actors[i].socket = ends[0];
		actors[i].far = ends[1];
	}
	return true;
}

void actors_end(struct actor *actors)
{
	for (int i = 0; i < MAX_ACTORS; i++) {
		actor_kill(&actors[i]);
		close(actors[i].socket);
		close(actors[i].far);
	}
}

bool actor_start(struct actor *actors, int number)
{
	struct actor *actor = &actors[number];

	fflush(stdout);
	actor->pid = fork();
	if (!actor->pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		actor_live(actor->far);
	}
	return actor->pid > 0;
}

static bool has_ended(const struct actor *actor)
{
	siginfo_t info = { 0 };

	return waitid(P_PID, (id_t)actor->pid, &info, WEXITED | WNOHANG | WNOWAIT) || info.si_pid;
}

long actor_tell(struct actor *actor, const struct order *order)
{
	struct pollfd poll_for = { .fd = actor->socket, .events = POLLIN };
	long result;

	if (!actor->pid)
		return -ESRCH;
	if (send(actor->socket, order, sizeof(*order), 0) != sizeof(*order))
		return -errno;
	while (poll(&poll_for, 1, POLL_MS) != 1) {
		if (!has_ended(actor))
			continue;
		actor_wait(actor);
		return order->kind == ORDER_EXIT ? 0 : -ESRCH;
	}
	return recv(actor->socket, &result, sizeof(result), 0) == sizeof(result) ? result : -EIO;
}

void actor_wait(struct actor *actor)
{
	if (actor->pid)
		waitpid(actor->pid, NULL, 0);
	actor->pid = 0;
}

void actor_kill(struct actor *actor)
{
	if (actor->pid)
		kill(actor->pid, SIGKILL);
	actor_wait(actor);
}
