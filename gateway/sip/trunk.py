"""Trunks as SIP sees them: the addresses made of a trunk's settings, and which trunk a request came by."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from gateway.errors import ConfigError
from gateway.settings import TrunkSettings
from gateway.sip.headers import SipMessage, SipUri, parse_address, parse_uri

LINE_PARAMETER = "line"
"""URI parameter of our contact at a registrar; it comes back in the Request-URI (RFC 3261 section 10.2.1)."""


@dataclass(frozen=True, slots=True)
class TrunkAddresses:
    """URIs of a trunk: who we are there, where to register, and the route to it when the domain is not its host."""

    identity: str
    registrar: str
    route: str | None
    domain: str
    line: str


def trunk_addresses(trunk: TrunkSettings) -> TrunkAddresses:
    """The URIs of a trunk.

    :raises ConfigError: when the registrar is no SIP address
    """
    uri = _registrar(trunk)
    host = f"{uri.host}:{uri.port}" if uri.port else uri.host
    suffix = ";transport=tcp" if trunk.transport == "tcp" else ""
    registrar = f"sip:{host}{suffix}"
    domain = trunk.domain or host
    route = None if domain == host else f"<{registrar};lr>"
    return TrunkAddresses(f"sip:{trunk.username}@{domain}", registrar, route, domain, line_of(trunk))


def _registrar(trunk: TrunkSettings) -> SipUri:
    text = trunk.registrar if trunk.registrar.startswith(("sip:", "sips:")) else f"sip:{trunk.registrar}"
    uri = parse_uri(text)
    if uri is None or not uri.host:
        raise ConfigError(
            f"The trunk {trunk.name!r} has the registrar {trunk.registrar!r}; write it as host or host:port."
        )
    return uri


def registrar_host(trunk: TrunkSettings) -> str:
    """The host that a trunk registers at. :raises ConfigError: when the registrar is no SIP address."""
    return _registrar(trunk).host


def line_of(trunk: TrunkSettings) -> str:
    """The value of the line parameter of a trunk: stable over restarts, not to be guessed without its password."""
    secret = f"{trunk.name}\0{trunk.username}\0{trunk.password.get_secret_value()}"
    return hashlib.sha256(secret.encode()).hexdigest()[:16]


def trunk_of_request(message: SipMessage, source_host: str, trunks: Iterable[TrunkSettings]) -> TrunkSettings | None:
    """The trunk whose registration a request came by.

    The line parameter says it; a registrar that drops it is known by its address and by our user name in the
    Request-URI or To. A user name alone proves nothing, anybody can dial it.
    """
    trunks = list(trunks)
    request = parse_uri(message.request_uri)
    line = request.parameters.get(LINE_PARAMETER) if request else None
    for trunk in trunks:
        if line == line_of(trunk):
            return trunk
    to = parse_uri(parse_address(message.first("to")).uri)
    users = {uri.user for uri in (request, to) if uri}
    return next((trunk for trunk in trunks if trunk.username in users and registrar_host(trunk) == source_host), None)
