// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include "scene.h"

#include <glob.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* How long what has ended may take to be gone: its pages go with the last file, a moment later. */
#define PATIENCE	250
#define PATIENCE_MS	20

/* --- what is seen ---------------------------------------------------------------------------- */

static void failed(struct scene *s, const char *format, va_list args)
{
	s->failures++;
	printf("    %s: ", s->name);
	vprintf(format, args);
}

bool want(struct scene *s, bool ok, const char *what, ...)
{
	va_list args;

	s->checks++;
	if (ok)
		return true;
	va_start(args, what);
	failed(s, what, args);
	va_end(args);
	putchar('\n');
	return false;
}

bool want_value(struct scene *s, long expect, long got, const char *what, ...)
{
	va_list args;

	s->checks++;
	if (expect == got)
		return true;
	va_start(args, what);
	failed(s, what, args);
	va_end(args);
	printf(": %ld, not %ld\n", got, expect);
	return false;
}

void skip(struct scene *s, const char *why, ...)
{
	va_list args;

	va_start(args, why);
	vsnprintf(s->skipped, sizeof(s->skipped), why, args);
	va_end(args);
}

bool set_rule(const struct settings *settings, enum rule rule)
{
	char path[100];

	snprintf(path, sizeof(path), "/sys/module/%s/parameters/bill_once", settings->module);
	return !proc_set_text(path, rule == RULE_ONCE ? "Y" : "N");
}

bool find_in_debugfs(const struct scene *s, const char *file, const char *text)
{
	char pattern[80], line[256];
	bool found = false;
	glob_t paths;

	snprintf(pattern, sizeof(pattern), "/sys/kernel/debug/%s/*/%s", s->settings->module, file);
	if (glob(pattern, 0, NULL, &paths))
		return false;
	for (size_t i = 0; i < paths.gl_pathc; i++) {
		FILE *stream = fopen(paths.gl_pathv[i], "re");

		while (stream && fgets(line, sizeof(line), stream))
			found |= strstr(line, text) != NULL;
		if (stream)
			fclose(stream);
	}
	globfree(&paths);
	return found;
}

long billed(const struct scene *s, int actor)
{
	return book_billed(&s->book, s->actors[actor].mm, s->settings->rule);
}

/*
 * How many pins there are may be as many as pages are pinned; with Manifold they may be fewer,
 * since a huge page is held by one pin for each mapping.
 */
static bool pins_are_right(const struct scene *s, long pins, long pages)
{
	return pins == pages || (s->settings->manifold && pins > 0 && pins < pages);
}

/* The kernel's counters are folded now and then only. */
static void want_pinned(struct scene *s, long pages, const char *when)
{
	long pins = proc_pinned() - s->pinned;

	for (int i = 0; i < PATIENCE && !pins_are_right(s, pins, pages); i++) {
		sleep_ms(PATIENCE_MS);
		pins = proc_pinned() - s->pinned;
	}
	want(s, pins_are_right(s, pins, pages), "%s: pages pinned: %ld, not %ld", when, pins,
	     pages);
}

bool balance(struct scene *s, const char *when, ...)
{
	long failures = s->failures;
	char text[120];
	va_list args;

	va_start(args, when);
	vsnprintf(text, sizeof(text), when, args);
	va_end(args);
	for (int i = 0; i < MAX_ACTORS; i++) {
		if (s->actors[i].pid)
			want_value(s, billed(s, i), proc_billed(s->actors[i].pid),
				   "%s: pages billed to process %d", text, i);
	}
	want_pinned(s, book_pinned(&s->book), text);
	return failures == s->failures;
}

/* --- what is done ---------------------------------------------------------------------------- */

bool open_containers(struct scene *s, int count)
{
	while (s->ncontainers < count) {
		struct session *session = &s->containers[s->ncontainers];
		int error = session_open(session, &s->options, "edu", s->ncontainers, 1);

		if (!want(s, !error, "container %d: %s", s->ncontainers, error_name(error)))
			return false;
		s->ncontainers++;
	}
	return true;
}

/* Here, and in all actors, which have inherited it. */
void close_container(struct scene *s, int container)
{
	struct session *session = &s->containers[container];
	struct order order = { .kind = ORDER_CLOSE };

	for (int i = 0; i < MAX_ACTORS; i++) {
		if (!s->actors[i].pid)
			continue;
		for (int g = 0; g < session->ngroups; g++) {
			order.fd = session->groups[g].fd;
			actor_tell(&s->actors[i], &order);
		}
		order.fd = session->container;
		actor_tell(&s->actors[i], &order);
	}
	session_close(session);
	session->container = -1;
	book_close(&s->book, container);
}

bool start_actor(struct scene *s, int actor)
{
	s->actors[actor].mm = s->mms++;
	return want(s, actor_start(s->actors, actor), "process %d starts", actor);
}

bool fork_actor(struct scene *s, int parent, int child)
{
	struct order order = { .kind = ORDER_FORK };
	long pid;

	order.value = (__u64)s->actors[child].far;
	pid = actor_tell(&s->actors[parent], &order);
	if (!want(s, pid > 0, "process %d forks: %ld", parent, pid))
		return false;
	s->actors[child].pid = (pid_t)pid;
	s->actors[child].mm = s->mms++;
	return true;
}

bool exec_actor(struct scene *s, int actor)
{
	struct order order = { .kind = ORDER_EXEC };
	long result = actor_tell(&s->actors[actor], &order);

	s->actors[actor].mm = s->mms++;
	return want_value(s, 0, result, "exec");
}

void kill_actor(struct scene *s, int actor)
{
	actor_kill(&s->actors[actor]);
}

void end_actor(struct scene *s, int actor)
{
	struct order order = { .kind = ORDER_EXIT };

	actor_tell(&s->actors[actor], &order);
}

__u64 get_memory(struct scene *s, int actor, int kind, size_t size)
{
	struct order order = { .kind = ORDER_MEMORY, .value = (__u64)kind, .size = size };
	long address = actor_tell(&s->actors[actor], &order);

	if (address == -ENOTSUP) {
		skip(s, "no memory of this kind");
		return 0;
	}
	return want(s, address > 0, "memory: %ld", address) ? (__u64)address : 0;
}

__u64 get_mapping(struct scene *s, int actor, int fd, __u64 address, size_t size)
{
	struct order order = { .kind = ORDER_MMAP, .fd = fd, .address = address, .size = size };
	long result = actor_tell(&s->actors[actor], &order);

	return want(s, result > 0, "mmap: %ld", result) ? (__u64)result : 0;
}

__u64 get_private_mapping(struct scene *s, int actor, int fd, size_t size)
{
	struct order order = {
		.kind = ORDER_MMAP, .fd = fd, .flags = MAP_PRIVATE, .size = size,
	};
	long result = actor_tell(&s->actors[actor], &order);

	return want(s, result > 0, "mmap: %ld", result) ? (__u64)result : 0;
}

long tell(struct scene *s, int actor, enum order_kind kind, __u64 address, size_t size)
{
	struct order order = { .kind = kind, .address = address, .size = size };

	return actor_tell(&s->actors[actor], &order);
}

static int tell_map(struct scene *s, int actor, int container, __u64 iova, __u64 vaddr, size_t size,
		    __u32 flags)
{
	struct order order = {
		.kind = ORDER_MAP, .fd = s->containers[container].container, .flags = flags,
		.address = vaddr, .iova = iova, .size = size,
	};

	return (int)actor_tell(&s->actors[actor], &order);
}

int map_unpinned(struct scene *s, int actor, int container, __u64 iova, __u64 vaddr, size_t size)
{
	return tell_map(s, actor, container, iova, vaddr, size, VFIO_MAP_RW);
}

int try_map(struct scene *s, int actor, int container, __u64 iova, __u64 vaddr, size_t size,
	    __u32 flags)
{
	int result = tell_map(s, actor, container, iova, vaddr, size, flags);
	struct actor *who = &s->actors[actor];

	if (!result && !(flags & VFIO_DMA_MAP_FLAG_VADDR))
		want(s, book_add(&s->book, ENTRY_MAPPED, who->pid, who->mm, container, vaddr, iova,
				 size / PAGE), "the pages at %#llx can be looked up", vaddr);
	return result;
}

bool map(struct scene *s, int actor, int container, __u64 iova, __u64 vaddr, size_t size)
{
	return want_value(s, 0, try_map(s, actor, container, iova, vaddr, size, VFIO_MAP_RW),
			  "MAP_DMA of %zu pages in container %d", size / PAGE, container);
}

bool unmap(struct scene *s, int actor, int container, __u64 iova, size_t size, size_t expect)
{
	struct order order = {
		.kind = ORDER_UNMAP, .fd = s->containers[container].container, .iova = iova,
		.size = size,
	};
	long result = actor_tell(&s->actors[actor], &order);

	if (result >= 0)
		book_remove(&s->book, container, iova, size);
	return want_value(s, (long)expect, result, "UNMAP_DMA in container %d", container);
}

/* --- a case ---------------------------------------------------------------------------------- */

static const struct scene_case *const all_cases[] = {
	same_cases, part_cases, life_cases, limit_cases, software_cases,
};

/* Whatever a case left open, nothing may be left of it. */
static void end(struct scene *s)
{
	for (int i = 0; i < s->ncontainers; i++) {
		if (s->containers[i].container >= 0)
			close_container(s, i);
	}
	balance(s, "all closed");
	actors_end(s->actors);
	want_pinned(s, 0, "in the end");
	want_value(s, 0, proc_module_users(s->settings->module), "users of the module in the end");
	book_clear(&s->book);
}

static void begin(struct scene *s, const struct settings *settings, const char *name)
{
	memset(s, 0, sizeof(*s));
	s->settings = settings;
	s->name = name;
	s->options = (struct options){
		.type = VFIO_TYPE1v2_IOMMU, .list = settings->list, .module = settings->module,
	};
	s->pinned = proc_pinned();
}

static void run_case(const struct scene_case *c, const struct settings *settings, int *counts)
{
	static struct scene scene;
	struct scene *s = &scene;

	begin(s, settings, c->name);
	if (want(s, actors_prepare(s->actors), "sockets"))
		c->run(s);
	end(s);
	if (s->failures) {
		printf("FAIL %s: %ld of %ld checks: %s\n", c->name, s->failures, s->checks,
		       c->what);
		counts[1]++;
	} else if (s->skipped[0]) {
		printf("skip %s: %s\n", c->name, s->skipped);
		counts[2]++;
	} else {
		printf("ok %s: %s (%ld checks)\n", c->name, c->what, s->checks);
		counts[0]++;
	}
	fflush(stdout);
}

int run_cases(const struct settings *settings)
{
	int counts[3] = { 0 };		/* passed, failed, skipped */

	for (size_t i = 0; i < sizeof(all_cases) / sizeof(all_cases[0]); i++) {
		for (const struct scene_case *c = all_cases[i]; c->name; c++) {
			if (!settings->only || !strcmp(settings->only, c->name))
				run_case(c, settings, counts);
		}
	}
	printf("%d passed, %d failed, %d skipped\n", counts[0], counts[1], counts[2]);
	return counts[1] || !(counts[0] + counts[2]);
}
