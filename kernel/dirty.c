// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Dirty pages, from the engine's bits to a bitmap in user memory.
 *
 * The bitmap is written by 64-bit words. Words are shared by mappings that are
 * not aligned to 64 pages: so the first word of each is merged with what is in
 * user memory (the user clears the bitmap beforehand), and its last one goes
 * there with the bits behind its last page clear, as in-tree type1 has it.
 */
#include <linux/bits.h>
#include <linux/log2.h>
#include <linux/uaccess.h>
#include <linux/vfio.h>

#include "host.h"

/**
 * mfk_bitmap_check() - could a bitmap in user memory be for so many bytes?
 * @bitmap: what the user says of it
 * @bytes: of the range it is for
 *
 * Return: 0 or -EINVAL.
 */
int mfk_bitmap_check(const struct vfio_bitmap *bitmap, u64 bytes)
{
	u64 pages;

	if (!access_ok((void __user *)bitmap->data, bitmap->size) || !bitmap->pgsize)
		return -EINVAL;
	pages = bytes >> __ffs64(bitmap->pgsize);
	if (!pages || !bitmap->size || bitmap->size > MFK_BITMAP_MOST ||
	    bitmap->size < DIV_ROUND_UP_ULL(pages, BITS_PER_TYPE(u64)) * sizeof(u64))
		return -EINVAL;
	return 0;
}

/* Bits that begin within a word: each word of them ends up in two. */
static int write_shifted(u64 __user *to, u32 shift, const u64 *bits, u64 nr)
{
	const u32 word = BITS_PER_TYPE(u64);
	u64 words = DIV_ROUND_UP_ULL(shift + nr, word), have = DIV_ROUND_UP_ULL(nr, word);
	u64 carry, i;

	if (get_user(carry, to))
		return -EFAULT;
	for (i = 0; i < words; i++) {
		if (i < have)
			carry |= bits[i] << shift;
		if (put_user(carry, to + i))
			return -EFAULT;
		carry = i < have ? bits[i] >> (word - shift) : 0;
	}
	return 0;
}

/**
 * mfk_bitmap_write() - put some bits into a bitmap in user memory
 * @context: the struct vfio_bitmap, checked by mfk_bitmap_check()
 * @first: the page that bit 0 stands for
 * @bits: the bits
 * @nr: how many
 *
 * A mf_dirty_fn.
 */
int mfk_bitmap_write(void *context, u64 first, const u64 *bits, u64 nr)
{
	const struct vfio_bitmap *bitmap = context;
	u64 __user *to = (u64 __user *)bitmap->data + first / BITS_PER_TYPE(u64);
	u32 shift = first % BITS_PER_TYPE(u64);

	if (shift)
		return write_shifted(to, shift, bits, nr);
	return copy_to_user(to, bits, DIV_ROUND_UP_ULL(nr, BITS_PER_TYPE(u64)) * sizeof(*bits)) ?
		-EFAULT : 0;
}

static int get_bitmap(struct mfk_container *k, const void __user *arg, u32 argsz)
{
	const size_t minsz = sizeof(struct vfio_iommu_type1_dirty_bitmap);
	struct vfio_iommu_type1_dirty_bitmap_get get;
	int err;

	if (argsz < minsz + sizeof(get))
		return -EINVAL;
	if (copy_from_user(&get, arg + minsz, sizeof(get)))
		return -EFAULT;

	/* An empty range and one that wraps are the engine's to refuse. */
	if (get.size && get.iova + (get.size - 1) >= get.iova) {
		err = mfk_bitmap_check(&get.bitmap, get.size);
		if (err)
			return err;
	}
	return mf_dirty_read(k->engine, get.iova, get.size, get.bitmap.pgsize, mfk_bitmap_write,
			     &get.bitmap, NULL);
}

/**
 * mfk_dirty_pages() - VFIO_IOMMU_DIRTY_PAGES
 * @k: the container
 * @arg: the struct vfio_iommu_type1_dirty_bitmap
 */
long mfk_dirty_pages(struct mfk_container *k, void __user *arg)
{
	const u32 known = VFIO_IOMMU_DIRTY_PAGES_FLAG_START | VFIO_IOMMU_DIRTY_PAGES_FLAG_STOP |
			  VFIO_IOMMU_DIRTY_PAGES_FLAG_GET_BITMAP;
	struct vfio_iommu_type1_dirty_bitmap dirty;

	if (k->rules != MF_TYPE1V2)
		return -EACCES;
	if (copy_from_user(&dirty, arg, sizeof(dirty)))
		return -EFAULT;
	if (dirty.argsz < sizeof(dirty) || dirty.flags & ~known || !is_power_of_2(dirty.flags))
		return -EINVAL;

	if (dirty.flags & VFIO_IOMMU_DIRTY_PAGES_FLAG_START)
		return mf_dirty_start(k->engine, NULL);
	if (dirty.flags & VFIO_IOMMU_DIRTY_PAGES_FLAG_STOP)
		return mf_dirty_stop(k->engine, NULL);
	return get_bitmap(k, arg, dirty.argsz);
}
