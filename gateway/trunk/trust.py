"""Which trunk a request came by: the line parameter of our contact says it, else the address that it came from.

Nothing that a caller may write, such as From or User-Agent, takes part. A line is a secret that only the registrar was
told; a source address is what the socket saw.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from gateway.trunk.settings import TrunkSettings
from gateway.trunk.source import Source, parse_source


@dataclass(frozen=True, slots=True)
class Peer:
    """Where a request came from: an address without brackets, a port, and udp, tcp or tls."""

    address: str
    port: int
    transport: str


class Trust:
    """What the settings of all trunks say of sources; made anew when they change.

    :param lines: the line parameter of each trunk's contact, to its trunk's name
    :param resolved: addresses of the registrar and gateways that are host names, by trunk
    """

    def __init__(
        self,
        trunks: Iterable[TrunkSettings],
        *,
        lines: Mapping[str, str],
        resolved: Mapping[str, Collection[str]],
    ) -> None:
        self._lines = lines
        self._users = {trunk.name: trunk.username for trunk in trunks if trunk.username}
        sources = [(trunk.name, source) for trunk in trunks for source in _sources(trunk, resolved)]
        # a flood comes from many addresses, so what is kept of them is bounded
        self._names = lru_cache(maxsize=4096)(lambda peer: _names(sources, peer))

    def trunk(self, peer: Peer, *, line: str | None, users: Collection[str]) -> str | None:
        """The name of the trunk that a request came by, None for a stranger.

        :param line: the line parameter of the Request-URI
        :param users: user parts of Request-URI and To: they tell the accounts of one registrar apart
        """
        if line is not None and (named := self._lines.get(line)):
            return named
        names = self._names(peer)
        return next((name for name in names if self._users.get(name) in users), names[0] if names else None)

    def knows(self, peer: Peer, *, line: str | None = None) -> bool:
        """Whether requests from there, or with that line parameter, are some trunk's."""
        return line in self._lines or bool(self._names(peer))


def _names(sources: Sequence[tuple[str, Source]], peer: Peer) -> list[str]:
    return [name for name, source in sources if source.holds(peer.address, peer.port, peer.transport)]


def _sources(trunk: TrunkSettings, resolved: Mapping[str, Collection[str]]) -> Iterable[Source]:
    yield from (parse_source(text) for text in trunk.allow)
    for gateway in trunk.gateways:
        if gateway.inbound and (address := literal(gateway.host)):
            length = address.max_prefixlen if gateway.netmask is None else min(gateway.netmask, address.max_prefixlen)
            yield Source(ipaddress.ip_network((address, length), strict=False))
    yield from (Source(ipaddress.ip_network(address)) for address in resolved.get(trunk.name, ()))


def literal(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The address that a host is, None for a name."""
    try:
        return ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return None
