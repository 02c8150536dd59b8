/* SPDX-License-Identifier: Apache-2.0
 *
 * Tick records of one leg on their way to Python: a bounded ring that drops its oldest record when the reader is late.
 * Not locked: the caller serialises. An emptied ring starts again at its first record, so that in steady state only a
 * few records' worth of memory is ever touched.
 */
#ifndef PARLEY_TICKS_H
#define PARLEY_TICKS_H

#include "bridge.h"

#define TICKS_KEPT 256 /* 5.12 s */

typedef struct ticks {
    parley_tick *records;
    uint32_t head;
    uint32_t count;
    uint64_t lost;
} ticks;

/* The place for the next record; counts as taken. */
parley_tick *ticks_next(ticks *t);
/* Moves up to `max` records out; returns how many. */
uint32_t ticks_take(ticks *t, parley_tick *out, uint32_t max);

#endif
