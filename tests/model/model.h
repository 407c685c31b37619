/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * The model test: sequences of requests by chance, on machines of chance, held
 * against a reference that does everything the slow and obvious way.
 *
 *   topology.c   a machine from one number: units, groups, memory
 *   reference.c  what each request should do: plain arrays and loops
 *   expected.c   the same for software devices, vaddrs and dirty pages
 *   steps.c      one operation: predict, do, compare
 *   software.c   the operations of software devices, and those on vaddrs
 *   dirty.c      the operations on dirty pages
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
#define MODEL_EXTERNALS		64
#define MODEL_DIRTY		2048

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
	OP_OPEN,	/* a: rules and how it bills; open the container, if it is not */
	OP_RELEASE,	/* release it */
	OP_ATTACH,	/* a: group; b & 7: all but 0 allow unsafe interrupts */
	OP_DETACH,	/* a: group */
	OP_MAP,		/* a: owner, rights, flags; b: place; d: where; e: size and vaddr */
	OP_UNMAP,	/* b, d: place and where, or, by a, which mapping; e: size */
	OP_UNMAP_ALL,
	OP_DMA,		/* a: group, write; b: place; d: where; e: offset */
	OP_TOUCH,	/* a: group; b: place; d: where: read some pages in a row */
	OP_FAIL,	/* d: in the next operation, this fallible call; a: and all after it */
	OP_SHORT,	/* a: unit; b: how many unmaps; d: after how many pages they stop */
	OP_INTRUDE,	/* a: group, what; b: in which pin of the next map */
	OP_EMULATE,	/* a: group: attach it as one of software devices */
	OP_PIN,		/* a: group, rights; b, d: which mapping, or where; e: pages */
	OP_UNPIN,	/* b, d: which mapping, or where; e: pages */
	OP_ACCESS,	/* a: write, bytes; b, d: which mapping, or where; e: offset, bytes */
	OP_INVALIDATE,	/* a: all; b, d: which mapping, or where; e: size */
	OP_UPDATE,	/* a: owner, flags; b, d: which mapping, or where; e: size and vaddr */
	OP_DIRTY_START,
	OP_DIRTY_STOP,
	OP_DIRTY_READ,	/* a: page size, failing sink; b, d: mapping, or where; e: size */
	OP_UNMAP_DIRTY,	/* the same */
	OP_KEEP,	/* a, b: how often devices do not unpin when they are asked to next */
	OP_TYPES,
};

/* What comes in between, by the upper bits of an OP_INTRUDE's a; else: attach. */
enum intrusion {
	LEAVE_ONE,
	LEAVE_ALL,	/* all leave, and the one comes back */
	SOFTWARE_STAYS,	/* all domains end, and the one may come */
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

/*
 * @vaddr and @owner are what the user said last; @from and @of are where the
 * pages were pinned that domains map. @all: every page is dirty; @maybe: every
 * page may be, since memory was refused to who would have remembered which.
 */
struct ref_mapping {
	struct mf_span span;
	u64 vaddr;
	u32 owner;
	u64 from;
	u32 of;
	u32 prot;
	bool single;
	bool unlimited;
	bool invalid;
	bool all;
	bool maybe;
};

/* A page that software devices have pinned. */
struct ref_external {
	u64 iova;
	u64 pfn;
	u32 count;
};

/* A page that is dirty, or, if unsure, may be. */
struct ref_dirty {
	u64 iova;
	bool unsure;
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
	bool once;	/* it bills a page once */
	enum mf_rules rules;
	u32 limit;
	int wrap_errno;
	struct ref_mapping maps[MODEL_MAPPINGS];
	u32 nr_maps;
	struct ref_domain domains[MODEL_GROUPS];
	u32 nr_domains;
	bool emulated[MODEL_GROUPS];
	bool pins_only[MODEL_GROUPS];	/* behind a unit, but it began to pin */
	struct ref_external externals[MODEL_EXTERNALS];
	u32 nr_externals;
	bool tracking;
	struct ref_dirty dirty[MODEL_DIRTY];
	u32 nr_dirty;
	bool loose;
	struct mf_span left[MODEL_MAPPINGS];	/* what a unit may still map */
	u32 nr_left;
};

/* The pages of RAM in an owner's ledger. */
struct ref_ledger {
	bool has[WORLD_OWNERS * MODEL_PAGES];
	u64 pages;
	u64 pins;
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

	enum op_type type;	/* of this operation */
	u32 current;		/* and its container */

	/* From OP_FAIL and OP_INTRUDE, for the next operation; from OP_KEEP. */
	u64 fail_nth;
	bool fail_on;
	u32 intrude_in;
	u32 intruder;
	u32 intrusion;
	bool intruded;
	u32 keep;		/* how often devices do not unpin */
	u32 asked;		/* how often they were asked to, in this operation */
	bool unlimited[WORLD_OWNERS];	/* something was ever billed without a limit */

	/* DMA that goes on all the time: what the last OP_TOUCH read. */
	u32 busy_group;
	u64 busy_iova;

	bool small_batches;	/* no memory for large ones, on this machine */
	bool batch_passed;	/* that was refused in this operation, or is not to be */

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
bool ref_any_emulated(const struct ref_container *r);
bool ref_can_pin(const struct model *m, const struct ref_mapping *map);
u64 ref_container_bill(const struct model *m, const struct ref_container *r, u32 owner);
u64 ref_pfn(const struct model *m, const struct ref_mapping *map, u64 iova);
bool ref_foreign(const struct model *m, u64 pfn);
u64 ref_pinned(const struct model *m, const struct ref_mapping *map);
u64 ref_runs(const struct model *m, const struct ref_mapping *map);
void ref_ledger(const struct model *m, u32 owner, struct ref_ledger *l);
bool ref_enter(struct ref_ledger *l, u64 pfn);
u64 ref_enter_mapping(const struct model *m, const struct ref_mapping *map,
		      struct ref_ledger *l);
u64 ref_billed(const struct model *m, u32 owner);
bool ref_any_loose(const struct model *m);
bool ref_left(const struct ref_container *r, struct mf_span span);

/* expected.c */
struct ref_external *ref_external(const struct ref_container *r, u64 iova);
u64 ref_externals(const struct ref_container *r, struct mf_span span);
bool ref_any_invalid(const struct ref_container *r);
bool ref_memory(const struct model *m, const struct ref_mapping *map, u64 iova, u32 prot,
		u64 *pfn);
struct outcome ref_pin(const struct model *m, u32 c, u64 iova, u32 pages, u32 prot);
struct outcome ref_access(const struct model *m, u32 c, u64 iova, u64 bytes, bool write);
struct outcome ref_update(const struct model *m, u32 c, const struct ref_mapping *wanted,
			  u64 size);
void ref_mark(struct model *m, struct ref_container *r, u64 iova, bool unsure);
void ref_mark_all(struct ref_container *r);
void ref_clean(struct ref_container *r, struct mf_span span);
bool ref_is_dirty(const struct ref_container *r, const struct ref_mapping *map, u64 iova,
		  u64 bytes, bool *sure);

/* steps.c */
const char *model_step(struct model *m, const struct op *op);
const char *model_run(u64 topology, const struct op *ops, u32 nr, u32 *at);
const char *model_wrong(struct model *m, const char *what, int got);
const char *model_compare(struct model *m, const struct outcome *o, int err, const char *what);
void model_follow_unmap(struct model *m, u32 c, struct mf_span span);
void model_expect_pinned(const struct model *m, u32 c, struct mf_span span, struct outcome *o);
void model_intrude(struct model *m);

/* software.c */
void model_aim(const struct model *m, const struct op *op, u64 *iova, u64 *size);
void model_unmapping(void *context, void *cookie, struct mf_span span);
const char *model_emulate(struct model *m, const struct op *op);
const char *model_pin(struct model *m, const struct op *op);
const char *model_unpin(struct model *m, const struct op *op);
const char *model_access(struct model *m, const struct op *op);
const char *model_invalidate(struct model *m, const struct op *op);
const char *model_update(struct model *m, const struct op *op);

/* dirty.c */
const char *model_dirty_start(struct model *m);
const char *model_dirty_stop(struct model *m);
const char *model_dirty_read(struct model *m, const struct op *op);
const char *model_unmap_dirty(struct model *m, const struct op *op);

/* invariants.c */
const char *model_check(struct model *m);

/* shrink.c */
u32 model_shrink(u64 topology, struct op *ops, u32 nr);
void model_print(u64 topology, const struct op *ops, u32 nr);

#endif /* MF_TEST_MODEL_H */
