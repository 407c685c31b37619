/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * A ledger to test: an owner's, with a host that can be told to have no memory
 * and to refuse a bill. A test has one, between books_setup() and books_teardown().
 */
#ifndef MF_TEST_BOOKS_H
#define MF_TEST_BOOKS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/manifold.h"
#include "user/host.h"
#include "user/memory/memory.h"

/* Pages of a block: see core/block.c. */
#define BLOCK		512

/**
 * struct books - the ledger, and how its host is
 * @host: the host
 * @owner: the owner, whose ledger it is
 * @allocs: how often memory was asked for
 * @fail_alloc: this time, and from then on, there is none; 0: never
 * @bill_err: what bills are refused by, or 0
 */
struct books {
	struct mf_user_host host;
	struct mf_owner owner;
	u64 allocs;
	u64 fail_alloc;
	int bill_err;
};

extern struct books books;

int books_setup(void **state);
int books_teardown(void **state);
struct mf_ledger_info books_info(void);
int books_charge(const mf_run *runs, u64 nr, struct mf_charge *what);
void books_refund(const mf_run *runs, u64 nr);
void books_expect(u64 pages, u64 pins);

#define BOOKS_TEST(test) cmocka_unit_test_setup_teardown(test, books_setup, books_teardown)

#endif /* MF_TEST_BOOKS_H */
