"""What Parley changes in pjmedia: streams and the jitter buffer."""

from __future__ import annotations

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
    # The jitter buffer gives up delay that it did not need for two seconds. A packet of G.711 is put in as two frames,
    # and at the first of them the buffer looked short again: 10 ms that one late packet had cost stayed for the call.
    (
        "pjmedia/src/pjmedia/jbuf.c",
        "        /* Reset any scheduled discard */\n        jb->jb_discard_dist = 0;",
        "        if (cur_size < burst_level)\n            jb->jb_discard_dist = 0;",
    ),
)
"""File, text, and what stands there instead."""
