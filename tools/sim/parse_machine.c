// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Reading what there is: units, groups with their devices, owners.
 */
#include "tools/sim/parse.h"

static const char *nth_format(u32 n)
{
	return formats[n] ? formats[n]->name : NULL;
}

static const struct mf_format *need_format(struct parser *p)
{
	struct word words[16] = { 0 };
	u32 i;

	for (i = 0; i + 1 < 16 && nth_format(i); i++)
		words[i] = (struct word){ nth_format(i), i };
	return formats[choose(p, words, "a format (simple, vtd, amdvi, smmuv3, riscv)")];
}

static u64 need_page_sizes(struct parser *p)
{
	u64 sizes = 0;

	do {
		if (p->t.kind == TOKEN_NUMBER && (!p->t.value || p->t.value & (p->t.value - 1))) {
			expected(p, "a page size, which is a power of two");
			break;
		}
		sizes |= need_number(p, "a page size", 512, 1ull << 62);
	} while (p->t.kind == TOKEN_NUMBER);
	return sizes;
}

enum unit_word { UNIT_FORMAT, UNIT_PAGES, UNIT_WIDTH, UNIT_APERTURE, UNIT_SNOOP, UNIT_CACHING,
		 UNIT_PHYSICAL, UNIT_KIND };

static const struct word unit_words[] = {
	{ "format", UNIT_FORMAT },
	{ "pages", UNIT_PAGES },
	{ "width", UNIT_WIDTH },
	{ "aperture", UNIT_APERTURE },
	{ "snoop-control", UNIT_SNOOP },
	{ "caching-mode", UNIT_CACHING },
	{ "physical-width", UNIT_PHYSICAL },
	{ "kind", UNIT_KIND },
	{ NULL, 0 },
};

static struct mf_span need_aperture(struct parser *p)
{
	struct mf_span span = { 0 };
	u64 bytes = 1;

	constant_range(p, MF_PAGE_SIZE, &span.first, &bytes);
	span.last = span.first + (bytes - 1);
	return span;
}

static void parse_unit_line(struct parser *p, struct mf_model_config *config)
{
	switch (choose(p, unit_words, "what is said of a unit (format, pages, width, aperture, "
		       "snoop-control, caching-mode, physical-width, kind)")) {
	case UNIT_FORMAT:
		config->format = need_format(p);
		break;
	case UNIT_PAGES:
		config->pgsizes = need_page_sizes(p);
		break;
	case UNIT_WIDTH:
		config->aperture.first = 0;
		config->aperture.last = ~0ull >> (64 - need_number(p, "a width in bits", 16, 64));
		break;
	case UNIT_APERTURE:
		config->aperture = need_aperture(p);
		break;
	case UNIT_SNOOP:
		config->enforces = need_yes_or_no(p);
		break;
	case UNIT_CACHING:
		config->caching = need_yes_or_no(p);
		break;
	case UNIT_PHYSICAL:
		config->output_bits = (u32)need_number(p, "a width in bits", 32, 64);
		break;
	default:
		config->kind = need_number(p, "the number of a kind", 0, 0xffff);
		break;
	}
}

/**
 * parse_unit() - unit NAME { ... }; the word was read
 */
void parse_unit(struct parser *p)
{
	struct unit_plan *unit = &p->s->units[p->s->nr_units];
	const char *impossible;

	if (p->s->nr_units == MOST_UNITS) {
		wrong(p, &p->t.place, "expected at most %u units, found one more", MOST_UNITS);
		return;
	}
	unit->place = p->t.place;
	new_name(p, unit->name, "a name for the unit");
	unit->config = (struct mf_model_config){
		.format = formats[0],
		.pgsizes = 4096 | 2ull << 20 | 1ull << 30,
		.aperture = { 0, (1ull << 48) - 1 },
	};
	need_sign(p, '{', "'{'");
	while (in_block(p)) {
		parse_unit_line(p, &unit->config);
		end_statement(p);
	}
	if (p->s->source->failed)
		return;
	impossible = unit->config.format->possible(&unit->config);
	if (impossible)
		wrong(p, &unit->place, "expected a unit that can be, found '%s': %s", unit->name,
		      impossible);
	p->s->nr_units++;
}

enum group_word { GROUP_DEVICE, GROUP_RESERVED, GROUP_INTERRUPTS };

static const struct word group_words[] = {
	{ "device", GROUP_DEVICE },
	{ "devices", GROUP_DEVICE },
	{ "reserved", GROUP_RESERVED },
	{ "interrupts", GROUP_INTERRUPTS },
	{ NULL, 0 },
};

static void parse_devices(struct parser *p)
{
	struct scenario *s = p->s;

	do {
		if (s->nr_devices == MOST_DEVICES) {
			wrong(p, &p->t.place, "expected at most %u devices, found one more",
			      MOST_DEVICES);
			return;
		}
		new_name(p, s->devices[s->nr_devices].name, "a name for the device");
		s->devices[s->nr_devices].group = s->nr_groups;
		if (!s->source->failed)
			s->nr_devices++;
	} while (p->t.kind == TOKEN_WORD);
}

static void parse_region(struct parser *p, struct group_plan *group)
{
	struct mf_region *region = &group->regions[group->nr_regions];

	if (group->nr_regions == MOST_REGIONS) {
		wrong(p, &p->t.place, "expected at most %u regions, found one more", MOST_REGIONS);
		return;
	}
	region->type = choose(p, region_words, "a kind of region (direct, direct-relaxable, "
			      "reserved, msi, software-msi)");
	region->span = need_aperture(p);
	group->nr_regions++;
}

static void parse_group_line(struct parser *p, struct group_plan *group)
{
	static const struct word words[] = {
		{ "isolated", 1 }, { "not-isolated", 0 }, { NULL, 0 },
	};

	switch (choose(p, group_words, "what is said of a group (device, reserved, interrupts)")) {
	case GROUP_DEVICE:
		parse_devices(p);
		break;
	case GROUP_RESERVED:
		parse_region(p, group);
		break;
	default:
		group->isolated = choose(p, words, "'isolated' or 'not-isolated'");
		break;
	}
}

/**
 * parse_group() - group NUMBER behind UNIT { ... }; the word was read
 */
void parse_group(struct parser *p)
{
	struct group_plan *group = &p->s->groups[p->s->nr_groups];
	struct names units = NAMES(p->s->units, p->s->nr_units);
	u32 i;

	if (p->s->nr_groups == MOST_GROUPS) {
		wrong(p, &p->t.place, "expected at most %u groups, found one more", MOST_GROUPS);
		return;
	}
	for (i = 0; p->t.kind == TOKEN_NUMBER && i < p->s->nr_groups; i++) {
		if (p->s->groups[i].id == p->t.value)
			expected(p, "a number that no other group has");
	}
	group->id = (u32)need_number(p, "the number of the group", 0, 0xffffffff);
	group->isolated = true;
	need_word(p, "behind");
	group->unit = need_name(p, &units, "the name of a unit");
	if (accept_sign(p, '{')) {
		while (in_block(p)) {
			parse_group_line(p, group);
			end_statement(p);
		}
	}
	p->s->nr_groups++;
}

enum owner_word { OWNER_MEMORY, OWNER_MEMLOCK, OWNER_HOLE, OWNER_READONLY, OWNER_BAR };

static const struct word owner_words[] = {
	{ "memory", OWNER_MEMORY },
	{ "memlock", OWNER_MEMLOCK },
	{ "hole", OWNER_HOLE },
	{ "read-only", OWNER_READONLY },
	{ "bar", OWNER_BAR },
	{ NULL, 0 },
};

static u64 memory_so_far(const struct scenario *s)
{
	u64 bytes = 0;
	u32 i;

	for (i = 0; i < s->nr_owners; i++)
		bytes += s->owners[i].bytes;
	return bytes;
}

static void parse_memory(struct parser *p, struct owner_plan *owner)
{
	struct place place = p->t.place;

	owner->bytes = need_number(p, "a size of memory", 4096, MOST_MEMORY);
	if (memory_so_far(p->s) + owner->bytes > MOST_MEMORY)
		wrong(p, &place, "expected owners that have at most 16G together, found more");
	need_word(p, "at");
	if ((owner->bytes | p->t.value) & (MF_PAGE_SIZE - 1))
		wrong(p, &place, "expected memory of whole pages (4K), found other");
	owner->vaddr = need_number(p, "the address it begins at", 4096, 1ull << 56);
	if (p->t.kind == TOKEN_WORD)
		owner->layout = choose(p, layout_words, "a layout (contiguous, scattered, "
				       "clustered)");
}

static void parse_area(struct parser *p, struct owner_plan *owner, enum area_kind kind)
{
	struct area *area = &owner->areas[owner->nr_areas];
	struct place place = p->t.place;

	if (owner->nr_areas == MOST_AREAS) {
		wrong(p, &place, "expected at most %u areas of one owner, found one more",
		      MOST_AREAS);
		return;
	}
	area->kind = kind;
	constant_range(p, MF_PAGE_SIZE, &area->vaddr, &area->bytes);
	if (area->vaddr < owner->vaddr || area->bytes > owner->bytes ||
	    area->vaddr - owner->vaddr > owner->bytes - area->bytes)
		wrong(p, &place, "expected a range within the memory of '%s', found another",
		      owner->name);
	owner->nr_areas++;
}

static void parse_owner_line(struct parser *p, struct owner_plan *owner)
{
	u32 word = choose(p, owner_words, "what is said of an owner (memory, memlock, hole, "
			  "read-only, bar)");

	if (word == OWNER_MEMORY)
		parse_memory(p, owner);
	else if (word == OWNER_MEMLOCK && accept_word(p, "unlimited"))
		owner->memlock = ~0ull;
	else if (word == OWNER_MEMLOCK)
		owner->memlock = need_number(p, "a limit, or 'unlimited'", 0, ~0ull);
	else
		parse_area(p, owner, word == OWNER_HOLE ? AREA_HOLE :
			   word == OWNER_BAR ? AREA_BAR : AREA_READONLY);
}

/**
 * parse_owner() - owner NAME { ... }; the word was read
 */
void parse_owner(struct parser *p)
{
	struct owner_plan *owner = &p->s->owners[p->s->nr_owners];
	struct place place = p->t.place;

	if (p->s->nr_owners == MOST_OWNERS) {
		wrong(p, &place, "expected at most %u owners, found one more", MOST_OWNERS);
		return;
	}
	new_name(p, owner->name, "a name for the owner");
	owner->memlock = ~0ull;
	need_sign(p, '{', "'{'");
	while (in_block(p)) {
		parse_owner_line(p, owner);
		end_statement(p);
	}
	if (!p->s->source->failed && !owner->bytes)
		wrong(p, &place, "expected an owner with memory, found '%s' without",
		      owner->name);
	p->s->nr_owners++;
}
