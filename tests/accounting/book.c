// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include "book.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../client/memory.h"

#define PAGEMAP_PRESENT		(1ULL << 63)
#define PAGEMAP_FRAME		((1ULL << 55) - 1)
#define KPF_ZERO_PAGE		(1ULL << 24)
#define MAX_BANKS		32

static struct {
	__u64 first, last;
} banks[MAX_BANKS];		/* of RAM, in page frames */

static int nbanks;
static __u64 zero_frame, highest;

const char *rule_name(enum rule rule)
{
	return rule == RULE_ONCE ? "once" : "each time";
}

/* --- what page frames there are -------------------------------------------------------------- */

static bool learn_banks(void)
{
	FILE *stream = fopen("/proc/iomem", "re");
	char line[128];

	if (!stream)
		return false;
	nbanks = 0;
	while (nbanks < MAX_BANKS && fgets(line, sizeof(line), stream)) {
		unsigned long long first, last;

		if (sscanf(line, "%llx-%llx : System RAM", &first, &last) != 2 ||
		    !strstr(line, "System RAM") || !last)
			continue;
		banks[nbanks].first = first / PAGE;
		banks[nbanks++].last = last / PAGE;
		highest = last / PAGE > highest ? last / PAGE : highest;
	}
	fclose(stream);
	return nbanks;
}

static bool is_memory(__u64 frame)
{
	for (int i = 0; i < nbanks; i++) {
		if (frame >= banks[i].first && frame <= banks[i].last)
			return true;
	}
	return false;
}

/* Where an address space's pages are; false when one of them is nowhere. */
static bool read_frames(pid_t pid, __u64 vaddr, size_t pages, __u64 *frames)
{
	char path[32] = "/proc/self/pagemap";
	ssize_t bytes = (ssize_t)(pages * sizeof(*frames));
	bool ok;
	int fd;

	if (pid)
		snprintf(path, sizeof(path), "/proc/%d/pagemap", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	ok = pread(fd, frames, (size_t)bytes, (off_t)(vaddr / PAGE * sizeof(*frames))) == bytes;
	close(fd);
	for (size_t i = 0; i < pages && ok; i++) {
		ok = frames[i] & PAGEMAP_PRESENT;
		frames[i] &= PAGEMAP_FRAME;
	}
	return ok;
}

/* Memory that is read and was never written. */
static bool learn_zero_page(void)
{
	volatile char *memory = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int fd = open("/proc/kpageflags", O_RDONLY | O_CLOEXEC);
	__u64 flags = 0;
	bool ok;

	if (memory == MAP_FAILED || fd < 0)
		return false;
	(void)memory[0];
	ok = read_frames(0, (uintptr_t)memory, 1, &zero_frame) &&
		pread(fd, &flags, sizeof(flags), (off_t)(zero_frame * sizeof(flags))) ==
			sizeof(flags) && flags & KPF_ZERO_PAGE;
	close(fd);
	munmap((void *)memory, PAGE);
	return ok;
}

bool book_prepare(void)
{
	return learn_banks() && learn_zero_page();
}

/* Page frames that somebody may be billed for; 0 for others. */
static __u32 *look_up(pid_t pid, __u64 vaddr, size_t pages)
{
	__u64 *raw = malloc(pages * sizeof(*raw));
	__u32 *frames = malloc(pages * sizeof(*frames));

	if (!raw || !frames || !read_frames(pid, vaddr, pages, raw)) {
		free(raw);
		free(frames);
		return NULL;
	}
	for (size_t i = 0; i < pages; i++)
		frames[i] = raw[i] == zero_frame || !is_memory(raw[i]) ? 0 : (__u32)raw[i];
	free(raw);
	return frames;
}

/* --- entries --------------------------------------------------------------------------------- */

void book_clear(struct book *book)
{
	for (size_t i = 0; i < book->nr; i++)
		free(book->entries[i].frames);
	book->nr = 0;
}

static struct entry *free_entry(struct book *book)
{
	for (size_t i = 0; i < book->nr; i++) {
		if (!book->entries[i].live)
			return &book->entries[i];
	}
	if (book->nr == MAX_ENTRIES)
		return NULL;
	memset(&book->entries[book->nr], 0, sizeof(book->entries[0]));
	return &book->entries[book->nr++];
}

struct entry *book_add(struct book *book, enum entry_kind kind, pid_t pid, int mm, int container,
		       __u64 vaddr, __u64 iova, size_t pages)
{
	__u32 *frames = look_up(pid, vaddr, pages);
	struct entry *entry = frames ? free_entry(book) : NULL;

	if (!entry) {
		free(frames);
		return NULL;
	}
	free(entry->frames);
	*entry = (struct entry){
		.kind = kind, .live = true, .container = container, .mm = mm, .iova = iova,
		.pages = pages, .frames = frames,
	};
	return entry;
}

void book_remove(struct book *book, int container, __u64 iova, __u64 size)
{
	for (size_t i = 0; i < book->nr; i++) {
		struct entry *entry = &book->entries[i];

		if (entry->container == container && entry->iova >= iova &&
		    entry->iova + entry->pages * PAGE - 1 <= iova + size - 1)
			entry->live = false;
	}
}

void book_close(struct book *book, int container)
{
	book_remove(book, container, 0, 0);
}

void book_move(struct book *book, int container, __u64 iova, int mm)
{
	for (size_t i = 0; i < book->nr; i++) {
		struct entry *entry = &book->entries[i];

		if (entry->live && entry->container == container && entry->iova == iova)
			entry->mm = mm;
	}
}

/* --- figures --------------------------------------------------------------------------------- */

static long count_frames(const struct entry *entry)
{
	long n = 0;

	for (size_t i = 0; i < entry->pages; i++)
		n += entry->frames[i] != 0;
	return n;
}

/* Marks them; how many had not been. */
static long mark(unsigned char *seen, const __u32 *frames, size_t pages)
{
	long fresh = 0;

	for (size_t i = 0; i < pages; i++) {
		unsigned char bit = (unsigned char)(1u << frames[i] % 8);

		if (!frames[i] || seen[frames[i] / 8] & bit)
			continue;
		seen[frames[i] / 8] |= bit;
		fresh++;
	}
	return fresh;
}

static bool bills(const struct entry *entry, int mm, enum rule rule)
{
	if (!entry->live || entry->mm != mm)
		return false;
	/* In a mapping that is billed whole software's pages are billed already. */
	return rule == RULE_ONCE || entry->kind != ENTRY_SOFTWARE || !entry->covered;
}

/* The distinct pages of an address space, marked. */
static unsigned char *mark_all(const struct book *book, int mm, long *distinct)
{
	unsigned char *seen = calloc(1, highest / 8 + 1);

	*distinct = 0;
	for (size_t i = 0; seen && i < book->nr; i++) {
		const struct entry *entry = &book->entries[i];

		if (bills(entry, mm, RULE_ONCE))
			*distinct += mark(seen, entry->frames, entry->pages);
	}
	return seen;
}

long book_billed(const struct book *book, int mm, enum rule rule)
{
	long sum = 0;

	if (rule == RULE_ONCE) {
		free(mark_all(book, mm, &sum));
		return sum;
	}
	for (size_t i = 0; i < book->nr; i++) {
		if (bills(&book->entries[i], mm, rule))
			sum += count_frames(&book->entries[i]);
	}
	return sum;
}

long book_pinned(const struct book *book)
{
	long sum = 0;

	for (size_t i = 0; i < book->nr; i++) {
		if (book->entries[i].live)
			sum += count_frames(&book->entries[i]);
	}
	return sum;
}

long book_new(const struct book *book, int mm, pid_t pid, __u64 vaddr, size_t pages)
{
	__u32 *frames = look_up(pid, vaddr, pages);
	unsigned char *seen;
	long fresh = -1;

	if (!frames)
		return -1;
	seen = mark_all(book, mm, &fresh);
	fresh = seen ? mark(seen, frames, pages) : -1;
	free(seen);
	free(frames);
	return fresh;
}
