// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* What becomes of the bill when processes fork, write, exec, exit, or hand their mappings on. */
#include <sys/mman.h>
#include <unistd.h>

#include "scene.h"

#define SIZE	(4 * MIB)
#define PAGES	((long)(SIZE / PAGE))

/* One process with memory, and containers. */
static __u64 with_memory(struct scene *s, int containers)
{
	return open_containers(s, containers) && start_actor(s, 0) ?
		get_memory(s, 0, MEMORY_ANONYMOUS, SIZE) : 0;
}

static void fork_then_pin(struct scene *s)
{
	__u64 memory = with_memory(s, 3);

	if (!memory || !fork_actor(s, 0, 1))
		return;
	/* Both see the same pages until one of them writes, or has them pinned for writing. */
	map(s, 0, 0, IOVA, memory, SIZE);
	balance(s, "the parent's");
	map(s, 1, 1, IOVA, memory, SIZE);
	balance(s, "and the child's");
	tell(s, 0, ORDER_WRITE, memory, SIZE);
	tell(s, 1, ORDER_WRITE, memory, SIZE);
	map(s, 0, 2, IOVA, memory, SIZE);
	balance(s, "the parent's again, after both have written");
	end_actor(s, 1);
	balance(s, "the child has exited");
	unmap(s, 0, 0, IOVA, SIZE, SIZE);
	balance(s, "the parent's in one");
}

static void pin_then_fork(struct scene *s)
{
	__u64 memory = with_memory(s, 4);

	if (!memory)
		return;
	map(s, 0, 0, IOVA, memory, SIZE);
	map(s, 0, 1, IOVA, memory, SIZE / 2);
	balance(s, "pinned");
	if (!fork_actor(s, 0, 1))
		return;
	balance(s, "forked: the child owes nothing");
	tell(s, 1, ORDER_WRITE, memory, SIZE);
	tell(s, 0, ORDER_WRITE, memory, SIZE);
	map(s, 0, 2, IOVA, memory, SIZE);
	balance(s, "the parent's again");
	map(s, 1, 3, IOVA, memory, SIZE);
	balance(s, "the child's copy");
	/* The child lets go of what the parent mapped. */
	unmap(s, 1, 0, IOVA, SIZE, SIZE);
	balance(s, "the parent's unmapped by the child");
	kill_actor(s, 1);
	balance(s, "the child is killed");
	unmap(s, 0, 3, IOVA, SIZE, SIZE);
	balance(s, "the child's unmapped by the parent");
}

/* Pinned for reading only while two processes share them; then both write. */
static void read_then_write(struct scene *s)
{
	__u64 memory = with_memory(s, 3);

	if (!memory || !fork_actor(s, 0, 1))
		return;
	want_value(s, 0, try_map(s, 0, 0, IOVA, memory, SIZE, VFIO_DMA_MAP_FLAG_READ),
		   "MAP_DMA for reading");
	balance(s, "the parent's, for reading");
	want_value(s, 0, try_map(s, 1, 1, IOVA, memory, SIZE, VFIO_DMA_MAP_FLAG_READ),
		   "MAP_DMA for reading by the child");
	balance(s, "the child's, for reading");
	tell(s, 0, ORDER_WRITE, memory, SIZE / 2);
	tell(s, 1, ORDER_WRITE, memory, SIZE);
	balance(s, "both have written");
	map(s, 0, 2, IOVA, memory, SIZE);
	balance(s, "the parent's, for writing");
	unmap(s, 0, 0, IOVA, SIZE, SIZE);
	balance(s, "no more for reading");
}

/*
 * A file's pages, pinned for reading, of which the process then gets copies by writing. On 6.1 the
 * device keeps the file's pages; later kernels make the copies when they pin.
 */
static void copied_on_write(struct scene *s)
{
	const __u32 reads = VFIO_DMA_MAP_FLAG_READ;
	int fd = memfd_create("copied", 0);
	__u64 memory;

	if (!want(s, fd >= 0 && !ftruncate(fd, (off_t)SIZE), "a memfd"))
		return;
	if (open_containers(s, 3) && start_actor(s, 0)) {
		memory = get_private_mapping(s, 0, fd, SIZE);
		tell(s, 0, ORDER_READ, memory, SIZE);
		for (int i = 0; i < 2; i++) {
			want_value(s, 0, try_map(s, 0, i, IOVA, memory, SIZE, reads),
				   "MAP_DMA for reading");
			balance(s, "a file's, for reading, in %d", i + 1);
		}
		tell(s, 0, ORDER_WRITE, memory, SIZE / 2);
		balance(s, "half of it written to");
		want_value(s, 0, try_map(s, 0, 2, IOVA, memory, SIZE, reads), "MAP_DMA again");
		balance(s, "the copies, too");
		map(s, 0, 1, IOVA << 4, memory, SIZE);
		balance(s, "and for writing");
		unmap(s, 0, 0, IOVA, SIZE, SIZE);
		unmap(s, 0, 1, IOVA, SIZE, SIZE);
		balance(s, "the first two let go");
		close_container(s, 2);
		balance(s, "for writing alone");
	}
	close(fd);
}

/* The same address, other pages: what was pinned stays, what came after is new. */
static void replaced(struct scene *s)
{
	__u64 memory = with_memory(s, 3);

	if (!memory)
		return;
	map(s, 0, 0, IOVA, memory, SIZE);
	tell(s, 0, ORDER_DISCARD, memory + SIZE / 2, SIZE / 2);
	tell(s, 0, ORDER_WRITE, memory, SIZE);
	map(s, 0, 1, IOVA, memory, SIZE);
	balance(s, "half of it replaced");
	want_value(s, PAGES + PAGES / 2, book_billed(&s->book, s->actors[0].mm, RULE_ONCE),
		   "distinct pages");
	tell(s, 0, ORDER_MUNMAP, memory, SIZE);
	balance(s, "the memory is gone, its pages are not");
	unmap(s, 0, 0, IOVA, SIZE, SIZE);
	balance(s, "the first mapping is gone");
	unmap(s, 0, 1, IOVA, SIZE, SIZE);
	balance(s, "and the second");
}

static void exec_keeps_files(struct scene *s)
{
	__u64 memory = with_memory(s, 2);

	if (!memory)
		return;
	map(s, 0, 0, IOVA, memory, SIZE);
	map(s, 0, 1, IOVA, memory, SIZE);
	balance(s, "before");
	if (!exec_actor(s, 0))
		return;
	balance(s, "after exec: nothing is owed");
	memory = get_memory(s, 0, MEMORY_ANONYMOUS, SIZE);
	map(s, 0, 0, IOVA << 4, memory, SIZE);
	map(s, 0, 1, IOVA << 4, memory, SIZE / 2);
	balance(s, "new memory");
	unmap(s, 0, 0, IOVA, SIZE, SIZE);
	balance(s, "one of the old mappings less");
	unmap(s, 0, 0, IOVA << 4, SIZE, SIZE);
	balance(s, "one of the new ones less");
	close_container(s, 1);
	balance(s, "nothing is left in the second container");
}

/* The containers live on in another process. */
static void outlived(struct scene *s, bool killed)
{
	__u64 memory = with_memory(s, 2);

	if (!memory || !start_actor(s, 1))
		return;
	map(s, 0, 0, IOVA, memory, SIZE);
	map(s, 0, 1, IOVA, memory, SIZE);
	memory = get_memory(s, 1, MEMORY_ANONYMOUS, SIZE);
	map(s, 1, 0, IOVA << 4, memory, SIZE);
	balance(s, "both");
	if (killed)
		kill_actor(s, 0);
	else
		end_actor(s, 0);
	balance(s, "the pages of one that is gone stay pinned");
	map(s, 1, 1, IOVA << 4, memory, SIZE);
	balance(s, "the other one goes on");
	unmap(s, 1, 0, 0, 1ULL << 40, 2 * SIZE);
	balance(s, "and lets go of both in one container");
}

static void exits(struct scene *s)
{
	outlived(s, false);
}

static void is_killed(struct scene *s)
{
	outlived(s, true);
}

/* --- another owner --------------------------------------------------------------------------- */

static long give_up_vaddr(struct scene *s, int actor, int container)
{
	struct order order = {
		.kind = ORDER_UNMAP, .fd = s->containers[container].container,
		.flags = VFIO_DMA_UNMAP_FLAG_VADDR, .iova = IOVA, .size = SIZE,
	};

	return actor_tell(&s->actors[actor], &order);
}

static int take_over(struct scene *s, int actor, int container, __u64 vaddr)
{
	int result = try_map(s, actor, container, IOVA, vaddr, SIZE, VFIO_DMA_MAP_FLAG_VADDR);

	if (!result)
		book_move(&s->book, container, IOVA, s->actors[actor].mm);
	return result;
}

static void hand_on(struct scene *s, const __u64 *memory)
{
	const bool once = s->settings->rule == RULE_ONCE;

	for (int i = 0; i < 2; i++)
		map(s, 0, i, IOVA, memory[0], SIZE);
	balance(s, "of the first");
	want_value(s, SIZE, give_up_vaddr(s, 0, 0), "the first container's vaddr");
	balance(s, "without vaddr");
	/* Just enough for all of it, once. */
	tell(s, 1, ORDER_LIMIT, 0, SIZE);
	tell(s, 1, ORDER_NOBODY, 0, 0);
	want_value(s, 0, take_over(s, 1, 0, memory[1]), "taken over");
	balance(s, "one container each");
	want_value(s, SIZE, give_up_vaddr(s, 0, 1), "the second container's vaddr");
	/* Pages that it has already cost it nothing. */
	want_value(s, once ? 0 : -ENOMEM, take_over(s, 1, 1, memory[1]), "the second one as well");
	balance(s, "both taken, or one refused");
	want_value(s, once ? (long)SIZE : -EINVAL, give_up_vaddr(s, 0, 1), "given up again");
	want_value(s, 0, take_over(s, 0, 1, memory[0]), "taken back");
	balance(s, "one each again");
	end_actor(s, 1);
	balance(s, "the second process has exited");
	want_value(s, SIZE, give_up_vaddr(s, 0, 0), "the vaddr of what was its");
	want_value(s, 0, take_over(s, 0, 0, memory[0]), "taken over from nobody");
	balance(s, "all of the first again");
}

static void change_of_owner(struct scene *s)
{
	int fd = memfd_create("handed on", 0);
	__u64 memory[2];

	if (!want(s, fd >= 0 && !ftruncate(fd, (off_t)SIZE), "a memfd"))
		return;
	if (open_containers(s, 2) && start_actor(s, 0) && start_actor(s, 1)) {
		if (!vfio_check_extension(s->containers[0].container, VFIO_UPDATE_VADDR)) {
			skip(s, "no VADDR");
		} else {
			for (int i = 0; i < 2; i++)
				memory[i] = get_mapping(s, i, fd, 0, SIZE);
			hand_on(s, memory);
		}
	}
	close(fd);
}

const struct scene_case life_cases[] = {
	{ "fork-then-pin", "a child that shares pages until they are pinned", fork_then_pin },
	{ "pin-then-fork", "a child of pinned memory", pin_then_fork },
	{ "read-then-write", "shared pages, pinned for reading, then written to", read_then_write },
	{ "copied-on-write", "a file's pages, pinned, then copied by a write", copied_on_write },
	{ "replaced", "memory that is replaced under a mapping", replaced },
	{ "exec", "containers that are kept over exec", exec_keeps_files },
	{ "exit", "containers that outlive the process", exits },
	{ "killed", "containers that outlive a killed process", is_killed },
	{ "vaddr", "another owner by VADDR", change_of_owner },
	{ 0 }
};
