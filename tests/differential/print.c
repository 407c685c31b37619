// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include "print.h"

#include <linux/vfio.h>
#include <string.h>
#include <sys/mman.h>

#include "../client/vfio.h"

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

/* --- words for numbers ----------------------------------------------------------------------- */

/* Flags by name; what has none as a number. */
static const char *flags_text(__u32 flags, const char *const *names, unsigned int nr)
{
	static char text[160];
	size_t used = 0;
	unsigned int i;

	text[0] = 0;
	for (i = 0; i < nr; i++) {
		if (!(flags & 1u << i))
			continue;
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s",
					 used ? " | " : "", names[i]);
		flags &= ~(1u << i);
	}
	if (flags || !used)
		snprintf(text + used, sizeof(text) - used, used ? " | 0x%x" : "0x%x", flags);
	return text;
}

static const char *map_flags(__u32 flags)
{
	static const char *const names[] = { "READ", "WRITE", "VADDR" };

	return flags_text(flags, names, COUNT(names));
}

static const char *unmap_flags(__u32 flags)
{
	static const char *const names[] = { "GET_DIRTY_BITMAP", "ALL", "VADDR" };

	return flags_text(flags, names, COUNT(names));
}

static const char *dirty_flags(__u32 flags)
{
	static const char *const names[] = { "START", "STOP", "GET_BITMAP" };

	return flags_text(flags, names, COUNT(names));
}

/* An address as one of the slots has it. */
static const char *address(__u64 vaddr)
{
	static char texts[4][32];
	static unsigned int next;
	char *text = texts[next++ % 4];
	__u64 slot = (vaddr - SLOTS_ADDRESS) / SLOT_SIZE;
	__u64 offset = (vaddr - SLOTS_ADDRESS) % SLOT_SIZE;

	if (vaddr < SLOTS_ADDRESS || slot >= MAX_SLOTS)
		snprintf(text, 32, "0x%llx", vaddr);
	else if (offset)
		snprintf(text, 32, "m%llu + 0x%llx", slot, offset);
	else
		snprintf(text, 32, "m%llu", slot);
	return text;
}

static const char *const sorts[SORTS] = {
	"anonymous", "anonymous, untouched", "huge pages, transparent", "hugetlb", "memfd",
	"a file, shared", "a file, private", "anonymous, shared", "read-only", "PROT_NONE",
	"anonymous, without its second page", "anonymous, third page PROT_NONE",
};

static const char *extension(__u64 value)
{
	static const char *const names[] = {
		[1] = "VFIO_TYPE1_IOMMU", [3] = "VFIO_TYPE1v2_IOMMU", [4] = "VFIO_DMA_CC_IOMMU",
		[6] = "VFIO_TYPE1_NESTING_IOMMU", [9] = "VFIO_UNMAP_ALL",
		[10] = "VFIO_UPDATE_VADDR",
	};
	static char text[24];

	if (value < COUNT(names) && names[value])
		return names[value];
	snprintf(text, sizeof(text), "%lld", (long long)value);
	return text;
}

/* --- a step ---------------------------------------------------------------------------------- */

static void print_request(FILE *to, const struct step *s)
{
	switch (s->kind) {
	case STEP_GET_INFO:
		fprintf(to, "ioctl(c%u, VFIO_IOMMU_GET_INFO, { .argsz = %u, .flags = 0x%x }",
			s->container, s->argsz, s->flags);
		break;
	case STEP_MAP:
		fprintf(to, "ioctl(c%u, VFIO_IOMMU_MAP_DMA, { .argsz = %u, .flags = %s, ",
			s->container, s->argsz, map_flags(s->flags));
		fprintf(to, ".vaddr = %s, .iova = 0x%llx, .size = 0x%llx }", address(s->vaddr),
			s->iova, s->size);
		break;
	case STEP_UNMAP:
		fprintf(to, "ioctl(c%u, VFIO_IOMMU_UNMAP_DMA, { .argsz = %u, .flags = %s, ",
			s->container, s->argsz, unmap_flags(s->flags));
		fprintf(to, ".iova = 0x%llx, .size = 0x%llx", s->iova, s->size);
		if (s->flags & VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP)
			fprintf(to, ", { .pgsize = 0x%llx, .size = 0x%llx, .data = %s }",
				s->bitmap_page, s->bitmap_bytes,
				s->vaddr ? address(s->vaddr) : "bitmap");
		fputs(" }", to);
		break;
	case STEP_DIRTY:
		fprintf(to, "ioctl(c%u, VFIO_IOMMU_DIRTY_PAGES, { .argsz = %u, .flags = %s",
			s->container, s->argsz, dirty_flags(s->flags));
		if (s->flags & VFIO_IOMMU_DIRTY_PAGES_FLAG_GET_BITMAP)
			fprintf(to, ", { .iova = 0x%llx, .size = 0x%llx, { 0x%llx, 0x%llx, %s } }",
				s->iova, s->size, s->bitmap_page, s->bitmap_bytes,
				s->vaddr ? address(s->vaddr) : "bitmap");
		fputs(" }", to);
		break;
	}
	if (s->pointer) {
		static const char *const where[] = { "", "NULL", "cut off by the end of memory",
						     "in read-only memory" };

		fprintf(to, " /* %s */", where[s->pointer % POINTERS]);
	}
	fputs(");", to);
}

static void print_file(FILE *to, const struct stage *stage, const struct step *s)
{
	unsigned int c = s->container, g = s->group;

	switch (s->kind) {
	case STEP_OPEN_CONTAINER:
		fprintf(to, "c%u = open(\"/dev/vfio/vfio\", O_RDWR);", c);
		break;
	case STEP_CLOSE_CONTAINER:
		fprintf(to, "close(c%u);", c);
		break;
	case STEP_OPEN_GROUP:
		fprintf(to, "g%u = open(\"/dev/vfio/%u\", O_RDWR);	/* %s */", g,
			stage->groups[g].group, stage->groups[g].what);
		break;
	case STEP_CLOSE_GROUP:
		fprintf(to, "close(g%u);", g);
		break;
	case STEP_OPEN_DEVICE:
		fprintf(to, "d%u = ioctl(g%u, VFIO_GROUP_GET_DEVICE_FD, \"%s\");", g, g,
			stage->groups[g].name);
		break;
	case STEP_CLOSE_DEVICE:
		fprintf(to, "close(d%u);", g);
		break;
	case STEP_GROUP_STATUS:
		fprintf(to, "ioctl(g%u, VFIO_GROUP_GET_STATUS, ...);", g);
		break;
	case STEP_SET_CONTAINER:
		fprintf(to, "ioctl(g%u, VFIO_GROUP_SET_CONTAINER, &c%u);", g, c);
		break;
	case STEP_UNSET_CONTAINER:
		fprintf(to, "ioctl(g%u, VFIO_GROUP_UNSET_CONTAINER);", g);
		break;
	case STEP_SET_IOMMU:
		fprintf(to, "ioctl(c%u, VFIO_SET_IOMMU, %s);", c, extension(s->value));
		break;
	case STEP_API_VERSION:
		fprintf(to, "ioctl(c%u, VFIO_GET_API_VERSION);", c);
		break;
	case STEP_CHECK_EXTENSION:
		fprintf(to, "ioctl(c%u, VFIO_CHECK_EXTENSION, %s);", c, extension(s->value));
		break;
	case STEP_UNKNOWN:
		fprintf(to, "ioctl(c%u, _IO(VFIO_TYPE, VFIO_BASE + %llu), ...);", c, s->value);
		break;
	}
}

static void print_memory(FILE *to, const struct step *s)
{
	const char *at = address(s->vaddr);

	switch (s->kind) {
	case STEP_MEMORY:
		fprintf(to, "%s = mmap(0x%llx bytes);	/* %s */", at, s->size,
			sorts[s->value % SORTS]);
		break;
	case STEP_MUNMAP:
		fprintf(to, "munmap(%s, 0x%llx);", at, s->size);
		break;
	case STEP_MPROTECT:
		fprintf(to, "mprotect(%s, 0x%llx, %s);", at, s->size,
			!s->value ? "PROT_NONE" :
			s->value == PROT_READ ? "PROT_READ" : "PROT_READ | PROT_WRITE");
		break;
	case STEP_DISCARD:
		fprintf(to, "madvise(%s, 0x%llx, MADV_DONTNEED);", at, s->size);
		break;
	case STEP_MREMAP:
		fprintf(to, "mremap(%s, 0x%llx, 0x%llx, MREMAP_MAYMOVE | MREMAP_FIXED, %s);", at,
			s->size, s->size, address(s->value));
		break;
	case STEP_FILL:
		fprintf(to, "fill(%s, 0x%llx, 0x%llx);", at, s->size, s->value);
		break;
	case STEP_SUM:
		fprintf(to, "sum(%s, 0x%llx);", at, s->size);
		break;
	case STEP_MLOCK:
		fprintf(to, "mlock(%s, 0x%llx);", at, s->size);
		break;
	case STEP_MUNLOCK:
		fprintf(to, "munlock(%s, 0x%llx);", at, s->size);
		break;
	}
}

static void print_rest(FILE *to, const struct step *s)
{
	switch (s->kind) {
	case STEP_FORK:
		fprintf(to, "p%llu = fork();", s->value);
		break;
	case STEP_EXEC:
		fputs("execve(itself);", to);
		break;
	case STEP_EXIT:
		fputs("_exit(0);", to);
		break;
	case STEP_KILL:
		fputs("/* is killed */", to);
		break;
	case STEP_LIMIT:
		fprintf(to, "setrlimit(RLIMIT_MEMLOCK, %lld);", (long long)s->value);
		break;
	case STEP_CAPABILITY:
		fprintf(to, "/* %s CAP_IPC_LOCK */", s->value ? "gets" : "drops");
		break;
	case STEP_DMA_READ:
		fprintf(to, "/* device of g%u reads 0x%llx bytes at 0x%llx */", s->group, s->size,
			s->iova);
		break;
	case STEP_DMA_WRITE:
		fprintf(to, "/* device of g%u writes 0x%llx bytes at 0x%llx */", s->group, s->size,
			s->iova);
		break;
	case STEP_UNIT_FAILS:
		fprintf(to, "/* unit %u: from now on map calls %s%s */", s->group,
			s->value ? "fail with " : "succeed",
			s->value ? error_name(-(int)s->value) : "");
		break;
	case STEP_UNIT_REFUSES:
		fprintf(to, "/* unit %u: from now on attaching %s%s */", s->group,
			s->value ? "fails with " : "succeeds",
			s->value ? error_name(-(int)s->value) : "");
		break;
	case STEP_ENTRY_LIMIT:
		fprintf(to, "/* parameter dma_entry_limit = %llu */", s->value);
		break;
	}
}

static void print_step(FILE *to, const struct stage *stage, const struct step *s)
{
	if (s->kind < STEP_DMA_READ)
		fprintf(to, "p%u: ", s->process);
	if (s->kind >= STEP_GET_INFO && s->kind <= STEP_DIRTY)
		print_request(to, s);
	else if (s->kind < STEP_MEMORY)
		print_file(to, stage, s);
	else if (s->kind < STEP_FORK)
		print_memory(to, s);
	else
		print_rest(to, s);
}

/* --- facts ----------------------------------------------------------------------------------- */

static const char *const fact_names[FACT_NAMES] = {
	[FACT_RESULT] = "result",
	[FACT_ERRNO] = "errno",
	[FACT_BYTES] = "the structure and around it (hash)",
	[FACT_ARGSZ] = "argsz",
	[FACT_FLAGS] = "flags",
	[FACT_PGSIZES] = "iova_pgsizes",
	[FACT_CAP_OFFSET] = "cap_offset",
	[FACT_CAP] = "capability %u (offset, version)",
	[FACT_AVAILABLE] = "dma_avail",
	[FACT_DIRTY_PGSIZES] = "migration: pgsize_bitmap",
	[FACT_DIRTY_LIMIT] = "migration: max_dirty_bitmap_size",
	[FACT_RANGES] = "nr_iovas",
	[FACT_RANGE_FIRST] = "range %u start",
	[FACT_RANGE_LAST] = "range %u end",
	[FACT_SIZE] = "size",
	[FACT_BITMAP] = "bitmap (hash)",
	[FACT_SUM] = "memory (hash)",
	[FACT_SIGNAL] = "signal",
	[FACT_LCK] = "VmLck of p%u, KiB",
	[FACT_PIN] = "VmPin of p%u, KiB",
	[FACT_ATTACHED] = "g%u is in a domain",
	[FACT_COHERENT] = "the domain of g%u is coherent",
	[FACT_DMA_FAULT] = "fault of the device of g%u",
	[FACT_DMA_DONE] = "bytes that the device of g%u reached",
	[FACT_DMA_DATA] = "data the device of g%u read (hash)",
	[FACT_LEAF_PROT] = "rights for g%u",
	[FACT_LEFT_PINNED] = "pages left pinned",
	[FACT_LEFT_DOMAINS] = "unit %u: domains left",
	[FACT_STALE] = "unit %u: uses of stale translations",
	[FACT_UNPINNED] = "unit %u: DMA to unpinned pages",
	[FACT_MISUSE] = "unit %u: wrong map calls",
	[FACT_WARNINGS] = "warnings of the kernel",
	[FACT_HANG] = "p%u hangs, ms",
};

static void print_name(char *text, size_t size, const struct fact *f)
{
	int n;

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	n = snprintf(text, size, fact_names[f->name], f->index);
#pragma GCC diagnostic pop
	if (f->name >= FACT_DMA_FAULT && f->name <= FACT_LEAF_PROT)
		snprintf(text + n, size - (size_t)n, ", 0x%llx", f->at);
}

static void print_value(char *text, size_t size, const struct fact *f)
{
	static const char *const faults[RIG_FAULTS] = {
		"none", "no domain", "beyond the aperture", "not present", "no right to read",
		"no right to write", "page not pinned", "no memory",
	};

	if (!f)
		snprintf(text, size, "-");
	else if (f->name == FACT_ERRNO)
		snprintf(text, size, "%s", error_name(-(int)f->value));
	else if (f->name == FACT_DMA_FAULT && f->value < RIG_FAULTS)
		snprintf(text, size, "%s", faults[f->value]);
	else if (f->name == FACT_RESULT || f->name == FACT_LCK || f->name == FACT_PIN ||
		 f->name == FACT_LEFT_PINNED)
		snprintf(text, size, "%lld", (long long)f->value);
	else
		snprintf(text, size, "0x%llx", f->value);
}

static bool same_place(const struct fact *a, const struct fact *b)
{
	return a->name == b->name && a->index == b->index && a->at == b->at;
}

/* One line, if it is different or always of interest. */
static void print_pair(FILE *to, const struct fact *a, const struct fact *b)
{
	char name[96], left[32], right[32];
	bool same = a && b && a->value == b->value;

	if (same && a->name != FACT_RESULT && a->name != FACT_ERRNO)
		return;
	print_name(name, sizeof(name), a ? a : b);
	print_value(left, sizeof(left), a);
	print_value(right, sizeof(right), b);
	fprintf(to, "    %c %-52s %-22s %s\n", same ? ' ' : '!', name, left, right);
}

/* The two lists beside each other; a fact that only one has stands alone. */
static void print_facts(FILE *to, const struct difference *d)
{
	const struct fact *a = d->facts[IN_TREE], *b = d->facts[MANIFOLD];
	const struct fact *a_end = a + d->nr[IN_TREE], *b_end = b + d->nr[MANIFOLD], *f;

	fprintf(to, "      %-52s %-22s %s\n", "", backend_names[IN_TREE], backend_names[MANIFOLD]);
	while (a < a_end || b < b_end) {
		if (a < a_end && b < b_end && same_place(a, b)) {
			print_pair(to, a++, b++);
			continue;
		}
		for (f = b; a < a_end && f < b_end && !same_place(a, f); f++)
			;
		if (a < a_end && f == b_end)
			print_pair(to, a++, NULL);
		else
			print_pair(to, NULL, b++);
	}
}

/* --- the listing ----------------------------------------------------------------------------- */

/* What a step that came before said: short, since it said the same on both. */
static void print_result(FILE *to, struct transcript *const transcripts[BACKENDS],
			 unsigned int step)
{
	const struct transcript *t = &transcripts[IN_TREE][0];
	const struct fact *facts = &t->facts[t->first[step]];
	unsigned int nr = t->first[step + 1] - t->first[step];
	__u64 result = fact_of(facts, nr, FACT_RESULT, ~1ULL);

	if (result == ~1ULL)
		return;
	if (result == ~0ULL)
		fprintf(to, "	/* %s */", error_name(-(int)fact_of(facts, nr, FACT_ERRNO, 0)));
	else if (result)
		fprintf(to, "	/* %lld */", (long long)result);
}

void print_listing(FILE *to, const struct stage *stage, const struct sequence *sequence,
		   struct transcript *const transcripts[BACKENDS],
		   const struct difference *difference)
{
	unsigned int i, last = difference ? difference->step : sequence->nr;

	for (i = 0; i < sequence->nr && i <= last; i++) {
		fprintf(to, "%2u  ", i + 1);
		print_step(to, stage, &sequence->steps[i]);
		if (transcripts && i < last)
			print_result(to, transcripts, i);
		fputc('\n', to);
	}
	if (!difference)
		return;
	if (last == sequence->nr)
		fputs("    /* all processes exit, one by one */\n", to);
	print_facts(to, difference);
}
