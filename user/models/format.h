/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * What a modelled unit takes for a page-table format.
 *
 * A format has two halves that share nothing but what the specification says.
 * The writer is the driver's: it keeps a domain's table, in the hardware's own
 * bits, in memory of a pool, and the words the hardware is told about it (a
 * context entry, a device table entry, a stream table entry, ...). The walker
 * is the hardware's: from those words and the memory alone it finds what an
 * IOVA translates to, with the checks its specification asks for, or faults.
 *
 * All are called with the host's units lock held.
 */
#ifndef MF_USER_FORMAT_H
#define MF_USER_FORMAT_H

#include "user/memory/pool.h"
#include "user/models/unit.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * struct mf_model_config - what a modelled unit is
 * @format: its page-table format
 * @kind: which sort of unit, where there are several of one format, below 2^32:
 *	domains are not shared between units of different kinds
 * @pgsizes: bitmap of the page sizes it maps, in bytes
 * @aperture: what it can translate
 * @output_bits: how wide its physical addresses are; 0: 52
 * @enforces: it can enforce cache coherency
 * @caching: it remembers that nothing was mapped until told to look again
 */
struct mf_model_config {
	const struct mf_format *format;
	u64 kind;
	u64 pgsizes;
	struct mf_span aperture;
	u32 output_bits;
	bool enforces;
	bool caching;
};

/* How many words of 64 bits describe a table to the hardware: a stream table entry has most. */
#define MF_DESCRIPTOR_WORDS 8

/**
 * struct mf_io_table - a domain's table
 * @config: of the unit it was made for
 * @pool: where it lies
 * @coherent: cache coherency is enforced: set between @create and the first @map
 * @mapped: bytes that are mapped
 * @descriptor: what the hardware is told about it, little-endian words; by @create
 * @own: the format's own
 */
struct mf_io_table {
	const struct mf_model_config *config;
	struct mf_pool *pool;
	bool coherent;
	u64 mapped;
	u64 descriptor[MF_DESCRIPTOR_WORDS];
	void *own;
};

/**
 * struct mf_walker - a unit that walks
 * @config: what it can do; not necessarily what the table was made for
 * @pool: the memory it reads
 * @descriptor: what it was told
 * @own: that of the table, for a format that lies in no modelled memory
 */
struct mf_walker {
	const struct mf_model_config *config;
	const struct mf_pool *pool;
	const u64 *descriptor;
	void *own;
};

/**
 * struct mf_format - a page-table format
 * @name: a word for it: "vtd"
 * @title: what it is called in its specification
 * @kind: what the kinds of its units are counted from: a multiple of 2^32
 * @with_write: rights that a page which may be written has as well, because the
 *	format can't do without
 * @possible: can there be a unit like @config? NULL, or a sentence saying why not
 * @create: make an empty table, fill in its descriptor; 0 or -ENOMEM
 * @destroy: free all its memory, whatever it maps
 * @map: put a leaf of 2^@shift bytes into it. @shift is one of the unit's page
 *	sizes; @iova and @pfn are multiples of it, @iova in the aperture. 0;
 *	-EADDRINUSE when something is mapped there; -EINVAL when the format can't
 *	say this (a physical address or a right); -ENOMEM. On failure the table
 *	maps what it did before. Sizes below a host page: @shift is MF_PAGE_SHIFT
 *	and the format fills as many entries as it takes
 * @unmap: take out the leaf that begins at @iova if it is no larger than @most
 *	bytes, and the tables that have become empty; returns its bytes, or 0
 * @walk: what @iova translates to. On MF_FAULT_NONE all of @t is filled in, and
 *	@t->span is the leaf. Else @t->span is a range around @iova for which the
 *	answer is the same, @t->entry and @t->level the entry that ended the walk
 *	(0 where none was read) and @t->prot is 0. A walk asks for no right: the
 *	caller compares @t->prot, which is what all entries on the way allow
 * @describe: fill in @code, @name and @record of a fault whose other fields are
 *	set; @source is the number of the device
 */
struct mf_format {
	const char *name;
	const char *title;
	u64 kind;
	u32 with_write;
	const char *(*possible)(const struct mf_model_config *config);
	int (*create)(struct mf_io_table *table);
	void (*destroy)(struct mf_io_table *table);
	int (*map)(struct mf_io_table *table, u64 iova, u64 pfn, u32 shift, u32 prot);
	u64 (*unmap)(struct mf_io_table *table, u64 iova, u64 most);
	enum mf_fault_why (*walk)(const struct mf_walker *w, u64 iova, struct mf_translation *t);
	void (*describe)(const struct mf_walker *w, u32 source, struct mf_fault *fault);
};

/* The rights a page has that was mapped for @prot. */
static inline u32 mf_format_rights(const struct mf_format *format, u32 prot)
{
	return prot & MF_WRITE ? prot | format->with_write : prot;
}

extern const struct mf_format mf_format_simple;

#ifdef __cplusplus
}
#endif

#endif /* MF_USER_FORMAT_H */
