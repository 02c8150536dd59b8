/* SPDX-License-Identifier: Apache-2.0
 *
 * The play ring of one leg: PCM in segments of utterances, and the rules of pause, resume, flush and silence.
 * No clock, no lock, no pjproject: the caller serialises and ticks it.
 *
 * One utterance sounds per tick. A break inside an utterance (pause, starvation, a start at an offset) never clicks:
 * it fades out before and in after, over 5 ms; samples of a fade count as sent. An utterance that is played through
 * leaves exactly as it came.
 */
#ifndef PARLEY_PLAYOUT_H
#define PARLEY_PLAYOUT_H

#include <stdbool.h>
#include <stdint.h>

#define PLAYOUT_FRAME 160
#define PLAYOUT_FADE 40
#define PLAYOUT_SAMPLES 32000
#define PLAYOUT_SEGMENTS 64

/* A run of one utterance. */
typedef struct segment {
    uint64_t utterance;
    uint32_t position; /* of the next sample to leave */
    uint32_t queued;
    bool final;
} segment;

typedef enum { PLAYOUT_PLAYING, PLAYOUT_PAUSING, PLAYOUT_PAUSED } playout_state;

typedef struct playout {
    int16_t pcm[PLAYOUT_SAMPLES];
    uint32_t head;
    uint32_t queued;
    segment segments[PLAYOUT_SEGMENTS];
    uint32_t first;
    uint32_t segment_count;
    playout_state state;

    /* Where the last tick left off at full level; utterance 0 after silence or a fade-out. */
    uint64_t sounding;
    uint32_t sounding_to;
    bool starving;

    /* The last samples of what was flushed, waiting for the next tick. */
    struct {
        bool pending;
        uint64_t utterance;
        uint32_t position;
        uint32_t count;
        int16_t pcm[PLAYOUT_FADE];
    } cut;

    uint64_t played;
    uint64_t dropped;
    uint64_t underruns;
} playout;

/* What a tick played: the part of a tick record that playout knows. */
typedef struct playout_report {
    uint64_t utterance;
    uint32_t position;
    uint32_t flags;
} playout_report;

void playout_reset(playout *p);
uint32_t playout_play(playout *p, uint64_t utterance, uint32_t offset, const int16_t *pcm, uint32_t count, bool final);
void playout_pause(playout *p);
void playout_resume(playout *p);
void playout_flush(playout *p);

/* Fills one frame, silence where nothing is to be said. */
void playout_tick(playout *p, int16_t frame[PLAYOUT_FRAME], playout_report *report);

/* A tick in which nobody takes audio: nothing is played, the queue stands still. */
void playout_idle(playout *p, playout_report *report);

#endif
