"""What a call sent and received, as it is captured: SIP messages, and packets of its media."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from ipaddress import ip_address
from typing import Protocol


class Kind(IntEnum):
    """What is in a packet; the numbers of bridge/capture.h."""

    SIP = 0
    RTP = 1
    RTCP = 2


TRANSPORTS = ("UDP", "TCP", "TLS")
"""How a SIP message went, by the numbers of bridge/capture.h."""


@dataclass(frozen=True, slots=True)
class Address:
    """`host` is an IP address in network order, 4 or 16 bytes."""

    host: bytes
    port: int

    def __str__(self) -> str:
        host = ip_address(self.host)
        return f"{host}:{self.port}" if host.version == 4 else f"[{host}]:{self.port}"


@dataclass(frozen=True, slots=True)
class Packet:
    """`time_ns` is CLOCK_REALTIME. `call_id` is that of a SIP message, empty for media. `data` is as on the wire,
    without the headers of IP, UDP, TCP and TLS."""

    time_ns: int
    kind: Kind
    sent: bool
    local: Address
    remote: Address
    data: bytes
    transport: str = "UDP"
    call_id: str = ""


class PacketSink(Protocol):
    """Who keeps what a call sends and receives. Called on the thread that collects it."""

    @property
    def media(self) -> bool:
        """Packets of the media are wanted, beside the messages."""

    @property
    def closed(self) -> bool:
        """Nothing more is wanted."""

    def take(self, packets: Sequence[Packet]) -> None:
        """What came, in order of time."""

    def flush(self) -> None:
        """Time goes by; comes several times a second."""
