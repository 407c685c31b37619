// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Arguments. Most are right for what the plan believes; many are off by one
 * granule, byte or bit; some make no sense at all.
 */
#include <linux/vfio.h>

#include "../client/memory.h"
#include "plan.h"

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

/* Where rules change: the ends of apertures and regions, and of the numbers. */
static const __u64 places[] = {
	0, PAGE, 0x10000, 0xff000, 0x100000, 0x101000, 0x1ff000, 0x200000, 0x204000, 0x400000,
	0x7fff000, 0x8000000, 0x8100000, 0xffff000, 0x10000000, 0x10100000, 0x40000000,
	0xfedff000, 0xfee00000, 0xfef00000, 0xfffff000, 0x100000000, 0x7ffffff000, 0x8000000000,
	0xfffffff000, 0x10000000000, 0xfffffffff000, 0x1000000000000, 0x7ffffffffffff000,
	0xffffffffffffe000, 0xfffffffffffff000,
};

/* Mostly where mappings succeed, so that there is something to be near to. */
static const __u64 good_places[] = {
	0x20000000, 0x20010000, 0x20100000, 0x20200000, 0x20400000, 0x30000000, 0x100000,
	0x204000, 0x400000, 0x10100000,
};

static __u64 small_size(struct plan *plan)
{
	static const __u64 sizes[] = {
		PAGE, PAGE, 2 * PAGE, 3 * PAGE, 4 * PAGE, 8 * PAGE, 16 * PAGE, 33 * PAGE,
		64 * PAGE, 512 * PAGE, 513 * PAGE,
	};

	return plan_one_of(plan, sizes, COUNT(sizes));
}

static const __u64 strange_sizes[] = {
	0, 1, PAGE - 1, PAGE + 1, 1ULL << 32, 1ULL << 39, 1ULL << 47, 1ULL << 63, ~0ULL, -PAGE,
	-2 * PAGE,
};

/* What is a little beside the number. */
static __u64 beside(struct plan *plan, __u64 number)
{
	static const __u64 off[] = { 1, -1, PAGE, -PAGE, PAGE, -PAGE, 8, 0x800 };

	return number + plan_one_of(plan, off, COUNT(off));
}

/* A number of the structure: now and then a little wrong. */
static __u64 roughly(struct plan *plan, __u64 number, unsigned int once_in)
{
	return plan_once_in(plan, once_in) ? beside(plan, number) : number;
}

static const struct plan_mapping *some_mapping(struct plan *plan, const struct step *step)
{
	const struct plan_container *c = &plan->containers[step->container];

	return c->nmappings ? &c->mappings[plan_below(plan, c->nmappings)] : NULL;
}

static __u32 choose_argsz(struct plan *plan, __u32 right)
{
	static const __u64 wrong[] = { 0, 4, 8, 16, 20, 23, 24, 28, 31, 32, 40, 47, 48, 56, 64,
				       0xffffffff };

	if (plan_once_in(plan, 25))
		return (__u32)plan_one_of(plan, wrong, COUNT(wrong));
	return right;
}

static __u8 choose_pointer(struct plan *plan)
{
	return plan_once_in(plan, 40) ? (__u8)(1 + plan_below(plan, POINTERS - 1)) : POINTER_GOOD;
}

/* --- memory ---------------------------------------------------------------------------------- */

static int some_slot(struct plan *plan, unsigned int process)
{
	int tries;

	for (tries = 0; tries < 8; tries++) {
		unsigned int slot = plan_below(plan, MAX_SLOTS);

		if (plan->processes[process].slots[slot].size)
			return (int)slot;
	}
	return -1;
}

void choose_memory(struct plan *plan, struct step *step)
{
	int slot = some_slot(plan, step->process);
	__u64 size, pages, first;

	if (slot < 0) {
		step->kind = STEP_NONE;
		return;
	}
	size = plan->processes[step->process].slots[slot].size;
	step->vaddr = SLOT((unsigned int)slot);
	step->size = size;
	if (plan_once_in(plan, 3))
		return;
	pages = size / PAGE;
	first = plan_below(plan, (unsigned int)pages);
	step->vaddr += first * PAGE;
	step->size = PAGE * (1 + plan_below(plan, (unsigned int)(pages - first)));
}

/* Memory of some slot that @size bytes of may be mapped from. */
static __u64 choose_vaddr(struct plan *plan, struct step *step)
{
	static const __u64 strange[] = { 0, PAGE, 0xffff888000000000, -PAGE, -2 * PAGE,
					 0x7ffffffff000, BITMAP_ADDRESS };
	int slot = some_slot(plan, step->process);
	__u64 size, room;

	if (slot < 0 || plan_once_in(plan, 40))
		return plan_one_of(plan, strange, COUNT(strange));
	size = plan->processes[step->process].slots[slot].size;
	if (step->size > size && !plan_once_in(plan, 6))
		step->size = size;
	room = size > step->size ? (size - step->size) / PAGE : 0;
	if (plan_once_in(plan, 12))
		room += 2;
	return SLOT((unsigned int)slot) + PAGE * plan_below(plan, (unsigned int)room + 1);
}

/* --- IOVAs ----------------------------------------------------------------------------------- */

static __u64 new_iova(struct plan *plan, const struct step *step)
{
	const struct plan_mapping *m = some_mapping(plan, step);
	__u64 iova;

	switch (plan_below(plan, m ? 12 : 6)) {
	case 0:
		iova = plan_one_of(plan, places, COUNT(places));
		return plan_once_in(plan, 3) ? iova - step->size : iova;
	case 1:
	case 2:
	case 3:
	case 4:
		return plan_one_of(plan, good_places, COUNT(good_places));
	case 5:
		return 0x40000000 + PAGE * plan_below(plan, 0x10000);
	case 6:
		return m->iova;
	case 7:
		return m->iova - step->size;
	default:
		return m->iova + m->size;
	}
}

void choose_map(struct plan *plan, struct step *step)
{
	static const __u64 rights[] = {
		VFIO_DMA_MAP_FLAG_READ, VFIO_DMA_MAP_FLAG_READ, VFIO_DMA_MAP_FLAG_READ,
		VFIO_DMA_MAP_FLAG_WRITE, VFIO_DMA_MAP_FLAG_WRITE, 0, 8, ~0ULL,
		VFIO_DMA_MAP_FLAG_READ | 8, 1u << 31,
	};
	static const __u64 moved[] = {
		VFIO_DMA_MAP_FLAG_VADDR, VFIO_DMA_MAP_FLAG_VADDR, VFIO_DMA_MAP_FLAG_VADDR,
		VFIO_DMA_MAP_FLAG_VADDR | VFIO_DMA_MAP_FLAG_READ,
		VFIO_DMA_MAP_FLAG_VADDR | VFIO_DMA_MAP_FLAG_WRITE,
	};
	const struct plan_mapping *m;

	step->pointer = choose_pointer(plan);
	step->argsz = choose_argsz(plan, sizeof(struct vfio_iommu_type1_dma_map));
	step->size = plan_once_in(plan, 25) ?
		plan_one_of(plan, strange_sizes, COUNT(strange_sizes)) : small_size(plan);
	step->flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE;
	if (plan_once_in(plan, 5))
		step->flags = (__u32)plan_one_of(plan, rights, COUNT(rights));
	step->vaddr = choose_vaddr(plan, step);
	step->iova = new_iova(plan, step);
	if (plan->without & WITHOUT_VADDR) {
		step->flags &= ~VFIO_DMA_MAP_FLAG_VADDR;
	} else if (plan_once_in(plan, 9)) {
		step->flags = (__u32)plan_one_of(plan, moved, COUNT(moved));
		m = some_mapping(plan, step);
		if (m) {
			step->iova = m->iova;
			step->size = m->size;
			if (plan_once_in(plan, 2))
				step->vaddr = m->vaddr;
		}
	}
	step->iova = roughly(plan, step->iova, 25);
	step->size = roughly(plan, step->size, 40);
	step->vaddr = roughly(plan, step->vaddr, 40);
}

void choose_target(struct plan *plan, struct step *step)
{
	const struct plan_mapping *m = some_mapping(plan, step), *other;

	step->size = small_size(plan);
	if (!m || plan_once_in(plan, 10)) {
		step->iova = plan_one_of(plan, places, COUNT(places));
		return;
	}
	step->iova = m->iova;
	step->size = m->size;
	switch (plan_below(plan, 8)) {
	case 0:			/* part of it */
		step->size = PAGE * (1 + plan_below(plan, (unsigned int)(m->size / PAGE)));
		break;
	case 1:			/* it ends inside */
		step->iova -= PAGE * plan_below(plan, 4);
		break;
	case 2:			/* it begins inside */
		step->iova += PAGE * plan_below(plan, (unsigned int)(m->size / PAGE) + 1);
		break;
	case 3:			/* several */
		other = some_mapping(plan, step);
		if (other->iova < step->iova)
			step->iova = other->iova;
		step->size = m->iova + m->size - step->iova;
		break;
	default:
		break;
	}
}

/* --- the other requests ---------------------------------------------------------------------- */

static void choose_bitmap(struct plan *plan, struct step *step)
{
	/* Not 0: in-tree shifts by what it finds there, and 7.3 says so. */
	static const __u64 pages[] = { 1, 0x800, 2 * PAGE, 2 * MIB, ~0ULL };
	static const __u64 sizes[] = { 0, 1, 7, 9, 16, 1ULL << 28, (1ULL << 28) + 1, ~0ULL };
	static const __u64 strange[] = { PAGE, 0xffff888000000000, -PAGE, ARGUMENT_ADDRESS };

	step->bitmap_page = PAGE;
	if (plan_once_in(plan, 15))
		step->bitmap_page = plan_one_of(plan, pages, COUNT(pages));
	step->bitmap_bytes = (step->size / PAGE + 63) / 64 * 8;
	if (plan_once_in(plan, 8))
		step->bitmap_bytes = plan_one_of(plan, sizes, COUNT(sizes));
	if (plan_once_in(plan, 25))
		step->vaddr = plan_one_of(plan, strange, COUNT(strange));
}

void choose_unmap(struct plan *plan, struct step *step)
{
	static const __u64 wrong[] = { 8, 1u << 31, ~0ULL, 7 };

	choose_target(plan, step);
	step->pointer = choose_pointer(plan);
	step->argsz = choose_argsz(plan, sizeof(struct vfio_iommu_type1_dma_unmap));
	if (plan_once_in(plan, 12))
		step->flags |= VFIO_DMA_UNMAP_FLAG_ALL;
	if (!(plan->without & WITHOUT_VADDR) && plan_once_in(plan, 5))
		step->flags |= VFIO_DMA_UNMAP_FLAG_VADDR;
	if (!(plan->without & WITHOUT_DIRTY) && plan_once_in(plan, 5)) {
		step->flags |= VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP;
		step->argsz = choose_argsz(plan, sizeof(struct vfio_iommu_type1_dma_unmap) +
					   sizeof(struct vfio_bitmap));
		choose_bitmap(plan, step);
	}
	if (step->flags & VFIO_DMA_UNMAP_FLAG_ALL && !plan_once_in(plan, 5)) {
		step->iova = 0;
		step->size = 0;
		return;
	}
	if (plan_once_in(plan, 40))
		step->flags = (__u32)plan_one_of(plan, wrong, COUNT(wrong));
	if (plan->without & WITHOUT_VADDR)
		step->flags &= ~VFIO_DMA_UNMAP_FLAG_VADDR;
	if (plan->without & WITHOUT_DIRTY)
		step->flags &= ~VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP;
	if (plan_once_in(plan, 30))
		step->size = plan_one_of(plan, strange_sizes, COUNT(strange_sizes));
	if (plan_once_in(plan, 40))
		step->size = -step->iova;	/* all up to the top */
	step->iova = roughly(plan, step->iova, 20);
	step->size = roughly(plan, step->size, 20);
}

void choose_dirty(struct plan *plan, struct step *step)
{
	static const __u64 rare[] = { 0, 3, 5, 6, 7, 8, ~0ULL };
	const __u32 get = VFIO_IOMMU_DIRTY_PAGES_FLAG_GET_BITMAP;
	static const __u64 flags[] = {
		VFIO_IOMMU_DIRTY_PAGES_FLAG_START, VFIO_IOMMU_DIRTY_PAGES_FLAG_START,
		VFIO_IOMMU_DIRTY_PAGES_FLAG_STOP, VFIO_IOMMU_DIRTY_PAGES_FLAG_GET_BITMAP,
		VFIO_IOMMU_DIRTY_PAGES_FLAG_GET_BITMAP, VFIO_IOMMU_DIRTY_PAGES_FLAG_GET_BITMAP,
	};
	const __u32 head = sizeof(struct vfio_iommu_type1_dirty_bitmap);

	step->flags = (__u32)plan_one_of(plan, flags, COUNT(flags));
	if (plan_once_in(plan, 20))
		step->flags = (__u32)plan_one_of(plan, rare, COUNT(rare));
	step->pointer = choose_pointer(plan);
	step->argsz = choose_argsz(plan, step->flags == get ?
		head + (__u32)sizeof(struct vfio_iommu_type1_dirty_bitmap_get) : head);
	if (!(step->flags & get))
		return;
	choose_target(plan, step);
	choose_bitmap(plan, step);
	step->iova = roughly(plan, step->iova, 20);
	step->size = roughly(plan, step->size, 20);
}

void choose_info(struct plan *plan, struct step *step)
{
	static const __u64 sizes[] = { 15, 16, 19, 20, 23, 24, 56, 64, 84, 100, 104, 116, 120, 132,
				       136, 200 };

	step->pointer = choose_pointer(plan);
	step->argsz = 4096;
	if (plan_once_in(plan, 3))
		step->argsz = (__u32)plan_one_of(plan, sizes, COUNT(sizes));
	step->argsz = choose_argsz(plan, step->argsz);
	step->flags = plan_once_in(plan, 10) ? 0xffffffff : 0;
}
