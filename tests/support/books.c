// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* A ledger to test: see books.h. */
#include "tests/support/books.h"

struct books books;

static int hook(void *context, const struct mf_call *call)
{
	struct books *b = context;

	if (call->type == MF_CALL_BILL)
		return b->bill_err;
	if (call->type != MF_CALL_ALLOC)
		return 0;
	return ++b->allocs >= b->fail_alloc && b->fail_alloc ? -ENOMEM : 0;
}

int books_setup(void **state)
{
	(void)state;
	memset(&books, 0, sizeof(books));
	mf_user_host_init(&books.host);
	books.host.hook = hook;
	books.host.hook_context = &books;
	mf_owner_init(&books.owner, NULL);
	return 0;
}

struct mf_ledger_info books_info(void)
{
	struct mf_ledger_info i;

	mf_get_ledger(&books.host.host, &books.owner, &i);
	return i;
}

/* Nothing is left, and no contract was broken. */
int books_teardown(void **state)
{
	struct mf_ledger_info i = books_info();
	struct mf_user_live live = mf_user_host_live(&books.host);
	u64 misuse = mf_user_host_misuse(&books.host);

	(void)state;
	mf_owner_fini(&books.owner);
	mf_user_host_fini(&books.host);
	return i.pages || i.pins || i.bytes || i.pieces || live.allocations || live.billed ||
	       misuse;
}

int books_charge(const mf_run *runs, u64 nr, struct mf_charge *what)
{
	return mf_ledger_charge(&books.host.host, &books.owner, runs, nr, false, what);
}

void books_refund(const mf_run *runs, u64 nr)
{
	u64 allocs = books.allocs;

	mf_ledger_refund(&books.host.host, &books.owner, runs, nr);
	assert_true(books.allocs == allocs);
}

void books_expect(u64 pages, u64 pins)
{
	struct mf_ledger_info i = books_info();

	assert_true(i.pages == pages && i.pins == pins);
	assert_true(books.owner.billed == pages);
}
