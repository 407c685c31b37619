// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * VT-d's second-stage tables as a unit reads them.
 *
 * Source: VT-d specification, 3.7.1 (the walk), 7.1.3 and appendix A (fault
 * reasons), 9.3 (context entry), 9.8 (paging entries), 10.4.14 (fault
 * recording registers).
 *
 * An entry that allows neither reading nor writing is not present, and nothing
 * else of it is looked at. One that is present is checked for bits which this
 * unit, with what it can do, does not know: the low address bits of a large
 * page, the page bit where it maps no pages of that size, an address beyond its
 * physical width, SNP without snoop control or where there is no page, bit 62,
 * which was TM while there were device TLBs (no unit here has one). The rights of
 * all levels are and-ed.
 */
#include "user/models/vtd/internal.h"

#define BIT(n)		(1ull << (n))
#define BITS(h, l)	((~0ull >> (63 - (h))) & (~0ull << (l)))

/* appendix A, legacy mode */
#define FAULT_CONTEXT_ABSENT	0x2
#define FAULT_CONTEXT_INVALID	0x3
#define FAULT_ADDRESS_WIDTH	0x4
#define FAULT_WRITE		0x5
#define FAULT_READ		0x6
#define FAULT_TABLE_ACCESS	0x7
#define FAULT_CONTEXT_RESERVED	0xb
#define FAULT_RESERVED		0xc

static u32 host_width(const struct mf_walker *w)
{
	return w->config->output_bits ? w->config->output_bits : 52;
}

/* How wide the IOVAs are that it translates (MGAW). */
static u32 guest_width(const struct mf_walker *w)
{
	return 64 - (u32)__builtin_clzll(w->config->aperture.last);
}

/* The largest table it can walk (SAGAW); it walks all smaller ones, too. */
static u32 most_levels(const struct mf_walker *w)
{
	u32 width = guest_width(w);

	return width <= 39 ? 3 : width <= 48 ? 4 : 5;
}

static u32 level_shift(u32 level)
{
	return 12 + (level - 1) * 9;
}

static void span_around(struct mf_translation *t, u64 iova, u32 shift)
{
	t->span.first = iova >> shift << shift;
	t->span.last = t->span.first | (BIT(shift) - 1);
}

/* 9.3: what must be 0 in a context entry that is present. */
static bool context_reserved(const struct mf_walker *w)
{
	u64 low = w->descriptor[0], high = w->descriptor[1];

	return low & BITS(11, 4) || (low & BITS(63, 12)) >> host_width(w) || high & BIT(7) ||
	       high & BITS(63, 24);
}

/* 9.3: the words say how many levels there are, or that nothing can be done. */
static u32 read_context(const struct mf_walker *w, u64 *root)
{
	u64 low = w->descriptor[0], high = w->descriptor[1];
	u32 levels = (u32)(high & BITS(2, 0)) + 2;

	/* Bits 3:2 say what is translated: 00b is requests without, by the second stage. */
	if (low & BITS(3, 2) || context_reserved(w))
		return 0;
	if (levels < 3 || levels > most_levels(w))
		return 0;
	*root = low & BITS(63, 12);
	return levels;
}

static bool has_size(const struct mf_walker *w, u32 level)
{
	return w->config->pgsizes & BIT(level_shift(level));
}

/* 9.8: what must be 0 in an entry that is present */
static u64 reserved_bits(const struct mf_walker *w, u32 level, u64 entry)
{
	u64 reserved = host_width(w) < 52 ? BITS(51, host_width(w)) : 0;
	bool page = level == 1 || (entry & BIT(7) && level <= 3 && has_size(w, level));

	if (level > 1 && !page)
		return reserved | BIT(7) | BIT(11) | BIT(62);
	if (level > 1)
		reserved |= BITS(level_shift(level) - 1, 12);
	if (!w->config->enforces)
		reserved |= BIT(11);
	return reserved | BIT(62);
}

enum mf_fault_why mf_vtd_walk(const struct mf_walker *w, u64 iova, struct mf_translation *t)
{
	u32 prot = MF_READ | MF_WRITE, level, width;
	u64 table = 0, entry;

	*t = (struct mf_translation){ .span = { 0, ~0ull } };
	if (!(w->descriptor[0] & BIT(0)))
		return MF_FAULT_NO_DOMAIN;
	level = read_context(w, &table);
	if (!level)
		return MF_FAULT_DEVICE;

	/* 3.7: the narrower of what the unit and what the table translates */
	width = (u32)mf_min(guest_width(w), level_shift(level + 1));
	if (iova >> width) {
		t->span.first = BIT(width);
		return MF_FAULT_APERTURE;
	}

	for (;; level--) {
		span_around(t, iova, level_shift(level));
		t->level = level;
		if (!mf_pool_read(w->pool, table + (iova >> level_shift(level) & 0x1ff) * 8,
				  &entry)) {
			t->entry = 0;
			return MF_FAULT_TABLE;
		}
		t->entry = entry;
		if (!(entry & BITS(1, 0)))
			return MF_FAULT_NOT_PRESENT;
		if (entry & reserved_bits(w, level, entry))
			return MF_FAULT_RESERVED;
		prot &= (entry & BIT(0) ? MF_READ : 0) | (entry & BIT(1) ? MF_WRITE : 0);
		if (level == 1 || entry & BIT(7))
			break;
		table = entry & BITS(51, 12);
	}
	t->pfn = (entry & BITS(51, 12)) >> 12;
	t->prot = prot;
	return MF_FAULT_NONE;
}

static u32 reason(const struct mf_walker *w, const struct mf_fault *fault)
{
	switch (fault->why) {
	case MF_FAULT_NO_DOMAIN:
		return FAULT_CONTEXT_ABSENT;
	case MF_FAULT_DEVICE:
		return context_reserved(w) ? FAULT_CONTEXT_RESERVED : FAULT_CONTEXT_INVALID;
	case MF_FAULT_APERTURE:
		return FAULT_ADDRESS_WIDTH;
	case MF_FAULT_TABLE:
		return FAULT_TABLE_ACCESS;
	case MF_FAULT_RESERVED:
		return FAULT_RESERVED;
	default:
		/* What is not present allows neither. */
		return fault->write ? FAULT_WRITE : FAULT_READ;
	}
}

static const char *reason_name(u32 code)
{
	switch (code) {
	case FAULT_CONTEXT_ABSENT:
		return "context entry not present";
	case FAULT_CONTEXT_INVALID:
		return "context entry not usable";
	case FAULT_ADDRESS_WIDTH:
		return "IOVA beyond the address width";
	case FAULT_WRITE:
		return "no right to write";
	case FAULT_READ:
		return "no right to read";
	case FAULT_TABLE_ACCESS:
		return "paging entry not readable";
	case FAULT_CONTEXT_RESERVED:
		return "reserved bit set in context entry";
	case FAULT_RESERVED:
	default:
		return "reserved bit set in paging entry";
	}
}

/* 10.4.14: a fault recording register, of 128 bits */
void mf_vtd_describe(const struct mf_walker *w, u32 source, struct mf_fault *fault)
{
	fault->code = reason(w, fault);
	fault->name = reason_name(fault->code);
	fault->record[0] = fault->iova & BITS(63, 12);
	fault->record[1] = BIT(63) | (fault->write ? 0 : BIT(62)) | (u64)fault->code << 32 |
			   (source & 0xffff);
}
