/* SPDX-License-Identifier: Apache-2.0
 *
 * How long caller audio had waited for its tick. See parley_leg_waited in bridge.h.
 *
 * A tick takes what is oldest in the jitter buffer. What is left then is younger, packet by packet, up to the latest one,
 * whose time of arrival the RTCP session keeps: transit (arrival less RTP timestamp) and the timestamp, in samples of a
 * clock that is CLOCK_MONOTONIC at the stream's rate. So the packet that the tick took came as much earlier than the
 * latest one as there is audio left. What then plays is later still by what the concealment of G.711 and G.722 keeps
 * back, lost packets or not.
 */
#define _GNU_SOURCE
#include "bridge.h"

#include <stdbool.h>
#include <time.h>

#include <pjsua-lib/pjsua.h>
#include <pjsua-lib/pjsua_internal.h>

#define PACKET_MS 20     /* of the far end, as nearly all have it; others are measured to half a packet */
#define QUIET_MS 100     /* without a packet for so long, the far end sends none at the moment */
#define TICK_MS 20
#define TICK_TAKES_MS 2  /* a tick has taken its audio and not yet come to the leg */
#define ATTEMPTS 4

static int64_t clock_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static pjmedia_stream *stream_of(int call) {
    if (call < 0 || call >= (int)PJSUA_MAX_CALLS || !pjsua_var.calls[call].inv)
        return NULL;
    pjsua_call *known = &pjsua_var.calls[call];
    return known->audio_idx < 0 ? NULL : known->media[known->audio_idx].strm.a.stream;
}

/* pjmedia's own concealment joins frames over a window, and is that much behind. Opus conceals by itself. */
static int concealment_ms(const pjmedia_stream_info *info) {
    bool own = info->fmt.pt == PJMEDIA_RTP_PT_PCMU || info->fmt.pt == PJMEDIA_RTP_PT_PCMA ||
               info->fmt.pt == PJMEDIA_RTP_PT_G722;
    return own && info->param->setting.plc ? PJMEDIA_WSOLA_DELAY_MSEC : 0;
}

/* Milliseconds of audio between the packet that a tick takes and the latest one: whole packets, and concealment. */
static int left_ms(pjmedia_stream *stream) {
    pjmedia_jb_state buffer;
    pjmedia_stream_info info;
    if (pjmedia_stream_get_stat_jbuf(stream, &buffer) != PJ_SUCCESS ||
        pjmedia_stream_get_info(stream, &info) != PJ_SUCCESS || !info.param)
        return PARLEY_NOT_KNOWN;
    unsigned denominator = info.param->info.frm_ptime_denum ? info.param->info.frm_ptime_denum : 1;
    unsigned ms = buffer.size * info.param->info.frm_ptime / denominator;
    return (int)(ms / PACKET_MS * PACKET_MS) + concealment_ms(&info);
}

/* From the arrival of the stream's latest packet to `at_ns`, in microseconds. */
static int64_t since_latest_us(pjmedia_stream *stream, int64_t at_ns) {
    pjmedia_stream_rtp_sess_info session;
    pjmedia_stream_get_rtp_session_info(stream, &session);
    const pjmedia_rtcp_session *rtcp = session.rtcp;
    if (!rtcp || !rtcp->stat.rx.pkt || !rtcp->clock_rate || !rtcp->ts_freq.u64)
        return PARLEY_NOT_KNOWN;
    uint32_t arrival = (uint32_t)rtcp->transit + rtcp->rtp_last_ts;
    uint32_t at = (uint32_t)((uint64_t)at_ns * rtcp->clock_rate / rtcp->ts_freq.u64);
    return (int64_t)(int32_t)(at - arrival) * 1000000 / rtcp->clock_rate;
}

static int measure(pjmedia_stream *stream, int64_t tick_ns) {
    int left = left_ms(stream);
    if (left < 0)
        return left;
    int64_t since_us = since_latest_us(stream, tick_ns);
    /* the latest packet may have come after the tick */
    if (since_us < -QUIET_MS * 1000 || since_us > QUIET_MS * 1000)
        return PARLEY_NOT_KNOWN;
    int64_t waited_us = since_us + (int64_t)left * 1000;
    return waited_us < 0 ? 0 : (int)waited_us;
}

int parley_leg_waited(uint32_t leg, int call) {
    if (pjsua_get_state() < PJSUA_STATE_INIT || !pj_thread_is_registered())
        return PARLEY_NO_ENDPOINT;
    for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
        int64_t tick_ns = parley_leg_ticked(leg);
        pjmedia_stream *stream = stream_of(call);
        if (tick_ns < 0 || !stream)
            return tick_ns < 0 ? PARLEY_NO_LEG : PARLEY_NOT_KNOWN;
        bool about_to_tick = clock_ns() - tick_ns > (TICK_MS - TICK_TAKES_MS) * 1000000LL;
        int waited = about_to_tick ? PARLEY_NOT_KNOWN : measure(stream, tick_ns);
        if (!about_to_tick && parley_leg_ticked(leg) == tick_ns)
            return waited;
        nanosleep(&(struct timespec){.tv_nsec = 2 * TICK_TAKES_MS * 1000000}, NULL);
    }
    return PARLEY_NOT_KNOWN;
}
