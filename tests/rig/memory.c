// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Memory that is strange: a page that is marked VM_IO but is no device's, and the
 * same shown as VM_PFNMAP, as if nobody counted its users. And a memory manager
 * that fails: calls that pin pages return 0, neither a page nor an errno. That is
 * what comes of being interrupted at the wrong moment; here a probe at the
 * function's first instruction returns from it at once.
 */
#include <linux/gfp.h>
#include <linux/kprobes.h>
#include <linux/mm.h>
#include <linux/sched.h>

#include "rig.h"

static struct page *io_page;

int rig_memory_init(void)
{
	io_page = alloc_page(GFP_KERNEL | __GFP_ZERO);
	return io_page ? 0 : -ENOMEM;
}

int rig_memory_mmap(struct file *file, struct vm_area_struct *vma)
{
	if (vma->vm_pgoff > 1 || vma->vm_end - vma->vm_start != PAGE_SIZE)
		return -EINVAL;
	if (vma->vm_pgoff)
		return remap_pfn_range(vma, vma->vm_start, page_to_pfn(io_page), PAGE_SIZE,
				       vma->vm_page_prot);
	rig_vma_set_io(vma);
	return vm_insert_page(vma, vma->vm_start, io_page);
}

#ifdef CONFIG_KPROBES

static struct task_struct *pinner;	/* only compared, so that it may have ended */
static atomic_t pins_none, pins_after;
static bool probed;

/* Runs in place of the function, and returns to whoever called that. */
static noinline notrace long pins_no_page(void)
{
	return 0;
}

static int pin_begins(struct kprobe *probe, struct pt_regs *regs)
{
	if (current != READ_ONCE(pinner) || atomic_dec_if_positive(&pins_after) >= 0 ||
	    atomic_dec_if_positive(&pins_none) < 0)
		return 0;
	instruction_pointer_set(regs, (unsigned long)pins_no_page);
	return 1;
}

/* Keeps the probe from being made a jump, which could not change where it returns. */
static void pin_began(struct kprobe *probe, struct pt_regs *regs, unsigned long flags)
{
}

static struct kprobe remote = {
	.symbol_name = "pin_user_pages_remote",
	.pre_handler = pin_begins,
	.post_handler = pin_began,
};

static struct kprobe fast = {
	.symbol_name = "pin_user_pages_fast",
	.pre_handler = pin_begins,
	.post_handler = pin_began,
};

static struct kprobe *probes[] = { &remote, &fast };

int rig_memory_set_pins(const struct rig_pins *pins)
{
	int err = probed ? 0 : register_kprobes(probes, ARRAY_SIZE(probes));

	if (err)
		return err;
	probed = true;
	WRITE_ONCE(pinner, current);
	atomic_set(&pins_after, pins->after);
	atomic_set(&pins_none, pins->none);
	return 0;
}

void rig_memory_clear(void)
{
	if (probed)
		unregister_kprobes(probes, ARRAY_SIZE(probes));
	probed = false;
	atomic_set(&pins_none, 0);
	/* A probe can be registered again once what it was is forgotten. */
	remote.addr = NULL;
	remote.flags = 0;
	fast.addr = NULL;
	fast.flags = 0;
}

#else

int rig_memory_set_pins(const struct rig_pins *pins)
{
	return -EOPNOTSUPP;
}

void rig_memory_clear(void)
{
}

#endif

void rig_memory_exit(void)
{
	rig_memory_clear();
	__free_page(io_page);
}
