/* SPDX-License-Identifier: Apache-2.0
 *
 * How long caller audio had waited for its tick.
 *
 * A tick takes what is oldest in the jitter buffer. What is left then is younger, up to the latest packet, whose time of
 * arrival the RTCP session keeps: transit (arrival less RTP timestamp) and the timestamp, in samples of a clock that is
 * CLOCK_MONOTONIC at the stream's rate. So the packet that ends in the tick came as much earlier than the latest one as
 * there is audio left. What plays is later still by what the concealment of G.711 and G.722 keeps back at all times.
 */
#ifndef PARLEY_WAITED_H
#define PARLEY_WAITED_H

#include "bridge.h"

#include <pjmedia.h>

#define WAITED_TICKS 512 /* about ten seconds */

typedef struct waited {
    pjmedia_stream *stream; /* held by a reference to its lock, so that the clock thread may read it; NULL for none */
    pj_grp_lock_t *held;
    int32_t frame_us;
    int32_t concealment_us;
    int32_t us[WAITED_TICKS]; /* of the latest ticks, by their number */
} waited;

/* OWNER. The stream of the call on this conference slot, held; nothing when there is none. The history is empty. */
waited waited_open(int call_slot);
/* OWNER. Lets go of the stream. */
void waited_close(waited *w);
/* Measure a tick that was at `at_ns`. */
void waited_tick(waited *w, uint64_t tick, int64_t at_ns);
/* Of one of the latest ticks; `next` is the one that comes. */
int waited_us(const waited *w, uint64_t tick, uint64_t next);

#endif
