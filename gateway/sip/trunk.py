"""Trunks as SIP sees them: the addresses made of a trunk's settings."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from gateway.errors import ConfigError
from gateway.sip.headers import SipUri, parse_uri
from gateway.sip.settings import SipSettings
from gateway.trunk.settings import TrunkGateway, TrunkSettings
from gateway.trunk.targets import Target

LINE_PARAMETER = "line"
"""URI parameter of our contact at a registrar; it comes back in the Request-URI (RFC 3261 section 10.2.1)."""

ANONYMOUS_USER = "parley"
"""Who we are at a trunk that has no user name for us."""


@dataclass(frozen=True, slots=True)
class TrunkAddresses:
    """URIs of a trunk: who we are there, where to register if anywhere, and the route to it when the domain is not its
    host."""

    identity: str
    registrar: str | None
    route: str | None
    domain: str
    line: str
    own_host: str
    """The host of From."""


def trunk_addresses(trunk: TrunkSettings) -> TrunkAddresses:
    """The URIs of a trunk.

    :raises ConfigError: when the registrar is no SIP address
    """
    uri = _registrar(trunk)
    if uri is None:
        domain = trunk.domain or next((one.name for one in trunk.gateways), "localhost")
        own_host = trunk.contact_host or domain
        identity = f"sip:{trunk.username or ANONYMOUS_USER}@{own_host}"
        return TrunkAddresses(identity, None, None, domain, line_of(trunk), own_host)
    host = host_port(uri.host, uri.port)
    registrar = f"sip:{host}{transport_parameter(trunk.transport)}"
    domain = trunk.domain or host
    route = None if domain == host else f"<{registrar};lr>"
    return TrunkAddresses(f"sip:{trunk.username}@{domain}", registrar, route, domain, line_of(trunk), domain)


def target_route(target: Target, transport: str) -> str:
    """The way to one host of a registrar; it stands in no message."""
    return f"<{target_uri(target, transport)};lr;hide>"


def target_uri(target: Target, transport: str) -> str:
    """The URI of one host of a registrar."""
    return f"sip:{host_port(target.address, target.port)}{transport_parameter(transport)}"


def gateway_uri(trunk: TrunkSettings, gateway: TrunkGateway, user: str = "") -> str:
    """The URI of a gateway, or of `user` there."""
    at = f"{user}@" if user else ""
    return f"sip:{at}{gateway.name}{transport_parameter(gateway.transport or trunk.transport)}"


def host_port(host: str, port: int | None) -> str:
    """`host` or `host:port`, an IPv6 address in brackets."""
    bracketed = f"[{host}]" if ":" in host and not host.startswith("[") else host
    return f"{bracketed}:{port}" if port else bracketed


def transport_parameter(transport: str) -> str:
    """What a URI says of its transport (RFC 3261 section 19.1.1): nothing for UDP."""
    return "" if transport == "udp" else f";transport={transport}"


def own_contact(sip: SipSettings, trunk: TrunkSettings, user: str = "") -> str:
    """Our Contact at a trunk that reaches us by a name, or at another address than the others do; else empty.

    :param user: its user part; without one it stands for the whole gateway
    """
    host = trunk.contact_host or trunk.public_address
    if not host:
        return ""
    at = f"{user}@" if user else ""
    port = sip.tls.port if trunk.transport == "tls" else sip.port
    line = f";{LINE_PARAMETER}={line_of(trunk)}" if trunk.registrar is not None else ""
    return f"<sip:{at}{host_port(host, port)}{transport_parameter(trunk.transport)}{line}>"


def _registrar(trunk: TrunkSettings) -> SipUri | None:
    if trunk.registrar is None:
        return None
    text = trunk.registrar if trunk.registrar.startswith(("sip:", "sips:")) else f"sip:{trunk.registrar}"
    uri = parse_uri(text)
    if uri is None or not uri.host:
        raise ConfigError(
            f"The trunk {trunk.name!r} has the registrar {trunk.registrar!r}; write it as host or host:port."
        )
    return uri


def registrar_uri(trunk: TrunkSettings) -> SipUri | None:
    """Where a trunk registers. :raises ConfigError: when the registrar is no SIP address."""
    return _registrar(trunk)


def line_of(trunk: TrunkSettings) -> str:
    """The value of the line parameter of a trunk: stable over restarts, not to be guessed without its password."""
    secret = f"{trunk.name}\0{trunk.username}\0{trunk.password.get_secret_value()}"
    return hashlib.sha256(secret.encode()).hexdigest()[:16]
