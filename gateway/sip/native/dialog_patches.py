"""What is changed in pjproject's dialogs, offers and answers, each with its reason."""

from __future__ import annotations

DIALOG_PATCHES = (
    # G.722 counts 8000 a second in RTP and in SDP (RFC 3551 section 4.5.2), and the codec is known by its 16000. The
    # stack minds that for the static type only: an offer that prefers G.722 under a type of its own was refused as a
    # whole, even where PCMU stood beside it.
    (
        "pjmedia/src/pjmedia/stream_info.c",
        "        si->fmt.encoding_name = rtpmap->enc_name;\n        si->fmt.clock_rate = rtpmap->clock_rate;",
        "        si->fmt.encoding_name = rtpmap->enc_name;\n"
        "        si->fmt.clock_rate = rtpmap->clock_rate;\n"
        '        if (!pj_stricmp2(&rtpmap->enc_name, "G722"))\n'
        "            si->fmt.clock_rate = 16000;",
    ),
    # Each section of an offer is answered by the section of ours in its place, with the socket that was made for it.
    # Where the first one had no codec of ours, the second was answered with the first one's port, and what the caller
    # said went where nobody listened.
    (
        "pjmedia/src/pjmedia/sdp_neg.c",
        "        for (im=NULL, j=0; j<initial->media_count; ++j) {\n            pj_uint32_t im_tp;\n",
        "        for (im=NULL, j=0; j<initial->media_count; ++j) {\n            pj_uint32_t im_tp;\n\n"
        "            if (j != i)\n                continue;\n",
    ),
    # Events alone are no audio for a call: a section of nothing but telephone-event was taken for the call's, and the
    # call refused when no stream came of it, whatever stood beside it.
    (
        "pjmedia/src/pjmedia/sdp_neg.c",
        "    if (master_has_codec && !found_matching_codec) {\n        return PJMEDIA_SDPNEG_NOANSCODEC;",
        "    if ((master_has_codec || !master_has_other) && !found_matching_codec) {\n"
        "        return PJMEDIA_SDPNEG_NOANSCODEC;",
    ),
    # A PRACK for a response that was never sent is answered 481 (RFC 3262 section 3); it was 200. One that comes late,
    # when the final response is out, is still good.
    (
        "pjsip/src/pjsip-ua/sip_100rel.c",
        "    if (dd->uas_state == NULL || pj_list_empty(&dd->uas_state->tx_data_list)) {",
        "    if (dd->uas_state == NULL) {",
    ),
    (
        "pjsip/src/pjsip-ua/sip_100rel.c",
        '                  "PRACK ignored - no pending response"));\n        return PJ_EIGNORED;',
        '                  "PRACK ignored - no pending response"));\n        return PJ_ENOTFOUND;',
    ),
    (
        "pjsip/src/pjsip-ua/sip_100rel.c",
        "    if (rseq == dd->uas_state->tx_data_list.next->rseq &&",
        "    if (!pj_list_empty(&dd->uas_state->tx_data_list) &&\n"
        "        rseq == dd->uas_state->tx_data_list.next->rseq &&",
    ),
    (
        "pjsip/src/pjsip-ua/sip_100rel.c",
        '                 "Rx PRACK with no matching reliable response"));\n        return PJ_EIGNORED;',
        '                 "Rx PRACK with no matching reliable response"));\n'
        "        return pj_list_empty(&dd->uas_state->tx_data_list) &&\n"
        "               cseq == dd->uas_state->cseq && rseq < dd->uas_state->rseq ?\n"
        "               PJ_EIGNORED : PJ_ENOTFOUND;",
    ),
    (
        "pjsip/src/pjsip-ua/sip_inv.c",
        "    if (status != PJ_SUCCESS) {\n"
        "        status = pjsip_dlg_create_response(inv->dlg, rdata, PJSIP_SC_OK, NULL,",
        "    if (status != PJ_SUCCESS) {\n"
        "        status = pjsip_dlg_create_response(inv->dlg, rdata, status == PJ_ENOTFOUND ?\n"
        "                                           PJSIP_SC_CALL_TSX_DOES_NOT_EXIST : PJSIP_SC_OK, NULL,",
    ),
    # A PRACK that crosses our final response is processed (RFC 3262 section 3); after a CANCEL it was answered 500.
    (
        "pjsip/src/pjsip-ua/sip_inv.c",
        "        } else if (tsx->method.id == PJSIP_CANCEL_METHOD) {\n"
        "            /*\n"
        "             * Respond CANCEL with 200/OK too.\n",
        "        } else if (tsx->method.id == PJSIP_CANCEL_METHOD ||\n"
        "                   pjsip_method_cmp(&tsx->method, &pjsip_prack_method)==0)\n"
        "        {\n"
        "            /*\n"
        "             * Respond CANCEL with 200/OK too.\n",
    ),
    # A reliable response is repeated after T1, then after twice as long each time (RFC 3262 section 3), for 64 T1; the
    # first repetition came after two T1.
    (
        "pjsip/src/pjsip-ua/sip_100rel.c",
        "    if (dd->uas_state->retransmit_count >= 7) {",
        "    if (dd->uas_state->retransmit_count >= 8) {",
    ),
    (
        "pjsip/src/pjsip-ua/sip_100rel.c",
        "    if (dd->uas_state->retransmit_count < 6) {\n"
        "        delay.sec = 0;\n"
        "        delay.msec = (1 << dd->uas_state->retransmit_count) * ",
        "    if (dd->uas_state->retransmit_count < 7) {\n"
        "        delay.sec = 0;\n"
        "        delay.msec = (1 << (dd->uas_state->retransmit_count - 1)) * ",
    ),
    (
        "pjsip/src/pjsip-ua/sip_100rel.c",
        "        delay.sec = 1;\n        delay.msec = 500;",
        "        delay.sec = 0;\n        delay.msec = 500;",
    ),
    # A refresh of the session that crosses an offer of the far end's is refused with 491, and comes again: after 2.1 to
    # 4 s from who owns the Call-ID, after 0 to 2 s from the other (RFC 3261 section 14.1; RFC 3311 section 5.1 for
    # UPDATE). An UPDATE came again at once, a re-INVITE never, and the call ended with its session. The timer's id is 0
    # while a refresh is out.
    (
        "pjsip/src/pjsip-ua/sip_timer.c",
        "    } else if (pjsip_method_cmp(&rdata->msg_info.cseq->method,\n"
        "                                &pjsip_update_method) == 0 &&\n"
        "               msg->line.status.code >= 400",
        "    } else if (msg->line.status.code == PJSIP_SC_REQUEST_PENDING) {\n"
        "        if (inv->timer && inv->timer->active && inv->timer->timer.id == 0 &&\n"
        "            (inv->timer->refresher == TR_UAC) == (inv->timer->role == PJSIP_ROLE_UAC))\n"
        "        {\n"
        "            pj_time_val delay = {0, 0};\n"
        "\n"
        "            delay.msec = inv->dlg->role == PJSIP_ROLE_UAC ?\n"
        "                         2100 + pj_rand() % 191 * 10 : pj_rand() % 201 * 10;\n"
        "            pj_time_val_normalize(&delay);\n"
        "            inv->timer->timer.id = 1;\n"
        "            pjsip_endpt_schedule_timer(inv->dlg->endpt, &inv->timer->timer, &delay);\n"
        "        }\n"
        "    } else if (pjsip_method_cmp(&rdata->msg_info.cseq->method,\n"
        "                                &pjsip_update_method) == 0 &&\n"
        "               msg->line.status.code >= 400",
    ),
    (
        "pjsip/src/pjsip-ua/sip_inv.c",
        "            /* Process 502/503 error for session timer refresh */\n",
        "            if (tsx->status_code == PJSIP_SC_REQUEST_PENDING && tsx->state == PJSIP_TSX_STATE_COMPLETED)\n"
        "                handle_timer_response(inv, e->body.tsx_state.src.rdata, PJ_FALSE);\n"
        "\n"
        "            /* Process 502/503 error for session timer refresh */\n",
    ),
)
"""File, text, and what stands there instead."""
