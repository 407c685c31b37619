// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Handles: what the VFIO core holds instead of a pointer to a container.
 *
 * The core passes ioctls on without holding anything (drivers/vfio/container.c,
 * 6.1 to 7.3), so one may arrive while the last UNSET_CONTAINER releases the
 * container, or after. A number that is looked up finds the container or finds
 * nothing; and who has found it keeps it until done, which release waits for.
 * Numbers are handed out in turn, so that a late caller does not meet the next
 * container under an old number.
 */
#include <linux/slab.h>
#include <linux/xarray.h>

#include "host.h"

static DEFINE_XARRAY_ALLOC1(handles);
static u32 last_handle;

/**
 * mfk_handle_add() - give a container its handle, and its first reference
 * @k: the container
 *
 * Return: 0 or a negative errno.
 */
int mfk_handle_add(struct mfk_container *k)
{
	int ret;

	refcount_set(&k->users, 1);
	init_completion(&k->idle);
	ret = xa_alloc_cyclic(&handles, &k->id, k, XA_LIMIT(1, INT_MAX), &last_handle,
			      GFP_KERNEL_ACCOUNT);
	return ret < 0 ? ret : 0;
}

void *mfk_handle_of(const struct mfk_container *k)
{
	return (void *)(uintptr_t)k->id;
}

/**
 * mfk_handle_get() - the container of a handle, to be put after use
 * @handle: what the core holds
 *
 * Return: the container, or NULL when it is gone or going.
 */
struct mfk_container *mfk_handle_get(void *handle)
{
	struct mfk_container *k;

	rcu_read_lock();
	k = xa_load(&handles, (uintptr_t)handle);
	if (k && !refcount_inc_not_zero(&k->users))
		k = NULL;
	rcu_read_unlock();
	return k;
}

void mfk_handle_put(struct mfk_container *k)
{
	if (refcount_dec_and_test(&k->users))
		complete(&k->idle);
}

/**
 * mfk_handle_remove() - make a handle find nothing, and wait for its users
 * @handle: what the core holds
 *
 * Return: the container, which is the caller's alone; or NULL.
 */
struct mfk_container *mfk_handle_remove(void *handle)
{
	struct mfk_container *k = xa_erase(&handles, (uintptr_t)handle);

	if (!k)
		return NULL;
	mfk_handle_put(k);
	wait_for_completion(&k->idle);
	return k;
}

void mfk_handle_exit(void)
{
	xa_destroy(&handles);
}
