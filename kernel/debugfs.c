// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The inspector: one debugfs folder a container, for whoever operates the
 * machine. <module>/<container>/{status,domains,mappings,bill}.
 *
 * Everything is read through the engine's inspection calls, which hold locks
 * for one record at a time; reading never changes anything.
 */
#include <linux/debugfs.h>
#include <linux/device.h>
#include <linux/iommu.h>
#include <linux/mm.h>
#include <linux/seq_file.h>

#include "host.h"

static struct dentry *root;

static int status_show(struct seq_file *s, void *unused)
{
	struct mfk_container *k = s->private;
	struct mf_refusal last[8];
	struct mf_status status;
	struct mf_info info;
	struct mf_span span;
	char text[MFK_REFUSAL_TEXT];
	u32 i, n;

	mf_get_status(k->engine, &status);
	n = mf_get_info(k->engine, &info, &span, 1);

	seq_printf(s, "opened by        %s[%d]\n", k->comm, k->pid);
	seq_printf(s, "type             %s\n", status.rules == MF_TYPE1 ? "type1" : "type1v2");
	seq_printf(s, "domains          %u\n", status.nr_domains);
	seq_printf(s, "groups           %u\n", status.nr_groups);
	seq_printf(s, "emulated groups  %u\n", status.nr_emulated);
	seq_printf(s, "coherent         %s\n", info.coherent ? "yes" : "no");
	seq_printf(s, "page sizes       %#llx\n", info.pgsizes);
	seq_printf(s, "window           %u ranges", info.nr_window);
	if (n)
		seq_printf(s, ", from %#llx", span.first);
	seq_printf(s, "\nmappings         %llu of %u\n", status.nr_mappings, status.mapping_limit);
	seq_printf(s, "pages pinned     %llu\n", status.pages_pinned);
	seq_printf(s, "billing          %s\n", status.bill_once ? "once" : "by mapping");
	seq_printf(s, "pages billed     %llu\n", status.pages_billed);
	seq_printf(s, "pages foreign    %llu\n", status.pages_foreign);
	seq_printf(s, "pages external   %llu\n", status.pages_external);
	seq_printf(s, "invalid vaddrs   %llu\n", status.nr_invalid);
	seq_printf(s, "dirty tracking   %s\n", status.dirty_tracking ? "yes" : "no");
	seq_printf(s, "stuck mappings   %llu\n", status.nr_stuck);
	seq_printf(s, "requests refused %llu\n", status.refusals);

	n = mf_get_refusals(k->engine, last, ARRAY_SIZE(last));
	for (i = 0; i < n; i++) {
		mf_refusal_text(&last[i], text, sizeof(text));
		seq_printf(s, "  %s (%d): %s\n", mf_reason_name(last[i].reason), last[i].err, text);
	}
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(status);

static int show_device(struct device *dev, void *data)
{
	struct dev_iommu *iommu = dev->iommu;
	struct seq_file *s = data;

	seq_printf(s, "    device %s", dev_name(dev));
	if (iommu && iommu->iommu_dev && iommu->iommu_dev->dev)
		seq_printf(s, " behind unit %s", dev_name(iommu->iommu_dev->dev));
	seq_putc(s, '\n');
	return 0;
}

static void show_group(void *context, struct mf_host_group *group, u32 id)
{
	struct seq_file *s = context;

	seq_printf(s, "  group %u\n", id);
	/* Devices of an emulated group are listed as well, behind no unit. */
	iommu_group_for_each_dev(mfk_to_group(group), s, show_device);
}

static int domains_show(struct seq_file *s, void *unused)
{
	struct mfk_container *k = s->private;
	struct mf_status status;
	struct mf_domain_info d;
	u32 i;

	for (i = 0; mf_get_domain(k->engine, i, &d); i++) {
		seq_printf(s, "domain %u: page sizes %#llx, aperture %#llx-%#llx, %s\n", d.id,
			   d.features.pgsizes, d.features.aperture.first,
			   d.features.aperture.last,
			   d.features.coherent ? "coherent" : "not coherent");
		mf_for_each_group(k->engine, d.id, show_group, s);
	}
	mf_get_status(k->engine, &status);
	if (status.nr_emulated) {
		seq_puts(s, "no domain: emulated groups\n");
		mf_for_each_group(k->engine, 0, show_group, s);
	}
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(domains);

/*
 * Mappings may be many, so they are read one at a time by position. The
 * position is a page number, which, unlike an address, always has a successor
 * that loff_t can hold.
 */
static void *mappings_at(struct seq_file *s, loff_t *pos)
{
	struct mfk_container *k = file_inode(s->file)->i_private;
	struct mf_mapping_info *m = s->private;

	if (*pos > (loff_t)(~0ull >> PAGE_SHIFT))
		return NULL;
	return mf_next_mapping(k->engine, (u64)*pos << PAGE_SHIFT, m) ? m : NULL;
}

static void *mappings_start(struct seq_file *s, loff_t *pos)
{
	if (!*pos)
		seq_puts(s, "first               last                vaddr               prot state       pages    runs foreign external owner\n");
	return mappings_at(s, pos);
}

static void *mappings_next(struct seq_file *s, void *v, loff_t *pos)
{
	const struct mf_mapping_info *m = v;

	*pos = (loff_t)(m->span.last >> PAGE_SHIFT) + 1;
	return mappings_at(s, pos);
}

static void mappings_stop(struct seq_file *s, void *v)
{
}

static int mappings_show(struct seq_file *s, void *v)
{
	static const char * const states[] = {
		[MF_MAPPING_ADDING] = "adding",
		[MF_MAPPING_LIVE] = "live",
		[MF_MAPPING_REMOVING] = "removing",
	};
	const struct mf_mapping_info *m = v;

	seq_printf(s, "%#-19llx %#-19llx %#-19llx %c%c   %-8s %8llu %7llu %7llu %8llu %p\n",
		   m->span.first, m->span.last, m->vaddr, m->prot & MF_READ ? 'r' : '-',
		   m->prot & MF_WRITE ? 'w' : '-',
		   m->vaddr_invalid ? "invalid" : states[m->state], m->pages, m->runs,
		   m->foreign, m->external, m->owner);
	return 0;
}

static const struct seq_operations mappings_ops = {
	.start = mappings_start,
	.next = mappings_next,
	.stop = mappings_stop,
	.show = mappings_show,
};

static int mappings_open(struct inode *inode, struct file *file)
{
	return seq_open_private(file, &mappings_ops, sizeof(struct mf_mapping_info));
}

static const struct file_operations mappings_fops = {
	.owner = THIS_MODULE,
	.open = mappings_open,
	.read = seq_read,
	.llseek = seq_lseek,
	.release = seq_release_private,
};

static void show_bill(void *context, struct mf_owner *owner, u64 pages)
{
	struct mf_ledger_info ledger;
	struct seq_file *s = context;

	seq_printf(s, "owner %p, process %d: %llu pages by this container, %llu billed by all\n",
		   owner, mfk_owner_pid(owner), pages, mfk_owner_billed(owner));
	mf_get_ledger(&mfk_host, owner, &ledger);
	seq_printf(s, "  ledger: %llu pages billed once, pinned %llu times; %llu bytes\n",
		   ledger.pages, ledger.pins, ledger.bytes);
}

static int bill_show(struct seq_file *s, void *unused)
{
	struct mfk_container *k = s->private;

	mf_for_each_owner(k->engine, show_bill, s);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(bill);

void mfk_debugfs_init(void)
{
	root = debugfs_create_dir(KBUILD_MODNAME, NULL);
}

void mfk_debugfs_exit(void)
{
	debugfs_remove(root);
}

/* A container without its folder is only harder to look into. */
void mfk_debugfs_add(struct mfk_container *k)
{
	char name[12];

	snprintf(name, sizeof(name), "%u", k->id);
	k->dir = debugfs_create_dir(name, root);
	debugfs_create_file("status", 0400, k->dir, k, &status_fops);
	debugfs_create_file("domains", 0400, k->dir, k, &domains_fops);
	debugfs_create_file("mappings", 0400, k->dir, k, &mappings_fops);
	debugfs_create_file("bill", 0400, k->dir, k, &bill_fops);
}

/* Waits for readers; afterwards there are none. */
void mfk_debugfs_remove(struct mfk_container *k)
{
	debugfs_remove(k->dir);
}
