// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The hardware's half of the SMMUv3 format: reads a stream table entry, walks
 * stage 2 translation tables, and writes event records. Sections are those of
 * IHI 0070 (SMMU) and DDI 0487 (Arm).
 *
 * The unit is stricter than hardware need be:
 *   - a bit that is RES0 and set makes an STE ILLEGAL, and a descriptor invalid:
 *     F_TRANSLATION, as for an encoding the architecture calls reserved. Real
 *     units may not look, until a later one has a use for the bit;
 *   - the contiguous bit is a hint, and where entries of a set do not go
 *     together what happens is CONSTRAINED UNPREDICTABLE. This unit looks at
 *     all of them and, unless they agree, reports F_TLB_CONFLICT.
 * It is lenient where the architecture says IGNORED.
 */
#include "user/models/smmuv3/walk.h"

/* The field of @width bits from bit @low on, counted from the beginning of an STE. */
static u64 ste(const u64 *words, u32 low, u32 width)
{
	return words[low / 64] >> low % 64 & ((1ull << width) - 1);
}

/* Bits of an STE that are RES0 for this unit (5.2), besides what illegal() looks at. */
static const u64 ste_res0[MF_DESCRIPTOR_WORDS] = {
	/* S1Fmt, S1ContextPtr, S1CDMax: there is no stage 1 */
	0xfffffffffffffff0ull,
	/* PPAR, S1PIE, S1MPAM, S1STALLD, STRW, 107:105, PRIVCFG, INSTCFG */
	1ull << 18 | 1ull << 24 | 3ull << 26 | 3ull << 30 | 7ull << 41 | 0xfull << 48,
	/* S2HAFT, S2PIE, S2POE, DPT_VMATCH */
	0x1full << 59,
	/* S2NSW, S2NSA, S2SL0_2, S2DS, and what is above S2TTB */
	0xfull | 0xfffull << 52,
	/* PARTID, S_S2T0SZ, S_S2SL0, S_S2TG, MECID; below is IMPLEMENTATION DEFINED */
	0xffffffffffff0000ull,
	/* PMG, MPAM_NS, AssuredOnly, TL0, TL1, VMSPtr */
	~0ull,
	/* S2SW, S2SA, S_S2SL0_2, S_S2TTB */
	~0ull,
	/* S2POI */
	~0ull,
};

#define STE_V			0, 1
#define STE_CONFIG		1, 3
#define STE_S2FWB		89, 1
#define STE_S2T0SZ		160, 6
#define STE_S2SL0		166, 2
#define STE_S2TG		174, 2
#define STE_S2PS		176, 3
#define STE_S2AA64		179, 1
#define STE_S2ENDI		180, 1
#define STE_S2AFFD		181, 1
#define STE_S2HD_HA		183, 2
#define STE_S2S			185, 1
#define STE_S2R			186, 1

/* Event numbers (7.3). */
enum event {
	EVENT_NONE	 = 0,
	C_BAD_STE	 = 0x04,
	F_WALK_EABT	 = 0x0b,
	F_TRANSLATION	 = 0x10,
	F_ADDR_SIZE	 = 0x11,
	F_ACCESS	 = 0x12,
	F_PERMISSION	 = 0x13,
	F_TLB_CONFLICT	 = 0x20,
};

/* What the unit makes of an STE. */
struct stage {
	u32 page;		/* log2 of the granule */
	u32 bits;		/* that are resolved per level */
	u32 top;		/* the level it begins at */
	u32 input;		/* bits of an IPA */
	u32 output;		/* bits of a PA: eff_S2PS */
	u32 address;		/* bits of a PA that a descriptor can say */
	u64 table;
	bool forced;		/* S2FWB */
	bool no_access_flag;	/* S2AFFD */
};

static u32 oas(const struct mf_model_config *config)
{
	return config->output_bits ? config->output_bits : 52;
}

static u32 entry_shift(const struct stage *s, u32 level)
{
	return s->page + (3 - level) * s->bits;
}

/* S2TG and S2SL0 together: the level of the initial lookup, or false. */
static bool read_start(const u64 *words, struct stage *s)
{
	u32 code = (u32)ste(words, STE_S2SL0);

	switch (ste(words, STE_S2TG)) {
	case 0:
		s->page = 12;
		s->top = 2 - code;
		break;
	case 1:
		s->page = 16;
		s->top = 3 - code;
		break;
	case 2:
		s->page = 14;
		s->top = 3 - code;
		break;
	default:
		return false;
	}
	s->bits = s->page - 3;
	return code < 3;
}

/* Is the STE ILLEGAL (5.2.2)? If not, @s is what it says. */
static bool illegal(const struct mf_model_config *config, const u64 *words, struct stage *s)
{
	static const u32 ps[] = { 32, 36, 40, 42, 44, 48, 52, 52 };
	u32 i, size = (u32)ste(words, STE_S2T0SZ), most;

	if (!ste(words, STE_V) || ste(words, STE_CONFIG) != 6)
		return true;
	for (i = 0; i < MF_DESCRIPTOR_WORDS; i++) {
		if (words[i] & ste_res0[i])
			return true;
	}
	/* It came with SMMUv3.2, as IDR3.FWB; to a unit without, it is reserved. */
	if (ste(words, STE_S2FWB) && !config->enforces)
		return true;
	if (!ste(words, STE_S2AA64) || ste(words, STE_S2ENDI) || ste(words, STE_S2HD_HA) ||
	    ste(words, STE_S2S))
		return true;
	if (!read_start(words, s) || !(config->pgsizes >> s->page & 1))
		return true;

	s->output = ps[ste(words, STE_S2PS)];
	if (s->output > oas(config))
		s->output = oas(config);
	s->address = s->page == 16 ? 52 : 48;

	most = s->address;
	if (most > oas(config))
		most = oas(config);
	s->input = 64 - size;
	if (size > 39 || s->input > most)
		return true;
	/* At least a bit is left for the initial lookup, at most 16 tables' worth. */
	if (s->input < entry_shift(s, s->top) + 1 ||
	    s->input > entry_shift(s, s->top) + s->bits + 4)
		return true;

	s->table = words[3] & 0x000ffffffffffff0ull;
	if (s->table >> s->output || s->table >> s->address)
		return true;
	s->table &= ~0ull << (s->input - entry_shift(s, s->top) + 3);
	s->forced = ste(words, STE_S2FWB);
	s->no_access_flag = ste(words, STE_S2AFFD);
	return false;
}

/* What a descriptor is (DDI 0487, D8.3). */
enum kind {
	INVALID,
	TABLE,
	LEAF,
	BAD,
};

/* Does this granule have blocks at this level? Those of 4 TiB came with 52 bits. */
static bool has_blocks(const struct stage *s, const struct mf_model_config *config, u32 level)
{
	if (s->page == 16 && level == 1)
		return oas(config) == 52;
	return level == 2 || (level == 1 && s->page == 12);
}

/* How many entries the contiguous bit speaks of; 0: it is RES0 here. */
static u32 set_size(const struct stage *s, u32 level)
{
	if (s->page == 12)
		return 16;
	if (s->page == 14)
		return level == 3 ? 128 : 32;
	return level == 1 ? 0 : 32;
}

static u64 field(u64 entry, u32 high, u32 low)
{
	return entry >> low & ((2ull << (high - low)) - 1);
}

/* The address of the next table, of a page or of a block. */
static u64 output_of(const struct stage *s, u64 entry)
{
	u64 out = field(entry, 47, s->page) << s->page;

	return s->page == 16 ? out | field(entry, 15, 12) << 48 : out;
}

/* Is the memory type one of D8.6's, with and without S2FWB? */
static bool known_type(const struct stage *s, u64 memattr)
{
	if (s->forced)
		return memattr < 8 && memattr != 4;
	return memattr < 4 || memattr % 4;
}

/* Bits that are RES0 in a leaf: 51 (DBM) and 11 are of extensions it has not. */
static bool bad_leaf(const struct stage *s, u64 entry, u32 level)
{
	u32 lowest = entry_shift(s, level);
	u64 res0 = field(entry, 51, 48) | field(entry, 11, 11);

	/* Between the address and the attributes; 15:12 are address with 64 KiB. */
	if (s->page == 16)
		res0 |= lowest > 16 ? field(entry, lowest - 1, 16) : 0;
	else
		res0 |= lowest > 12 ? field(entry, lowest - 1, 12) : 0;
	if (field(entry, 52, 52) && !set_size(s, level))
		return true;
	return res0 || field(entry, 9, 8) == 1 || !known_type(s, field(entry, 5, 2));
}

static bool bad_table(const struct stage *s, u64 entry)
{
	u64 res0 = field(entry, 63, 59) | field(entry, 50, 48);

	if (s->page == 14)
		res0 |= field(entry, 13, 12);
	return res0;
}

/* Look at one descriptor; @event is what it is reported as if that ends the walk. */
static enum kind look_at(const struct stage *s, const struct mf_model_config *config, u64 entry,
			 u32 level, enum event *event)
{
	*event = F_TRANSLATION;
	if (!(entry & 1))
		return INVALID;
	if (level < 3 && (entry & 2)) {
		if (bad_table(s, entry))
			return BAD;
		if (output_of(s, entry) >> s->output)
			*event = F_ADDR_SIZE;
		else
			*event = EVENT_NONE;
		return TABLE;
	}
	if (level < 3 ? !has_blocks(s, config, level) : !(entry & 2))
		return BAD;
	if (bad_leaf(s, entry, level))
		return BAD;
	*event = F_ADDR_SIZE;
	if (output_of(s, entry) >> s->output)
		return BAD;
	*event = F_ACCESS;
	if (!field(entry, 10, 10) && !s->no_access_flag)
		return BAD;
	*event = EVENT_NONE;
	return LEAF;
}

/* Do all entries of a contiguous set go on where the one before ends? */
static bool set_agrees(const struct mf_pool *pool, const struct stage *s, u64 slot, u64 entry,
		       u32 level)
{
	u64 n = set_size(s, level), first = slot & ~(n * 8 - 1), i, other;
	u64 bytes = 1ull << entry_shift(s, level), start;

	start = output_of(s, entry) - (slot - first) / 8 * bytes;
	if (start & (n * bytes - 1))
		return false;
	for (i = 0; i < n; i++) {
		if (!mf_pool_read(pool, first + i * 8, &other))
			return false;
		if (output_of(s, other) != start + i * bytes)
			return false;
		/* Apart from the address they are the same. */
		if ((other ^ entry) & (0xfff0000000000fffull))
			return false;
	}
	return true;
}

static void leaf_found(const struct stage *s, u64 iova, u32 level, struct mf_translation *t)
{
	u64 bytes = 1ull << entry_shift(s, level), set = bytes;

	if (field(t->entry, 52, 52))
		set *= set_size(s, level);
	t->span.first = iova & ~(set - 1);
	t->span.last = iova | (set - 1);
	/* The set is aligned at both ends: the first entry's address. */
	t->pfn = (output_of(s, t->entry) & ~(set - 1)) >> MF_PAGE_SHIFT;
	t->prot = (field(t->entry, 6, 6) ? MF_READ : 0) | (field(t->entry, 7, 7) ? MF_WRITE : 0);
}

/* Where the descriptor of @iova is in a table of @level. */
static u64 slot_in(const struct stage *s, u64 table, u32 level, u64 iova)
{
	u64 index = iova >> entry_shift(s, level);

	if (level != s->top)
		index &= (1ull << s->bits) - 1;
	return table + index * 8;
}

/**
 * mf_smmuv3_walk() - what an IOVA translates to; see struct mf_format
 */
enum mf_fault_why mf_smmuv3_walk(const struct mf_walker *w, u64 iova, struct mf_translation *t)
{
	struct stage s;
	enum event event;
	u64 slot;
	u32 level;

	t->prot = 0;
	t->level = 0;
	t->entry = 0;
	t->span = (struct mf_span){ 0, ~0ull };
	if (illegal(w->config, w->descriptor, &s))
		return MF_FAULT_DEVICE;
	if (iova >> s.input) {
		t->span.first = 1ull << s.input;
		return MF_FAULT_APERTURE;
	}
	t->span.last = (1ull << s.input) - 1;

	for (level = s.top;; level++) {
		slot = slot_in(&s, s.table, level, iova);
		if (!mf_pool_read(w->pool, slot, &t->entry))
			return MF_FAULT_TABLE;
		t->level = 4 - level;
		t->span.first = iova & ~0ull << entry_shift(&s, level);
		t->span.last = iova | ~(~0ull << entry_shift(&s, level));
		switch (look_at(&s, w->config, t->entry, level, &event)) {
		case INVALID:
			return MF_FAULT_NOT_PRESENT;
		case BAD:
			return MF_FAULT_RESERVED;
		case LEAF:
			if (field(t->entry, 52, 52) &&
			    !set_agrees(w->pool, &s, slot, t->entry, level))
				return MF_FAULT_RESERVED;
			leaf_found(&s, iova, level, t);
			return MF_FAULT_NONE;
		case TABLE:
			if (event)
				return MF_FAULT_TABLE;
			s.table = output_of(&s, t->entry);
		}
	}
}

static const char *event_name(enum event event)
{
	switch (event) {
	case C_BAD_STE:
		return "C_BAD_STE";
	case F_WALK_EABT:
		return "F_WALK_EABT";
	case F_TRANSLATION:
		return "F_TRANSLATION";
	case F_ADDR_SIZE:
		return "F_ADDR_SIZE";
	case F_ACCESS:
		return "F_ACCESS";
	case F_PERMISSION:
		return "F_PERMISSION";
	case F_TLB_CONFLICT:
		return "F_TLB_CONFLICT";
	default:
		return NULL;
	}
}

/* Which event a fault on the way through @s is. */
static enum event event_of(const struct mf_walker *w, const struct stage *s,
			   const struct mf_fault *fault)
{
	enum event event = EVENT_NONE;

	switch (fault->why) {
	case MF_FAULT_APERTURE:
		/* Beyond the IAS it is stage 1, which all goes through, that says no (3.4). */
		return fault->iova >> oas(w->config) ? F_ADDR_SIZE : F_TRANSLATION;
	case MF_FAULT_NOT_PRESENT:
		return F_TRANSLATION;
	case MF_FAULT_RESERVED:
		look_at(s, w->config, fault->entry, 4 - fault->level, &event);
		return event ? event : F_TLB_CONFLICT;
	case MF_FAULT_TABLE:
		if (fault->level)
			look_at(s, w->config, fault->entry, 4 - fault->level, &event);
		return event ? event : F_WALK_EABT;
	case MF_FAULT_READ:
	case MF_FAULT_WRITE:
		return F_PERMISSION;
	default:
		/* It went through the unit, and came to grief behind it. */
		return EVENT_NONE;
	}
}

/* Events of an access (7.3.12 to 7.3.16): all have this form. */
#define RECORD_READ		(1ull << 35)
#define RECORD_STAGE_2		(1ull << 39)
#define RECORD_CLASS_INPUT	(2ull << 40)
#define RECORD_IPA		0x000ffffffffff000ull
#define RECORD_FETCH		0x000ffffffffffff8ull

static void fill_record(const struct stage *s, struct mf_fault *fault)
{
	bool stage_1 = fault->why == MF_FAULT_APERTURE && fault->code == F_ADDR_SIZE;
	u64 table = s->table;
	u32 level = s->top;

	fault->record[1] = RECORD_CLASS_INPUT | (fault->write ? 0 : RECORD_READ) |
			   (stage_1 ? 0 : RECORD_STAGE_2);
	fault->record[2] = fault->iova;
	if (fault->code == F_WALK_EABT) {
		if (fault->level) {
			table = output_of(s, fault->entry);
			level = 5 - fault->level;
		}
		fault->record[3] = slot_in(s, table, level, fault->iova) & RECORD_FETCH;
	} else if (!stage_1) {
		fault->record[3] = fault->iova & RECORD_IPA;
	}
}

/**
 * mf_smmuv3_describe() - the event the unit would record; see struct mf_format
 *
 * A device that is attached to nothing has an STE that is not valid. With
 * STE.S2R clear only what is wrong with the STE itself is recorded (5.5).
 */
void mf_smmuv3_describe(const struct mf_walker *w, u32 source, struct mf_fault *fault)
{
	struct stage s;
	bool bad = !w->descriptor || illegal(w->config, w->descriptor, &s);

	if (bad)
		fault->code = C_BAD_STE;
	else if (ste(w->descriptor, STE_S2R))
		fault->code = event_of(w, &s, fault);
	if (!fault->code)
		return;
	fault->name = event_name(fault->code);
	fault->record[0] = fault->code | (u64)source << 32;
	if (!bad)
		fill_record(&s, fault);
}
