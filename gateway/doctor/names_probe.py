"""Asks the name servers, as the gateway does."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import dns.asyncresolver

from gateway.doctor.names import NameFacts
from gateway.sip.lookup import (
    BOTH_KINDS,
    IPV4_ONLY,
    LOCATED_TRANSPORTS,
    HostName,
    Kind,
    NotLocated,
    locate,
    make_resolver,
)
from gateway.trunk.settings import TrunkSettings

_SECONDS = 8.0
_TLS_PORT = 5061


async def look_up(
    name: str,
    port: int | None,
    transport: str,
    kinds: Sequence[Kind] = IPV4_ONLY,
    resolver: dns.asyncresolver.Resolver | None = None,
) -> NameFacts:
    """Every address of a host that can be reached.

    :param kinds: of addresses that we have, too
    :param resolver: default: one that asks the system's name servers
    """
    default = _TLS_PORT if transport not in LOCATED_TRANSPORTS else None
    # the stack looks up what is verified by a name by itself, and takes the port of the settings or 5061
    host = HostName(name, port or default, _located(transport))
    try:
        async with asyncio.timeout(_SECONDS):
            resolver = resolver or make_resolver()
            try:
                located = await locate(host, resolver, kinds)
            except NotLocated as error:
                return NameFacts(name, transport, problem=str(error), beyond=await _beyond(host, resolver, kinds))
    except NotLocated as error:
        return NameFacts(name, transport, problem=str(error))
    except TimeoutError:
        return NameFacts(name, transport, problem=f"No name server answered within {_SECONDS:.0f} s.")
    return NameFacts(name, transport, located.targets)


def _located(transport: str) -> str:
    return transport if transport in LOCATED_TRANSPORTS else "tcp"


async def _beyond(host: HostName, resolver: dns.asyncresolver.Resolver, kinds: Sequence[Kind]) -> list[str]:
    """Addresses of the family that we have none of."""
    others = [kind for kind in BOTH_KINDS if kind not in kinds]
    try:
        return [one.address for one in (await locate(host, resolver, others)).targets] if others else []
    except NotLocated:
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
