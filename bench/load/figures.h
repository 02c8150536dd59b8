/* SPDX-License-Identifier: Apache-2.0
 *
 * A histogram of times: 0.1 ms wide to 3 s, what is longer counts as its last place, and the longest is kept as it is.
 */
#ifndef LOAD_FIGURES_H
#define LOAD_FIGURES_H

#include <stdint.h>

#define FIGURES_PLACES 30000
#define FIGURES_PER_MS 10

typedef struct {
    uint32_t places[FIGURES_PLACES];
    uint64_t count;
    int64_t longest_ns;
} figures;

void figures_add(figures *f, int64_t ns);

/* The time in ms that this share (0…1) does not exceed, 0 of nothing. */
double figures_quantile(const figures *f, double share);

/* `"name": {"count": …, "p50": …, "p95": …, "p99": …, "p999": …, "max": …}`, in ms. */
void figures_print(const figures *f, const char *name);

#endif
