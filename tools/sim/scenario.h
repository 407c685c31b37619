/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * A scenario as it was read: what there is, and what is done.
 *
 * Names are resolved: units, groups, devices, owners, containers and domains
 * are known by their index. Numbers in steps are expressions, since a step may
 * stand in a loop.
 */
#ifndef MF_TOOLS_SIM_SCENARIO_H
#define MF_TOOLS_SIM_SCENARIO_H

#include "core/manifold.h"
#include "tools/sim/source.h"
#include "user/memory/ram.h"
#include "user/models/format.h"
#include "user/models/unit.h"

/* How large a scenario may be. */
#define NAME_MOST		32
#define TEXT_MOST		64
#define MOST_UNITS		32
#define MOST_GROUPS		64
#define MOST_DEVICES		128
#define MOST_OWNERS		16
#define MOST_AREAS		16
#define MOST_REGIONS		16
#define MOST_CONTAINERS		32
#define MOST_DOMAINS		8
#define MOST_WINDOWS		16
#define MOST_LOOPS		4
#define MOST_REPEATS		1000000ull
#define MOST_STEPS_RUN		10000000ull
#define MOST_MEMORY		(16ull << 30)
#define MOST_DMA		(64ull << 20)

struct unit_plan {
	char name[NAME_MOST];
	struct place place;
	struct mf_model_config config;
};

struct group_plan {
	u32 id;
	u32 unit;
	bool isolated;
	struct mf_region regions[MOST_REGIONS];
	u32 nr_regions;
};

struct device_plan {
	char name[NAME_MOST];
	u32 group;
};

enum area_kind { AREA_HOLE, AREA_READONLY, AREA_BAR };

struct area {
	enum area_kind kind;
	u64 vaddr;
	u64 bytes;
};

struct owner_plan {
	char name[NAME_MOST];
	u64 vaddr;
	u64 bytes;
	u64 memlock;
	enum mf_ram_layout layout;
	struct area areas[MOST_AREAS];
	u32 nr_areas;
};

enum expression_kind { NUMBER, VARIABLE, SUM, DIFFERENCE, PRODUCT };

struct expression {
	enum expression_kind kind;
	u64 value;
	u32 loop;
	struct place place;
	struct expression *left;
	struct expression *right;
	struct expression *next;	/* of all the scenario has */
};

/* From @first on: up to @second, inclusive, or @second bytes. */
struct range {
	struct expression *first;
	struct expression *second;
	bool sized;
};

enum verb {
	DO_OPEN, DO_CLOSE, DO_ATTACH, DO_DETACH, DO_MAP, DO_UNMAP, DO_UNMAP_ALL,
	DO_DMA, DO_TRAFFIC_START, DO_TRAFFIC_STOP, DO_TRAFFIC_WAIT, DO_INTERRUPT,
	DO_TRANSLATE, DO_BREAK, DO_MEND, DO_SAY, DO_PICTURE, DO_REPEAT, DO_EXPECT,
	DO_HAND_DOMAIN, DO_HAND_ATTACH, DO_HAND_SETTLE, DO_HAND_MAP, DO_HAND_UNMAP,
	DO_HAND_DETACH, DO_HAND_FREE,
};

/* What may become of a step. */
enum outcome {
	OUTCOME_SUCCESS, OUTCOME_REFUSED, OUTCOME_FAULT, OUTCOME_FAULTS_ALLOWED, OUTCOME_LOST,
};

/* How a unit, or the host, is to misbehave. */
enum defect { BREAK_MAP, BREAK_UNMAP, BREAK_REFUSE, BREAK_CARELESS, BREAK_PIN, BREAK_ALLOC };

/* What can be asked of a container or owner. */
enum property {
	P_DOMAINS, P_GROUPS, P_MAPPINGS, P_STUCK, P_PINNED, P_BILLED, P_FOREIGN, P_RUNS,
	P_GRANULE, P_COHERENT, P_WINDOW, P_REFUSALS, P_AVAILABLE, P_OWNER_BILLED,
};

/**
 * struct step - one step; which fields matter is its verb's business
 * The last lines are of a loop: its depth, how often, and what is in it.
 */
struct step {
	enum verb verb;
	struct place place;
	u32 container, group, device, owner, unit, domain;
	enum mf_rules rules;
	u32 prot;
	bool write;
	bool on_host;
	bool unsafe;
	bool small_pages;
	bool by_mapping;		/* a container that bills each mapping whole */
	struct range range;
	struct expression *value;
	struct expression *bytes;
	char text[TEXT_MOST];
	enum defect defect;
	int error;

	enum property property;
	struct range window[MOST_WINDOWS];
	u32 nr_window;

	struct place expected_at;
	enum outcome outcome;
	int err;
	enum mf_reason reason;
	enum mf_fault_why why;
	char fault_name[NAME_MOST];
	struct expression *unmapped;
	struct expression *page;

	u32 loop;
	u64 repeat;
	struct step *body;
	struct step *next;
};

struct scenario {
	struct source *source;
	struct unit_plan units[MOST_UNITS];
	struct group_plan groups[MOST_GROUPS];
	struct device_plan devices[MOST_DEVICES];
	struct owner_plan owners[MOST_OWNERS];
	char containers[MOST_CONTAINERS][NAME_MOST];
	char domains[MOST_DOMAINS][NAME_MOST];
	u32 nr_units, nr_groups, nr_devices, nr_owners, nr_containers, nr_domains;
	struct step *steps;
	struct expression *expressions;
};

bool scenario_parse(struct scenario *scenario, struct source *source);
void scenario_free(struct scenario *scenario);

/* Numbers of the loops that are under way, by depth. */
bool evaluate(const struct expression *e, const u64 *variables, u64 *value);
bool evaluate_range(const struct range *r, const u64 *variables, u64 *first, u64 *bytes);

/* words.c: what things are called in scenarios. */
struct word {
	const char *name;
	u32 value;
};

extern const struct word fault_words[], errno_words[], region_words[], layout_words[];
extern const struct mf_format *const formats[];
const char *word_of(const struct word *words, u32 value);

#endif /* MF_TOOLS_SIM_SCENARIO_H */
