"""What Parley changes in pjproject's transports, TLS and addresses, each with its reason."""

from __future__ import annotations

_MEDIA = "pjsip/src/pjsua-lib/pjsua_media.c"
_STREAM = "pjsip/src/pjsip/sip_transport.c"
_TLS = "pjsip/src/pjsip/sip_transport_tls.c"
_EXPECT = r"""
PJ_DEF(pj_status_t) pjsip_tls_transport_expect(pjsip_tpfactory *factory, const char *name)
{
    struct tls_listener *listener = (struct tls_listener*)factory;

    if (strlen(name) >= sizeof(listener->expected))
        return PJ_ETOOBIG;
    strcpy(listener->expected, name);
    return PJ_SUCCESS;
}

"""
_TOWARDS_PEER = r"""
/* The address that the peer of a call knows us by, as our Contact or Via says it, where it is one of this machine's. */
static pj_bool_t address_towards_peer(const pjsua_call *call, int af, pj_sockaddr *found)
{
    pjsip_dialog *dlg = call->inv ? call->inv->dlg : call->async_call.dlg;
    pj_str_t hosts[2];
    unsigned i, count = 0;

    if (!dlg)
        return PJ_FALSE;
    if (dlg->via_addr.host.slen)
        hosts[count++] = dlg->via_addr.host;
    if (dlg->local.contact && (PJSIP_URI_SCHEME_IS_SIP(dlg->local.contact->uri) ||
                               PJSIP_URI_SCHEME_IS_SIPS(dlg->local.contact->uri)))
    {
        hosts[count++] = ((pjsip_sip_uri*)pjsip_uri_get_uri(dlg->local.contact->uri))->host;
    }
    for (i = 0; i < count; ++i) {
        pj_sock_t sock;
        pj_status_t status;

        pj_sockaddr_init(af, found, NULL, 0);
        if (pj_inet_pton(af, &hosts[i], pj_sockaddr_get_addr(found)) != PJ_SUCCESS ||
            pj_sock_socket(af, pj_SOCK_DGRAM(), 0, &sock) != PJ_SUCCESS)
        {
            continue;
        }
        status = pj_sock_bind(sock, found, pj_sockaddr_get_len(found));
        pj_sock_close(sock);
        if (status == PJ_SUCCESS)
            return PJ_TRUE;
    }
    return PJ_FALSE;
}

"""
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
    # A trunk may be known by another name than the host that it is reached at: that one is asked for and verified.
    (
        _TLS,
        "    unsigned                 async_cnt;    \n",
        "    unsigned                 async_cnt;    \n"
        "    char                     expected[256]; /* name of the far end; empty: its host */\n",
    ),
    (
        _TLS,
        "    pj_bool_t                verify_server;\n\n    /* Keep-alive timer. */",
        "    pj_bool_t                verify_server;\n"
        "    pj_str_t                 expected;\n\n    /* Keep-alive timer. */",
    ),
    (
        _TLS,
        "    ssock_param.server_name = remote_name;\n",
        "    ssock_param.server_name = listener->expected[0] ? pj_str(listener->expected) : remote_name;\n",
    ),
    (
        _TLS,
        "    if (remote_name)\n        pj_strdup(pool, &tls->remote_name, remote_name);\n",
        "    if (remote_name)\n        pj_strdup(pool, &tls->remote_name, remote_name);\n"
        "    if (!is_server && listener->expected[0])\n        pj_strdup2(pool, &tls->expected, listener->expected);\n",
    ),
    (
        _TLS,
        "        if (tls->remote_name.slen)\n            remote_name = &tls->remote_name;\n        else\n",
        "        if (tls->expected.slen)\n            remote_name = &tls->expected;\n"
        "        else if (tls->remote_name.slen)\n            remote_name = &tls->remote_name;\n        else\n",
    ),
    (
        _TLS,
        "/* This callback is called when pending accept() operation completes. */\n",
        _EXPECT + "/* This callback is called when pending accept() operation completes. */\n",
    ),
    (
        "pjsip/include/pjsip/sip_transport_tls.h",
        "PJ_DECL(pj_status_t) pjsip_tls_transport_restart2(",
        "/* Parley: connections of this listener must be to `name`, whatever the host is; empty for the host. */\n"
        "PJ_DECL(pj_status_t) pjsip_tls_transport_expect(pjsip_tpfactory *factory, const char *name);\n\n"
        "PJ_DECL(pj_status_t) pjsip_tls_transport_restart2(",
    ),
    # RTP and RTCP at one port (RFC 5761) where the far end offers it; old far ends are not asked.
    (
        "pjmedia/src/pjmedia/transport_udp.c",
        "        pj_bool_t add_rtcp_mux = PJ_TRUE;\n",
        "        pj_bool_t add_rtcp_mux = PJ_FALSE;\n",
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
    # A machine with several addresses is reached at the one that it calls from; the name of the machine tells one of
    # them, for all calls.
    (
        _MEDIA,
        "/*\n * Create RTP and RTCP socket pair, and possibly resolve their public",
        _TOWARDS_PEER.lstrip() + "/*\n * Create RTP and RTCP socket pair, and possibly resolve their public",
    ),
    (
        _MEDIA,
        "                             pj_sockaddr_get_addr_len(&bound_addr));\n                     */\n"
        "                }\n            }\n",
        "                             pj_sockaddr_get_addr_len(&bound_addr));\n                     */\n"
        "                }\n            }\n\n"
        "            if (!pj_sockaddr_has_addr(&bound_addr)) {\n"
        "                pj_sockaddr towards;\n"
        "                if (address_towards_peer(call_med->call, af, &towards))\n"
        "                    pj_sockaddr_copy_addr(&bound_addr, &towards);\n"
        "            }\n",
    ),
    # A re-INVITE that brings new sockets for media asked for their address before it knew where the peer now sees us.
    (
        "pjsip/src/pjsua-lib/pjsua_call.c",
        '        PJ_LOG(3,(THIS_FILE, "Can not re-INVITE call that is not confirmed"));\n'
        "        status = PJSIP_ESESSIONSTATE;\n        goto on_return;\n    }\n",
        '        PJ_LOG(3,(THIS_FILE, "Can not re-INVITE call that is not confirmed"));\n'
        "        status = PJSIP_ESESSIONSTATE;\n        goto on_return;\n    }\n\n"
        "    if (opt && (opt->flag & PJSUA_CALL_UPDATE_VIA) && pjsua_acc_is_valid(call->acc_id))\n"
        "        dlg_set_via(call->inv->dlg, &pjsua_var.acc[call->acc_id]);\n",
    ),
    # What a call of ours is sent from was asked of our own address instead of the far end's.
    (
        "pjsip/src/pjsua-lib/pjsua_call.c",
        "        if (pjsua_acc_get_uac_addr(acc->index, dlg->pool, &acc->cfg.id,\n",
        "        char buffer[PJSIP_MAX_URL_SIZE];\n"
        "        pj_str_t target = {buffer, 0};\n"
        "        target.slen = pjsip_uri_print(PJSIP_URI_IN_REQ_URI, dlg->target, buffer, sizeof(buffer));\n"
        "        if (target.slen <= 0)\n"
        "            target = acc->cfg.id;\n"
        "        if (pjsua_acc_get_uac_addr(acc->index, dlg->pool, &target,\n",
    ),
)
