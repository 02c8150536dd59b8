/* SPDX-License-Identifier: Apache-2.0 */
#include "waited.h"

#include <stdbool.h>

#include <pjsua-lib/pjsua.h>

#include "streams.h"

#define QUIET_US 100000 /* without a packet for so long, the far end sends none at the moment */

/* pjmedia's own concealment joins frames over a window, and is that much behind. Opus conceals by itself. */
static int32_t concealment_us(const pjmedia_stream_info *info) {
    bool own = info->fmt.pt == PJMEDIA_RTP_PT_PCMU || info->fmt.pt == PJMEDIA_RTP_PT_PCMA ||
               info->fmt.pt == PJMEDIA_RTP_PT_G722;
    return own && info->param->setting.plc ? PJMEDIA_WSOLA_DELAY_MSEC * 1000 : 0;
}

waited waited_open(int call_slot) {
    waited w = {0};
    for (unsigned i = 0; i < WAITED_TICKS; i++)
        w.us[i] = PARLEY_NOT_KNOWN;
    pjmedia_stream *stream = stream_on(call_slot);
    pjmedia_stream_info info;
    pjmedia_port *port;
    if (!stream || pjmedia_stream_get_info(stream, &info) != PJ_SUCCESS || !info.param ||
        pjmedia_stream_get_port(stream, &port) != PJ_SUCCESS || !port->grp_lock)
        return w;
    unsigned denominator = info.param->info.frm_ptime_denum ? info.param->info.frm_ptime_denum : 1;
    w.frame_us = (int32_t)(info.param->info.frm_ptime * 1000 / denominator);
    w.concealment_us = concealment_us(&info);
    pj_grp_lock_add_ref(port->grp_lock);
    w.held = port->grp_lock;
    w.stream = stream;
    return w;
}

void waited_close(waited *w) {
    if (w->held)
        pj_grp_lock_dec_ref(w->held);
    w->stream = NULL;
    w->held = NULL;
}

/* From the arrival of the stream's latest packet to `at_ns`; negative when it came after that. */
static int64_t since_latest_us(const pjmedia_rtcp_session *rtcp, int64_t at_ns) {
    uint32_t arrival = (uint32_t)rtcp->transit + rtcp->rtp_last_ts;
    uint32_t at = (uint32_t)((uint64_t)at_ns * rtcp->clock_rate / rtcp->ts_freq.u64);
    return (int64_t)(int32_t)(at - arrival) * 1000000 / rtcp->clock_rate;
}

static int32_t measure(const waited *w, int64_t at_ns) {
    pjmedia_jb_state buffer;
    pjmedia_stream_rtp_sess_info session;
    if (!w->stream || pjmedia_stream_get_rtp_session_info(w->stream, &session) != PJ_SUCCESS ||
        pjmedia_stream_get_stat_jbuf(w->stream, &buffer) != PJ_SUCCESS)
        return PARLEY_NOT_KNOWN;
    const pjmedia_rtcp_session *rtcp = session.rtcp;
    if (!rtcp->stat.rx.pkt || !rtcp->clock_rate || !rtcp->ts_freq.u64)
        return PARLEY_NOT_KNOWN;
    int64_t since_us = since_latest_us(rtcp, at_ns);
    if (since_us < -QUIET_US || since_us > QUIET_US)
        return PARLEY_NOT_KNOWN;
    int64_t us = since_us + (int64_t)buffer.size * w->frame_us + w->concealment_us;
    return us < 0 ? 0 : (int32_t)us;
}

void waited_tick(waited *w, uint64_t tick, int64_t at_ns) { w->us[tick % WAITED_TICKS] = measure(w, at_ns); }

int waited_us(const waited *w, uint64_t tick, uint64_t next) {
    return tick < next && next - tick <= WAITED_TICKS ? w->us[tick % WAITED_TICKS] : PARLEY_NOT_KNOWN;
}
