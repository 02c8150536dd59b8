"""Where a request came from, as the socket saw it; nothing that the sender wrote takes part. On the owner thread."""

from __future__ import annotations

import ctypes
from typing import Any


def transport_of(rdata: Any) -> int:
    """Where pjsip has the transport that a SipRxData came by; 0 for none."""
    # the second word of pjsip_rx_data
    word = int(rdata.pjRxData) + ctypes.sizeof(ctypes.c_void_p)
    return ctypes.c_void_p.from_address(word).value or 0


def source_of(rdata: Any) -> str:
    """address:port;transport of a SipRxData; an IPv6 address is in brackets, the transport is udp, tcp or tls."""
    transport = transport_of(rdata)
    # a transport begins with its name: udp0x…, tcps0x…, tlsc0x…
    name = ctypes.string_at(transport, 3).decode("ascii") if transport else ""
    return f"{rdata.srcAddress};{name}"
