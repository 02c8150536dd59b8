"""Whom a URL may name: public addresses, and those that the operator allows.

A name is resolved once, each of its addresses is judged, and the connection goes to an address that was judged. So a
name that answers differently the next time (DNS rebinding) gains nothing.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from ipaddress import IPv4Network, IPv6Network, ip_network
from urllib.parse import SplitResult, urlsplit

from gateway.egress.addresses import Address, forms, is_public, read_address
from gateway.errors import ForbiddenAddress

RESOLVE_SECONDS = 5.0
_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""The addresses of a host, as text; the port only picks the service. Raises OSError when there are none."""


@dataclass(frozen=True, slots=True)
class Checked:
    """A URL's host and port, with its addresses that may be connected to, as text."""

    host: str
    port: int
    addresses: tuple[str, ...]


async def system_resolve(host: str, port: int) -> Sequence[str]:
    """What the system's resolver says. It takes decimal, octal and hexadecimal forms of an IPv4 address for what they
    mean, so they are judged as what they are."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class Guard:
    """Judges hosts.

    :param allow: host names as shell patterns, addresses and networks in CIDR notation
    """

    def __init__(self, allow: Iterable[str] = (), *, resolve: Resolve = system_resolve) -> None:
        self._resolve = resolve
        self._networks: list[IPv4Network | IPv6Network] = []
        self._patterns: list[str] = []
        for entry in allow:
            try:
                self._networks.append(ip_network(entry, strict=False))
            except ValueError:
                self._patterns.append(_plain(entry))

    async def addresses(self, host: str, port: int) -> tuple[str, ...]:
        """The addresses of a host that may be connected to, in the resolver's order.

        :raises ForbiddenAddress: it has only others
        :raises OSError: it has none, or the resolver does not answer
        """
        async with asyncio.timeout(RESOLVE_SECONDS):
            found = await self._resolve(host, port)
        named = any(fnmatchcase(_plain(host), pattern) for pattern in self._patterns)
        permitted = tuple(address for address in found if named or self._permits(read_address(address)))
        if found and not permitted:
            raise ForbiddenAddress(
                f"{host} is at {', '.join(found)}, which is no public address; add {host} to egress.allow in "
                "parley.yaml if requests may go there."
            )
        return permitted

    @property
    def patterns(self) -> Sequence[str]:
        """Of host names that may be anywhere."""
        return tuple(self._patterns)

    def permits(self, address: str) -> bool:
        """Whether an address, as a resolver gives it, may be connected to. Nobody's name is asked for here."""
        try:
            return self._permits(read_address(address))
        except ValueError:
            return False

    async def check(self, url: str) -> Checked:
        """A URL of http, https, ws or wss with its addresses.

        :raises ForbiddenAddress: it names no such address, or none that may be connected to
        :raises OSError: its host is not known
        """
        parts = _parts(url)
        host, port = parts.hostname or "", parts.port or _PORTS[parts.scheme.lower()]
        return Checked(host, port, await self.addresses(host, port))

    def _permits(self, address: Address) -> bool:
        return is_public(address) or any(form in network for form in forms(address) for network in self._networks)


async def check_url(url: str, allow: Iterable[str] = ()) -> Checked:
    """`Guard.check` for those who ask once, such as sockets: connect to one of the addresses, not to the host."""
    return await Guard(allow).check(url)


def _parts(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        valid = parts.scheme.lower() in _PORTS and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        valid = False
    if not valid:
        raise ForbiddenAddress(f"{url!r} is no URL with a host that can be asked; write https://host/path.")
    return parts


def _plain(host: str) -> str:
    return host.rstrip(".").lower()
