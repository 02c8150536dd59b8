"""From a host name to addresses (RFC 3263): NAPTR, SRV, A, AAAA. A slow name server delays nobody."""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import dns.asyncresolver
import dns.exception
import dns.resolver

from gateway.errors import ParleyError
from gateway.trunk.targets import Target

_DEFAULT_PORT = 5060
_SERVICES = {"udp": "SIP+D2U", "tcp": "SIP+D2T"}
LOCATED_TRANSPORTS = frozenset(_SERVICES)
_HOSTS_SECONDS = 300.0
HOSTS_FILE = Path("/etc/hosts")

Kind = Literal["A", "AAAA"]
IPV4_ONLY: tuple[Kind, ...] = ("A",)
BOTH_KINDS: tuple[Kind, ...] = ("A", "AAAA")
_VERSIONS: dict[Kind, int] = {"A": 4, "AAAA": 6}
PRIORITIES = 1 << 16
"""Of SRV records; each family of addresses has so many of its own."""


@dataclass(frozen=True, slots=True)
class HostName:
    """What is looked up: with a port its addresses only, without one the services of its domain first."""

    name: str
    port: int | None
    transport: str


@dataclass(frozen=True, slots=True)
class Located:
    """Who was found, and for how many seconds that holds."""

    targets: tuple[Target, ...]
    seconds: float


class NotLocated(ParleyError):
    """No address of a host could be found out."""


def kinds_of(hosts: Sequence[str]) -> tuple[Kind, ...]:
    """The addresses that can be reached from these of ours, the preferred first."""
    return tuple("AAAA" if _version(host) == _VERSIONS["AAAA"] else "A" for host in hosts)


def make_resolver() -> dns.asyncresolver.Resolver:
    """One that asks the system's name servers. :raises NotLocated: when it names none."""
    try:
        return dns.asyncresolver.Resolver()
    except dns.resolver.NoResolverConfiguration as error:
        raise NotLocated("The system names no name server; add one to /etc/resolv.conf.") from error


async def locate(host: HostName, resolver: dns.asyncresolver.Resolver, kinds: Sequence[Kind] = IPV4_ONLY) -> Located:
    """Who stands behind a host name.

    :param kinds: the addresses that can be reached; those of the second come after all of the first
    :raises NotLocated: when nobody answers, or nobody does
    """
    if known := _in_hosts_file(host.name, kinds):
        return Located(_targets(known, host.port or _DEFAULT_PORT, kinds), _HOSTS_SECONDS)
    try:
        found = _addresses(host.name, host.port, resolver, kinds) if host.port else _services(host, resolver, kinds)
        located = await found
    except (dns.exception.DNSException, OSError) as error:
        raise NotLocated(f"The name server has no address of {host.name}: {_reason(error)}.") from error
    if not located.targets:
        raise NotLocated(f"None of the hosts of {host.name} has an address.")
    return located


async def _services(host: HostName, resolver: dns.asyncresolver.Resolver, kinds: Sequence[Kind]) -> Located:
    try:
        services = await resolver.resolve(await _service_name(host, resolver), "SRV")
    except (dns.resolver.NoAnswer, dns.resolver.NXDOMAIN):
        return await _addresses(host.name, _DEFAULT_PORT, resolver, kinds)
    records = [(str(one.target).rstrip("."), one.port, one.priority, one.weight) for one in services]
    found = await asyncio.gather(
        *(_addresses(name, port, resolver, kinds) for name, port, *_ in records), return_exceptions=True
    )
    targets = [
        replace(one, priority=one.priority + priority, weight=weight)
        for (_, _, priority, weight), located in zip(records, found, strict=True)
        if isinstance(located, Located)
        for one in located.targets
    ]
    lifetimes = [one.seconds for one in found if isinstance(one, Located)]
    return Located(tuple(targets), min([_lifetime(services), *lifetimes]))


async def _service_name(host: HostName, resolver: dns.asyncresolver.Resolver) -> str:
    default = f"_sip._{host.transport}.{host.name}"
    try:
        pointers = await resolver.resolve(host.name, "NAPTR")
    except (dns.resolver.NoAnswer, dns.resolver.NXDOMAIN, dns.resolver.NoNameservers):
        # some name servers know no NAPTR and fail
        return default
    wanted = _SERVICES[host.transport]
    fitting = sorted(
        (one.order, one.preference, str(one.replacement).rstrip("."))
        for one in pointers
        if one.service.decode().upper() == wanted and one.flags.lower() == b"s"
    )
    return fitting[0][2] if fitting else default


async def _addresses(name: str, port: int, resolver: dns.asyncresolver.Resolver, kinds: Sequence[Kind]) -> Located:
    answers = await asyncio.gather(*(resolver.resolve(name, kind) for kind in kinds), return_exceptions=True)
    found = [one for one in answers if not isinstance(one, BaseException)]
    if not found:
        # a name that one of the families knows is known
        raise next(one for one in answers if isinstance(one, BaseException))
    addresses = [str(one.address) for answer in found for one in answer]
    return Located(_targets(addresses, port, kinds), min(map(_lifetime, found)))


def _targets(addresses: Iterable[str], port: int, kinds: Sequence[Kind]) -> tuple[Target, ...]:
    versions = [_VERSIONS[kind] for kind in kinds]
    return tuple(Target(one, port, PRIORITIES * versions.index(_version(one))) for one in addresses)


def _lifetime(answer: dns.resolver.Answer) -> float:
    return float(answer.rrset.ttl) if answer.rrset is not None else 0.0


def _reason(error: Exception) -> str:
    return str(error).partition(":")[0].rstrip(".") or type(error).__name__


def _in_hosts_file(name: str, kinds: Sequence[Kind]) -> list[str]:
    try:
        lines = HOSTS_FILE.read_text(errors="replace").splitlines()
    except OSError:
        return []
    found = (words[0] for words in _words(lines) if name.lower() in (word.lower() for word in words[1:]))
    return [one for one in found if _version(one) in {_VERSIONS[kind] for kind in kinds}]


def _words(lines: Iterable[str]) -> Iterable[list[str]]:
    return (words for line in lines if len(words := line.partition("#")[0].split()) > 1)


def _version(text: str) -> int:
    """4 or 6; 0 for what is no address."""
    try:
        return ipaddress.ip_address(text).version
    except ValueError:
        return 0
