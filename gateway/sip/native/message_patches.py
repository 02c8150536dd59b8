"""What is changed in how pjproject keeps SIP messages that it has sent, and in what it does with those that are long,
each with its reason."""

from __future__ import annotations

_MESSAGES = "pjsip/src/pjsip/sip_transport.c"
_SENDING = "pjsip/src/pjsip/sip_util.c"
_RECEIVE = "/*\n * pjsip_tpmgr_receive_packet()\n"
_REFUSAL = r"""
/* A message of a stream that is longer than any buffer. Its sender is told, by what its header says as far as whole
 * lines of it are here, and the rest is passed over. Where its end is not known the connection has none either: it is
 * closed, but only after what is on its way was read, or a reset would overtake the answer.
 */
static void pass_over(pjsip_tpmgr *mgr, pjsip_rx_data *rdata, char *packet, pj_size_t here, pj_size_t whole)
{
    enum { LINGER_SECONDS = 2 };
    const pj_str_t blank = { "\n\r\n", 3 };
    const pj_str_t text = { packet, (pj_ssize_t)here };
    pjsip_transport *tr = rdata->tp_info.transport;
    pj_time_val linger = { LINGER_SECONDS, 0 };
    char saved, *end = pj_strstr(&text, &blank);
    pj_bool_t known = end != NULL;
    pjsip_msg *msg;

    if (known) {
        end += blank.slen;
    } else {
        end = packet + here - 1;
        while (end > packet && !(end[-1] == '\n' && *end != ' ' && *end != '\t'))
            --end;
    }
    saved = *end;
    *end = '\0';
    msg = rdata->msg_info.msg = end > packet ? pjsip_parse_rdata(packet, end - packet, rdata) : NULL;
    *end = saved;
    if (msg && msg->type == PJSIP_REQUEST_MSG && msg->line.req.method.id != PJSIP_ACK_METHOD && rdata->msg_info.cid &&
        rdata->msg_info.from && rdata->msg_info.to && rdata->msg_info.via && rdata->msg_info.cseq)
    {
        pj_strdup2(rdata->tp_info.pool, &rdata->msg_info.via->recvd_param, rdata->pkt_info.src_name);
        if (rdata->msg_info.via->rport_param == 0)
            rdata->msg_info.via->rport_param = rdata->pkt_info.src_port;
        pjsip_endpt_respond_stateless(mgr->endpt, rdata, PJSIP_SC_MESSAGE_TOO_LARGE, NULL, NULL, NULL);
    }
    tr->passed_over = known ? whole - here : PJSIP_PASSED_OVER_ALL;
    if (known)
        return;
    if (pj_atomic_get(tr->ref_cnt) > 0) {
        pjsip_transport_shutdown2(tr, PJ_TRUE);
        return;
    }
    pj_lock_acquire(mgr->lock);
    tr->is_shutdown = PJ_TRUE;
    if (pj_timer_entry_running(&tr->idle_timer))
        pjsip_endpt_cancel_timer(mgr->endpt, &tr->idle_timer);
    pjsip_endpt_schedule_timer_w_grp_lock(mgr->endpt, &tr->idle_timer, &linger, IDLE_TIMER_ID, tr->grp_lock);
    pj_lock_release(mgr->lock);
}

"""
_REST = r"""
    /* What is left of a message that was too long. */
    if (tr->passed_over > 0) {
        pj_size_t passed = tr->passed_over < remaining_len ? tr->passed_over : remaining_len;
        if (tr->passed_over != PJSIP_PASSED_OVER_ALL)
            tr->passed_over -= passed;
        current_pkt += passed;
        remaining_len -= passed;
        total_processed += passed;
    }
"""
_TOO_LONG = r"""                if (msg_status == PJSIP_EPARTIALMSG)
                    pass_over(mgr, rdata, current_pkt, remaining_len, msg_fragment_size);
"""

MESSAGE_PATCHES = (
    # What was sent is kept until its transaction is over, 32 s after a call was cancelled or refused. Each message took
    # a buffer for the longest that there may be, 64 kB: it gets one that it fits in.
    (
        "pjsip/src/pjsip/sip_transport.c",
        "    /* Allocate buffer if necessary. */\n"
        "    if (tdata->buf.start == NULL) {\n"
        "        PJ_USE_EXCEPTION;\n"
        "\n"
        "        PJ_TRY {\n"
        "            tdata->buf.start = (char*) \n"
        "                               pj_pool_alloc(tdata->pool, PJSIP_MAX_PKT_LEN);\n"
        "        }\n"
        "        PJ_CATCH_ANY {\n"
        "            return PJ_ENOMEM;\n"
        "        }\n"
        "        PJ_END\n"
        "\n"
        "        tdata->buf.cur = tdata->buf.start;\n"
        "        tdata->buf.end = tdata->buf.start + PJSIP_MAX_PKT_LEN;\n"
        "    }\n"
        "\n"
        "    /* Do we need to reprint? */\n"
        "    if (!pjsip_tx_data_is_valid(tdata)) {\n"
        "        pj_ssize_t size;\n"
        "\n"
        "        size = pjsip_msg_print( tdata->msg, tdata->buf.start, \n"
        "                                tdata->buf.end - tdata->buf.start);\n"
        "        if (size < 0) {\n"
        "            return PJSIP_EMSGTOOLONG;\n"
        "        }\n",
        "    /* Do we need to reprint? */\n"
        "    if (!pjsip_tx_data_is_valid(tdata)) {\n"
        "        pj_ssize_t size = -1, room = tdata->buf.end - tdata->buf.start;\n"
        "        PJ_USE_EXCEPTION;\n"
        "\n"
        "        if (room > 0)\n"
        "            size = pjsip_msg_print(tdata->msg, tdata->buf.start, room);\n"
        "        while (size < 0 && room < PJSIP_MAX_PKT_LEN) {\n"
        "            room = room < 2000 ? 2000 : room * 4;\n"
        "            if (room > PJSIP_MAX_PKT_LEN)\n"
        "                room = PJSIP_MAX_PKT_LEN;\n"
        "            PJ_TRY {\n"
        "                tdata->buf.start = (char*) pj_pool_alloc(tdata->pool, room + 1);\n"
        "            }\n"
        "            PJ_CATCH_ANY {\n"
        "                return PJ_ENOMEM;\n"
        "            }\n"
        "            PJ_END\n"
        "            tdata->buf.cur = tdata->buf.start;\n"
        "            tdata->buf.end = tdata->buf.start + room;\n"
        "            size = pjsip_msg_print(tdata->msg, tdata->buf.start, room);\n"
        "        }\n"
        "        if (size < 0) {\n"
        "            return PJSIP_EMSGTOOLONG;\n"
        "        }\n",
    ),
    # A message of a stream that fits into no buffer was cut, and what came after the cut was taken for the next one.
    # It is refused (RFC 3261 section 21.5.7), and the stream goes on after its end.
    (
        "pjsip/include/pjsip/sip_transport.h",
        "    void                   *data;           /**< Internal transport data.   */\n"
        "    unsigned                initial_timeout;",
        "    void                   *data;           /**< Internal transport data.   */\n"
        "#define PJSIP_PASSED_OVER_ALL ((pj_size_t)-1)\n"
        "    pj_size_t               passed_over;    /**< Bytes yet to come of a message that was too long. */\n"
        "    unsigned                initial_timeout;",
    ),
    (_MESSAGES, _RECEIVE, _REFUSAL.lstrip() + _RECEIVE),
    (
        _MESSAGES,
        "    current_pkt[remaining_len] = '\\0';\n",
        "    current_pkt[remaining_len] = '\\0';\n" + _REST,
    ),
    (
        _MESSAGES,
        "                    if (remaining_len != PJSIP_MAX_PKT_LEN) {\n",
        "                    if (remaining_len < PJSIP_MAX_PKT_LEN && msg_fragment_size <= PJSIP_MAX_PKT_LEN) {\n",
    ),
    (
        _MESSAGES,
        "                if (msg_status == PJSIP_EPARTIALMSG) {\n"
        "                    if (rdata->tp_info.transport->idle_timer.id == \n"
        "                                                         INITIAL_IDLE_TIMER_ID)\n"
        "                    {\n"
        "                        /* We are not getting the first valid SIP message \n"
        "                         * as expected, close the transport.\n"
        "                         */\n"
        '                        PJ_LOG(4, (THIS_FILE, "Unexpected data was received "\\\n'
        '                            "while waiting for a valid initial SIP messages. "\\\n'
        '                            "Shutting down transport %s",\n'
        "                            rdata->tp_info.transport->obj_name));\n"
        "\n"
        "                        pjsip_transport_shutdown(rdata->tp_info.transport);\n"
        "                    } else {\n"
        '                        PJ_LOG(4, (THIS_FILE, "Insufficient buffer to receive "\n'
        '                                              "incoming packet."));\n'
        "                    }\n"
        "                }\n",
        _TOO_LONG,
    ),
    # A request that is too long for a datagram goes by TCP, and by UDP after all where there is none: who looks for
    # the reason of a delay or of a lost request must find it. The lines are read by gateway/sip/log_writer.py.
    (
        _SENDING,
        '            PJ_LOG(5,(THIS_FILE, "%s exceeds UDP size threshold (%u), "\n'
        '                                 "sending with TCP",\n'
        "                                 pjsip_tx_data_get_info(tdata),\n"
        "                                 PJSIP_UDP_SIZE_THRESHOLD));\n",
        '            PJ_LOG(2,(THIS_FILE, "Long request by TCP to %.*s: %s, %d bytes",\n'
        "                                 (int)tdata->dest_info.name.slen, tdata->dest_info.name.ptr,\n"
        "                                 pjsip_tx_data_get_info(tdata), len));\n",
    ),
    (
        _SENDING,
        "        if (sent != -PJ_EPENDING) {\n            tdata->dest_info.cur_addr++;\n        }\n",
        "        if (sent != -PJ_EPENDING) {\n"
        "            unsigned next = ++tdata->dest_info.cur_addr;\n"
        "            if (next < tdata->dest_info.addr.count && tdata->msg->type == PJSIP_REQUEST_MSG &&\n"
        "                tdata->dest_info.addr.entry[next].type == PJSIP_TRANSPORT_UDP &&\n"
        "                tdata->dest_info.addr.entry[next - 1].type == PJSIP_TRANSPORT_TCP)\n"
        "            {\n"
        '                PJ_LOG(2,(THIS_FILE, "Long request by UDP after all to %.*s: %s",\n'
        "                                     (int)tdata->dest_info.name.slen, tdata->dest_info.name.ptr,\n"
        "                                     pjsip_tx_data_get_info(tdata)));\n"
        "            }\n"
        "        }\n",
    ),
)
"""File, text, and what stands there instead."""
