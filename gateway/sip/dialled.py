"""What is dialled: To, From and Request-URI of an outbound call. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from gateway.errors import LegError
from gateway.sip.headers import parse_uri
from gateway.sip.trunk import gateway_uri, transport_parameter, trunk_addresses
from gateway.trunk.choice import gateways_in_order
from gateway.trunk.numbers import formatted
from gateway.trunk.settings import TrunkGateway, TrunkSettings
from gateway.trunk.state import GatewayState


@dataclass(frozen=True, slots=True)
class Way:
    """URIs of a call: To, From (empty for the account's own), and the Request-URI, empty when it is that of To; and
    headers that go with the INVITE."""

    to: str
    caller: str
    target: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


def direct_way(destination: str, caller: str | None, *, domain: str) -> Way:
    """A call without a trunk. :raises LegError: when the destination is no SIP URI."""
    if ":" not in destination:
        raise LegError(f"{destination!r} is no SIP URI; write sip:user@host or name the trunk to call through.")
    return Way(_uri(destination), _caller(caller, domain))


def trunk_way(
    destination: str,
    caller: str | None,
    *,
    trunk: TrunkSettings,
    gateway: str | None,
    states: Mapping[str, GatewayState],
    chance: Callable[[], float],
) -> Way:
    """A call through a trunk.

    :param gateway: the gateway to send it to; default: the best of the trunk, or its registrar
    :raises LegError: when the destination is no address, or there is no such gateway
    """
    addresses = trunk_addresses(trunk)
    domain = addresses.domain
    written = formatted(trunk, destination, caller, domain=domain)
    from_uri = _caller(written.caller, addresses.own_host)
    if ":" in destination:
        return Way(_uri(destination), from_uri, headers=written.headers)
    chosen = _gateway(trunk, gateway or next(iter(gateways_in_order(trunk, states, chance)), None))
    to = _uri(f"sip:{escaped(written.user)}@{domain}")
    registrar = to + transport_parameter(trunk.transport)
    target = gateway_uri(trunk, chosen, escaped(written.user)) if chosen else registrar
    return Way(to, from_uri, "" if target == to else target, written.headers)


def _gateway(trunk: TrunkSettings, named: str | None) -> TrunkGateway | None:
    if named is not None:
        found = next((one for one in trunk.gateways if one.outbound and one.name == named), None)
        if found is None:
            raise LegError(f"The trunk {trunk.name!r} has no gateway {named!r} that may be called.")
        return found
    if trunk.registrar is None:
        raise LegError(f"The trunk {trunk.name!r} has no gateway that may be called; add one under its gateways.")
    return None


def _uri(text: str) -> str:
    if parse_uri(text) is None:
        raise LegError(f"{text!r} is no SIP URI; write sip:user@host.")
    return text


def _caller(caller: str | None, domain: str) -> str:
    return f"sip:{caller}@{domain}" if caller and ":" not in caller else caller or ""


def escaped(user: str) -> str:
    """A user part as it is written in a URI: # is no character of one (RFC 3261 section 25.1)."""
    return user.replace("%", "%25").replace("#", "%23")
