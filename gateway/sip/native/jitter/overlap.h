/* SPDX-License-Identifier: Apache-2.0
 *
 * A step of audio more or less, so that nobody hears it: one passage fades out while the other fades in, over the whole
 * step, and the ends meet what was before and what comes after sample by sample.
 */
#ifndef PARLEY_OVERLAP_H
#define PARLEY_OVERLAP_H

#include <stdint.h>

#define OVERLAP_QUIET 2500 /* mean square of -56 dB of full scale */

static inline int64_t overlap_energy(const int16_t *pcm, unsigned count) {
    int64_t sum = 0;
    for (unsigned i = 0; i < count; i++)
        sum += (int32_t)pcm[i] * pcm[i];
    return sum / (count ? count : 1);
}

/* Into `begin`: begins as itself and ends as `end`. */
static inline void overlap_add(int16_t *begin, const int16_t *end, unsigned count) {
    for (unsigned i = 0; i < count; i++)
        begin[i] = (int16_t)(((int64_t)begin[i] * (count - i) + (int64_t)end[i] * i) / count);
}

/* Whether one passage may become the other without being heard: both are quiet beside `loud`, or nearly the same. */
static inline int overlap_is_inaudible(const int16_t *a, const int16_t *b, unsigned count, int64_t loud) {
    int64_t energy = overlap_energy(a, count) + overlap_energy(b, count), apart = 0;
    for (unsigned i = 0; i < count; i++) {
        int64_t difference = (int64_t)a[i] - b[i];
        apart += difference * difference;
    }
    apart /= count ? count : 1;
    return energy < 2 * OVERLAP_QUIET || energy < loud / 300 || 8 * apart < energy;
}

#endif
