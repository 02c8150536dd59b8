"""Asks the name servers, as the gateway does."""

from __future__ import annotations

import asyncio

import dns.asyncresolver
import dns.exception

from gateway.doctor.names import NameFacts
from gateway.sip.lookup import LOCATED_TRANSPORTS, HostName, NotLocated, locate, make_resolver
from gateway.trunk.settings import TrunkSettings

_SECONDS = 8.0
_TLS_PORT = 5061


async def look_up(
    name: str, port: int | None, transport: str, resolver: dns.asyncresolver.Resolver | None = None
) -> NameFacts:
    """Every address of a host.

    :param resolver: default: one that asks the system's name servers
    """
    try:
        async with asyncio.timeout(_SECONDS):
            resolver = resolver or make_resolver()
            addresses6 = await _ipv6(name, resolver)
            default = _TLS_PORT if transport not in LOCATED_TRANSPORTS else None
            # the stack looks up what is verified by a name by itself, and takes the port of the settings or 5061
            located = await locate(HostName(name, port or default, _located(transport)), resolver)
    except NotLocated as error:
        return NameFacts(name, transport, problem=str(error))
    except TimeoutError:
        return NameFacts(name, transport, problem=f"No name server answered within {_SECONDS:.0f} s.")
    return NameFacts(name, transport, located.targets, addresses6)


def _located(transport: str) -> str:
    return transport if transport in LOCATED_TRANSPORTS else "tcp"


async def _ipv6(name: str, resolver: dns.asyncresolver.Resolver) -> list[str]:
    try:
        return [str(one.address) for one in await resolver.resolve(name, "AAAA")]
    except (dns.exception.DNSException, OSError):
        return []


def hosts_of(trunk: TrunkSettings) -> list[tuple[str, int | None, str]]:
    """(host, port, transport) of the registrar and of the gateways that are called."""
    from gateway.sip.trunk import registrar_uri

    uri = registrar_uri(trunk)
    found = [(uri.host.strip("[]"), uri.port, str(trunk.transport))] if uri else []
    found += [
        (one.host.strip("[]"), one.port, str(one.transport or trunk.transport))
        for one in trunk.gateways
        if one.outbound
    ]
    return list(dict.fromkeys(found))
