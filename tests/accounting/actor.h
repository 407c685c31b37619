/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Processes that do what they are told, one order at a time. Whoever tells them is root and looks
 * at them from outside: so they may give up their privileges, fork, exec, exit or be killed.
 */
#ifndef ACCOUNTING_ACTOR_H
#define ACCOUNTING_ACTOR_H

#include <stdbool.h>
#include <sys/types.h>

#include "../client/memory.h"
#include "../client/vfio.h"

#define MAX_ACTORS	6

/* One kind more than the client's: 4 KiB pages that are no neighbours in physical memory. */
#define MEMORY_SCATTERED	MEMORY_KINDS

enum order_kind {
	ORDER_MEMORY,		/* @size bytes of the kind @value; returns the address */
	ORDER_MMAP,		/* @size bytes of @fd, or of nothing (-1), at @address if not 0; */
				/* a file's shared, unless @flags has MAP_PRIVATE */
	ORDER_MAP,		/* MAP_DMA: container @fd */
	ORDER_UNMAP,		/* UNMAP_DMA; returns the bytes */
	ORDER_WRITE,		/* to each page */
	ORDER_READ,
	ORDER_DISCARD,		/* MADV_DONTNEED */
	ORDER_MUNMAP,
	ORDER_PROTECT,		/* the rights in @flags */
	ORDER_LIMIT,		/* RLIMIT_MEMLOCK of @size bytes */
	ORDER_NOBODY,		/* another user, without any capability */
	ORDER_CLOSE,		/* @fd */
	ORDER_FORK,		/* the child's far end is @value; returns its pid */
	ORDER_EXEC,		/* this program again, all files kept */
	ORDER_EXIT,
};

/**
 * struct order - one order
 * @kind: an enum order_kind, which says what of the others it has
 * @fd: a file that the actor has
 * @flags: of the request
 * @address: in the actor
 * @iova: of the request
 * @size: in bytes
 * @value: what else there is
 */
struct order {
	enum order_kind kind;
	int fd;
	__u32 flags;
	__u64 address, iova, size, value;
};

/**
 * struct actor - one of them, as whoever tells it knows it
 * @pid: 0: there is none
 * @socket: to it
 * @far: its own end, inherited by whoever becomes it
 * @mm: which address space it has: another one after exec
 */
struct actor {
	pid_t pid;
	int socket, far;
	int mm;
};

/* Makes the sockets of all, before any of them is started. */
bool actors_prepare(struct actor *actors);
void actors_end(struct actor *actors);

bool actor_start(struct actor *actors, int number);
/* Tells it and waits; what it returned, or a negative errno, -ESRCH when it died of it. */
long actor_tell(struct actor *actor, const struct order *order);
/* Kills it, if need be, and waits until nothing is left of it. */
void actor_kill(struct actor *actor);
void actor_wait(struct actor *actor);

/* Memory of a kind, all of it touched; or NULL, and a negative errno. */
char *actor_memory(int kind, size_t size, long *error);

/* The rest of an actor's life, which it spends with orders from @far; and that after exec. */
void actor_live(int far) __attribute__((noreturn));
void actor_live_again(int far) __attribute__((noreturn));

#endif
