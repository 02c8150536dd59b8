/* SPDX-License-Identifier: Apache-2.0
 *
 * Parley's media bridge: what Python sees of the media clock, without Python in the clock's thread.
 *
 * A leg is a port on pjsua's conference bridge (8000 Hz, mono, 160 samples, 20 ms), connected both ways to the slot of
 * a call. At every tick the conference (conference.c of pjproject 2.17, get_frame) works in this order:
 *
 *   1. queued operations: add, connect, disconnect, remove;
 *   2. get_frame of every port that somebody listens to, and mixing;
 *   3. put_frame of every port: audio when somebody transmits to it, otherwise an empty heart-beat frame.
 *
 * So get_frame of a leg (agent audio, which the call's stream puts into RTP in step 3) always comes before put_frame of
 * the same leg (caller audio that the call's stream decoded in step 2), both in one tick and on one thread; put_frame
 * comes at each tick whether or not the leg is connected, get_frame only when it is. A tick record is therefore begun
 * by get_frame and closed by put_frame: its two halves are aligned to the sample.
 *
 * Positions are samples of an utterance that went to the call's stream. Every function below may be called from any
 * thread, except those marked OWNER, which call pjproject and need a thread that pjlib knows. None of them holds a
 * lock while it waits for anything but memory copies, so the clock thread never waits for Python.
 */
#ifndef PARLEY_BRIDGE_H
#define PARLEY_BRIDGE_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PARLEY_EXPORT __attribute__((visibility("default")))

/* Raised whenever a structure or a function below changes its meaning; the binding compares it. */
#define PARLEY_ABI 2

#define PARLEY_MOST_LEGS 4096
#define PARLEY_CLOCK_RATE 8000
#define PARLEY_FRAME_SAMPLES 160
#define PARLEY_FRAME_NS 20000000

/* Flags of a tick record. */
enum {
    PARLEY_CALLER = 1,       /* caller audio came (decoded, concealed or silence of a connected call) */
    PARLEY_UNDERRUN = 2,     /* the play ring ran dry in the middle of an unfinished utterance */
    PARLEY_PAUSED = 4,       /* playout is held at the end of this tick */
    PARLEY_FINISHED = 8,     /* the last sample of a final utterance left in this tick */
    PARLEY_FLUSHED = 16,     /* what was queued of `utterance` and all after it was dropped */
    PARLEY_OVERFLOW = 32,    /* records were lost before this one: the reader was too late */
    PARLEY_DISCONNECTED = 64, /* nobody took agent audio in this tick: nothing was played */
    PARLEY_KEY = 128         /* the tones of a key began, see PARLEY_KEY_SHIFT; `caller` is silent while they sound */
};

/* The key in the flags of a tick with PARLEY_KEY: 0 to 9, 10 `*`, 11 `#`, 12 to 15 A to D. */
#define PARLEY_KEY_SHIFT 8

/* Results below zero say why something was not done; below PARLEY_PJ_STATUS it is a pjproject status, negated. */
enum {
    PARLEY_OK = 0,
    PARLEY_NO_LEG = -1,     /* the leg is not open */
    PARLEY_NO_PLACE = -2,   /* all legs are in use */
    PARLEY_NO_ENDPOINT = -3, /* pjsua is not initialised, or the calling thread is not registered with pjlib */
    PARLEY_WRONG_CLOCK = -4, /* the conference does not run at 8000 Hz, mono, 20 ms */
    PARLEY_NO_MEMORY = -5,
    PARLEY_NOT_KNOWN = -6, /* nothing to measure at the moment */
    PARLEY_PJ_STATUS = -1000
};

/* One tick of one leg, 688 bytes. */
typedef struct parley_tick {
    uint64_t tick;        /* conference ticks of this leg since it was opened, from 0: the call clock, 20 ms each */
    int64_t captured_ns;  /* CLOCK_MONOTONIC */
    uint64_t utterance;   /* whose turn it was: sounding, held by a pause, starved or flushed; 0 none */
    uint32_t position;    /* samples of that utterance sent so far, this tick included */
    uint32_t leg;
    uint32_t generation;  /* of the leg: grows by one each time its index is used again */
    uint32_t flags;
    float caller_db;      /* RMS of `caller` below full scale, -96 for digital silence */
    float agent_db;       /* of `agent` */
    int16_t caller[PARLEY_FRAME_SAMPLES];
    int16_t agent[PARLEY_FRAME_SAMPLES];
} parley_tick;

typedef struct parley_statistics {
    uint64_t ticks;
    uint64_t caller_ticks;    /* of these, with caller audio */
    uint64_t samples_played;
    uint64_t samples_dropped; /* by flush */
    uint64_t underruns;       /* times the ring ran dry inside an utterance */
    uint64_t overflows;       /* records lost */
    uint64_t largest_gap_us;  /* between two ticks */
} parley_statistics;

/* What pjproject was compiled for. */
typedef struct parley_limits {
    uint32_t abi;
    uint32_t calls;
    uint32_t accounts;
    uint32_t conference_ports;
    uint32_t sockets;
    uint32_t transactions;
    uint32_t dialogs;
    uint32_t packet_bytes;
    uint32_t tick_bytes;
    uint32_t play_samples;
    uint32_t record_ticks;
} parley_limits;

/* Scheduling of the media clock thread, as far as the system allowed. */
enum { PARLEY_CLOCK_UNSEEN = 0, PARLEY_CLOCK_NORMAL = 1, PARLEY_CLOCK_NICE = 2, PARLEY_CLOCK_REALTIME = 3 };

PARLEY_EXPORT void parley_bridge_limits(parley_limits *limits);

/* How many legs may be open from now on. Call it before anything else; again, for another number. */
PARLEY_EXPORT int parley_bridge_create(uint32_t capacity);

/* OWNER. Puts a leg on the conference bridge; returns its index. */
PARLEY_EXPORT int parley_leg_open(void);
/* OWNER. Connects a leg both ways to a call's conference slot, in place of what it was connected to. */
PARLEY_EXPORT int parley_leg_connect(uint32_t leg, int call_slot);
/* OWNER. Ends these connections; ticks go on, playout stands still. */
PARLEY_EXPORT int parley_leg_disconnect(uint32_t leg);
/* OWNER. Takes the leg off the bridge. Its records stay until they are drained; its index is reused last of all. */
PARLEY_EXPORT int parley_leg_close(uint32_t leg);

/* Queues samples `offset`… of an utterance; returns how many fitted, or PARLEY_NO_LEG.
 * `final` says that the utterance ends with them, and counts only when all fitted; `count` may be 0 then. */
PARLEY_EXPORT int parley_leg_play(uint32_t leg, uint64_t utterance, uint32_t offset, const int16_t *pcm, uint32_t count,
                                  int final);
PARLEY_EXPORT int parley_leg_queued(uint32_t leg);
PARLEY_EXPORT int parley_leg_pause(uint32_t leg);
PARLEY_EXPORT int parley_leg_resume(uint32_t leg);
/* Fades out and drops what is queued. Ends a pause. What is played afterwards starts in the tick after the fade. */
PARLEY_EXPORT int parley_leg_flush(uint32_t leg);
PARLEY_EXPORT int parley_leg_generation(uint32_t leg);
PARLEY_EXPORT int parley_leg_statistics(uint32_t leg, parley_statistics *statistics);
/* How long the caller audio of one of the last 500 ticks had waited since its packet came, in jitter buffer and
 * concealment: microseconds, exact to the jitter of one packet; PARLEY_NOT_KNOWN when the far end sent none then. */
PARLEY_EXPORT int parley_leg_waited(uint32_t leg, int tick);

/* Whether keys are looked for in the caller's audio (DTMF by ear); not when a leg is opened. */
PARLEY_EXPORT int parley_leg_hear_keys(uint32_t leg, int on);
/* Queues keys to be sent as tones; what is played stands still meanwhile. Returns the milliseconds until the last is
 * over, or PARLEY_NO_PLACE for more than 64 and for what is no key. */
PARLEY_EXPORT int parley_leg_send_keys(uint32_t leg, const char *keys, uint32_t tone_ms, uint32_t gap_ms);
/* OWNER. The payload type of telephone events (RFC 4733) that the far end of a call takes, PARLEY_NOT_KNOWN for none. */
PARLEY_EXPORT int parley_call_events(int call_slot);

/* Blocks until all open legs had their frame of a tick since the last drain; 1, or 0 when the time is over first. */
PARLEY_EXPORT int parley_bridge_wait(uint32_t timeout_us);
/* Moves up to `max` records of all legs out, oldest first within a leg; returns how many. */
PARLEY_EXPORT int parley_bridge_drain(parley_tick *records, uint32_t max);

/* OWNER. The conference slot of an open leg. */
PARLEY_EXPORT int parley_leg_slot(uint32_t leg);
/* OWNER. What comes from one conference slot is heard in another, mixed with all else, or no longer. See wiring.c. */
PARLEY_EXPORT int parley_wire(int source, int sink, int on);
/* OWNER. Puts a port on the conference that plays a copy of these samples over and over; returns its slot. */
PARLEY_EXPORT int parley_loop_open(const int16_t *pcm, uint32_t count);
/* OWNER. Takes it off. */
PARLEY_EXPORT int parley_loop_close(int slot);

PARLEY_EXPORT int parley_bridge_clock(void);
/* Ports on the conference bridge, or PARLEY_NO_ENDPOINT. */
PARLEY_EXPORT int parley_bridge_ports(void);
/* The text of a result below PARLEY_PJ_STATUS. */
PARLEY_EXPORT void parley_bridge_error(int result, char *text, uint32_t size);

#ifdef __cplusplus
}
#endif

#endif
