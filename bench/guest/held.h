/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Memory that the kernel holds for itself. */
#ifndef BENCH_HELD_H
#define BENCH_HELD_H

/*
 * Pages that are free, those that processors keep in reserve among them, once their number stays
 * the same; -1 when the kernel does not say. A difference of two is exact as long as nobody else
 * does anything.
 */
long free_pages(void);

#endif /* BENCH_HELD_H */
