"""What Parley changes in how pjmedia agrees on keys by DTLS (RFC 5763, RFC 5764), each with its reason."""

from __future__ import annotations

_DTLS = "pjmedia/src/pjmedia/transport_srtp_dtls.c"
_SRTP = "pjmedia/src/pjmedia/transport_srtp.c"

_BEGINS_ANEW = r"""
/* The random part of a ClientHello in a record of epoch 0, NULL for another packet. It stays the same when the hello
 * is sent again, and tells one handshake from the next. Record header 13, handshake header 12, version 2 bytes.
 */
static const pj_uint8_t *hello_random(const void *pkt, pj_size_t size)
{
    const pj_uint8_t *p = (const pj_uint8_t*)pkt;

    return size >= 59 && p[0] == 22 && !p[3] && !p[4] && p[13] == 1 ? p + 27 : NULL;
}

static void dtls_media_stop_channel(dtls_srtp *ds, unsigned idx);

/* The peer begins another handshake at the address that the last one came from. The keys that were agreed on hold until
 * it is done, and its certificate is the one that the SDP names.
 */
static void follow_new_hello(dtls_srtp *ds, unsigned idx, const void *pkt, pj_size_t size)
{
    const pj_uint8_t *random = hello_random(pkt, size);
    pjmedia_transport_info info;
    pj_bool_t again;

    if (!random || ds->use_ice || ds->setup == DTLS_SETUP_ACTIVE)
        return;
    again = ds->nego_started[idx] && pj_memcmp(ds->hello[idx], random, sizeof(ds->hello[idx]));
    if (again) {
        pjmedia_transport_info_init(&info);
        pjmedia_transport_get_info(ds->srtp->member_tp, &info);
        if (idx == RTP_CHANNEL ? pj_sockaddr_cmp(&info.src_rtp_name, &ds->rem_addr) :
                                 pj_sockaddr_cmp(&info.src_rtcp_name, &ds->rem_rtcp))
        {
            return;
        }
        dtls_media_stop_channel(ds, idx);
        if (idx == RTP_CHANNEL && !ds->pending_start) {
            ds->pending_start = PJ_TRUE;
            ds->srtp->keying_pending_cnt++;
        }
    }
    pj_memcpy(ds->hello[idx], random, sizeof(ds->hello[idx]));
}

"""

_VERIFY = """\
    /* Nobody's keys but those of the certificate that the SDP names, of either channel and each time. */
    if (ds->rem_fingerprint.slen) {
        status = ssl_match_fingerprint(ds, idx);
        if (status != PJ_SUCCESS) {
            pj_perror(4, ds->base.name, status,
                      "Fingerprint specified in remote SDP doesn't match "
                      "to actual remote certificate fingerprint!");
            if (ds->got_keys)
                return status;
            ds->rem_fprint_status = status;
            goto on_return;
        }
        ds->rem_fprint_status = PJ_SUCCESS;
    }

    /* Get SRTP key material */
    status = ssl_get_srtp_material(ds, idx);
"""

DTLS_PATCHES = (
    # Asterisk begins another handshake at each re-INVITE and UPDATE, and sends no audio before it is done: its hello
    # was taken for one that is sent again, and the call was silent.
    (
        _DTLS,
        "    pj_bool_t            got_keys;          /* DTLS nego done & keys ready  */",
        "    pj_bool_t            got_keys;          /* DTLS nego done & keys ready  */\n"
        "    pj_uint8_t           hello[NUM_CHANNEL][32];",
    ),
    (
        _DTLS,
        "static pj_status_t dtls_on_recv(pjmedia_transport *tp, unsigned idx,",
        _BEGINS_ANEW + "static pj_status_t dtls_on_recv(pjmedia_transport *tp, unsigned idx,",
    ),
    (
        _DTLS,
        "    /* Check remote address info, reattach member tp if changed */",
        "    follow_new_hello(ds, idx, pkt, size);\n\n"
        "    /* Check remote address info, reattach member tp if changed */",
    ),
    (
        _DTLS,
        "        ds->srtp->keying_pending_cnt--;",
        "        if (ds->srtp->keying_pending_cnt)\n            ds->srtp->keying_pending_cnt--;",
    ),
    # The keys of RTCP are their own: they were lost when those of RTP began anew.
    (
        _SRTP,
        "    if (srtp->session_inited) {\n        pjmedia_transport_srtp_stop(tp);\n    }\n",
        "    if (srtp->session_inited) {\n        destroy_srtp_ctx(srtp, &srtp->srtp_ctx);\n    }\n",
    ),
    # That RTCP has keys says nothing of RTP.
    (_DTLS, "        ds->got_keys = PJ_TRUE;", "        if (idx == RTP_CHANNEL)\n            ds->got_keys = PJ_TRUE;"),
    # The certificate was looked at for one of the two channels, and after its keys had been kept.
    (
        _DTLS,
        "    /* Get SRTP key material */\n    status = ssl_get_srtp_material(ds, idx);\n",
        _VERIFY,
    ),
    # The thread of all media waits for the end of this clock's turn: a quarter of a second, for every call.
    (
        _DTLS,
        "        status = pjmedia_clock_create(ds->pool, 4, 1, 1,",
        "        status = pjmedia_clock_create(ds->pool, 100, 1, 1,",
    ),
    # What is read for one channel was as long as the buffers of both.
    (_DTLS, "buf[NUM_CHANNEL][PJMEDIA_MAX_MTU];", "buf[NUM_CHANNEL][4 * PJMEDIA_MAX_MTU];"),
    (_DTLS, "ds->buf[idx], sizeof(ds->buf));", "ds->buf[idx], sizeof(ds->buf[idx]));"),
)
