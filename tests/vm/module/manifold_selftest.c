// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* A module for tests/vm/selftest: says that it is loaded and, when asked, warns. */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/module.h>

static bool warn;
module_param(warn, bool, 0444);
MODULE_PARM_DESC(warn, "print a kernel warning while loading");

static int __init manifold_selftest_init(void)
{
	pr_info("loaded\n");
	WARN_ON(warn);
	return 0;
}

static void __exit manifold_selftest_exit(void)
{
}

module_init(manifold_selftest_init);
module_exit(manifold_selftest_exit);
MODULE_DESCRIPTION("Manifold: what tests/vm/selftest loads");
MODULE_LICENSE("GPL");
