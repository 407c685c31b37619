// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The module: its parameters, and what it registers with the VFIO core.
 *
 * Built under two names: vfio_iommu_type1 takes the in-tree backend's place,
 * vfio_manifold stands beside it (the core asks the backend registered last
 * first). All parameters but direct_tables, bill_once and workers are those operators
 * know from in-tree type1.
 */
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "compat.h"
#include "host.h"
#include "vfio_private.h"

static bool allow_unsafe_interrupts;
module_param(allow_unsafe_interrupts, bool, 0644);
MODULE_PARM_DESC(allow_unsafe_interrupts,
		 "Accept groups whose devices can forge interrupts (default: no)");

static bool disable_hugepages;
module_param(disable_hugepages, bool, 0644);
MODULE_PARM_DESC(disable_hugepages, "Pin and map every page on its own (default: no)");

static unsigned int dma_entry_limit = U16_MAX;
module_param(dma_entry_limit, uint, 0644);
MODULE_PARM_DESC(dma_entry_limit,
		 "How many mappings a container opened from now on may hold (default: 65535)");

bool mfk_direct_tables = true;
module_param_named(direct_tables, mfk_direct_tables, bool, 0644);
MODULE_PARM_DESC(direct_tables,
		 "Map short runs by the IOMMU driver's own functions, see direct.c (default: yes)");

static bool bill_once = true;
module_param(bill_once, bool, 0644);
MODULE_PARM_DESC(bill_once,
		 "Containers opened from now on bill a page once to its process, not once for every mapping that has it (default: yes)");

/* More than this are in one another's way: a page is cleared at the speed of memory. */
#define MOST_WORKERS	16
#define NO_NUMBER	UINT_MAX

unsigned int mfk_workers = NO_NUMBER;

static int set_workers(const char *text, const struct kernel_param *parameter)
{
	return param_set_uint_minmax(text, parameter, 0, MOST_WORKERS);
}

static const struct kernel_param_ops workers_ops = {
	.set = set_workers,
	.get = param_get_uint,
};

module_param_cb(workers, &workers_ops, &mfk_workers, 0644);
MODULE_PARM_DESC(workers,
		 "How many threads fault untouched memory in for a map from now on, beside its own, see ahead.c (0 to 16; default: one less than there are processors, 4 at most)");

static void *driver_open(unsigned long arg)
{
	struct mf_config config = {
		.rules = arg == MFK_TYPE1_NESTING ? MF_TYPE1V2 : arg,
		.nesting = arg == MFK_TYPE1_NESTING,
		.mapping_limit = dma_entry_limit,
		.wrap_errno = MFK_WRAP_ERRNO,
		.bill_once = bill_once,
	};
	struct mfk_container *k = kzalloc(sizeof(*k), GFP_KERNEL_ACCOUNT);
	int err;

	if (!k)
		return ERR_PTR(-ENOMEM);

	k->pid = task_tgid_nr(current);
	get_task_comm(k->comm, current);
	k->rules = config.rules;
	mutex_init(&k->devices_lock);
	INIT_LIST_HEAD(&k->devices);
	config.cookie = k;

	/* The number first: events name the container by it. Nobody knows it yet. */
	err = mfk_handle_add(k);
	if (err)
		goto free;
	err = mf_open(&mfk_host, &config, &k->engine);
	if (err)
		goto remove;
	mfk_debugfs_add(k);
	return mfk_handle_of(k);

remove:
	mfk_handle_remove(mfk_handle_of(k));
free:
	kfree_rcu(k, rcu);
	return ERR_PTR(err);
}

static void driver_release(void *handle)
{
	struct mfk_container *k = mfk_handle_remove(handle);

	if (!k)
		return;
	mfk_debugfs_remove(k);
	mf_release(k->engine);
	if (k->owner)
		mfk_owner_put(&mfk_host, k->owner);
	kfree_rcu(k, rcu);
}

static long driver_ioctl(void *handle, unsigned int cmd, unsigned long arg)
{
	u32 flags = disable_hugepages ? MF_MAP_SMALL_PAGES : 0;
	struct mfk_container *k;
	long ret;

	/* Asked before SET_IOMMU, to find out which backends there are. */
	if (!handle)
		return cmd == VFIO_CHECK_EXTENSION ? mfk_check_extension(NULL, arg) : -EINVAL;

	k = mfk_handle_get(handle);
	if (!k)
		return -EINVAL;
	ret = mfk_ioctl(k, cmd, arg, flags);
	mfk_handle_put(k);
	return ret;
}

static int driver_attach_group(void *handle, struct iommu_group *group, enum vfio_group_type type)
{
	u32 flags = allow_unsafe_interrupts ? MF_ATTACH_UNSAFE_INTERRUPTS : 0;
	struct mfk_container *k;
	int err;

	if (type == VFIO_EMULATED_IOMMU)
		flags |= MF_ATTACH_EMULATED;
	else if (type != VFIO_IOMMU)
		return -EINVAL;

	k = mfk_handle_get(handle);
	if (!k)
		return -EINVAL;
	err = mf_attach(k->engine, mfk_from_group(group), flags, NULL);
	mfk_handle_put(k);
	return err;
}

static void driver_detach_group(void *handle, struct iommu_group *group)
{
	struct mfk_container *k = mfk_handle_get(handle);

	if (!k)
		return;
	mf_detach(k->engine, mfk_from_group(group));
	mfk_handle_put(k);
}

static int driver_pin_pages(void *handle, struct iommu_group *group, dma_addr_t iova, int npage,
			    int prot, struct page **pages)
{
	struct mfk_container *k = mfk_handle_get(handle);
	int ret;

	if (!k)
		return -EINVAL;
	ret = mfk_pin_pages(k, group, iova, npage, prot, pages);
	mfk_handle_put(k);
	return ret;
}

static void driver_unpin_pages(void *handle, dma_addr_t iova, int npage)
{
	struct mfk_container *k = mfk_handle_get(handle);

	if (!k)
		return;
	if (npage > 0)
		mf_unpin_pages(k->engine, iova, npage);
	mfk_handle_put(k);
}

static void driver_register_device(void *handle, struct vfio_device *vdev)
{
	struct mfk_container *k = mfk_handle_get(handle);

	if (!k)
		return;
	mfk_device_add(k, vdev);
	mfk_handle_put(k);
}

static void driver_unregister_device(void *handle, struct vfio_device *vdev)
{
	struct mfk_container *k = mfk_handle_get(handle);

	if (!k)
		return;
	mfk_device_remove(k, vdev);
	mfk_handle_put(k);
}

static int driver_dma_rw(void *handle, dma_addr_t iova, void *data, size_t count, bool write)
{
	struct mfk_container *k = mfk_handle_get(handle);
	int err;

	if (!k)
		return -EINVAL;
	err = mf_access(k->engine, iova, data, count, write, NULL);
	mfk_handle_put(k);
	return err;
}

static struct iommu_domain *driver_group_iommu_domain(void *handle, struct iommu_group *group)
{
	struct mfk_container *k = mfk_handle_get(handle);
	struct mf_host_domain *domain;

	if (!k)
		return ERR_PTR(-EINVAL);
	domain = mf_group_domain(k->engine, mfk_from_group(group));
	mfk_handle_put(k);
	return domain ? mfk_to_domain(domain) : ERR_PTR(-ENODEV);
}

/* No notify (6.1): that the container's file is closed wakes nobody, since nobody waits. */
static const struct vfio_iommu_driver_ops driver_ops = {
	.name = KBUILD_MODNAME,
	.owner = THIS_MODULE,
	.open = driver_open,
	.release = driver_release,
	.ioctl = driver_ioctl,
	.attach_group = driver_attach_group,
	.detach_group = driver_detach_group,
	.pin_pages = driver_pin_pages,
	.unpin_pages = driver_unpin_pages,
	.register_device = driver_register_device,
	.unregister_device = driver_unregister_device,
	.dma_rw = driver_dma_rw,
	.group_iommu_domain = driver_group_iommu_domain,
};

static int __init manifold_init(void)
{
	int err;

	if (mfk_workers == NO_NUMBER)
		mfk_workers = min(num_online_cpus() - 1, 4u);
	err = mfk_ahead_init();
	if (err)
		return err;
	mfk_debugfs_init();
	err = vfio_register_iommu_driver(&driver_ops);
	if (err) {
		mfk_debugfs_exit();
		mfk_ahead_exit();
	}
	return err;
}

static void __exit manifold_exit(void)
{
	vfio_unregister_iommu_driver(&driver_ops);
	/* A late ioctl may still be on its way out; see handle.c. */
	synchronize_rcu();
	mfk_handle_exit();
	mfk_owner_exit();
	mfk_debugfs_exit();
	mfk_ahead_exit();
}

module_init(manifold_init);
module_exit(manifold_exit);

MODULE_DESCRIPTION("VFIO type1 IOMMU backend: one DMA map in front of many domains");
MODULE_AUTHOR("The Manifold developers");
MODULE_LICENSE("Dual MIT/GPL");
MODULE_VERSION("0.1");
