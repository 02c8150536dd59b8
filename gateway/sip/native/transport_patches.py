"""What Parley changes in pjproject's transports, TLS and addresses, each with its reason."""

from __future__ import annotations

_MEDIA = "pjsip/src/pjsua-lib/pjsua_media.c"
_STREAM = "pjsip/src/pjsip/sip_transport.c"
_FAMILY = "(pj_strchr(&cfg->{field}, ':') != NULL) == (af == pj_AF_INET6())"

TRANSPORT_PATCHES = (
    # A trunk with a certificate of its own has a TLS transport of its own; pjsua has room for eight.
    ("pjsip/include/pjsua-lib/pjsua_internal.h", "tpdata[8];", "tpdata[PJSUA_MAX_ACC + 16];"),
    # The name in a certificate's subject counts only where it has no alternative names (RFC 5922 section 7.1).
    (
        "pjsip/src/pjsip/sip_transport_tls.c",
        "        if (!matched) {\n            matched = !pj_stricmp(remote_name, &serv_cert->subject.cn);",
        "        if (!matched && !serv_cert->subj_alt_name.cnt) {\n"
        "            matched = !pj_stricmp(remote_name, &serv_cert->subject.cn);",
    ),
    # A call is as secure as what it came by: "sips:" in a datagram proves nothing, and keys would be taken from it.
    (
        "pjsip/src/pjsua-lib/pjsua_call.c",
        "    if (PJSIP_URI_SCHEME_IS_SIPS(rdata->msg_info.msg->line.req.uri))\n        call->secure_level = 2;",
        "    if (!PJSIP_TRANSPORT_IS_SECURE(rdata->tp_info.transport))\n        call->secure_level = 0;\n"
        "    else if (PJSIP_URI_SCHEME_IS_SIPS(rdata->msg_info.msg->line.req.uri))\n        call->secure_level = 2;",
    ),
    # A call is sent to the Request-URI that we name, which may name TLS where To does not.
    (
        "pjsip/src/pjsua-lib/pjsua_call.c",
        "call->secure_level = get_secure_level(acc_id, dest_uri);",
        "call->secure_level = get_secure_level(acc_id, msg_data && msg_data->target_uri.slen ?\n"
        "                                                  &msg_data->target_uri : dest_uri);",
    ),
    # Keys offered in plain signalling are a session description that is not acceptable (488), no Accept header (406).
    (
        _MEDIA,
        "                err_code = PJSIP_SC_NOT_ACCEPTABLE;\n                status = PJSIP_ESESSIONINSECURE;",
        "                err_code = PJSIP_SC_NOT_ACCEPTABLE_HERE;\n                status = PJSIP_ESESSIONINSECURE;",
    ),
    # An offer that cannot be answered, such as one whose keys are of another kind, ends the call under this code.
    (
        "pjsip/src/pjsua-lib/pjsua_call.c",
        "            if (call->inv->dlg) {\n                pjsip_inv_terminate(call->inv, sip_err_code, PJ_FALSE);",
        "            if (call->inv && call->inv->dlg) {\n"
        "                pjsip_inv_terminate(call->inv, sip_err_code, PJ_FALSE);",
    ),
    # An offer whose keys are of another kind than ours is not acceptable here; we are not away for the moment (480).
    (
        _MEDIA,
        "                call->med_ch_info.state = call_med->tp_st;\n"
        "                call->med_ch_info.sip_err_code = PJSIP_SC_TEMPORARILY_UNAVAILABLE;\n\n"
        "                /* Revert back provisional media. */",
        "                call->med_ch_info.state = call_med->tp_st;\n"
        "                call->med_ch_info.sip_err_code = PJSIP_SC_NOT_ACCEPTABLE_HERE;\n\n"
        "                /* Revert back provisional media. */",
    ),
    (
        _MEDIA,
        "            if (sip_err_code) *sip_err_code = PJSIP_SC_NOT_ACCEPTABLE;",
        "            if (sip_err_code) *sip_err_code = PJSIP_SC_NOT_ACCEPTABLE_HERE;",
    ),
    # A ping between messages of a stream is answered by a pong (RFC 5626 section 4.4.1).
    (
        _STREAM,
        "            /* Notify application about the dropped newlines */",
        "            if ((tr->flag & PJSIP_TRANSPORT_DATAGRAM) == 0 && p - current_pkt >= 4) {\n"
        "                pjsip_tpselector pong;\n"
        "                pj_bzero(&pong, sizeof(pong));\n"
        "                pong.type = PJSIP_TPSELECTOR_TRANSPORT;\n"
        "                pong.u.transport = tr;\n"
        '                pjsip_tpmgr_send_raw(mgr, tr->key.type, &pong, NULL, "\\r\\n", 2, &tr->key.rem_addr,\n'
        "                                     tr->addr_len, NULL, NULL);\n"
        "            }\n\n"
        "            /* Notify application about the dropped newlines */",
    ),
    # Where a message ends in a stream whose length is wrong nobody knows: the connection is of no use any more.
    (
        _STREAM,
        "                    char errbuf[128];\n                    pj_str_t errstr;",
        "                    char errbuf[128];\n                    pj_str_t errstr;\n\n"
        "                    pjsip_transport_shutdown2(tr, PJ_TRUE);",
    ),
    # An account has one address to bind media to and one to tell others, and calls of both families: the address is
    # for the family that it is of, and must not fail the calls of the other.
    (
        _MEDIA,
        "    if (cfg->bound_addr.slen) {\n        status = pj_sockaddr_set_str_addr(af, &bound_addr,",
        f"    if (cfg->bound_addr.slen && {_FAMILY.format(field='bound_addr')}) {{\n"
        "        status = pj_sockaddr_set_str_addr(af, &bound_addr,",
    ),
    (
        _MEDIA,
        "        } else if (cfg->public_addr.slen) {\n\n            status = pj_sockaddr_init(af, &mapped_addr[0],",
        f"        }} else if (cfg->public_addr.slen && {_FAMILY.format(field='public_addr')}) {{\n\n"
        "            status = pj_sockaddr_init(af, &mapped_addr[0],",
    ),
)
