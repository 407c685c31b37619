// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * A machine from one number.
 *
 * Chance is spent where units differ: page sizes with and without a common
 * one, apertures that nearly miss each other, regions of all types on the few
 * places where requests go. Places are few, so that requests meet.
 */
#include "tests/model/model.h"

/* splitmix64 */
u64 model_random(u64 *state)
{
	u64 z = *state += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

static const u64 pgsizes[] = {
	PAGE | 2 * MIB | GIB, PAGE | 2 * MIB, PAGE, PAGE | 64 * KIB | 2 * MIB,
	64 * KIB | 2 * MIB, KIB | 2 * KIB | 2 * MIB, PAGE | 2 * MIB | GIB, PAGE | 16 * KIB,
};

static const struct mf_span apertures[] = {
	{ 0, (1ull << 48) - 1 }, { 0, TOP }, { 0, (1ull << 39) - 1 }, { 0, (1ull << 48) - 1 },
	{ 64 * KIB, (1ull << 48) - 1 }, { 0, TOP }, { 0, TOP }, { 1ull << 40, TOP },
};

/* Where mappings are tried; each in units of a page and of 64 KiB. */
static const u64 places[] = {
	0, 2 * MIB, GIB - 64 * KIB, (1ull << 39) - 64 * KIB, (1ull << 48) - 64 * KIB,
	TOP - 64 * KIB + 1, GIB, TOP - 4 * MIB + 1,
};

#define REGIONS 8
static const struct mf_region region_sets[8][REGIONS] = {
	{ { MF_REGION_MSI, { 0xfee00000, 0xfeefffff } } },
	{ { MF_REGION_SW_MSI, { 0x8000000, 0x80fffff } } },
	{ { MF_REGION_RESERVED, { 3 * PAGE, 5 * PAGE - 1 } },
	  { MF_REGION_DIRECT_RELAXABLE, { 8 * PAGE, 9 * PAGE - 1 } } },
	{ { MF_REGION_DIRECT, { 2 * MIB, 2 * MIB + 4 * PAGE - 1 } },
	  { MF_REGION_MSI, { 0xfee00000, 0xfeefffff } },
	  { MF_REGION_SW_MSI, { 0x8000000, 0x80fffff } } },
	{ { MF_REGION_RESERVED, { TOP - PAGE + 1, TOP } } },
	{ { MF_REGION_DIRECT_RELAXABLE, { 0, TOP } },
	  { MF_REGION_SW_MSI, { 0x8000000, 0x80fffff } } },
	{ { MF_REGION_RESERVED, { GIB - PAGE, GIB + PAGE - 1 } },
	  { MF_REGION_RESERVED, { GIB, GIB + 2 * PAGE - 1 } },
	  { MF_REGION_DIRECT, { GIB - 2 * PAGE, GIB - PAGE - 1 } },
	  { MF_REGION_MSI, { 0xfee00000, 0xfeefffff } },
	  { MF_REGION_SW_MSI, { 0x8000000, 0x80fffff } } },
	{ { MF_REGION_RESERVED, { 0, (1ull << 40) - 1 } } },
};

static const u8 region_counts[8] = { 1, 1, 2, 3, 1, 2, 5, 1 };

static void make_group(struct model *m, u32 unit, u64 *chance)
{
	struct mf_host_group *group = world_group(&m->w, &m->w.units[unit]);
	u64 r = model_random(chance);

	m->unit_of[m->w.nr_groups - 1] = unit;
	group->isolated = r & 7;
	if (r >> 8 & 1) {
		/* The last set leaves no low IOVA: rare. */
		u32 set = r >> 16 & 7;

		if (set == 7 && r >> 24 & 7)
			set = 0;
		group->regions = region_sets[set];
		group->nr_regions = region_counts[set];
	}
}

/* What hardware of a format can be: any of the sizes with any of the widths. */
static const struct hardware {
	const struct mf_format *format;
	u64 pgsizes[4];
	u32 widths[4];
	u32 outputs[2];
	bool always, never;	/* enforces coherency */
} hardware[MODEL_FORMATS] = {
	[MODEL_VTD] = {
		.format = &mf_format_vtd,
		.pgsizes = { PAGE | 2 * MIB | GIB, PAGE | 2 * MIB, PAGE, PAGE | 2 * MIB | GIB },
		.widths = { 39, 48, 57, 46 },
		.outputs = { 46, 52 },
	},
	[MODEL_AMDVI] = {
		.format = &mf_format_amdvi,
		.pgsizes = { PAGE | 2 * MIB | GIB, (1ull << 31) - PAGE, PAGE | 16 * KIB | 2 * MIB,
			     (1ull << 40) - PAGE },
		.widths = { 48, 64, 39, 57 },
		.outputs = { 48, 52 },
		.always = true,
	},
	[MODEL_SMMUV3] = {
		.format = &mf_format_smmuv3,
		.pgsizes = { PAGE | 2 * MIB | GIB, 16 * KIB | 32 * MIB, 64 * KIB | 512 * MIB,
			     PAGE | 2 * MIB | GIB },
		.widths = { 39, 48, 44, 40 },
		.outputs = { 48, 48 },
	},
	[MODEL_RISCV] = {
		.format = &mf_format_riscv,
		.pgsizes = {
			PAGE | 2 * MIB | GIB, PAGE | 2 * MIB, PAGE | 64 * KIB | 2 * MIB, PAGE,
		},
		.widths = { 41, 50, 50, 41 },
		.outputs = { 56, 46 },
		.never = true,
	},
};

static struct mf_model_config simple_unit(u64 r)
{
	return (struct mf_model_config){
		.format = &mf_format_simple,
		.kind = 1 + (r & 1),
		.pgsizes = pgsizes[r >> 8 & 7],
		.aperture = apertures[r >> 16 & 7],
		.enforces = r >> 24 & 3,
		.caching = r >> 32 & 1,
	};
}

static struct mf_model_config hardware_unit(enum model_format format, u64 r)
{
	const struct hardware *h = &hardware[format];
	u32 width = h->widths[r >> 16 & 3];

	return (struct mf_model_config){
		.format = h->format,
		.kind = 1 + !(r & 7),
		.pgsizes = h->pgsizes[r >> 8 & 3],
		.aperture = { 0, width == 64 ? TOP : (1ull << width) - 1 },
		.output_bits = h->outputs[r >> 12 & 1],
		.enforces = h->always || (!h->never && r >> 24 & 3),
		.caching = r >> 32 & 1,
	};
}

static void make_unit(struct model *m, enum model_format format, u64 *chance)
{
	u64 r = model_random(chance);
	struct mf_model_config config;
	u32 unit = m->w.nr_units;

	if (format >= MODEL_ANY)
		format = (enum model_format)((r >> 58) % MODEL_FORMATS);
	config = format == MODEL_SIMPLE ? simple_unit(r) : hardware_unit(format, r);

	/* Half of the machines are of one mould, as most real ones are. */
	if (unit && r >> 40 & 1)
		config = m->w.units[0].config;
	if (config.aperture.first == 1ull << 40 && r >> 48 & 3)
		config.aperture = apertures[0];
	world_unit(&m->w, &config)->faults.refuse = !(r >> 56 & 7);
	make_group(m, unit, chance);
	make_group(m, unit, chance);
}

static void make_memory(struct model *m, u64 *chance)
{
	static const u64 most[] = { 0, 0, 0, 1, 7, 100, 0, 300 };
	u32 i;

	for (i = 0; i < WORLD_OWNERS; i++) {
		struct mf_ram_owner *o = m->w.owner[i];
		u64 r = model_random(chance);

		o->pin_most = most[r & 7];
		if (r >> 8 & 1)
			mf_ram_owner_flag(o, VADDR + (r >> 16) % 64 * PAGE, 2, MF_RAM_ABSENT);
		if (r >> 9 & 1)
			mf_ram_owner_flag(o, VADDR + (r >> 24) % 64 * PAGE, 3, MF_RAM_READONLY);
		if (r >> 10 & 1)
			mf_ram_reserve(m->w.ram, mf_ram_owner_pfn(o, VADDR + (r >> 32) % 64 * PAGE),
				       1 + (r >> 11 & 3));
		if (r >> 13 & 1)
			o->owner.limit = 20 + (r >> 40) % 1200;
	}
}

/* Owner 1 gets an order of its own; owner 0 lies in RAM as in its own space. */
static void scatter(struct model *m, u64 *chance)
{
	struct mf_ram_owner *o = m->w.owner[1];
	static const u64 blocks[] = { 1, 2, 5, 16 };
	u64 i, block = blocks[model_random(chance) & 3];

	for (i = MODEL_PAGES / block; i > 1; i--) {
		u64 j = model_random(chance) % i, k;

		for (k = 0; k < block; k++) {
			u64 t = o->pfns[(i - 1) * block + k];

			o->pfns[(i - 1) * block + k] = o->pfns[j * block + k];
			o->pfns[j * block + k] = t;
		}
	}
}

/**
 * model_init() - build the machine that a number stands for
 *
 * Its uppermost byte says which formats there are, by enum model_format.
 */
void model_init(struct model *m, u64 topology)
{
	u64 chance = topology;
	u32 units, i;

	memset(m, 0, sizeof(*m));
	world_init(&m->w, MODEL_PAGES, MF_RAM_CONTIGUOUS);
	m->w.more = m->containers;
	m->w.nr_more = MODEL_CONTAINERS;
	units = 2 + model_random(&chance) % 3;
	for (i = 0; i < units; i++)
		make_unit(m, (enum model_format)(topology >> MODEL_FORMAT_SHIFT), &chance);
	scatter(m, &chance);
	make_memory(m, &chance);
	m->small_batches = model_random(&chance) & 1;
	for (i = 0; i < WORLD_OWNERS * MODEL_PAGES; i++)
		m->foreign[i] = mf_ram_foreign(m->w.ram, MF_RAM_BASE_PFN + i);
	/* Both owners see some pages of RAM in common. */
	for (i = 0; i < 8; i++)
		mf_ram_owner_place(m->w.owner[1], VADDR + (100 + i) * PAGE,
				   mf_ram_owner_pfn(m->w.owner[0], VADDR + (100 + i) * PAGE));
}

/**
 * model_end() - release everything: nothing may be left
 */
const char *model_end(struct model *m)
{
	u32 i;

	world_fail(&m->w, 0, false, 0);
	m->w.watch = NULL;
	m->w.no_alloc = true;
	for (i = 0; i < MODEL_CONTAINERS; i++) {
		if (m->containers[i])
			mf_release(m->containers[i]);
		m->containers[i] = NULL;
	}
	return world_end(&m->w);
}

/* Pages in most sizes are few; some make several batches or whole large pages. */
static const u16 sizes[16] = { 1, 2, 1, 3, 16, 4, 16, 5, 32, 64, 16, 40, 512, 700, 48, 7 };

u64 model_size(const struct op *op)
{
	u64 size = sizes[op->e & 15] * PAGE;

	switch (op->e >> 4 & 63) {
	case 0:
		return 0;
	case 1:
		return size + 1;
	case 2:
		return TOP & ~(PAGE - 1);
	case 3:
		return TOP - size + 1;
	default:
		return size;
	}
}

u64 model_iova(const struct op *op)
{
	u64 place = places[op->b & 7], step = op->b & 8 ? 64 * KIB : PAGE;

	if (op->b & 16)
		step = 16 * PAGE;
	return place + (op->d & 31) * step + ((op->d >> 5 & 127) == 1 ? 8 : 0);
}

u64 model_vaddr(const struct op *op)
{
	u64 page = op->e >> 10;

	/* All of a block of the ledger's, of which other mappings have parts. */
	if ((op->e & 15) == 12 && page & 1)
		return VADDR + 512 * PAGE;
	/* Mostly aligned as large pages need it. */
	return VADDR + (page & 32 ? page : page * 16) * PAGE + ((op->d >> 5 & 127) == 2 ? 8 : 0);
}
