/* SPDX-License-Identifier: Apache-2.0
 *
 * When a jitter buffer has too much or too little delay. Pure: time comes with the events, in µs of one steady clock.
 *
 * What counts is how long audio waited for its turn, above all the least of it: so much later could the packets come, or
 * so much earlier could all be played. Packets are of 20 ms and are taken every 20 ms, so less than that gains nothing.
 *
 *   spare for ten seconds never below a step and a margin    one step less, where nobody hears it
 *   spare for a second never below two steps                 fast: what a surge left is gone in three seconds
 *   most packets come just in time                           one step more, before one comes too late (a slow sender)
 *   packets come after their turn, again and again           more, as much as they were late (another order)
 *
 * A buffer that ran dry has grown by that alone. Where trouble follows a step less, the next one is taken later. Where
 * packets come in another order nothing is taken fast: a second in which all come in turn says nothing.
 */
#ifndef PARLEY_DELAY_H
#define PARLEY_DELAY_H

#include <stdint.h>

#define DELAY_STEP_US 20000
#define DELAY_MARGIN_US 1000      /* who waits less comes just in time */
#define DELAY_START_US 4500       /* at the beginning: who waited less is held back for a tick, so that a fast sender's
                                   * audio waits one step longer at most before the first step less */
#define DELAY_HYSTERESIS_US 3000  /* beyond the margin, before there is a step less */
#define DELAY_SURE_US 500         /* with so much more a quarter of the time is enough: a fast sender */
#define DELAY_SPAN_US 500000      /* over which the least is taken */
#define DELAY_SPANS 20            /* for so many it was spare, in a network that gives no reason for more */
#define DELAY_MOST_SPANS 160
#define DELAY_FAST_SPANS 2        /* of every DELAY_SPANS */
#define DELAY_FAST_US 1000000     /* in which about two thirds of a surge's delay go */
#define DELAY_AFTER_FAST_US 5000000 /* the last step of it goes in a quarter of the time */
#define DELAY_CHOOSE_US 3000000   /* a quiet moment may be waited for */
#define DELAY_CHOOSE_FAST_US 60000
#define DELAY_FORGET_US 60000000  /* after trouble */
#define DELAY_LATE_SPANS 20
#define DELAY_LATE_PACKETS 5      /* in so many spans, one of a hundred: no accident any more */
#define DELAY_LATE_US 200000      /* later ones are lost */

typedef struct delay {
    int64_t span_ends;            /* 0: nothing was heard yet */
    int64_t least;                /* waited in this span */
    int64_t past;                 /* least of the span before, or this one's if that is less */
    unsigned heard, short_of;     /* frames in this span, and those that came just in time */
    unsigned calm, far;           /* spans in a row with a step to spare, with two */
    unsigned patience;
    int64_t shrunk_at, hurried_at, troubled_at, reordered_at, wished_at, next_at;
    int wish;                     /* steps: 1, 0, -1 */
    int64_t late_at, lateness;    /* the last late packet; the most of the ones of now */
    unsigned late, late_spans;
} delay;

static inline void delay_reset(delay *d) {
    int64_t never = -DELAY_FORGET_US;
    *d = (delay){.patience = DELAY_SPANS, .shrunk_at = never, .hurried_at = never, .troubled_at = never,
                 .reordered_at = never};
}

static inline void delay_want(delay *d, int wish, int64_t now) {
    if (wish && wish != d->wish)
        d->wished_at = now;
    d->wish = wish;
}

static inline int64_t delay_min(int64_t a, int64_t b) { return a < b ? a : b; }

/* A packet was missed; was it for want of the step that was taken last? */
static inline void delay_is_troubled(delay *d, int64_t now) {
    if (now - d->shrunk_at < DELAY_FORGET_US / 2 && d->troubled_at < d->shrunk_at && d->patience < DELAY_MOST_SPANS)
        d->patience *= 2;
    d->troubled_at = now;
    d->calm = d->far = 0;
}

static inline int delay_is_reordered(const delay *d) { return d->lateness > 0 && d->late >= DELAY_LATE_PACKETS; }

static inline void delay_judge(delay *d, int64_t now) {
    int64_t enough = DELAY_STEP_US + DELAY_MARGIN_US + DELAY_HYSTERESIS_US;
    unsigned patience = now - d->hurried_at < DELAY_AFTER_FAST_US ? d->patience / 4 : d->patience;
    if (d->least >= enough + DELAY_SURE_US)
        patience = delay_min(patience, d->patience / 4);
    d->calm = d->least >= enough ? d->calm + 1 : 0;
    d->far = d->least >= enough + DELAY_STEP_US && now - d->reordered_at > DELAY_FORGET_US ? d->far + 1 : 0;
    if (now - d->troubled_at > DELAY_FORGET_US)
        d->patience = DELAY_SPANS;
    if (delay_is_reordered(d) || 2 * d->short_of > d->heard)
        delay_want(d, 1, now);
    else if (d->calm >= patience || d->far >= DELAY_FAST_SPANS * d->patience / DELAY_SPANS)
        delay_want(d, -1, now);
    else
        delay_want(d, 0, now);
}

static inline void delay_begin_span(delay *d, int64_t now) {
    d->span_ends = now + DELAY_SPAN_US;
    d->past = d->least;
    d->least = DELAY_SPAN_US;
    d->heard = d->short_of = 0;
    if (++d->late_spans >= DELAY_LATE_SPANS)
        d->late = d->late_spans = 0, d->lateness = 0;
}

/* A frame is taken that came `waited` ago. */
static inline void delay_heard(delay *d, int64_t now, int64_t waited) {
    if (!d->span_ends)
        delay_begin_span(d, now);
    if (now >= d->span_ends && d->heard) {
        delay_judge(d, now);
        delay_begin_span(d, now);
    }
    d->heard++;
    d->short_of += waited < DELAY_MARGIN_US;
    d->least = delay_min(d->least, waited);
}

/* A frame came, `late` after its turn. */
static inline void delay_missed(delay *d, int64_t now, int64_t late) {
    if (late > DELAY_LATE_US)
        return;
    d->late += now - d->late_at > DELAY_MARGIN_US; /* frames of one packet are one */
    d->late_at = now;
    if (late + DELAY_MARGIN_US > d->lateness)
        d->lateness = late + DELAY_MARGIN_US;
    if (!delay_is_reordered(d))
        return;
    d->reordered_at = now;
    delay_is_troubled(d, now);
    delay_want(d, 1, now);
}

/* There is `us` more delay than before, or less. */
static inline void delay_moved(delay *d, int64_t now, int64_t us) {
    d->least += us;
    d->past += us;
    d->lateness = d->lateness > us ? d->lateness - us : 0;
    if (us < 0) {
        int64_t left = delay_min(d->least, d->past) - DELAY_STEP_US;
        d->shrunk_at = now;
        d->calm = 0;
        if (left < DELAY_STEP_US)
            d->far = 0;
        if (d->far)
            d->hurried_at = now;
        d->next_at = now + (d->far ? -us * DELAY_FAST_US / left : 0);
    }
    if (us > 0)
        d->short_of = 0;
    if (!d->far && !delay_is_reordered(d))
        d->wish = 0;
    d->wished_at = now;
}

/* The buffer ran dry, and what came then is played `us` later than it would have been. */
static inline void delay_ran_dry(delay *d, int64_t now, int64_t us) {
    delay_is_troubled(d, now);
    delay_moved(d, now, us);
}

/* 1 for a step more, -1 for a step less, 0 for neither. */
static inline int delay_wish(const delay *d, int64_t now) { return d->wish < 0 && now < d->next_at ? 0 : d->wish; }

/* Whether what is wished can wait no longer for a moment in which nobody hears it. */
static inline int delay_is_urgent(const delay *d, int64_t now) {
    int fast = d->far || d->lateness || d->wish > 0;
    return now - d->wished_at >= (fast ? DELAY_CHOOSE_FAST_US : DELAY_CHOOSE_US);
}

#endif
