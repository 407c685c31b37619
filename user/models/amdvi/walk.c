// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * AMD-Vi's host page tables as a unit reads them.
 *
 * Source: AMD IOMMU specification, 2.2.2.1 (device table entry), 2.2.3 (I/O
 * page tables), 2.5.2 (ILLEGAL_DEV_TABLE_ENTRY), 2.5.3 (IO_PAGE_FAULT), 2.5.5
 * (PAGE_TAB_HARDWARE_ERROR).
 *
 * An entry says itself which level it leads to, so levels may be skipped; the
 * IOVA bits of those that are must be 0, or nothing is there. Rights of the
 * device table entry and all levels are and-ed.
 *
 * A device whose entry is not valid (V) would reach all memory untranslated. No
 * host leaves one so: here it stands for a device that is in no domain.
 */
#include "user/models/amdvi/internal.h"

#define BIT(n)		(1ull << (n))
#define FIELD(word, high, low) ((word) >> (low) & (~0ull >> (63 - (high) + (low))))

/* 2.5: event codes */
#define EVENT_ILLEGAL_DEVICE	0x1
#define EVENT_PAGE_FAULT	0x2
#define EVENT_TABLE_ERROR	0x4

static u32 output_width(const struct mf_walker *w)
{
	return w->config->output_bits ? w->config->output_bits : 52;
}

/* How many levels it walks (HATS): four, five or six. */
static u32 most_levels(const struct mf_walker *w)
{
	u32 width = 64 - (u32)__builtin_clzll(w->config->aperture.last);

	return (u32)mf_max((width - 12 + 8) / 9, 4);
}

/* log2 of what a table of @level covers */
static u32 table_covers(u32 level)
{
	return (u32)mf_min(12 + 9 * level, 64);
}

static void span_around(struct mf_translation *t, u64 iova, u32 shift)
{
	u64 inside = shift < 64 ? BIT(shift) - 1 : ~0ull;

	t->span = (struct mf_span){ iova & ~inside, iova | inside };
}

static bool address_fits(const struct mf_walker *w, u64 word)
{
	return !(FIELD(word, 51, 12) << 12 >> output_width(w));
}

/* How many bits the IOVA of a page in an entry of @level has that maps it; 0: it makes no sense. */
static u32 page_shift(const struct mf_walker *w, u32 level, u64 entry)
{
	u32 smallest = 12 + 9 * (level - 1), shift = smallest;

	if (FIELD(entry, 11, 9) == 7) {
		for (shift = 13; shift < 52 && entry & BIT(shift - 1); shift++)
			;
		if (shift <= smallest || shift >= smallest + 9)
			return 0;
	} else if (FIELD(entry, 51, 12) << 12 & (BIT(shift) - 1)) {
		return 0;
	}
	return w->config->pgsizes & BIT(shift) ? shift : 0;
}

/* Does an entry lead to no lower level, or have a size that none of its level has? */
static bool is_illegal_level(u32 level, u64 entry)
{
	u32 next = (u32)FIELD(entry, 11, 9), shift = 13;

	if (next != 7)
		return next >= level;
	while (shift < 52 && entry & BIT(shift - 1))
		shift++;
	return shift <= 12 + 9 * (level - 1) || shift >= 12 + 9 * level;
}

/* 2.2.2.1: what must be 0 in a unit without guest translation and page requests */
static bool device_reserved(u64 device)
{
	return FIELD(device, 6, 2) || FIELD(device, 60, 52) || device & BIT(63);
}

static u32 rights(u64 word)
{
	return (word & BIT(61) ? MF_READ : 0) | (word & BIT(62) ? MF_WRITE : 0);
}

/* A page was found. */
static enum mf_fault_why read_page(const struct mf_walker *w, u64 iova, u32 level, u32 prot,
				   struct mf_translation *t)
{
	u32 shift = page_shift(w, level, t->entry);
	u64 address = FIELD(t->entry, 51, 12) << 12;

	if (!shift || FIELD(t->entry, 58, 52) || !address_fits(w, t->entry))
		return MF_FAULT_RESERVED;
	span_around(t, iova, shift);
	t->pfn = (address & ~(BIT(shift) - 1)) >> 12;
	t->prot = prot;
	return MF_FAULT_NONE;
}

/* The walk; @at is where the last entry is, or would be. */
static enum mf_fault_why find(const struct mf_walker *w, u64 iova, struct mf_translation *t,
			      u64 *at)
{
	u64 device = w->descriptor[0], table = FIELD(device, 51, 12) << 12;
	u32 level = (u32)FIELD(device, 11, 9), covers = table_covers(level), next;
	u32 prot = rights(device);

	*t = (struct mf_translation){ .span = { 0, ~0ull } };
	if (!(device & BIT(0)))
		return MF_FAULT_NO_DOMAIN;
	if (device_reserved(device))
		return MF_FAULT_DEVICE;
	/* Mode 0 is no translation, which no domain asks for; 7 is reserved. */
	if (!(device & BIT(1)) || !level || level > most_levels(w) || !address_fits(w, device))
		return MF_FAULT_DEVICE;
	if (w->config->aperture.last != ~0ull && iova > w->config->aperture.last) {
		t->span.first = w->config->aperture.last + 1;
		return MF_FAULT_APERTURE;
	}
	if (covers < 64 && iova >> covers) {
		t->span.first = BIT(covers);
		return MF_FAULT_NOT_PRESENT;
	}

	for (;; level = next) {
		u32 shift = 12 + 9 * (level - 1);

		span_around(t, iova, shift);
		t->level = level;
		t->entry = 0;
		*at = table + (iova >> shift & 0x1ff) * 8;
		if (!mf_pool_read(w->pool, *at, &t->entry))
			return MF_FAULT_TABLE;
		if (!(t->entry & BIT(0)))
			return MF_FAULT_NOT_PRESENT;
		prot &= rights(t->entry);
		next = (u32)FIELD(t->entry, 11, 9);
		if (!next || next == 7)
			return read_page(w, iova, level, prot, t);
		if (next >= level || FIELD(t->entry, 60, 52) || !address_fits(w, t->entry))
			return MF_FAULT_RESERVED;
		/* 2.2.3: what skipped levels would have looked up is 0, or nothing is there. */
		if ((iova & (BIT(shift) - 1)) >> table_covers(next)) {
			span_around(t, iova, table_covers(next));
			return MF_FAULT_NOT_PRESENT;
		}
		table = FIELD(t->entry, 51, 12) << 12;
	}
}

enum mf_fault_why mf_amdvi_walk(const struct mf_walker *w, u64 iova, struct mf_translation *t)
{
	u64 at;

	return find(w, iova, t, &at);
}

static u32 event_code(enum mf_fault_why why)
{
	switch (why) {
	case MF_FAULT_NO_DOMAIN:
	case MF_FAULT_DEVICE:
		return EVENT_ILLEGAL_DEVICE;
	case MF_FAULT_TABLE:
		return EVENT_TABLE_ERROR;
	default:
		return EVENT_PAGE_FAULT;
	}
}

static const char *event_name(u32 code)
{
	switch (code) {
	case EVENT_ILLEGAL_DEVICE:
		return "ILLEGAL_DEV_TABLE_ENTRY";
	case EVENT_TABLE_ERROR:
		return "PAGE_TAB_HARDWARE_ERROR";
	default:
		return "IO_PAGE_FAULT";
	}
}

/* Is a reserved bit to blame, and not a level that cannot be? */
static bool is_reserved_bit(const struct mf_walker *w, const struct mf_fault *fault)
{
	if (fault->why == MF_FAULT_DEVICE)
		return device_reserved(w->descriptor[0]) || !address_fits(w, w->descriptor[0]);
	return fault->why == MF_FAULT_RESERVED && !is_illegal_level(fault->level, fault->entry);
}

/*
 * 2.5.2 to 2.5.5, an entry of the event log, of 128 bits; the flags are at 16 of its
 * second 32. An event of a device table entry names no domain. One of a table that
 * is not to be read says where that is, and that nobody answered (master abort).
 */
void mf_amdvi_describe(const struct mf_walker *w, u32 source, struct mf_fault *fault)
{
	bool right = fault->why == MF_FAULT_READ || fault->why == MF_FAULT_WRITE;
	u64 flags = (right || fault->why == MF_FAULT_RESERVED ? BIT(4) : 0) |	/* PR */
		    (fault->write ? BIT(5) : 0) |				/* RW */
		    (right ? BIT(6) : 0) |					/* PE */
		    (is_reserved_bit(w, fault) ? BIT(7) : 0);			/* RZ */
	u64 domain = 0, address = fault->iova;
	struct mf_translation t;

	fault->code = event_code(fault->why);
	fault->name = event_name(fault->code);
	if (fault->code != EVENT_ILLEGAL_DEVICE)
		domain = w->descriptor[1] & 0xffff;
	if (fault->code == EVENT_TABLE_ERROR) {
		find(w, fault->iova, &t, &address);
		flags |= BIT(9);
	}
	fault->record[0] = (source & 0xffff) | domain << 32 | flags << 48 |
			   (u64)fault->code << 60;
	fault->record[1] = address;
}
