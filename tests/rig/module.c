// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The rig: IOMMU units, and devices behind them, that exist in no machine. A
 * test makes them through /dev/manifold-rig and hands the devices to VFIO; what
 * it does then goes through the real VFIO core and the real IOMMU layer to units
 * that are as the test wants them, and tell what happened to them.
 *
 * Never to be installed: whoever opens the file can make the machine's IOMMU
 * layer believe in units there are not. It is for virtual machines.
 *
 * What was made stays until RIG_CLEAR or the module's end, which is refused
 * while a container uses a device.
 */
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/uaccess.h>

#include "rig.h"

/* What they guard: rig.h. */
DEFINE_MUTEX(rig_mutex);
DEFINE_SPINLOCK(rig_lock);

static int clear(void)
{
	rig_claims_clear();
	rig_memory_clear();
	if (rig_devices_busy() || rig_emulated_busy())
		return -EBUSY;
	rig_emulated_clear();
	rig_devices_clear();
	rig_units_clear();
	return 0;
}

union rig_argument {
	struct rig_unit_spec unit;
	struct rig_device_spec device;
	struct rig_faults faults;
	struct rig_counters counters;
	struct rig_leaf leaf;
	struct rig_device_state state;
	struct rig_dma dma;
	struct rig_traffic traffic;
	struct rig_claim claim;
	struct rig_pins pins;
	struct rig_emulated_spec emulated;
	struct rig_pin pin;
	struct rig_copy copy;
	struct rig_manners manners;
	struct rig_emulated_state emulated_state;
};

static int run(unsigned int cmd, union rig_argument *a)
{
	switch (cmd) {
	case RIG_ADD_UNIT:
		return rig_unit_add(&a->unit);
	case RIG_ADD_DEVICE:
		return rig_device_add(&a->device);
	case RIG_SET_FAULTS:
		return rig_unit_set_faults(&a->faults);
	case RIG_GET_COUNTERS:
		return rig_unit_counters(&a->counters);
	case RIG_FIND_LEAF:
		return rig_device_leaf(&a->leaf);
	case RIG_GET_DEVICE:
		return rig_device_state(&a->state);
	case RIG_DMA:
		return rig_dma(&a->dma);
	case RIG_START:
		return rig_traffic_start(&a->traffic);
	case RIG_GET_TRAFFIC:
		return rig_traffic_get(&a->traffic, false);
	case RIG_STOP:
		return rig_traffic_get(&a->traffic, true);
	case RIG_CLEAR:
		return clear();
	case RIG_CLAIM:
		return rig_claim(&a->claim);
	case RIG_SET_PINS:
		return rig_memory_set_pins(&a->pins);
	case RIG_ADD_EMULATED:
		return rig_emulated_add(&a->emulated);
	default:
		return -ENOTTY;
	}
}

/*
 * What an emulated device is told to do may wait for a backend, and that for another device that is
 * told something: so without rig_mutex. The number of the device is what each begins with.
 */
static int run_emulated(unsigned int cmd, union rig_argument *a)
{
	struct rig_emulated *emulated;
	int err = -ENOTTY;

	mutex_lock(&rig_mutex);
	emulated = rig_emulated_get(a->pin.device);
	mutex_unlock(&rig_mutex);
	if (!emulated)
		return -ENOENT;
	switch (cmd) {
	case RIG_PIN:
		err = rig_emulated_pin(emulated, &a->pin);
		break;
	case RIG_UNPIN:
		err = rig_emulated_unpin(emulated, &a->pin);
		break;
	case RIG_DMA_PINNED:
		err = rig_emulated_dma(emulated, &a->dma);
		break;
	case RIG_COPY:
		err = rig_emulated_copy(emulated, &a->copy);
		break;
	case RIG_SET_MANNERS:
		err = rig_emulated_set_manners(emulated, &a->manners);
		break;
	case RIG_GET_EMULATED:
		err = rig_emulated_state(emulated, &a->emulated_state);
		break;
	}
	rig_emulated_put(emulated);
	return err;
}

static long rig_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	void __user *user = (void __user *)arg;
	size_t size = _IOC_SIZE(cmd);
	union rig_argument a = { };
	int err;

	if (size > sizeof(a))
		return -ENOTTY;
	if (_IOC_DIR(cmd) & _IOC_WRITE && copy_from_user(&a, user, size))
		return -EFAULT;
	if (_IOC_NR(cmd) >= _IOC_NR(RIG_PIN)) {
		err = run_emulated(cmd, &a);
	} else {
		mutex_lock(&rig_mutex);
		err = run(cmd, &a);
		mutex_unlock(&rig_mutex);
	}
	if (!err && _IOC_DIR(cmd) & _IOC_READ && copy_to_user(user, &a, size))
		return -EFAULT;
	return err;
}

static const struct file_operations rig_file = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = rig_ioctl,
	.mmap = rig_memory_mmap,
};

static struct miscdevice rig_misc = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "manifold-rig",
	.fops = &rig_file,
	.mode = 0600,
};

static int __init rig_init(void)
{
	int err = rig_buses_init();

	if (err)
		return err;
	err = rig_emulated_init();
	if (err)
		goto no_emulated;
	err = rig_memory_init();
	if (err)
		goto no_memory;
	err = misc_register(&rig_misc);
	if (!err)
		return 0;
	rig_memory_exit();
no_memory:
	rig_emulated_exit();
no_emulated:
	rig_buses_exit();
	return err;
}

static void __exit rig_exit(void)
{
	misc_deregister(&rig_misc);
	mutex_lock(&rig_mutex);
	rig_claims_clear();
	rig_emulated_clear();
	rig_devices_clear();
	rig_units_clear();
	mutex_unlock(&rig_mutex);
	rig_memory_exit();
	rig_emulated_exit();
	rig_buses_exit();
}

module_init(rig_init);
module_exit(rig_exit);

MODULE_DESCRIPTION("Modelled IOMMU units and devices, to test VFIO with");
MODULE_LICENSE("Dual MIT/GPL");
