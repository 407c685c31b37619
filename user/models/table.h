/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * A multi-level I/O page table of no hardware's format. See table.c.
 */
#ifndef MF_USER_TABLE_H
#define MF_USER_TABLE_H

#include "user/models/unit.h"

#ifdef __cplusplus
extern "C" {
#endif

struct mf_table_node;

/**
 * struct mf_table - a page table
 * @root: its top, or NULL while nothing is mapped
 */
struct mf_table {
	struct mf_table_node *root;
};

/* A leaf: @shift is the log2 of its bytes. */
struct mf_leaf {
	u64 iova;
	u64 pfn;
	u32 shift;
	u32 prot;
};

int mf_table_map(struct mf_table *t, const struct mf_leaf *leaf);
void mf_table_unmap(struct mf_table *t, const struct mf_leaf *leaf);
bool mf_table_find(const struct mf_table *t, u64 iova, struct mf_leaf *leaf);
void mf_table_free(struct mf_table *t);

#ifdef __cplusplus
}
#endif

#endif /* MF_USER_TABLE_H */
