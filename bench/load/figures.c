/* SPDX-License-Identifier: Apache-2.0 */
#include "figures.h"

#include <stdio.h>

#define MS 1000000.0

void figures_add(figures *f, int64_t ns) {
    int64_t place = ns < 0 ? 0 : (int64_t)(ns / MS * FIGURES_PER_MS);
    f->places[place < FIGURES_PLACES ? place : FIGURES_PLACES - 1]++;
    f->count++;
    if (ns > f->longest_ns)
        f->longest_ns = ns;
}

double figures_quantile(const figures *f, double share) {
    uint64_t left = (uint64_t)(share * (double)f->count);
    for (int place = 0; place < FIGURES_PLACES; place++) {
        double middle = (place + 0.5) / FIGURES_PER_MS, longest = (double)f->longest_ns / MS;
        if (left < f->places[place])
            return middle < longest ? middle : longest;
        left -= f->places[place];
    }
    return (double)f->longest_ns / MS;
}

void figures_print(const figures *f, const char *name) {
    printf("\"%s\": {\"count\": %llu, \"p50\": %.2f, \"p95\": %.2f, \"p99\": %.2f, \"p999\": %.2f, \"max\": %.2f}", name,
           (unsigned long long)f->count, figures_quantile(f, 0.5), figures_quantile(f, 0.95), figures_quantile(f, 0.99),
           figures_quantile(f, 0.999), (double)f->longest_ns / MS);
}
