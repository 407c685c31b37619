// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Memory of every sort, and what processes do to it while it is mapped for devices. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../client/memory.h"
#include "process.h"

static sigjmp_buf bad_address;

static void on_bad_address(int signal)
{
	siglongjmp(bad_address, signal);
}

void perform_memory_prepare(void)
{
	struct sigaction action = { .sa_handler = on_bad_address, .sa_flags = SA_NODEFER };

	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGBUS, &action, NULL);
}

/* The first word of each page says which fill and which page it is. */
static void fill(const struct step *step, struct facts *facts)
{
	volatile __u64 at = step->vaddr;
	int signal = sigsetjmp(bad_address, 0);

	if (signal) {
		fact_add(facts, FACT_SIGNAL, 0, 0, (__u64)signal);
		return;
	}
	for (; at < step->vaddr + step->size; at += PAGE)
		*(volatile __u64 *)at = step->value + (at - step->vaddr) / PAGE;
}

static void sum(const struct step *step, struct facts *facts)
{
	volatile __u64 at = step->vaddr, hash = 0;
	int signal = sigsetjmp(bad_address, 0);

	if (signal) {
		fact_add(facts, FACT_SIGNAL, 0, 0, (__u64)signal);
		return;
	}
	for (; at < step->vaddr + step->size; at += PAGE)
		hash = hash_bytes((void *)at, 64, hash);
	fact_add(facts, FACT_SUM, 0, 0, hash);
}

/* A file of that many bytes that nobody else has. */
static int get_file(const struct step *step)
{
	char path[48];
	int fd;

	snprintf(path, sizeof(path), "/differential-%u", step->process);
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	unlink(path);
	if (fd >= 0 && ftruncate(fd, (off_t)step->size)) {
		close(fd);
		fd = -1;
	}
	return fd;
}

static int get_memfd(const struct step *step)
{
	int fd = memfd_create("differential", 0);

	if (fd >= 0 && ftruncate(fd, (off_t)step->size)) {
		close(fd);
		fd = -1;
	}
	return fd;
}

struct plan {
	int flags;
	bool touched;
	int (*file)(const struct step *step);
};

static const struct plan plans[SORTS] = {
	[SORT_ANONYMOUS] = { MAP_PRIVATE | MAP_ANONYMOUS, true, NULL },
	[SORT_UNTOUCHED] = { MAP_PRIVATE | MAP_ANONYMOUS, false, NULL },
	[SORT_THP] = { MAP_PRIVATE | MAP_ANONYMOUS, true, NULL },
	[SORT_HUGETLB] = { MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, true, NULL },
	[SORT_MEMFD] = { MAP_SHARED, true, get_memfd },
	[SORT_FILE_SHARED] = { MAP_SHARED, true, get_file },
	[SORT_FILE_PRIVATE] = { MAP_PRIVATE, false, get_file },
	[SORT_SHARED_ANONYMOUS] = { MAP_SHARED | MAP_ANONYMOUS, true, NULL },
	[SORT_READ_ONLY] = { MAP_PRIVATE | MAP_ANONYMOUS, true, NULL },
	[SORT_NO_ACCESS] = { MAP_PRIVATE | MAP_ANONYMOUS, false, NULL },
	[SORT_HOLE] = { MAP_PRIVATE | MAP_ANONYMOUS, true, NULL },
	[SORT_NO_ACCESS_INSIDE] = { MAP_PRIVATE | MAP_ANONYMOUS, true, NULL },
};

/* What makes the sort what it is, once the memory is there and filled. */
static long finish(const struct step *step, char *at)
{
	switch (step->value) {
	case SORT_READ_ONLY:
		return mprotect(at, step->size, PROT_READ);
	case SORT_NO_ACCESS:
		return mprotect(at, step->size, PROT_NONE);
	case SORT_HOLE:
		return munmap(at + PAGE, PAGE);
	case SORT_NO_ACCESS_INSIDE:
		return mprotect(at + 2 * PAGE, PAGE, PROT_NONE);
	default:
		return 0;
	}
}

static void get_memory(const struct step *step, struct facts *facts)
{
	const struct plan *plan = &plans[step->value % SORTS];
	struct step touch = { .vaddr = step->vaddr, .size = step->size, .value = step->vaddr };
	char *at = (char *)step->vaddr;
	int fd = plan->file ? plan->file(step) : -1;
	void *got = mmap(at, step->size, PROT_READ | PROT_WRITE, plan->flags | MAP_FIXED, fd, 0);
	long result = got == at ? 0 : -1;

	if (fd >= 0)
		close(fd);
	if (!result && step->value == SORT_THP)
		result = madvise(at, step->size, MADV_HUGEPAGE);
	if (!result && plan->touched)
		fill(&touch, facts);
	if (!result)
		result = finish(step, at);
	add_result(facts, result);
}

void perform_memory(const struct step *step, struct facts *facts)
{
	void *at = (void *)step->vaddr, *got;

	switch (step->kind) {
	case STEP_MEMORY:
		get_memory(step, facts);
		break;
	case STEP_MUNMAP:
		add_result(facts, munmap(at, step->size));
		break;
	case STEP_MPROTECT:
		add_result(facts, mprotect(at, step->size, (int)step->value));
		break;
	case STEP_DISCARD:
		add_result(facts, madvise(at, step->size, MADV_DONTNEED));
		break;
	case STEP_MREMAP:
		got = mremap(at, step->size, step->size, MREMAP_MAYMOVE | MREMAP_FIXED,
			     (void *)step->value);
		add_result(facts, got == MAP_FAILED ? -1 : 0);
		break;
	case STEP_FILL:
		fill(step, facts);
		break;
	case STEP_SUM:
		sum(step, facts);
		break;
	case STEP_MLOCK:
		add_result(facts, mlock(at, step->size));
		break;
	case STEP_MUNLOCK:
		add_result(facts, munlock(at, step->size));
		break;
	}
}
