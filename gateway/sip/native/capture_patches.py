"""What Parley changes in pjmedia's UDP transport: packets are shown to `bridge/capture.c` as they come and go."""

from __future__ import annotations

_UDP = "pjmedia/src/pjmedia/transport_udp.c"
_RECEIVED = "    /* Snapshot callback pointers under lock to avoid race with\n"
_RECEIVED_CONTROL = "    /* See comment in call_rtp_cb() above. */\n"
_RTP, _RTCP = 1, 2
"""PARLEY_RTP and PARLEY_RTCP."""


def _shown(kind: int, name: str) -> str:
    return (
        "    if (bytes_read > 0 && parley_capture_packet)\n"
        f"        parley_capture_packet({kind}, 0, &udp->{name}_addr_name, &udp->{name}_src_addr, udp->{name}_pkt,\n"
        "                              (pj_size_t)bytes_read);\n\n"
    )


CAPTURE_PATCHES = (
    # Weak: pjmedia is linked without the bridge, too.
    (
        _UDP,
        "struct transport_udp\n{",
        "void parley_capture_packet(int kind, int sent, const pj_sockaddr *local, const pj_sockaddr *remote,\n"
        "                           const void *data, pj_size_t bytes) __attribute__((weak));\n\n"
        "struct transport_udp\n{",
    ),
    (_UDP, _RECEIVED, _shown(_RTP, "rtp") + _RECEIVED),
    (_UDP, _RECEIVED_CONTROL, _shown(_RTCP, "rtcp") + _RECEIVED_CONTROL),
    (
        _UDP,
        "    id = udp->rtp_write_op_id;\n    pw = &udp->rtp_pending_write[id];",
        "    if (parley_capture_packet)\n"
        f"        parley_capture_packet({_RTP}, 1, &udp->rtp_addr_name, &udp->rem_rtp_addr, pkt, size);\n"
        "    id = udp->rtp_write_op_id;\n    pw = &udp->rtp_pending_write[id];",
    ),
    (
        _UDP,
        "        addr = &udp->rem_rtcp_addr;\n        addr_len = udp->addr_len;\n    }\n",
        "        addr = &udp->rem_rtcp_addr;\n        addr_len = udp->addr_len;\n    }\n"
        "    if (parley_capture_packet)\n"
        f"        parley_capture_packet({_RTCP}, 1, udp->use_rtcp_mux ? &udp->rtp_addr_name : &udp->rtcp_addr_name,\n"
        "                              addr, pkt, size);\n",
    ),
)
"""File, text, and what stands there instead."""
