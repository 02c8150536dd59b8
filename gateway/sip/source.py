"""Where a request came from, as the socket saw it; nothing that the sender wrote takes part. On the owner thread."""

from __future__ import annotations

import ctypes
from typing import Any


def source_of(rdata: Any) -> str:
    """address:port;transport of a SipRxData; an IPv6 address is in brackets, the transport is udp, tcp or tls."""
    # the second word of pjsip_rx_data is the transport, and its first bytes are its name: udp0x…, tcps0x…, tlsc0x…
    word = int(rdata.pjRxData) + ctypes.sizeof(ctypes.c_void_p)
    transport = ctypes.c_void_p.from_address(word).value
    name = ctypes.string_at(transport, 3).decode("ascii") if transport else ""
    return f"{rdata.srcAddress};{name}"
