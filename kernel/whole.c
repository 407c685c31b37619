// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The module as one unit of translation. A map of one page goes through some
 * fifty functions of the engine and of the Linux host; as files of their own
 * they would spend a good part of it on calling one another, and on looking up
 * the host's operations, which here are known (port/port.h).
 *
 * Nothing of it is called by name from outside (Kbuild: -fwhole-program) but what
 * host.h says is. Static names are those of the module, too: no two files may have
 * the same, and the build says so if they do.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include "../core/bill.c"
#include "../core/block.c"
#include "../core/blocks.c"
#include "../core/blocktree.c"
#include "../core/container.c"
#include "../core/dirty.c"
#include "../core/domain.c"
#include "../core/external.c"
#include "../core/fill.c"
#include "../core/inspect.c"
#include "../core/ledger.c"
#include "../core/map.c"
#include "../core/mapping.c"
#include "../core/ranges.c"
#include "../core/reason.c"
#include "../core/refuse.c"
#include "../core/runs.c"
#include "../core/select.c"
#include "../core/unmap.c"
#include "../core/vaddr.c"
#include "../core/window.c"

#include "ahead.c"
#include "debugfs.c"
#include "direct.c"
#include "dirty.c"
#include "external.c"
#include "handle.c"
#include "host.c"
#include "huge.c"
#include "info.c"
#include "ioctl.c"
#include "iommu.c"
#include "module.c"
#include "owner.c"
#include "pfnmap.c"
#include "pin.c"
#include "tables.c"
#include "unpin.c"

/* The last, for it makes the tracepoints. */
#include "events.c"
