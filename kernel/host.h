/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * The Linux host: what its files offer one another.
 */
#ifndef MFK_HOST_H
#define MFK_HOST_H

#include <linux/completion.h>
#include <linux/mm_types.h>
#include <linux/refcount.h>
#include <linux/sched.h>
#include <linux/uaccess.h>
#include <linux/vfio.h>

#include "../core/manifold.h"

/**
 * struct mfk_container - a container as the VFIO core knows it
 * @engine: the engine's side
 * @id: the handle; what the core holds instead of a pointer
 * @users: one for being open, one for each call under way
 * @idle: done when @users reaches zero
 * @rcu: frees it when nobody can still look it up
 * @rules: those it was opened with
 * @devices_lock: guards @devices
 * @devices: mediated devices that can be asked to unpin pages
 * @dir: its debugfs folder
 * @owner: who was the first to map, with a reference; set once, or NULL
 * @pid: who opened it
 * @comm: and that one's name
 */
struct mfk_container {
	struct mf_container *engine;
	u32 id;
	refcount_t users;
	struct completion idle;
	struct rcu_head rcu;
	enum mf_rules rules;
	struct mutex devices_lock;	/* of the list below */
	struct list_head devices;
	struct dentry *dir;
	struct mf_owner *owner;
	pid_t pid;
	char comm[TASK_COMM_LEN];
};

/* host.c */
extern struct mf_host mfk_host;

/* module.c: the two are called by name from outside, as nothing else is (see whole.c). */
__visible int init_module(void);
__visible void cleanup_module(void);
extern bool mfk_direct_tables;
extern unsigned int mfk_workers;

/* What a refusal takes in words, and its reason's name. */
#define MFK_REFUSAL_TEXT 192
#define MFK_REASON_NAME 32

/* events.c */
void mfk_event(struct mf_host *host, void *cookie, const struct mf_event *event);

/* handle.c */
int mfk_handle_add(struct mfk_container *k);
struct mfk_container *mfk_handle_get(void *handle);
void mfk_handle_put(struct mfk_container *k);
struct mfk_container *mfk_handle_remove(void *handle);
void *mfk_handle_of(const struct mfk_container *k);
void mfk_handle_exit(void);

/* owner.c */
void mfk_owner_exit(void);
struct mf_owner *mfk_owner_current(struct mf_owner **known);
void mfk_owner_done(struct mf_owner **known, struct mf_owner *owner);
void mfk_owner_get(struct mf_host *host, struct mf_owner *owner);
void mfk_owner_put(struct mf_host *host, struct mf_owner *owner);
struct mf_ledger *mfk_owner_ledger(struct mf_host *host, struct mf_owner *owner);
void mfk_owner_limit(struct mf_host *host, struct mf_owner *owner, u64 *billed, u64 *limit);
struct mm_struct *mfk_owner_mm(const struct mf_owner *owner);
pid_t mfk_owner_pid(const struct mf_owner *owner);
u64 mfk_owner_billed(const struct mf_owner *owner);
bool mfk_owner_is_waited_for(struct mf_owner *owner);
void mfk_owner_let_in(struct mf_owner *owner);
int mfk_bill(struct mf_host *host, struct mf_owner *owner, u64 pages, bool unlimited);
void mfk_unbill(struct mf_host *host, struct mf_owner *owner, u64 pages);

/* pin.c */
s64 mfk_pin(struct mf_host *host, struct mf_owner *owner, u64 vaddr, u64 pages, u32 prot,
	    struct mf_batch *batch);

/* ahead.c */
int mfk_ahead_init(void);
void mfk_ahead_exit(void);
struct mf_ahead *mfk_ahead_begin(struct mf_host *host, struct mf_owner *owner, u64 vaddr,
				 u64 pages, u32 prot);
void mfk_ahead_reach(struct mf_ahead *a, u64 vaddr);
void mfk_ahead_end(struct mf_host *host, struct mf_ahead *a);

/* The huge page that one entry of the processor's table maps. */
#define MFK_HUGE_BYTES	PMD_SIZE
#define MFK_HUGE_PAGES	(PMD_SIZE >> PAGE_SHIFT)

/* huge.c */
u64 mfk_huge_pages(struct mm_struct *mm, unsigned long vaddr, struct page *page, bool write);

/* unpin.c */
void mfk_unpin(struct mf_host *host, struct mf_owner *owner, const mf_run *runs, u64 nr, u32 prot);

/* pfnmap.c */
s64 mfk_pin_pfnmap(struct mm_struct *mm, unsigned long vaddr, u64 pages, u32 prot,
		   struct mf_batch *batch);

/* iommu.c */
u32 mfk_group_id(struct mf_host *host, struct mf_host_group *group);
bool mfk_group_isolated(struct mf_host *host, struct mf_host_group *group);
int mfk_group_regions(struct mf_host *host, struct mf_host_group *group, mf_region_fn fn,
		      void *context);
int mfk_domain_alloc_for(struct mf_host *host, struct mf_host_group *group, bool nesting,
			 struct mf_host_domain **out);
void mfk_domain_free(struct mf_host *host, struct mf_host_domain *domain);
int mfk_domain_attach(struct mf_host *host, struct mf_host_domain *domain,
		      struct mf_host_group *group);
void mfk_domain_detach(struct mf_host *host, struct mf_host_domain *domain,
		       struct mf_host_group *group);
void mfk_domain_settle(struct mf_host *host, struct mf_host_domain *domain,
		       struct mf_features *features);
int mfk_domain_msi(struct mf_host *host, struct mf_host_domain *domain, u64 base);

/* tables.c */
int mfk_domain_map(struct mf_host *host, struct mf_host_domain *domain, u64 iova,
		   const mf_run *runs, u64 nr, u32 prot);
int mfk_domain_sync(struct mf_host *host, struct mf_host_domain *domain, struct mf_span span);
u64 mfk_domain_unmap(struct mf_host *host, struct mf_host_domain *domain, u64 iova, u64 bytes,
		     struct mf_gather *gather);
void mfk_domain_flush(struct mf_host *host, struct mf_host_domain *domain,
		      struct mf_gather *gather);

/**
 * struct mfk_direct - what of a domain can be mapped without the exported functions
 * @domain: the domain
 * @bytes_below: runs that are shorter than this; none when it is 0
 * @page_shift: the smallest page of its tables
 */
struct mfk_direct {
	struct iommu_domain *domain;
	u64 bytes_below;
	unsigned int page_shift;
};

/* direct.c */
void mfk_direct_init(struct mfk_direct *w, struct iommu_domain *d);
int mfk_direct_map(const struct mfk_direct *w, u64 iova, const mf_run *runs, u64 nr, int prot,
		   u64 *done, u64 *bytes);
int mfk_direct_sync(const struct mfk_direct *w, u64 iova, u64 bytes);

/* external.c */
void mfk_device_add(struct mfk_container *k, struct vfio_device *vdev);
void mfk_device_remove(struct mfk_container *k, struct vfio_device *vdev);
void mfk_unmapping(struct mf_host *host, void *cookie, struct mf_span span);
int mfk_pin_pages(struct mfk_container *k, struct iommu_group *group, dma_addr_t iova,
		  int npage, int prot, struct page **pages);
int mfk_copy(struct mf_host *host, struct mf_owner *owner, u64 vaddr, void *data, u64 bytes,
	     bool write);

/* Bytes of a user's bitmap of dirty pages at most: 8 TiB of 4 KiB pages (6.1 to 7.3). */
#define MFK_BITMAP_MOST (1ull << 28)

/* dirty.c */
int mfk_bitmap_check(const struct vfio_bitmap *bitmap, u64 bytes);
int mfk_bitmap_write(void *context, u64 first, const u64 *bits, u64 nr);
long mfk_dirty_pages(struct mfk_container *k, void __user *arg);

/* ioctl.c, info.c */
long mfk_ioctl(struct mfk_container *k, unsigned int cmd, unsigned long arg, u32 map_flags);
long mfk_check_extension(struct mfk_container *k, unsigned long id);
long mfk_get_info(struct mfk_container *k, void __user *arg);

/* debugfs.c */
void mfk_debugfs_init(void);
void mfk_debugfs_exit(void);
void mfk_debugfs_add(struct mfk_container *k);
void mfk_debugfs_remove(struct mfk_container *k);

/* The engine's opaque handles are the kernel's own objects. */
static inline struct iommu_group *mfk_to_group(struct mf_host_group *group)
{
	return (struct iommu_group *)group;
}

static inline struct mf_host_group *mfk_from_group(struct iommu_group *group)
{
	return (struct mf_host_group *)group;
}

static inline struct iommu_domain *mfk_to_domain(struct mf_host_domain *domain)
{
	return (struct iommu_domain *)domain;
}

#endif /* MFK_HOST_H */
