/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * The model test: sequences of requests by chance, on machines of chance, held
 * against a reference that does everything the slow and obvious way.
 *
 *   topology.c   a machine from one number: units, groups, memory
 *   reference.c  what each request should do: plain arrays and loops
 *   steps.c      one operation: predict, do, compare
 *   invariants.c what must hold after each
 *   shrink.c     a sequence that fails made short, and printed
 */
#ifndef MF_TEST_MODEL_H
#define MF_TEST_MODEL_H

#include "tests/support/world.h"
#include "user/models/amdvi/amdvi.h"
#include "user/models/riscv/riscv.h"
#include "user/models/smmuv3/smmuv3.h"
#include "user/models/vtd/vtd.h"

#define MODEL_CONTAINERS	2
#define MODEL_MAPPINGS		32
#define MODEL_PAGES		1024
#define MODEL_GROUPS		8

/* The uppermost byte of a topology: which formats the tables of its units have. */
enum model_format {
	MODEL_SIMPLE,
	MODEL_VTD,
	MODEL_AMDVI,
	MODEL_SMMUV3,
	MODEL_RISCV,
	MODEL_FORMATS,
	MODEL_ANY = MODEL_FORMATS,	/* or more: each unit another */
};

#define MODEL_FORMAT_SHIFT	56

enum op_type {
	OP_OPEN,	/* open the container, if it is not */
	OP_RELEASE,	/* release it */
	OP_ATTACH,	/* a: group; b & 7: all but 0 allow unsafe interrupts */
	OP_DETACH,	/* a: group */
	OP_MAP,		/* a: owner, rights, flags; b: place; d: where; e: size and vaddr */
	OP_UNMAP,	/* b: place; d: where; e: size */
	OP_UNMAP_ALL,
	OP_DMA,		/* a: group, write; b: place; d: where; e: offset */
	OP_TOUCH,	/* a: group; b: place; d: where: read some pages in a row */
	OP_FAIL,	/* d: in the next operation, this fallible call; a: and all after it */
	OP_SHORT,	/* a: unit; b: how many unmaps; d: after how many pages they stop */
	OP_INTRUDE,	/* a: group, what; b: in which pin of the next map */
	OP_TYPES,
};

/* What comes in between, by the upper bits of an OP_INTRUDE's a; else: attach. */
enum intrusion {
	LEAVE_ONE,
	LEAVE_ALL,	/* all leave, and the one comes back */
};

/* One operation. Any bytes are one, so any part of a sequence is a sequence. */
struct op {
	u8 type;
	u8 c;
	u8 a;
	u8 b;
	u16 d;
	u16 e;
};

struct ref_mapping {
	struct mf_span span;
	u64 vaddr;
	u32 owner;
	u32 prot;
	bool single;
};

/* A domain: the unit that made it, and which groups are in it. */
struct ref_domain {
	u32 unit;
	bool groups[MODEL_GROUPS];
};

/*
 * What a container should be. Once a unit did not let go of something, "loose"
 * is set until the last domain has gone: pages may stay pinned in excess.
 */
struct ref_container {
	bool open;
	enum mf_rules rules;
	u32 limit;
	int wrap_errno;
	struct ref_mapping maps[MODEL_MAPPINGS];
	u32 nr_maps;
	struct ref_domain domains[MODEL_GROUPS];
	u32 nr_domains;
	bool loose;
	struct mf_span left[MODEL_MAPPINGS];	/* what a unit may still map */
	u32 nr_left;
};

/* What a request may result in. */
struct outcome {
	bool success;
	int errors[4];
	u32 nr_errors;
};

struct model {
	struct world w;
	u32 unit_of[MODEL_GROUPS];
	bool foreign[WORLD_OWNERS * MODEL_PAGES];	/* by page of RAM */
	struct mf_container *containers[MODEL_CONTAINERS];
	struct ref_container refs[MODEL_CONTAINERS];

	/* From OP_FAIL and OP_INTRUDE, for the next operation. */
	u64 fail_nth;
	bool fail_on;
	u32 intrude_in;
	u32 intruder;
	u32 intrusion;
	bool intruded;
	u32 intruded_container;

	/* DMA that goes on all the time: what the last OP_TOUCH read. */
	u32 busy_group;
	u64 busy_iova;

	bool small_batches;	/* no memory for large ones, on this machine */
	bool batch_refused;	/* in this operation */

	u32 stuck_before;
	char message[160];
};

/* topology.c */
void model_init(struct model *m, u64 topology);
const char *model_end(struct model *m);
u64 model_iova(const struct op *op);
u64 model_size(const struct op *op);
u64 model_vaddr(const struct op *op);
u64 model_random(u64 *state);

/* reference.c */
u64 ref_granule(const struct model *m, const struct ref_container *r);
bool ref_valid(const struct model *m, const struct ref_container *r, struct mf_span span);
struct outcome ref_map(const struct model *m, u32 c, const struct ref_mapping *wanted, u64 size);
struct outcome ref_attach(const struct model *m, u32 c, u32 group, bool unsafe, bool *joins);
bool ref_could_join(const struct model *m, const struct ref_domain *d, u32 group);
struct outcome ref_unmap(const struct model *m, u32 c, u64 iova, u64 size, bool *takes,
			 u64 *bytes);
const struct ref_mapping *ref_find(const struct ref_container *r, u64 iova);
struct ref_domain *ref_domain_of(struct ref_container *r, u32 group);
bool ref_has_group(const struct ref_container *r, u32 group);
u64 ref_pfn(const struct model *m, const struct ref_mapping *map, u64 iova);
bool ref_foreign(const struct model *m, u64 pfn);
u64 ref_pinned(const struct model *m, const struct ref_mapping *map);
u64 ref_runs(const struct model *m, const struct ref_mapping *map);
u64 ref_billed(const struct model *m, u32 owner);
bool ref_any_loose(const struct model *m);
bool ref_left(const struct ref_container *r, struct mf_span span);

/* steps.c */
const char *model_step(struct model *m, const struct op *op);
const char *model_run(u64 topology, const struct op *ops, u32 nr, u32 *at);

/* invariants.c */
const char *model_check(struct model *m);

/* shrink.c */
u32 model_shrink(u64 topology, struct op *ops, u32 nr);
void model_print(u64 topology, const struct op *ops, u32 nr);

#endif /* MF_TEST_MODEL_H */
