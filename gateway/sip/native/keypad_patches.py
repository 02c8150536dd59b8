"""What Parley changes in how pjmedia takes and sends telephone events (RFC 4733)."""

from __future__ import annotations

_STREAM = "pjmedia/src/pjmedia/stream.c"

_IS_SAME_PRESS = r"""
/* Whether a packet tells of the key press that the last one told of (RFC 4733 sections 2.2.1 and 2.5.1.3).
 * `ahead` is how much later it says that the press began, in RTP ticks.
 */
static pj_bool_t is_same_press(const pjmedia_stream *stream, const pjmedia_rtp_dtmf_event *event, pj_uint32_t ahead)
{
    pj_uint32_t duration = pj_ntohs(event->duration);

    if (stream->last_dtmf != event->event)
        return PJ_FALSE;
    if (ahead == 0)
        return PJ_TRUE;
    /* no two presses of a key at the same time: a sender that lets the timestamp go on with the packets */
    if (ahead < stream->last_dtmf_dur)
        return !stream->last_dtmf_ended || (event->e_vol & PJMEDIA_RTP_DTMF_EVENT_END_MASK);
    if (stream->last_dtmf_ended)
        return PJ_FALSE;
    /* the next segment of a press that is longer than a packet can tell */
    if (stream->last_dtmf_dur >= 0xE000 && ahead <= 0xFFFF)
        return PJ_TRUE;
    /* such a sender again, right at the beginning */
    return duration > stream->last_dtmf_dur && ahead == duration - stream->last_dtmf_dur;
}

"""

KEYPAD_PATCHES = (
    # A press was known by its key and a duration that does not shrink: two presses of a key were one when the first
    # packets of the second were lost, and late packets of a press made another. A press is known by its timestamp.
    (
        _STREAM,
        "    pj_bool_t                last_dtmf_ended;\n",
        "    pj_bool_t                last_dtmf_ended;\n"
        "    pj_uint32_t              last_dtmf_ts;  /* RTP timestamp of the press */\n"
        "    pj_uint32_t              last_dtmf_ssrc;\n",
    ),
    (
        _STREAM,
        "/*\n * Handle incoming DTMF digits.\n */\n"
        "static void handle_incoming_dtmf( pjmedia_stream *stream,\n"
        "                                  const pj_timestamp *timestamp,\n",
        _IS_SAME_PRESS + "/*\n * Handle incoming DTMF digits.\n */\n"
        "static void handle_incoming_dtmf( pjmedia_stream *stream,\n"
        "                                  const pjmedia_rtp_hdr *hdr, pj_bool_t late,\n"
        "                                  const pj_timestamp *timestamp,\n",
    ),
    (
        _STREAM,
        "    /* Check if this is the same/current digit of the last packet. */\n"
        "    if (stream->last_dtmf != -1 &&\n"
        "        event->event == stream->last_dtmf &&\n"
        "        event_duration >= stream->last_dtmf_dur)\n"
        "    {\n"
        "        /* Emit all updates but hide duplicate end frames. */\n"
        "        emit_event = !is_event_end || stream->last_dtmf_ended != is_event_end;\n"
        "\n"
        "        /* Yes, this is the same event. */\n"
        "        stream->last_dtmf_dur = event_duration;\n"
        "        stream->last_dtmf_ended = is_event_end;\n",
        "    pj_uint32_t rtp_ts = pj_ntohl(hdr->ts), ahead = rtp_ts - stream->last_dtmf_ts;\n"
        "    if (stream->last_dtmf_ssrc != hdr->ssrc) {\n"
        "        stream->last_dtmf_ssrc = hdr->ssrc;\n"
        "        stream->last_dtmf = -1;\n"
        "    }\n"
        "    /* overtaken by what came after it */\n"
        "    if (late && stream->last_dtmf != -1 && (pj_int32_t)ahead < 0)\n"
        "        return;\n"
        "    if (stream->last_dtmf != -1 && is_same_press(stream, event, ahead)) {\n"
        "        /* Emit all updates but hide duplicate end frames. */\n"
        "        emit_event = !is_event_end || !stream->last_dtmf_ended;\n"
        "\n"
        "        if (!late || event_duration > stream->last_dtmf_dur)\n"
        "            stream->last_dtmf_dur = event_duration;\n"
        "        stream->last_dtmf_ended |= is_event_end;\n"
        "        stream->last_dtmf_ts = rtp_ts;\n",
    ),
    (
        _STREAM,
        "    stream->last_dtmf = event->event;\n    stream->last_dtmf_dur = event_duration;\n",
        "    stream->last_dtmf = event->event;\n"
        "    stream->last_dtmf_ts = rtp_ts;\n"
        "    stream->last_dtmf_dur = event_duration;\n",
    ),
    (
        _STREAM,
        "        /* Ignore out-of-order packet as it will be detected as new\n"
        "         * digit. Also ignore duplicate packet as it serves no use.\n"
        "         */\n"
        "        if (seq_st.status.flag.outorder || seq_st.status.flag.dup) {\n"
        "            goto on_return;\n"
        "        }\n"
        "\n"
        "        handle_incoming_dtmf(stream, &ts, payload, payloadlen);",
        "        handle_incoming_dtmf(stream, hdr, seq_st.status.flag.outorder != 0, &ts, payload, payloadlen);",
    ),
    # Digits went out without a pause, so that two of a kind could be one to an ear, and with a duration that is no
    # whole number of packets of 30 or 60 ms, which left the timestamps of all that followed behind.
    (
        _STREAM,
        "    /* Init jitter buffer parameters: */",
        "    if (stream->rtp_tx_ts_len_per_pkt) {\n"
        "        unsigned packet = stream->rtp_tx_ts_len_per_pkt;\n"
        "        stream->dtmf_duration = (stream->dtmf_duration + packet - 1) / packet * packet;\n"
        "        stream->tx_dtmf_pause_dur = stream->dtmf_duration / 2;\n"
        "    }\n"
        "\n"
        "    /* Init jitter buffer parameters: */",
    ),
    # A tick that fills no packet sent a packet of the event, twice as fast as its clock.
    (
        _STREAM,
        "    if (stream->tx_dtmf_count && (stream->tx_dtmf_pause_rem == 0U)) {",
        "    if (stream->tx_dtmf_count && !stream->tx_dtmf_pause_rem && frame->type != PJMEDIA_FRAME_TYPE_NONE) {",
    ),
    # A card number with its expiry fits.
    (_STREAM, "    struct dtmf              tx_dtmf_buf[32];", "    struct dtmf              tx_dtmf_buf[128];"),
)
"""File, text, and what stands there instead."""
