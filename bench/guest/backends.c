// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include <stddef.h>

#include "backend.h"

const struct backend *const backends[] = {
	&in_tree_backend,
	&iommufd_backend,
	&iommufd_compat_backend,
	&manifold_backend,
	&manifold_counting_backend,
	&floor_backend,
	NULL,
};
