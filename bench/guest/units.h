/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Units besides the machine's own, of the rig (tests/rig), for containers with several domains. */
#ifndef BENCH_UNITS_H
#define BENCH_UNITS_H

#include "backend.h"

/* Makes units that share no domain, and a device behind each. How many; 0: there is no rig here. */
int units_make(struct device *devices, int n);

#endif /* BENCH_UNITS_H */
