/* SPDX-License-Identifier: Apache-2.0 */
#include "playout.h"

#include <string.h>

#include "bridge.h"

static uint32_t least(uint32_t a, uint32_t b) { return a < b ? a : b; }

static segment *front(playout *p) { return p->segment_count ? &p->segments[p->first] : NULL; }

static segment *back(playout *p) {
    return p->segment_count ? &p->segments[(p->first + p->segment_count - 1) % PLAYOUT_SEGMENTS] : NULL;
}

static void pop_front(playout *p) {
    p->first = (p->first + 1) % PLAYOUT_SEGMENTS;
    p->segment_count--;
}

static void write_ring(playout *p, const int16_t *pcm, uint32_t count) {
    uint32_t at = (p->head + p->queued) % PLAYOUT_SAMPLES;
    uint32_t run = least(count, PLAYOUT_SAMPLES - at);
    memcpy(p->pcm + at, pcm, run * sizeof *pcm);
    memcpy(p->pcm, pcm + run, (count - run) * sizeof *pcm);
    p->queued += count;
}

/* Moves samples of the front segment out of the ring. */
static void read_ring(playout *p, segment *s, int16_t *pcm, uint32_t count) {
    uint32_t run = least(count, PLAYOUT_SAMPLES - p->head);
    memcpy(pcm, p->pcm + p->head, run * sizeof *pcm);
    memcpy(pcm + run, p->pcm, (count - run) * sizeof *pcm);
    p->head = (p->head + count) % PLAYOUT_SAMPLES;
    p->queued -= count;
    s->queued -= count;
    s->position += count;
}

static void fade_in(int16_t *pcm, uint32_t count) {
    for (uint32_t i = 0; i < count; i++)
        pcm[i] = (int16_t)(pcm[i] * (int32_t)i / (int32_t)count);
}

static void fade_out(int16_t *pcm, uint32_t count) {
    for (uint32_t i = 0; i < count; i++)
        pcm[i] = (int16_t)(pcm[i] * (int32_t)(count - 1 - i) / (int32_t)count);
}

/* Whether the first sample of the segment follows the last one on the line without a break. */
static bool continues(const playout *p, const segment *s) {
    return s->position == 0 || (p->sounding == s->utterance && p->sounding_to == s->position);
}

static bool sounds(const playout *p, const segment *s) {
    return p->sounding && p->sounding == s->utterance && p->sounding_to == s->position;
}

void playout_reset(playout *p) {
    p->head = p->queued = p->first = p->segment_count = 0;
    p->state = PLAYOUT_PLAYING;
    p->sounding = 0;
    p->starving = false;
    p->cut.pending = false;
    p->played = p->dropped = p->underruns = 0;
}

uint32_t playout_play(playout *p, uint64_t utterance, uint32_t offset, const int16_t *pcm, uint32_t count, bool final) {
    uint32_t accepted = least(count, PLAYOUT_SAMPLES - p->queued);
    bool ends = final && accepted == count;
    segment *s = back(p);
    bool follows = s && s->utterance == utterance && !s->final && s->position + s->queued == offset;
    if (!follows) {
        if ((!accepted && !ends) || p->segment_count == PLAYOUT_SEGMENTS)
            return 0;
        p->segment_count++;
        s = back(p);
        *s = (segment){.utterance = utterance, .position = offset};
    }
    write_ring(p, pcm, accepted);
    s->queued += accepted;
    s->final = ends;
    return accepted;
}

void playout_pause(playout *p) {
    if (p->state == PLAYOUT_PLAYING)
        p->state = PLAYOUT_PAUSING;
}

void playout_resume(playout *p) { p->state = PLAYOUT_PLAYING; }

void playout_flush(playout *p) {
    segment *s = front(p);
    if (s && !p->cut.pending) {
        bool audible = p->state != PLAYOUT_PAUSED && sounds(p, s);
        p->cut.pending = true;
        p->cut.count = audible ? least(s->queued, PLAYOUT_FADE) : 0;
        read_ring(p, s, p->cut.pcm, p->cut.count);
        fade_out(p->cut.pcm, p->cut.count);
        p->cut.utterance = s->utterance;
        p->cut.position = s->position;
    }
    p->dropped += p->queued;
    p->head = p->queued = p->first = p->segment_count = 0;
    p->state = PLAYOUT_PLAYING;
}

static void settle_pause(playout *p) {
    if (p->state == PLAYOUT_PAUSING)
        p->state = PLAYOUT_PAUSED;
}

/* The tick after a flush: the rest of the fade, and nothing else. */
static void tick_cut(playout *p, int16_t *frame, playout_report *report) {
    memcpy(frame, p->cut.pcm, p->cut.count * sizeof *frame);
    p->played += p->cut.count;
    p->cut.pending = false;
    p->sounding = 0;
    p->starving = false;
    settle_pause(p);
    *report = (playout_report){p->cut.utterance, p->cut.position, PARLEY_FLUSHED};
}

/* An utterance that starved and never came back has had its turn once another one waits. */
static segment *next_segment(playout *p) {
    while (p->segment_count > 1 && !front(p)->queued && !front(p)->final)
        pop_front(p);
    return front(p);
}

static uint32_t note_starvation(playout *p, bool starved) {
    p->underruns += starved && !p->starving;
    p->starving = starved;
    return starved ? PARLEY_UNDERRUN : 0;
}

static void tick_segment(playout *p, segment *s, int16_t *frame, playout_report *report) {
    bool pausing = p->state == PLAYOUT_PAUSING;
    uint32_t take = least(s->queued, pausing ? (sounds(p, s) ? PLAYOUT_FADE : 0) : PLAYOUT_FRAME);
    bool broken = !continues(p, s);
    read_ring(p, s, frame, take);
    p->played += take;
    bool starved = !pausing && take < PLAYOUT_FRAME && !s->final && p->segment_count == 1;
    if (broken)
        fade_in(frame, least(take, PLAYOUT_FADE));
    if (pausing || starved) {
        uint32_t tail = least(take, PLAYOUT_FADE);
        fade_out(frame + take - tail, tail);
    }
    settle_pause(p);
    p->sounding = take == PLAYOUT_FRAME ? s->utterance : 0;
    p->sounding_to = s->position;
    *report = (playout_report){s->utterance, s->position, note_starvation(p, starved)};
    if (s->final && !s->queued) {
        report->flags |= PARLEY_FINISHED;
        pop_front(p);
    }
}

void playout_tick(playout *p, int16_t frame[PLAYOUT_FRAME], playout_report *report) {
    memset(frame, 0, PLAYOUT_FRAME * sizeof *frame);
    if (p->cut.pending) {
        tick_cut(p, frame, report);
    } else {
        segment *s = next_segment(p);
        if (s && p->state != PLAYOUT_PAUSED) {
            tick_segment(p, s, frame, report);
        } else {
            settle_pause(p);
            p->sounding = 0;
            *report = (playout_report){s ? s->utterance : 0, s ? s->position : 0, 0};
        }
    }
    if (p->state == PLAYOUT_PAUSED)
        report->flags |= PARLEY_PAUSED;
}

void playout_idle(playout *p, playout_report *report) {
    const segment *s = front(p);
    p->sounding = 0;
    if (p->cut.pending) {
        p->cut.pending = false;
        p->dropped += p->cut.count;
        *report = (playout_report){p->cut.utterance, p->cut.position - p->cut.count, PARLEY_FLUSHED};
    } else {
        *report = (playout_report){s ? s->utterance : 0, s ? s->position : 0, 0};
    }
    settle_pause(p);
    if (p->state == PLAYOUT_PAUSED)
        report->flags |= PARLEY_PAUSED;
}
