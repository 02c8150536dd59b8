/* SPDX-License-Identifier: Apache-2.0 */
#include "keytones.h"

#include <math.h>
#include <pthread.h>
#include <stddef.h>
#include <string.h>

#define RATE 8000
#define PART 40 /* samples between two looks */
#define LOOK (3 * PART)
#define HITS 4      /* looks: 30 ms, of the 40 ms that Q.24 wants heard; 23 ms give three at most */
#define MISSES 8    /* looks without it, after which a key is up: a gap of 30 ms, where Q.24 wants 40 ms told */
#define LEAST 68000.0f       /* mean square of a tone: -42 dB below full scale */
#define SHARE 0.85f          /* of all that is heard */
#define HIGH_TWIST 4.0f      /* the high tone may be 6 dB stronger: Q.24 asks for 4 */
#define LOW_TWIST 10.0f      /* the low tone may be 10 dB stronger: Q.24 asks for 8 */
#define STEADY 2.5f          /* 4 dB between the strongest and the weakest look */
#define OFF_AT_ONCE 0.04f    /* of the frequency, in one look, which noise shakes */
#define OFF 0.024f           /* in the mean of all looks: Q.24 asks for 0.015 to be taken and 0.035 to be refused */

static const float FREQUENCY[KEYTONES_TONES] = {697, 770, 852, 941, 1209, 1336, 1477, 1633};
static const char LAYOUT[] = "123A456B789C*0#D";
static const char NAMES[] = "0123456789*#ABCD";

static struct {
    float cosine[KEYTONES_TONES][PART], sine[KEYTONES_TONES][PART];
    float turn_cosine[KEYTONES_TONES][3], turn_sine[KEYTONES_TONES][3]; /* over none, one and two parts */
} table;

static void fill_table(void) {
    for (int tone = 0; tone < KEYTONES_TONES; tone++) {
        double step = 2 * M_PI * FREQUENCY[tone] / RATE;
        for (int n = 0; n < PART; n++) {
            table.cosine[tone][n] = (float)cos(step * n);
            table.sine[tone][n] = (float)sin(step * n);
        }
        for (int parts = 0; parts < 3; parts++) {
            table.turn_cosine[tone][parts] = (float)cos(step * PART * parts);
            table.turn_sine[tone][parts] = (float)sin(step * PART * parts);
        }
    }
}

static void forget_candidate(key_ear *ear) {
    ear->candidate = KEYTONES_NONE;
    ear->hits = 0;
}

void key_ear_reset(key_ear *ear) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, &fill_table);
    memset(ear, 0, sizeof *ear);
    ear->key = KEYTONES_NONE;
    ear->misses = MISSES;
    forget_candidate(ear);
}

/* What one look sees of the two tones that are strongest. */
typedef struct look {
    int tone[2];
    float power[2]; /* mean square */
    float off[2];   /* radians that the phase turned too far since the last look */
    float energy;   /* mean square of all that is heard */
} look;

/* A part's share of the spectrum, its phase counted from its first sample. */
static void measure(const int16_t *pcm, int tone, float *real, float *imaginary) {
    float re = 0, im = 0;
    for (int n = 0; n < PART; n++) {
        re += pcm[n] * table.cosine[tone][n];
        im -= pcm[n] * table.sine[tone][n];
    }
    *real = re;
    *imaginary = im;
}

static void add_turned(int tone, int parts, float re, float im, float *real, float *imaginary) {
    float c = table.turn_cosine[tone][parts], s = table.turn_sine[tone][parts];
    *real += re * c + im * s;
    *imaginary += im * c - re * s;
}

/* How much of a tone's power is seen when it is `off` radians per part away: what the window of a look leaves of it. */
static float seen(float off) {
    float x = off * LOOK / PART / 2;
    float part = fabsf(x) < 0.01f ? 1 : sinf(x) / x;
    return part * part;
}

static look look_at(key_ear *ear, const int16_t *pcm) {
    look seen_now = {.tone = {0, 4}};
    float real[KEYTONES_TONES], imaginary[KEYTONES_TONES], power[KEYTONES_TONES], energy = 0;
    for (int n = 0; n < PART; n++)
        energy += (float)pcm[n] * pcm[n];
    seen_now.energy = (ear->energy[0] + ear->energy[1] + energy) / LOOK;
    ear->energy[0] = ear->energy[1];
    ear->energy[1] = energy;
    for (int tone = 0; tone < KEYTONES_TONES; tone++) {
        float re, im, sum_re = ear->real[tone][0], sum_im = ear->imaginary[tone][0];
        measure(pcm, tone, &re, &im);
        add_turned(tone, 1, ear->real[tone][1], ear->imaginary[tone][1], &sum_re, &sum_im);
        add_turned(tone, 2, re, im, &sum_re, &sum_im);
        ear->real[tone][0] = ear->real[tone][1], ear->imaginary[tone][0] = ear->imaginary[tone][1];
        ear->real[tone][1] = re, ear->imaginary[tone][1] = im;
        real[tone] = sum_re, imaginary[tone] = sum_im;
        power[tone] = 2 * (sum_re * sum_re + sum_im * sum_im) / (LOOK * LOOK);
        int group = tone / 4;
        if (power[tone] > power[seen_now.tone[group]])
            seen_now.tone[group] = tone;
    }
    for (int group = 0; group < 2; group++) {
        int tone = seen_now.tone[group];
        float re = 0, im = 0, last_re = ear->last_real[tone], last_im = ear->last_imaginary[tone];
        add_turned(tone, 1, real[tone] * last_re + imaginary[tone] * last_im,
                   imaginary[tone] * last_re - real[tone] * last_im, &re, &im);
        seen_now.off[group] = re || im ? atan2f(im, re) : 0;
        seen_now.power[group] = power[tone] / fmaxf(seen(seen_now.off[group]), 0.4f);
    }
    memcpy(ear->last_real, real, sizeof real);
    memcpy(ear->last_imaginary, imaginary, sizeof imaginary);
    return seen_now;
}

static float allowed(int tone, float share) { return share * 2 * (float)M_PI * FREQUENCY[tone] * PART / RATE; }

static bool is_key(const look *l) {
    float low = l->power[0], high = l->power[1];
    return low >= LEAST && high >= LEAST && high <= low * HIGH_TWIST && low <= high * LOW_TWIST &&
           low + high >= SHARE * l->energy && fabsf(l->off[0]) <= allowed(l->tone[0], OFF_AT_ONCE) &&
           fabsf(l->off[1]) <= allowed(l->tone[1], OFF_AT_ONCE);
}

static bool is_steady(const key_ear *ear, const look *l) {
    for (int group = 0; group < 2; group++)
        if (ear->most[group] > STEADY * ear->least[group] ||
            fabsf(ear->turn[group]) > allowed(l->tone[group], OFF) * (float)ear->hits)
            return false;
    return true;
}

static void take_hit(key_ear *ear, const look *l, int key) {
    bool next = key == ear->candidate;
    ear->candidate = key;
    ear->hits = next ? ear->hits + 1 : 1;
    for (int group = 0; group < 2; group++) {
        ear->turn[group] = (next ? ear->turn[group] : 0) + l->off[group];
        ear->least[group] = next ? fminf(ear->least[group], l->power[group]) : l->power[group];
        ear->most[group] = next ? fmaxf(ear->most[group], l->power[group]) : l->power[group];
    }
}

static int key_at(const look *l) {
    return (int)(strchr(NAMES, LAYOUT[4 * l->tone[0] + l->tone[1] - 4]) - NAMES);
}

/* One look; the key that went down. */
static int listen(key_ear *ear, const int16_t *pcm) {
    look l = look_at(ear, pcm);
    int key = is_key(&l) ? key_at(&l) : KEYTONES_NONE;
    if (key == KEYTONES_NONE)
        forget_candidate(ear);
    else
        take_hit(ear, &l, key);
    if (ear->key != KEYTONES_NONE && key == ear->key) {
        ear->misses = 0;
        return KEYTONES_NONE;
    }
    if (++ear->misses >= MISSES)
        ear->key = KEYTONES_NONE;
    if (ear->hits < HITS)
        return KEYTONES_NONE;
    if (!is_steady(ear, &l)) {
        forget_candidate(ear); /* it may be steady from now on */
        return KEYTONES_NONE;
    }
    ear->key = key;
    ear->misses = 0;
    return key;
}

int key_ear_tick(key_ear *ear, const int16_t frame[KEYTONES_FRAME]) {
    int pressed = KEYTONES_NONE;
    for (int n = 0; n < KEYTONES_FRAME; n += PART) {
        int key = listen(ear, frame + n);
        pressed = key == KEYTONES_NONE ? pressed : key;
    }
    return pressed;
}

bool key_ear_sounding(const key_ear *ear) { return ear->key != KEYTONES_NONE && ear->misses < KEYTONES_FRAME / PART; }

/* ---- the other way ---- */

#define LOW_LEVEL 9500.0f   /* amplitudes: -7.9 and -6.4 dBm0; the line weakens the high one more */
#define HIGH_LEVEL 11300.0f
#define RAMP 20             /* samples over which a tone begins and ends: no click */

void key_voice_reset(key_voice *voice) { memset(voice, 0, sizeof *voice); }

bool key_voice_say(key_voice *voice, const char *keys, uint32_t tone_ms, uint32_t gap_ms) {
    size_t count = strlen(keys);
    if (count > KEYTONES_QUEUE - voice->count || strspn(keys, NAMES) != count || tone_ms < 40 || tone_ms > 1000 ||
        gap_ms > 1000)
        return false;
    for (size_t i = 0; i < count; i++)
        voice->keys[(voice->first + voice->count++) % KEYTONES_QUEUE] = (uint8_t)(strchr(LAYOUT, keys[i]) - LAYOUT);
    voice->tone_samples = tone_ms * RATE / 1000;
    voice->gap_samples = gap_ms * RATE / 1000;
    return true;
}

uint32_t key_voice_left_ms(const key_voice *voice) {
    return (voice->count * (voice->tone_samples + voice->gap_samples) - voice->position) * 1000 / RATE;
}

static int16_t sample(const key_voice *voice, int place) {
    uint32_t at = voice->position, left = voice->tone_samples - at;
    double step = 2 * M_PI / RATE * at;
    double level = fmin(1, fmin(at, left) / (double)RAMP);
    return (int16_t)lrint(level * (LOW_LEVEL * sin(step * FREQUENCY[place / 4]) +
                                   HIGH_LEVEL * sin(step * FREQUENCY[4 + place % 4])));
}

bool key_voice_tick(key_voice *voice, int16_t frame[KEYTONES_FRAME]) {
    if (!voice->count)
        return false;
    for (int n = 0; n < KEYTONES_FRAME; n++) {
        bool sounds = voice->count && voice->position < voice->tone_samples;
        frame[n] = sounds ? sample(voice, voice->keys[voice->first]) : 0;
        if (voice->count && ++voice->position >= voice->tone_samples + voice->gap_samples) {
            voice->position = 0;
            voice->first = (voice->first + 1) % KEYTONES_QUEUE;
            voice->count--;
        }
    }
    return true;
}
