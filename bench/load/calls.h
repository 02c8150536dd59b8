/* SPDX-License-Identifier: Apache-2.0
 *
 * The calls of the load generator: their dialogs, and their audio.
 *
 * A slot holds one call after the other. Media of all calls go through one socket: the gateway's ports tell which call a
 * packet is of. Packets are sent by an absolute clock, each call in a millisecond of its own of the twenty.
 */
#ifndef LOAD_CALLS_H
#define LOAD_CALLS_H

#include "figures.h"
#include "wire.h"

#define FRAME 160
#define FRAME_MS 20
#define MOST_SLOTS 2000

typedef enum { SLOT_FREE, SLOT_INVITING, SLOT_UP, SLOT_ENDING } slot_state;

typedef struct {
    const char *host, *number;
    uint16_t port;        /* of the gateway's SIP */
    const uint8_t *audio; /* PCMU frames that a caller says over and over */
    int frames;
    int first_loud, last_loud; /* frames; -1 without any */
    bool echo;                 /* an answer is the sound itself: counted from its first loud frame */
    int64_t hold_ns;           /* how long a call is kept; 0: until it is ended */
} call_plan;

typedef struct {
    uint64_t invited, answered, completed, failed, ended_by_far_end, repeated;
    uint64_t sent, received, lost, strangers, answers;
    uint64_t missed; /* questions that had no answer until the next */
    int statuses[1000]; /* of those that failed; 0: no answer */
    figures setup;      /* first INVITE to 200, by the kernel's clock */
    figures gaps;       /* between packets of a call that follow each other */
    figures widest;     /* of each call */
    figures reply;      /* last loud frame of the caller to the first of the answer */
    figures late;       /* our own packets after their time */
} call_figures;

extern call_figures found;

/* `slots` calls at once; the plan stays the caller's. */
void calls_open(const call_plan *plan, int slots);

/* Whether one more may be begun; begins it. */
bool calls_begin(void);

/* Which figures of media count: from now on, or no more. Set-up and outcomes always do. */
void calls_measure(bool on);

/* What came, what is due in this millisecond of the clock, and what must be sent again. */
void calls_tick(int64_t millisecond, int64_t due_ns);

/* Ends all that are up. */
void calls_end(void);

int calls_up(void);
int calls_busy(void);

/* The worst call's p99.9 of gaps, ms. */
double calls_worst_p999(void);

#endif
