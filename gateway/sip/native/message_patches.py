"""What is changed in how pjproject keeps SIP messages that it has sent, each with its reason."""

from __future__ import annotations

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
)
"""File, text, and what stands there instead."""
