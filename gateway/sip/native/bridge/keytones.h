/* SPDX-License-Identifier: Apache-2.0
 *
 * Keys in the audio (DTMF): what ITU-T Q.23 says they sound like, and an ear for them that keeps the limits of Q.24.
 * No clock, no lock, no pjproject: the caller serialises and ticks it. Keys are those of RFC 4733: 0 to 9, 10 `*`,
 * 11 `#`, 12 to 15 A to D.
 *
 * The ear looks at 15 ms at every 5 ms, in eight places of the spectrum. Two tones are a key when they are nearly all
 * that is heard, neither outweighs the other by more than Q.24 lets a line do, and for 30 ms both stand still: at one
 * level and, by the turn of their phase, at the frequency of the key. Speech does each of these at times, never all.
 */
#ifndef PARLEY_KEYTONES_H
#define PARLEY_KEYTONES_H

#include <stdbool.h>
#include <stdint.h>

#define KEYTONES_FRAME 160
#define KEYTONES_TONES 8
#define KEYTONES_QUEUE 64
#define KEYTONES_NONE (-1)

typedef struct key_ear {
    float real[KEYTONES_TONES][2], imaginary[KEYTONES_TONES][2]; /* of the last two parts of 5 ms */
    float energy[2];
    float last_real[KEYTONES_TONES], last_imaginary[KEYTONES_TONES]; /* of the last 15 ms */
    int candidate;  /* the key that may be, with what was seen of it: */
    uint32_t hits;
    float turn[2];     /* sum of the radians by which its tones were off */
    float least[2], most[2];
    int key;           /* the key that is down, KEYTONES_NONE */
    uint32_t misses;   /* looks since it was heard */
} key_ear;

void key_ear_reset(key_ear *ear);

/* Listens to 20 ms; returns the key that went down in them, KEYTONES_NONE. */
int key_ear_tick(key_ear *ear, const int16_t frame[KEYTONES_FRAME]);

/* Whether the 20 ms that were heard last hold the tones of a key that was told. */
bool key_ear_sounding(const key_ear *ear);

typedef struct key_voice {
    uint8_t keys[KEYTONES_QUEUE];
    uint32_t first, count;
    uint32_t tone_samples, gap_samples;
    uint32_t position; /* in the first key */
} key_voice;

void key_voice_reset(key_voice *voice);

/* Queues keys; false, and none is queued, when one is no key or they do not fit. Tones are between 40 ms and 1 s. */
bool key_voice_say(key_voice *voice, const char *keys, uint32_t tone_ms, uint32_t gap_ms);

/* Milliseconds until the gap behind the last key is over. */
uint32_t key_voice_left_ms(const key_voice *voice);

/* Fills one frame with tones and the gaps behind them; false, with the frame left alone, when nothing is to be said. */
bool key_voice_tick(key_voice *voice, int16_t frame[KEYTONES_FRAME]);

#endif
