/* SPDX-License-Identifier: Apache-2.0 */
#include "ticks.h"

#include <string.h>

parley_tick *ticks_next(ticks *t) {
    if (t->count == TICKS_KEPT) {
        t->head = (t->head + 1) % TICKS_KEPT;
        t->count--;
        t->lost++;
        t->records[t->head].flags |= PARLEY_OVERFLOW;
    }
    return &t->records[(t->head + t->count++) % TICKS_KEPT];
}

uint32_t ticks_take(ticks *t, parley_tick *out, uint32_t max) {
    uint32_t taken = t->count < max ? t->count : max;
    uint32_t run = taken < TICKS_KEPT - t->head ? taken : TICKS_KEPT - t->head;
    memcpy(out, t->records + t->head, run * sizeof *out);
    memcpy(out + run, t->records, (taken - run) * sizeof *out);
    t->head = (t->head + taken) % TICKS_KEPT;
    t->count -= taken;
    if (!t->count)
        t->head = 0;
    return taken;
}
