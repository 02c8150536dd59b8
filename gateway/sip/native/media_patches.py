"""What Parley changes in pjmedia's streams; the jitter buffer is in `jitter_patches.py`, keys in `keypad_patches`."""

from __future__ import annotations

_STREAM = "pjmedia/src/pjmedia/stream.c"
_RTP = "pjmedia/src/pjmedia/rtp.c"

_PLACE_IN_TIME = r"""
/* Where a packet's audio belongs in a timeline without end, in RTP ticks: at its timestamp, or behind the last packet
 * where the sender began to count anew (another SSRC, a jump of the timestamp). PJ_FALSE for a packet from before such
 * a place.
 */
static pj_bool_t place_in_time(pjmedia_stream *stream, const pjmedia_rtp_hdr *hdr, const pjmedia_rtp_status *seq_st,
                               pj_timestamp *ts)
{
    pj_uint32_t rtp_ts = pj_ntohl(hdr->ts), clock = stream->base.rtcp.clock_rate, elapsed;
    pj_int32_t delta = (pj_int32_t)(rtp_ts - stream->rx_last_ts);
    pj_bool_t late = seq_st->status.flag.outorder || seq_st->status.flag.dup, plausible, first = stream->rx_time == 0;
    pj_int64_t allowed;
    pj_timestamp now;

    pj_get_timestamp(&now);
    elapsed = PJ_MIN(pj_elapsed_msec(&stream->rx_last_at, &now), 60000);
    /* as much as went by or was lost, and some jitter; where the buffer is empty, being wrong does no harm */
    allowed = (pj_int64_t)elapsed * clock / 1000;
    allowed = PJ_MAX(allowed, (pj_int64_t)PJ_MIN(seq_st->diff, 50) * stream->rx_last_span) + clock / 25;
    plausible = hdr->ssrc == stream->rx_last_ssrc &&
                (delta > 0 ? delta <= allowed : late && delta > -(pj_int32_t)clock);

    /* packets in a row that are all late come from a sender that went back, unless they were held up together */
    if (!late)
        stream->rx_late_run = 0;
    else if (pj_ntohs(hdr->seq) == (pj_uint16_t)(stream->rx_late_seq + 1))
        stream->rx_late_run++;
    else
        stream->rx_late_run = 1;
    stream->rx_late_seq = pj_ntohs(hdr->seq);
    if (!first && late && hdr->ssrc == stream->rx_last_ssrc) {
        pj_bool_t went_back = stream->rx_late_run > 2 && (pj_uint64_t)elapsed * clock / 1000 > stream->rx_last_span;
        if (plausible && delta <= 0 && !went_back) {
            ts->u64 = stream->rx_time + (pj_int64_t)delta;
            return PJ_TRUE;
        }
        if (!plausible && stream->rx_late_run < 2)
            return PJ_FALSE;
        plausible = plausible && delta > 0;
    }
    if (first)
        stream->rx_time = ((pj_uint64_t)1 << 32) + rtp_ts;
    else
        stream->rx_time += plausible ? (pj_uint32_t)delta : stream->rx_last_span;
    stream->rx_last_ts = rtp_ts;
    stream->rx_last_ssrc = hdr->ssrc;
    stream->rx_last_at = now;
    ts->u64 = stream->rx_time;
    return PJ_TRUE;
}

"""

MEDIA_PATCHES = (
    # Symmetric RTP follows the caller to another address after ten packets from it. A stranger sends ten packets in a
    # microsecond between two of the caller's, and would get our audio: follow only when the caller was not heard for
    # a second at the address that we know.
    (
        "pjmedia/include/pjmedia/stream_common.h",
        "    unsigned                 rem_rtp_flag;",
        "    pj_timestamp             rem_rtp_heard;\n    unsigned                 rem_rtp_flag;",
    ),
    (
        "pjmedia/src/pjmedia/stream_imp_common.c",
        "            /* We're still receiving from rem_rtp_addr. */",
        "            pj_get_timestamp(&c_strm->rem_rtp_heard);",
    ),
    (
        "pjmedia/src/pjmedia/stream_imp_common.c",
        "            if (c_strm->rtp_src_cnt < PJMEDIA_RTP_NAT_PROBATION_CNT) {",
        "            pj_timestamp now;\n"
        "            pj_get_timestamp(&now);\n"
        "            if (c_strm->rtp_src_cnt < PJMEDIA_RTP_NAT_PROBATION_CNT ||\n"
        "                pj_elapsed_msec(&c_strm->rem_rtp_heard, &now) < 1000)\n"
        "            {",
    ),
    # Once the caller was heard, only its own host may go on from another port; another host needs a re-INVITE. Who was
    # first from elsewhere gives way to the address that the caller named.
    (
        "pjmedia/src/pjmedia/stream_imp_common.c",
        "            } else {\n"
        "                /* Switch. We no longer receive packets from rem_rtp_addr. */\n"
        "                param->rem_switch = PJ_TRUE;\n"
        "            }\n",
        "            } else {\n"
        "                pj_sockaddr host = c_strm->rem_rtp_addr;\n"
        "                pj_sockaddr_set_port(&host, pj_sockaddr_get_port(param->src_addr));\n"
        "                if (c_strm->rem_rtp_flag && pj_sockaddr_cmp(&host, param->src_addr) != 0)\n"
        "                    return;\n"
        "                param->rem_switch = PJ_TRUE;\n"
        "            }\n",
    ),
    (
        "pjmedia/src/pjmedia/stream_imp_common.c",
        "            if (c_strm->rtp_src_cnt < PJMEDIA_RTP_NAT_PROBATION_CNT ||\n",
        "            if (pj_sockaddr_cmp(&c_strm->si->rem_addr, param->src_addr) == 0) {\n"
        "                param->rem_switch = PJ_TRUE;\n"
        "            } else if (c_strm->rtp_src_cnt < PJMEDIA_RTP_NAT_PROBATION_CNT ||\n",
    ),
    # A jump of the sender's clock left the buffer full of places that nobody filled, up to half a second of silence
    # and of delay; a jump back by less than a second was silence for as long. Another sender on the same call begins
    # where the last one ended, and what the clock says counts only where it can be true.
    (
        _STREAM,
        "    pj_uint32_t              last_dtmf_dur; /**< Start ts for cur digit.    */",
        "    pj_uint32_t              last_dtmf_dur; /**< Start ts for cur digit.    */\n"
        "    pj_uint64_t              rx_time;       /* of the newest packet, 0: none */\n"
        "    pj_uint32_t              rx_last_ts;\n"
        "    pj_uint32_t              rx_last_ssrc;\n"
        "    pj_uint32_t              rx_last_span;\n"
        "    pj_uint16_t              rx_late_seq;\n"
        "    unsigned                 rx_late_run;\n"
        "    pj_timestamp             rx_last_at;",
    ),
    (
        _STREAM,
        "/*\n * This callback is called by common stream processing on receipt of\n",
        _PLACE_IN_TIME + "/*\n * This callback is called by common stream processing on receipt of\n",
    ),
    (
        _STREAM,
        "    if (seq_st.status.flag.restart) {\n"
        "        status = pjmedia_jbuf_reset(c_strm->jb);\n"
        '        PJ_LOG(4,(c_strm->port.info.name.ptr, "Jitter buffer reset"));\n'
        "    } else {",
        "    if (!place_in_time(stream, hdr, &seq_st, &ts)) {\n        *pkt_discarded = PJ_TRUE;\n    } else {",
    ),
    (
        _STREAM,
        "        /* Put each frame to jitter buffer. */",
        "        stream->rx_last_span = count * ts_span;\n\n        /* Put each frame to jitter buffer. */",
    ),
    # Another SSRC counts from another number: its packets are taken as they come. Two at once are one sender and a
    # stranger, or a collision: the one that was there stays until two packets in a row are the other's.
    (
        "pjmedia/include/pjmedia/rtp.h",
        "    pj_uint32_t             received;   /**< Number of received packets.    */\n};",
        "    pj_uint32_t             received;   /**< Number of received packets.    */\n"
        "    pj_uint32_t             foreign;    /* packets of another SSRC in a row */\n};",
    ),
    (
        _RTP,
        "        if (!ses->has_peer_ssrc)\n            ses->peer_ssrc = pj_ntohl(hdr->ssrc);\n    }\n",
        "        if (!ses->has_peer_ssrc && ses->received && !ses->foreign++) {\n"
        "            if (p_seq_st) {\n"
        "                p_seq_st->status.value = seq_st.status.value;\n"
        "                p_seq_st->status.flag.bad = -1;\n"
        "            }\n"
        "            return;\n"
        "        }\n"
        "        if (!ses->has_peer_ssrc) {\n"
        "            ses->peer_ssrc = pj_ntohl(hdr->ssrc);\n"
        "            if (ses->received) {\n"
        "                pjmedia_rtp_seq_restart(&ses->seq_ctrl, (pj_uint16_t)(pj_ntohs(hdr->seq) - 1));\n"
        "                ses->seq_ctrl.probation = 0;\n"
        "            }\n"
        "        }\n"
        "    }\n"
        "    ses->foreign = 0;\n",
    ),
    # The far end's longest packet was read and forgotten.
    (
        "pjsip/src/pjsua-lib/pjsua_media.c",
        "                (pjsua_var.media_cfg.ptime / asi.param->info.frm_ptime);",
        "                (PJ_MAX(1, PJ_MIN(pjsua_var.media_cfg.ptime,\n"
        "                                  asi.tx_maxptime ? asi.tx_maxptime : pjsua_var.media_cfg.ptime) /\n"
        "                           asi.param->info.frm_ptime));",
    ),
    # A sender that begins to count anew, as a PBX does from one sound to the next, made a jitter of many seconds of it.
    (
        "pjmedia/src/pjmedia/rtcp.c",
        "            sess->jitter += d - ((sess->jitter + 8) >> 4);",
        "            if ((pj_uint32_t)d > sess->clock_rate)\n"
        "                d = 0;\n"
        "            sess->jitter += d - ((sess->jitter + 8) >> 4);",
    ),
    # A tick that fills no packet moved the clock of G.722 and Opus by a packet.
    (
        _STREAM,
        "    if (stream->has_g722_mpeg_bug)\n        rtp_ts_len = stream->rtp_tx_ts_len_per_pkt;",
        "    if (stream->has_g722_mpeg_bug && frame->type != PJMEDIA_FRAME_TYPE_NONE)\n"
        "        rtp_ts_len = stream->rtp_tx_ts_len_per_pkt;",
    ),
)
"""File, text, and what stands there instead."""
