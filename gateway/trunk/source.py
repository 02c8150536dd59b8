"""Where a request may come from: `203.0.113.0/24:5060/udp`. Pure."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_FORM = re.compile(
    r"(?P<address>\[[0-9a-fA-F:.]+\]|[0-9a-fA-F:.]*:[0-9a-fA-F:.]*:[0-9a-fA-F:.]*|\d+\.\d+\.\d+\.\d+)"
    r"(?P<length>/\d{1,3})?(?P<port>:\d{1,5})?(?P<transport>/(?:udp|tcp|tls))?"
)


@dataclass(frozen=True, slots=True)
class Source:
    """A network, and the port and transport where they are asked for."""

    network: Network
    port: int | None = None
    transport: str | None = None

    def holds(self, address: str, port: int, transport: str) -> bool:
        """Whether a request from there is meant.

        :param address: without brackets
        :param transport: udp, tcp or tls
        """
        return self.port in (None, port) and self.transport in (None, transport) and _address(address) in self.network


def parse_source(text: str) -> Source:
    """`address[/length][:port][/transport]`; an IPv6 address with a port stands in brackets.

    :raises ValueError: when it is written otherwise
    """
    match = _FORM.fullmatch(text.strip().lower())
    if match is None:
        raise ValueError(text)
    port = int(match["port"][1:]) if match["port"] else None
    if port is not None and not 1 <= port <= 65535:
        raise ValueError(text)
    network = ipaddress.ip_network(match["address"].strip("[]") + (match["length"] or ""), strict=False)
    return Source(network, port, match["transport"][1:] if match["transport"] else None)


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    address = ipaddress.ip_address(text.strip("[]").partition("%")[0])
    # what came to a socket for both families
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address
