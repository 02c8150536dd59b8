/* SPDX-License-Identifier: Apache-2.0
 *
 * Legs as ports of pjsua's conference bridge. See bridge.h for the contract and for the order of a conference tick.
 */
#define _GNU_SOURCE
#include "bridge.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include <pjsua-lib/pjsua.h>
#include <pjsua-lib/pjsua_internal.h>

#include "gate.h"
#include "keytones.h"
#include "level.h"
#include "playout.h"
#include "streams.h"
#include "ticks.h"
#include "waited.h"

#define NO_SLOT (-1)
#define SIGNATURE PJMEDIA_SIG_CLASS_APP('P', 'L', 'G')

/* CLOSING lasts from the removal that was asked for to the tick that carries it out. */
typedef enum { LEG_FREE, LEG_OPEN, LEG_CLOSING } leg_state;

typedef struct leg {
    pthread_mutex_t lock; /* everything below; `slot`, `port` and `pool` belong to the OWNER thread and on_destroy */
    leg_state state;
    uint32_t index;
    uint32_t generation;
    uint64_t freed_at;
    bool live; /* had a frame since it was opened */
    bool pulled;
    uint64_t tick;
    int64_t last_ns;
    parley_statistics statistics;
    playout_report report;
    int16_t agent[PARLEY_FRAME_SAMPLES];
    ticks ticks;
    playout playout;
    waited waited;
    bool hears_keys;
    key_ear ear;
    key_voice voice;

    pj_pool_t *pool;
    pjmedia_port *port;
    unsigned slot;
} leg;

/* Legs are made once and never freed, so that a reader of an earlier endpoint can do no harm. */
static struct {
    leg *legs[PARLEY_MOST_LEGS];
    atomic_uint made;
    uint32_t capacity; /* of these, may be opened */
    atomic_uint_fast64_t frees;
    atomic_int clock;
    bool forgets_at_exit;
} bridge;

/* Locks an open leg; NULL when there is none. */
static leg *lock_open(uint32_t index) {
    if (index >= bridge.made)
        return NULL;
    leg *l = bridge.legs[index];
    pthread_mutex_lock(&l->lock);
    if (l->state == LEG_OPEN)
        return l;
    pthread_mutex_unlock(&l->lock);
    return NULL;
}

static int unlock(leg *l, int result) {
    pthread_mutex_unlock(&l->lock);
    return result;
}

static int64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* ---- in the clock thread ---- */

/* A media clock that competes with the interpreter for a processor is late; with the right to do so, it goes first. */
static void raise_clock_priority(void) {
    static __thread bool raised;
    if (raised)
        return;
    raised = true;
    struct sched_param lowest = {.sched_priority = sched_get_priority_min(SCHED_RR)};
    if (!sched_setscheduler(0, SCHED_RR | SCHED_RESET_ON_FORK, &lowest))
        bridge.clock = PARLEY_CLOCK_REALTIME;
    else if (!setpriority(PRIO_PROCESS, 0, -11)) /* on Linux the process is this thread alone */
        bridge.clock = PARLEY_CLOCK_NICE;
    else
        bridge.clock = PARLEY_CLOCK_NORMAL;
}

static pj_status_t get_frame(pjmedia_port *port, pjmedia_frame *frame) {
    leg *l = port->port_data.pdata;
    pthread_mutex_lock(&l->lock);
    if (key_voice_tick(&l->voice, l->agent))
        playout_idle(&l->playout, &l->report);
    else
        playout_tick(&l->playout, l->agent, &l->report);
    l->pulled = true;
    memcpy(frame->buf, l->agent, sizeof l->agent);
    pthread_mutex_unlock(&l->lock);
    frame->type = PJMEDIA_FRAME_TYPE_AUDIO;
    frame->size = sizeof l->agent;
    return PJ_SUCCESS;
}

/* The tones of a key are no speech: whoever listens hears nothing, and the recording has no card number. */
static void hear_keys(leg *l, parley_tick *record) {
    int key = key_ear_tick(&l->ear, record->caller);
    if (key != KEYTONES_NONE)
        record->flags |= PARLEY_KEY | (uint32_t)key << PARLEY_KEY_SHIFT;
    if (key_ear_sounding(&l->ear))
        memset(record->caller, 0, sizeof record->caller);
}

static void fill_record(leg *l, parley_tick *record, const pjmedia_frame *frame) {
    bool heard = frame->type == PJMEDIA_FRAME_TYPE_AUDIO && frame->size == sizeof record->caller;
    record->tick = l->tick++;
    record->captured_ns = now_ns();
    record->leg = l->index;
    record->generation = l->generation;
    record->utterance = l->report.utterance;
    record->position = l->report.position;
    record->flags = l->report.flags | (heard ? PARLEY_CALLER : 0);
    memcpy(record->agent, l->agent, sizeof record->agent);
    if (heard)
        memcpy(record->caller, frame->buf, sizeof record->caller);
    else
        memset(record->caller, 0, sizeof record->caller);
    if (heard && l->hears_keys)
        hear_keys(l, record);
    record->caller_db = heard ? level_db(record->caller) : LEVEL_SILENCE_DB;
    record->agent_db = level_db(record->agent);
    l->statistics.caller_ticks += heard;
}

static void note_gap(leg *l, int64_t captured_ns) {
    uint64_t gap_us = l->last_ns ? (uint64_t)(captured_ns - l->last_ns) / 1000 : 0;
    if (gap_us > l->statistics.largest_gap_us)
        l->statistics.largest_gap_us = gap_us;
    l->last_ns = captured_ns;
}

static pj_status_t put_frame(pjmedia_port *port, pjmedia_frame *frame) {
    leg *l = port->port_data.pdata;
    raise_clock_priority();
    pthread_mutex_lock(&l->lock);
    if (l->state != LEG_OPEN) {
        pthread_mutex_unlock(&l->lock);
        return PJ_SUCCESS;
    }
    if (!l->pulled) {
        playout_idle(&l->playout, &l->report);
        l->report.flags |= PARLEY_DISCONNECTED;
        memset(l->agent, 0, sizeof l->agent);
    }
    l->pulled = false;
    parley_tick *record = ticks_next(&l->ticks);
    fill_record(l, record, frame);
    note_gap(l, record->captured_ns);
    waited_tick(&l->waited, record->tick, record->captured_ns);
    bool first = !l->live;
    l->live = true;
    pthread_mutex_unlock(&l->lock);
    gate_arrive(frame->timestamp.u64, first);
    return PJ_SUCCESS;
}

/* The conference has let go of the port, and so have we. */
static pj_status_t on_destroy(pjmedia_port *port) {
    leg *l = port->port_data.pdata;
    pj_pool_t *pool = l->pool;
    pthread_mutex_lock(&l->lock);
    l->pool = NULL;
    l->port = NULL;
    l->freed_at = ++bridge.frees;
    l->state = LEG_FREE;
    pthread_mutex_unlock(&l->lock);
    pj_pool_release(pool);
    return PJ_SUCCESS;
}

/* ---- in the owner thread ---- */

static bool endpoint_is_up(void) {
    return pjsua_get_state() >= PJSUA_STATE_INIT && pjsua_var.mconf && pj_thread_is_registered();
}

/* pjsua was destroyed with legs open: their ports went with its memory. */
static void forget_legs(void) {
    bridge.forgets_at_exit = false;
    for (uint32_t i = 0; i < bridge.made; i++) {
        leg *l = bridge.legs[i];
        pthread_mutex_lock(&l->lock);
        bool left = l->state == LEG_OPEN && l->live;
        l->pool = NULL;
        l->port = NULL;
        l->waited.stream = NULL;
        l->waited.held = NULL;
        l->state = LEG_FREE;
        pthread_mutex_unlock(&l->lock);
        if (left)
            gate_leave();
    }
}

static int check_clock(void) {
    pjmedia_conf_port_info master;
    pj_status_t status = pjmedia_conf_get_port_info(pjsua_var.mconf, 0, &master);
    if (status != PJ_SUCCESS)
        return -status;
    bool fits = master.clock_rate == PARLEY_CLOCK_RATE && master.channel_count == 1 &&
                master.samples_per_frame == PARLEY_FRAME_SAMPLES;
    return fits ? PARLEY_OK : PARLEY_WRONG_CLOCK;
}

/* The free leg that was used least recently, so that a late command to a closed leg finds it closed. */
static leg *find_free(void) {
    leg *oldest = NULL;
    for (uint32_t i = 0; i < bridge.capacity; i++) {
        leg *l = bridge.legs[i];
        pthread_mutex_lock(&l->lock);
        bool better = l->state == LEG_FREE && (!oldest || l->freed_at < oldest->freed_at);
        pthread_mutex_unlock(&l->lock);
        if (better)
            oldest = l;
    }
    return oldest;
}

static void begin(leg *l) {
    pthread_mutex_lock(&l->lock);
    l->state = LEG_OPEN;
    l->generation++;
    l->live = l->pulled = false;
    l->tick = 0;
    l->last_ns = 0;
    l->statistics = (parley_statistics){0};
    l->ticks.lost = 0;
    playout_reset(&l->playout);
    l->hears_keys = false;
    key_voice_reset(&l->voice);
    pthread_mutex_unlock(&l->lock);
}

static pj_status_t make_port(leg *l) {
    pj_str_t name = pj_str("parley-leg");
    l->pool = pjsua_pool_create("leg%p", 1000, 1000);
    if (!l->pool)
        return PJ_ENOMEM;
    l->port = PJ_POOL_ZALLOC_T(l->pool, pjmedia_port);
    pjmedia_port_info_init(&l->port->info, &name, SIGNATURE, PARLEY_CLOCK_RATE, 1, 16, PARLEY_FRAME_SAMPLES);
    l->port->port_data.pdata = l;
    l->port->get_frame = &get_frame;
    l->port->put_frame = &put_frame;
    l->port->on_destroy = &on_destroy;
    pj_status_t status = pjmedia_port_init_grp_lock(l->port, l->pool, NULL);
    if (status != PJ_SUCCESS)
        pj_pool_safe_release(&l->pool);
    return status;
}

int parley_leg_open(void) {
    if (!endpoint_is_up())
        return PARLEY_NO_ENDPOINT;
    int result = check_clock();
    if (result)
        return result;
    if (!bridge.forgets_at_exit)
        bridge.forgets_at_exit = pj_atexit(&forget_legs) == PJ_SUCCESS;
    leg *l = find_free();
    if (!l)
        return PARLEY_NO_PLACE;
    if (make_port(l) != PJ_SUCCESS)
        return PARLEY_NO_MEMORY;
    begin(l);
    if (pjmedia_conf_add_port(pjsua_var.mconf, l->pool, l->port, NULL, &l->slot) != PJ_SUCCESS) {
        pjmedia_port_destroy(l->port);
        return PARLEY_NO_PLACE;
    }
    return (int)l->index;
}

/* The conference slot of an open leg. */
static int find_slot(uint32_t index, unsigned *slot) {
    leg *l = lock_open(index);
    if (!l)
        return PARLEY_NO_LEG;
    *slot = l->slot;
    return unlock(l, endpoint_is_up() ? PARLEY_OK : PARLEY_NO_ENDPOINT);
}

int parley_leg_slot(uint32_t index) {
    unsigned slot;
    int result = find_slot(index, &slot);
    return result ? result : (int)slot;
}

/* The clock thread reads the leg's stream under the leg's lock; the old one is let go of outside, which may destroy it. */
static void listen_to(uint32_t index, int call_slot) {
    waited next = waited_open(call_slot), last;
    leg *l = bridge.legs[index];
    pthread_mutex_lock(&l->lock);
    last = l->waited;
    l->waited = next;
    pthread_mutex_unlock(&l->lock);
    waited_close(&last);
}

static pj_status_t disconnect(unsigned slot) {
    pj_status_t status = pjmedia_conf_disconnect_port_from_sources(pjsua_var.mconf, slot);
    return status == PJ_SUCCESS ? pjmedia_conf_disconnect_port_from_sinks(pjsua_var.mconf, slot) : status;
}

int parley_leg_disconnect(uint32_t index) {
    unsigned slot;
    int result = find_slot(index, &slot);
    if (result)
        return result;
    listen_to(index, NO_SLOT);
    return -disconnect(slot);
}

int parley_leg_connect(uint32_t index, int call_slot) {
    unsigned slot;
    int result = find_slot(index, &slot);
    if (result)
        return result;
    pj_status_t status = disconnect(slot);
    if (status == PJ_SUCCESS)
        status = pjmedia_conf_connect_port(pjsua_var.mconf, slot, (unsigned)call_slot, 0);
    if (status == PJ_SUCCESS)
        status = pjmedia_conf_connect_port(pjsua_var.mconf, (unsigned)call_slot, slot, 0);
    if (status == PJ_SUCCESS)
        listen_to(index, call_slot);
    return -status;
}

int parley_call_events(int call_slot) {
    pjmedia_stream *stream = endpoint_is_up() ? stream_on(call_slot) : NULL;
    pjmedia_stream_info info;
    if (!stream || pjmedia_stream_get_info(stream, &info) != PJ_SUCCESS || info.tx_event_pt <= 0)
        return PARLEY_NOT_KNOWN;
    return info.tx_event_pt;
}

int parley_leg_close(uint32_t index) {
    unsigned slot;
    int result = find_slot(index, &slot);
    leg *l = result ? NULL : lock_open(index);
    if (!l)
        return result;
    l->state = LEG_CLOSING;
    if (unlock(l, l->live))
        gate_leave();
    listen_to(index, NO_SLOT);
    pj_status_t status = pjmedia_conf_remove_port(pjsua_var.mconf, slot);
    pjmedia_port_destroy(l->port);
    return -status;
}

/* ---- in any thread ---- */

static leg *make_leg(uint32_t index) {
    leg *l = calloc(1, sizeof *l);
    if (!l)
        return NULL;
    l->index = index;
    l->ticks.records = calloc(TICKS_KEPT, sizeof *l->ticks.records);
    if (l->ticks.records && !gate_make_mutex(&l->lock))
        return l;
    free(l->ticks.records);
    free(l);
    return NULL;
}

int parley_bridge_create(uint32_t capacity) {
    if (capacity > PARLEY_MOST_LEGS)
        return PARLEY_NO_PLACE;
    if (!bridge.made && gate_create())
        return PARLEY_NO_MEMORY;
    for (uint32_t i = bridge.made; i < capacity; i++) {
        bridge.legs[i] = make_leg(i);
        if (!bridge.legs[i])
            return PARLEY_NO_MEMORY;
        bridge.made = i + 1;
    }
    bridge.capacity = capacity;
    return PARLEY_OK;
}

int parley_leg_play(uint32_t index, uint64_t utterance, uint32_t offset, const int16_t *pcm, uint32_t count,
                    int final) {
    leg *l = lock_open(index);
    return l ? unlock(l, (int)playout_play(&l->playout, utterance, offset, pcm, count, final != 0)) : PARLEY_NO_LEG;
}

int parley_leg_queued(uint32_t index) {
    leg *l = lock_open(index);
    return l ? unlock(l, (int)l->playout.queued) : PARLEY_NO_LEG;
}

static int command(uint32_t index, void (*act)(playout *)) {
    leg *l = lock_open(index);
    if (!l)
        return PARLEY_NO_LEG;
    act(&l->playout);
    return unlock(l, PARLEY_OK);
}

int parley_leg_pause(uint32_t index) { return command(index, &playout_pause); }

int parley_leg_resume(uint32_t index) { return command(index, &playout_resume); }

int parley_leg_flush(uint32_t index) { return command(index, &playout_flush); }

int parley_leg_hear_keys(uint32_t index, int on) {
    leg *l = lock_open(index);
    if (!l)
        return PARLEY_NO_LEG;
    if (on && !l->hears_keys)
        key_ear_reset(&l->ear);
    l->hears_keys = on != 0;
    return unlock(l, PARLEY_OK);
}

int parley_leg_send_keys(uint32_t index, const char *keys, uint32_t tone_ms, uint32_t gap_ms) {
    leg *l = lock_open(index);
    if (!l)
        return PARLEY_NO_LEG;
    bool queued = key_voice_say(&l->voice, keys, tone_ms, gap_ms);
    return unlock(l, queued ? (int)key_voice_left_ms(&l->voice) : PARLEY_NO_PLACE);
}

int parley_leg_generation(uint32_t index) {
    leg *l = lock_open(index);
    return l ? unlock(l, (int)l->generation) : PARLEY_NO_LEG;
}

int parley_leg_statistics(uint32_t index, parley_statistics *statistics) {
    leg *l = lock_open(index);
    if (!l)
        return PARLEY_NO_LEG;
    *statistics = l->statistics;
    statistics->ticks = l->tick;
    statistics->samples_played = l->playout.played;
    statistics->samples_dropped = l->playout.dropped;
    statistics->underruns = l->playout.underruns;
    statistics->overflows = l->ticks.lost;
    return unlock(l, PARLEY_OK);
}

int parley_leg_waited(uint32_t index, int tick) {
    leg *l = lock_open(index);
    return l ? unlock(l, tick < 0 ? PARLEY_NOT_KNOWN : waited_us(&l->waited, (uint64_t)tick, l->tick)) : PARLEY_NO_LEG;
}

int parley_bridge_wait(uint32_t timeout_us) { return gate_wait(timeout_us); }

int parley_bridge_drain(parley_tick *records, uint32_t max) {
    uint32_t taken = 0;
    gate_shut();
    for (uint32_t i = 0; i < bridge.made && taken < max; i++) {
        leg *l = bridge.legs[i];
        pthread_mutex_lock(&l->lock);
        taken += ticks_take(&l->ticks, records + taken, max - taken);
        pthread_mutex_unlock(&l->lock);
    }
    return (int)taken;
}

int parley_bridge_clock(void) { return bridge.clock; }

int parley_bridge_ports(void) {
    return endpoint_is_up() ? (int)pjmedia_conf_get_port_count(pjsua_var.mconf) : PARLEY_NO_ENDPOINT;
}

void parley_bridge_error(int result, char *text, uint32_t size) { pj_strerror(-result, text, size); }

void parley_bridge_limits(parley_limits *limits) {
    *limits = (parley_limits){
        .abi = PARLEY_ABI,
        .calls = PJSUA_MAX_CALLS,
        .accounts = PJSUA_MAX_ACC,
        .conference_ports = PJSUA_MAX_CONF_PORTS,
        .sockets = PJ_IOQUEUE_MAX_HANDLES,
        .transactions = PJSIP_MAX_TSX_COUNT,
        .dialogs = PJSIP_MAX_DIALOG_COUNT,
        .packet_bytes = PJSIP_MAX_PKT_LEN,
        .tick_bytes = sizeof(parley_tick),
        .play_samples = PLAYOUT_SAMPLES,
        .record_ticks = TICKS_KEPT,
    };
}
