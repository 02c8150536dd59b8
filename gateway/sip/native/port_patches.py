"""What Parley changes in how pjsua chooses ports for media, and in what it answers when there is none."""

from __future__ import annotations

_CALL = "pjsip/src/pjsua-lib/pjsua_call.c"
_MEDIA = "pjsip/src/pjsua-lib/pjsua_media.c"
_UDP = "pjmedia/src/pjmedia/transport_udp.c"

_RESTED = r"""
/* When each pair of ports was let go of, in seconds of the steady clock and one more; 0: never. */
static pj_uint32_t let_go_of[32768];

static pj_uint32_t steady_seconds(void)
{
    pj_time_val now;

    pj_gettickcount(&now);
    return (pj_uint32_t)now.sec + 1;
}

static void let_go(pj_sock_t sock)
{
    pj_sockaddr bound;
    int length = sizeof(bound);

    if (sock != PJ_INVALID_SOCKET && pj_sock_getsockname(sock, &bound, &length) == PJ_SUCCESS)
        let_go_of[pj_sockaddr_get_port(&bound) / 2] = steady_seconds();
}

pj_bool_t pjmedia_transport_udp_rested(unsigned port, unsigned seconds);
PJ_DEF(pj_bool_t) pjmedia_transport_udp_rested(unsigned port, unsigned seconds)
{
    pj_uint32_t at = let_go_of[(port & 0xffff) / 2];

    return !at || !seconds || steady_seconds() - at > seconds;
}

"""
_NEXT_PORT = r"""
/* All accounts share one range, and so one place in it: what was let go of last comes last. */
static pj_uint16_t next_rtp_port;
static const unsigned rested_seconds[] = {30, 10, 0};
pj_bool_t pjmedia_transport_udp_rested(unsigned port, unsigned seconds);

static unsigned rtp_ports_missing;
unsigned pjsua_rtp_ports_missing(void);
PJ_DEF(unsigned) pjsua_rtp_ports_missing(void)
{
    return rtp_ports_missing;
}

"""
_NO_PORT = r"""
            pjsip_hdr later;
            pjsip_generic_string_hdr *hdr;
            char seconds[8];
            pj_str_t name = pj_str("Retry-After"), value = pj_str(seconds);

            pj_list_init(&later);
            if (sip_err_code == PJSIP_SC_SERVICE_UNAVAILABLE) {
                value.slen = pj_ansi_snprintf(seconds, sizeof(seconds), "%d", 5 + pj_rand() % 26);
                hdr = pjsip_generic_string_hdr_create(rdata->tp_info.pool, &name, &value);
                pj_list_push_back(&later, hdr);
                name = pj_str("Warning");
                value = pj_str("399 parley \"rtp-ports\"");
                hdr = pjsip_generic_string_hdr_create(rdata->tp_info.pool, &name, &value);
                pj_list_push_back(&later, hdr);
            }
"""
_RTP_SOCKET = (
    "        /* Create RTP socket. */\n"
    "        status = pj_sock_socket(af, pj_SOCK_DGRAM() | pj_SOCK_CLOEXEC(), 0, &sock[0]);"
)
_BEFORE_PORTS = "/*\n * Create RTP and RTCP socket pair, and possibly resolve their public"

PORT_PATCHES = (
    # Packets of the call before still come to a port that was let go of: it is taken again after 30 s, where the range
    # allows it, else the one that has rested for longer comes first.
    (
        _UDP,
        "static pj_status_t transport_destroy(pjmedia_transport *tp)\n{",
        _RESTED.lstrip() + ("static pj_status_t transport_destroy(pjmedia_transport *tp)\n{"),
    ),
    (
        _UDP,
        "    /* The following calls to pj_ioqueue_unregister() will block the execution\n",
        "    let_go(udp->rtp_sock);\n\n"
        "    /* The following calls to pj_ioqueue_unregister() will block the execution\n",
    ),
    (_MEDIA, _BEFORE_PORTS, _NEXT_PORT.lstrip() + _BEFORE_PORTS),
    # Every pair of the range is tried, not only a hundred; the last one may end with the range, not behind it.
    (
        _MEDIA,
        "    for (i=0; i<RTP_RETRY; ++i, acc->next_rtp_port += 2) {\n\n"
        "        if (cfg->port > 0 && cfg->port_range > 0 &&\n"
        "            (acc->next_rtp_port > cfg->port + cfg->port_range ||",
        "    if (next_rtp_port && cfg->port)\n"
        "        acc->next_rtp_port = next_rtp_port;\n"
        "    pairs = cfg->port && cfg->port_range ? (cfg->port_range + 1) / 2 : RTP_RETRY;\n"
        "    for (i=0; i<pairs * (int)PJ_ARRAY_SIZE(rested_seconds); ++i, acc->next_rtp_port += 2) {\n\n"
        "        if (cfg->port > 0 && cfg->port_range > 0 &&\n"
        "            (acc->next_rtp_port >= cfg->port + cfg->port_range ||",
    ),
    (
        _MEDIA,
        _RTP_SOCKET,
        "        if (cfg->port && !pjmedia_transport_udp_rested(acc->next_rtp_port, rested_seconds[i / pairs])) {\n"
        "            status = PJ_ETOOMANY;\n"
        "            continue;\n"
        "        }\n\n" + _RTP_SOCKET,
    ),
    (
        _MEDIA,
        "    int i;\n    pj_bool_t use_ipv6, use_nat64;\n    int af;\n    pj_sockaddr bound_addr;",
        ("    int i, pairs;\n    pj_bool_t use_ipv6, use_nat64;\n    int af;\n    pj_sockaddr bound_addr;"),
    ),
    (
        _MEDIA,
        "    acc->next_rtp_port += 2;\n    return PJ_SUCCESS;\n\non_error:",
        "    acc->next_rtp_port += 2;\n    next_rtp_port = acc->next_rtp_port;\n    return PJ_SUCCESS;\n\non_error:",
    ),
    # Without a port there is no place: 503 and when to come back, and a count for those who tell of it; not 500.
    (
        _MEDIA,
        '        pjsua_perror(THIS_FILE, "Unable to create RTP/RTCP socket",\n',
        '        rtp_ports_missing++;\n        pjsua_perror(THIS_FILE, "Unable to create RTP/RTCP socket",\n',
    ),
    (
        _MEDIA,
        "                *sip_err_code = PJSIP_SC_INTERNAL_SERVER_ERROR;\n            call_med->tp_ready = status;",
        "                *sip_err_code = PJSIP_SC_SERVICE_UNAVAILABLE;\n            call_med->tp_ready = status;",
    ),
    (
        _CALL,
        '            pjsua_perror(THIS_FILE, "Error initializing media channel", status);\n            \n'
        "            pjsip_dlg_inc_lock(dlg);\n            ret_st_code = sip_err_code;\n"
        "            pjsip_dlg_respond(dlg, rdata, sip_err_code, NULL, NULL, NULL);",
        f"{_NO_PORT.lstrip(chr(10))}"
        '            pjsua_perror(THIS_FILE, "Error initializing media channel", status);\n            \n'
        "            pjsip_dlg_inc_lock(dlg);\n            ret_st_code = sip_err_code;\n"
        "            pjsip_dlg_respond(dlg, rdata, sip_err_code, NULL, &later, NULL);",
    ),
    # The lines about each port that is taken, and all of them where none is free, are many: one is enough.
    (
        _MEDIA,
        'PJ_PERROR(1,(THIS_FILE, status, "RTP socket bind() at',
        'PJ_PERROR(4,(THIS_FILE, status, "RTP socket bind() at',
    ),
    (
        _MEDIA,
        'PJ_PERROR(1,(THIS_FILE, status, "RTCP socket bind() at',
        'PJ_PERROR(4,(THIS_FILE, status, "RTCP socket bind() at',
    ),
)
"""File, text, and what stands there instead."""
