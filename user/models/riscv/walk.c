// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The hardware's half of the RISC-V format: reads a device context, walks
 * G-stage page tables, and writes fault queue records.
 *
 * The unit is stricter than hardware need be in two things: A, D and U of a
 * pointer, "reserved for future standard use", fault like all other reserved
 * bits; and the entries of a NAPOT range, of which hardware may use any, must
 * be the same. It ignores what the specification has ignored: G, and RSW.
 */
#include "user/models/riscv/walk.h"

/* An entry of a page table. */
enum {
	BIT_V = 0,
	BIT_R = 1,
	BIT_W = 2,
	BIT_X = 3,
	BIT_U = 4,
	BIT_A = 6,
	BIT_D = 7,
	BIT_N = 63,
};

/* 60:54 are reserved; 62:61, PBMT, are too without Svpbmt. */
#define RESERVED_BITS	(0x1ffull << 54)

/* CAUSE (3.2). Those of a write are two more than those of a read. */
enum cause {
	CAUSE_NONE	  = 0,
	CAUSE_READ_ACCESS = 5,
	CAUSE_WRITE_ACCESS = 7,
	CAUSE_READ_PAGE	  = 21,
	CAUSE_WRITE_PAGE  = 23,
	CAUSE_DC_INVALID  = 258,
	CAUSE_DC_WRONG	  = 259,
};

/* What a device context says. */
struct context {
	u32 mode;	/* 0: Bare */
	u32 levels;
	u64 root;
	bool silent;	/* DTF: faults of translation are not reported */
};

static bool bit(u64 word, u32 n)
{
	return word >> n & 1;
}

static u64 bits(u64 word, u32 high, u32 low)
{
	return word << (63 - high) >> (63 - high + low);
}

static u32 physical_bits(const struct mf_model_config *config)
{
	return config->output_bits ? config->output_bits : 52;
}

/* Modes whose addresses the unit's aperture has room for. */
static bool has_mode(const struct mf_model_config *config, u64 mode)
{
	switch (mode) {
	case 0:
		return true;
	case 8:
		return config->aperture.last >= (1ull << 41) - 1;
	case 9:
		return config->aperture.last >= (1ull << 50) - 1;
	case 10:
		return config->aperture.last >= (1ull << 59) - 1;
	default:
		return false;
	}
}

/* Read a context (2.1.3) and check it (2.1.4). Returns what is wrong, or 0. */
static enum cause read_context(const struct mf_walker *w, struct context *c)
{
	u64 tc, iohgatp, ta, fsc;

	if (!w->descriptor || !bit(w->descriptor[0], 0))
		return CAUSE_DC_INVALID;
	tc = w->descriptor[0];
	iohgatp = w->descriptor[1];
	ta = w->descriptor[2];
	fsc = w->descriptor[3];

	/* Reserved; 31:24 are custom. */
	if (bits(tc, 63, 32) || bits(tc, 23, 12))
		return CAUSE_DC_WRONG;
	/* EN_ATS, EN_PRI, T2GPA; PRPR, GADE, SADE; SBE, SXL: no such capability. */
	if (bits(tc, 3, 1) || bits(tc, 8, 6) || bits(tc, 11, 10))
		return CAUSE_DC_WRONG;
	/* DPE without PDTV */
	if (bit(tc, 9) && !bit(tc, 5))
		return CAUSE_DC_WRONG;
	/* All but PSCID; and first stage other than Bare, whichever PDTV makes it. */
	if (bits(ta, 63, 32) || bits(ta, 11, 0) || fsc)
		return CAUSE_DC_WRONG;

	c->mode = (u32)bits(iohgatp, 63, 60);
	c->silent = bit(tc, 4);
	c->root = bits(iohgatp, 43, 0) << 12;
	c->levels = c->mode - 5;
	if (!has_mode(w->config, c->mode))
		return CAUSE_DC_WRONG;
	if (c->mode && c->root & 0x3fff)
		return CAUSE_DC_WRONG;
	return CAUSE_NONE;
}

/* The lowest bit that level @i translates. */
static u32 shift_of(u32 i)
{
	return 12 + 9 * i;
}

/* What a page table entry is. */
enum pte {
	PTE_ABSENT,
	PTE_POINTER,
	PTE_PAGE,
	PTE_RESERVED,
	PTE_TOO_FAR,	/* its physical address is wider than the unit's */
};

/* Steps 3 to 6 of "Virtual Address Translation Process", as for a guest's addresses. */
static enum pte judge(const struct mf_model_config *config, u64 pte, u32 i)
{
	u64 ppn = bits(pte, 53, 10);

	if (!bit(pte, BIT_V))
		return PTE_ABSENT;
	if (bit(pte, BIT_W) && !bit(pte, BIT_R))
		return PTE_RESERVED;
	if (pte & RESERVED_BITS)
		return PTE_RESERVED;
	/* Svnapot: 64 KiB at the lowest level, and nothing else. */
	if (bit(pte, BIT_N) && (i || bits(ppn, 3, 0) != 8 || !bit(config->pgsizes, 16)))
		return PTE_RESERVED;
	if (!bit(pte, BIT_R) && !bit(pte, BIT_X)) {
		if (!i || bit(pte, BIT_U) || bit(pte, BIT_A) || bit(pte, BIT_D) || bit(pte, BIT_N))
			return PTE_RESERVED;
		return ppn >> (physical_bits(config) - 12) ? PTE_TOO_FAR : PTE_POINTER;
	}
	if (!bit(pte, BIT_U) || !bit(pte, BIT_A))
		return PTE_RESERVED;
	if (i && bits(ppn, 9 * i - 1, 0))
		return PTE_RESERVED;	/* misaligned superpage */
	return ppn >> (physical_bits(config) - 12) ? PTE_TOO_FAR : PTE_PAGE;
}

static bool napot_agrees(const struct mf_pool *pool, u64 slot, u64 pte)
{
	u64 other;
	u32 n;

	for (n = 0; n < 16; n++) {
		if (!mf_pool_read(pool, (slot & ~127ull) + n * 8, &other) || other != pte)
			return false;
	}
	return true;
}

static void set_span(struct mf_translation *t, u64 iova, u32 shift)
{
	t->span.first = iova >> shift << shift;
	t->span.last = t->span.first + ((1ull << shift) - 1);
}

static void found(struct mf_translation *t, u64 iova, u32 i)
{
	bool napot = bit(t->entry, BIT_N);

	set_span(t, iova, napot ? 16 : shift_of(i));
	t->pfn = bits(t->entry, 53, 10) & (napot ? ~0xfull : ~0ull);
	t->prot = bit(t->entry, BIT_R) ? MF_READ : 0;
	/* With D clear, and nobody to set it, a write faults. */
	if (bit(t->entry, BIT_W) && bit(t->entry, BIT_D))
		t->prot |= MF_WRITE;
}

/* No second stage: IOVAs are physical addresses. */
static enum mf_fault_why walk_bare(const struct mf_walker *w, u64 iova, struct mf_translation *t)
{
	u64 end = 1ull << physical_bits(w->config);

	if (iova >= end) {
		t->span = (struct mf_span){ end, ~0ull };
		return MF_FAULT_APERTURE;
	}
	t->span = (struct mf_span){ 0, end - 1 };
	t->pfn = 0;
	t->prot = MF_READ | MF_WRITE;
	return MF_FAULT_NONE;
}

static u64 slot_of(const struct context *c, u64 table, u32 i, u64 iova)
{
	u64 vpn = iova >> shift_of(i);

	/* The root's index has two bits more, and nothing is above it. */
	return table + (i == c->levels - 1 ? vpn : vpn & 511) * 8;
}

/**
 * mf_riscv_walk() - what an IOVA translates to; see struct mf_format
 */
enum mf_fault_why mf_riscv_walk(const struct mf_walker *w, u64 iova, struct mf_translation *t)
{
	struct context c;
	u64 table, slot, top;
	u32 i;

	t->prot = 0;
	t->level = 0;
	t->entry = 0;
	t->span = (struct mf_span){ 0, ~0ull };
	if (read_context(w, &c))
		return MF_FAULT_DEVICE;
	if (!c.mode)
		return walk_bare(w, iova, t);
	top = 1ull << (shift_of(c.levels) + 2);
	if (iova >= top) {
		t->span.first = top;
		return MF_FAULT_APERTURE;
	}
	t->span.last = top - 1;

	table = c.root;
	for (i = c.levels - 1;; i--) {
		slot = slot_of(&c, table, i, iova);
		if (slot >> physical_bits(w->config) || !mf_pool_read(w->pool, slot, &t->entry))
			return MF_FAULT_TABLE;
		t->level = i + 1;
		set_span(t, iova, shift_of(i));
		switch (judge(w->config, t->entry, i)) {
		case PTE_ABSENT:
			return MF_FAULT_NOT_PRESENT;
		case PTE_RESERVED:
			return MF_FAULT_RESERVED;
		case PTE_TOO_FAR:
			return bits(t->entry, BIT_X, BIT_R) ? MF_FAULT_RESERVED : MF_FAULT_TABLE;
		case PTE_PAGE:
			if (bit(t->entry, BIT_N) && !napot_agrees(w->pool, slot, t->entry))
				return MF_FAULT_RESERVED;
			found(t, iova, i);
			return MF_FAULT_NONE;
		case PTE_POINTER:
			table = bits(t->entry, 53, 10) << 12;
		}
	}
}

/* The cause of a fault that is not the context's, for a read. */
static enum cause read_cause(const struct mf_walker *w, const struct context *c,
			     const struct mf_fault *fault)
{
	switch (fault->why) {
	case MF_FAULT_APERTURE:
		return c->mode ? CAUSE_READ_PAGE : CAUSE_READ_ACCESS;
	case MF_FAULT_NOT_PRESENT:
	case MF_FAULT_READ:
	case MF_FAULT_WRITE:
		return CAUSE_READ_PAGE;
	case MF_FAULT_RESERVED:
		return judge(w->config, fault->entry, fault->level - 1) == PTE_TOO_FAR ?
		       CAUSE_READ_ACCESS : CAUSE_READ_PAGE;
	case MF_FAULT_TABLE:
		return CAUSE_READ_ACCESS;
	default:
		/* It went through the unit, and came to grief behind it. */
		return CAUSE_NONE;
	}
}

static const char *cause_name(u32 cause)
{
	switch (cause) {
	case CAUSE_READ_ACCESS:
		return "read access fault";
	case CAUSE_WRITE_ACCESS:
		return "write/AMO access fault";
	case CAUSE_READ_PAGE:
		return "read guest-page fault";
	case CAUSE_WRITE_PAGE:
		return "write/AMO guest-page fault";
	case CAUSE_DC_INVALID:
		return "DDT entry not valid";
	case CAUSE_DC_WRONG:
		return "DDT entry misconfigured";
	default:
		return NULL;
	}
}

/* TTYP: an untranslated read, an untranslated write. */
#define TTYP(write)	((write) ? 3ull : 2ull)

/**
 * mf_riscv_describe() - the record the unit would queue; see struct mf_format
 *
 * A device that is attached to nothing has a context that is not valid. With
 * DTF set, faults of the translation are not reported (3.2).
 */
void mf_riscv_describe(const struct mf_walker *w, u32 source, struct mf_fault *fault)
{
	struct context c;
	u32 cause = read_context(w, &c);

	if (!cause && !c.silent) {
		cause = read_cause(w, &c, fault);
		if (cause && fault->write)
			cause += 2;
	}
	if (!cause)
		return;
	fault->code = cause;
	fault->name = cause_name(cause);
	fault->record[0] = cause | TTYP(fault->write) << 34 | (u64)(source & 0xffffff) << 40;
	fault->record[2] = fault->iova;
	if (cause == CAUSE_READ_PAGE || cause == CAUSE_WRITE_PAGE)
		fault->record[3] = fault->iova & ~3ull;
}
