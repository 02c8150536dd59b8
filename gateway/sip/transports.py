"""Where the stack listens, and the TLS transports of trunks that are known by certificates of their own. On the owner
thread."""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import structlog

from gateway.errors import ConfigError, SetupError
from gateway.sip.certificates import TlsFiles
from gateway.sip.library import error_text, is_address_in_use, pj
from gateway.sip.settings import SipSettings, is_any, is_ipv6
from gateway.sip.tls_listener import expect, listen_again
from gateway.trunk.protection import Transport
from gateway.trunk.settings import TrunkSettings

log = structlog.get_logger(__name__)

UNBOUND = -1
"""PJSUA_INVALID_ID: an account of no particular transport."""
_HANDSHAKE_MS = 10_000
_TLS_1_2, _TLS_1_3 = 1 << 4, 1 << 5
"""PJ_SSL_SOCK_PROTO_TLS1_2 and _TLS1_3."""


@dataclass(frozen=True, slots=True)
class Listener:
    """One listening socket; `port` 0 is any, for a transport that is there to call out."""

    transport: Transport
    host: str
    port: int
    files: TlsFiles | None = None
    verify_server: bool = True
    verify_client: bool = False
    server_name: str = ""
    """Whom connections must lead to; empty: their host."""

    @property
    def kind(self) -> int:
        """The stack's transport type."""
        name = f"PJSIP_TRANSPORT_{self.transport.upper()}{'6' if is_ipv6(self.host) else ''}"
        return int(getattr(pj, name))


def listeners(sip: SipSettings, trunks: Iterable[TrunkSettings]) -> list[Listener]:
    """What the settings ask for. TLS comes for trunks that call by it, too, though nobody can connect to it then."""
    found = [Listener(name, host, sip.port) for host in sip.hosts for name in sip.transports if name != "tls"]
    if "tls" in sip.transports or any(trunk.transport == "tls" for trunk in trunks):
        found += [_tls_listener(sip, host) for host in sip.hosts]
    return found


def _tls_listener(sip: SipSettings, host: str) -> Listener:
    offered = "tls" in sip.transports
    tls = sip.tls
    files = TlsFiles("sip.tls", tls.certificate_file, tls.key_file, tls.ca_file)
    return Listener("tls", host, tls.port if offered else 0, files, verify_client=tls.verify_client or not offered)


def transport_config(listener: Listener, sip: SipSettings) -> Any:
    """TransportConfig of a listener."""
    config = pj.TransportConfig()
    config.port = listener.port
    set_addresses(config, sip, [listener.host])
    if listener.files is not None:
        _set_tls(config.tlsConfig, listener, listener.files)
    return config


def _set_tls(config: Any, listener: Listener, files: TlsFiles) -> None:
    config.proto = _TLS_1_2 | _TLS_1_3
    config.verifyServer = listener.verify_server
    config.verifyClient = config.requireClientCert = listener.verify_client
    config.msecTimeout = _HANDSHAKE_MS
    config.enableRenegotiation = False
    config.CaListFile = str(files.authorities or "")
    config.certFile, config.privKeyFile = str(files.certificate_file or ""), str(files.key_file or "")


def set_addresses(config: Any, sip: SipSettings, hosts: list[str], public_address: str | None = None) -> None:
    """What a TransportConfig binds to, and what it tells others, when it has one of the address's family."""
    public = public_address or sip.public_address or ""
    if any(is_ipv6(host) == is_ipv6(public) for host in hosts):
        config.publicAddress = public
    named = [host for host in hosts if not is_any(host)]
    if named:
        config.boundAddress = named[0]


class Transports:
    """The transports of a running stack, and what they were made of."""

    def __init__(self, sip: SipSettings) -> None:
        self._sip = sip
        self._library: Any = None
        self._made: dict[int, Listener] = {}
        """By the stack's id, in the order of making: a call of no trunk takes the first that fits."""
        self._stamps: dict[TlsFiles, tuple[int, ...]] = {}
        self.address = ""
        """host:port of the first, as others may reach it."""

    def bind(self, library: Any, trunks: Iterable[TrunkSettings]) -> None:
        """Listen.

        :raises SetupError: when a port is in use or an address is not ours
        :raises ConfigError: when a certificate cannot be used
        """
        self._library = library
        for listener in listeners(self._sip, trunks):
            identifier = self._make(listener)
            self.address = self.address or str(library.transportGetInfo(identifier).localName)

    def of_trunk(self, trunk: TrunkSettings) -> int:
        """The stack's id of the transport that a trunk must use; UNBOUND when any of its kind will do.

        :raises SetupError: when the trunk's own cannot be made
        :raises ConfigError: when its certificate cannot be used
        """
        if trunk.transport != "tls":
            return UNBOUND
        host = self._host_towards(trunk)
        # that of no trunk comes first, for calls without one
        common = self._get(_tls_listener(self._sip, host))
        return self._get(_trunk_listener(trunk, host)) if trunk.tls else common

    def reload(self) -> None:
        """Read certificates again that were replaced; calls and connections stay. What cannot be used is logged, and
        the one that was read before goes on."""
        changed = [files for files, stamps in self._stamps.items() if files.stamps() != stamps]
        usable = {files for files in changed if self._take(files)}
        # all of them, in the order of making: one that listens anew is the last in the stack's list
        if usable:
            for identifier, listener in self._made.items():
                if listener.files is not None:
                    self._listen_again(identifier, listener)

    def close(self) -> None:
        """The stack is gone, and its transports with it."""
        self._library = None
        self._made.clear()
        self._stamps.clear()

    def _host_towards(self, trunk: TrunkSettings) -> str:
        wanted = is_ipv6(trunk_host(trunk))
        return next((host for host in self._sip.hosts if is_ipv6(host) == wanted), self._sip.hosts[0])

    def _get(self, wanted: Listener) -> int:
        same = (identifier for identifier, listener in self._made.items() if _same(listener, wanted))
        found = next(same, None)
        return self._make(wanted) if found is None else found

    def _make(self, listener: Listener) -> int:
        if listener.files is not None:
            listener.files.check(datetime.datetime.now(datetime.UTC))
            self._stamps[listener.files] = listener.files.stamps()
        try:
            identifier = int(self._library.transportCreate(listener.kind, transport_config(listener, self._sip)))
        except pj.Error as error:
            raise SetupError(_bind_failure(listener, error)) from None
        if listener.server_name and (status := expect(identifier, listener.server_name)):
            raise SetupError(f"The TLS name {listener.server_name!r} cannot be used (pjlib's status {status}).")
        self._made[identifier] = listener
        return identifier

    def _take(self, files: TlsFiles) -> bool:
        self._stamps[files] = files.stamps()
        try:
            files.check(datetime.datetime.now(datetime.UTC))
        except ConfigError as error:
            log.error("sip.certificate_refused", reason=str(error))
            return False
        return True

    def _listen_again(self, identifier: int, listener: Listener) -> None:
        status = listen_again(identifier, transport_config(listener, self._sip))
        if status:
            log.error("sip.certificate_reload_failed", listener=f"{listener.host}:{listener.port}", status=status)
        else:
            log.info("sip.certificate_reloaded", file=str(listener.files and listener.files.certificate_file))


def trunk_host(trunk: TrunkSettings) -> str:
    """The host that a trunk is reached at, without port."""
    text = (trunk.registrar or (trunk.gateways[0].host if trunk.gateways else "")).rpartition("sip:")[2]
    return text[1 : text.find("]")] if text.startswith("[") else text if text.count(":") > 1 else text.partition(":")[0]


def _trunk_listener(trunk: TrunkSettings, host: str) -> Listener:
    tls = trunk.tls
    assert tls is not None
    files = TlsFiles(f"tls of the trunk {trunk.name!r}", tls.certificate_file, tls.key_file, tls.ca_file)
    return Listener(
        "tls", host, 0, files, verify_server=tls.verify, verify_client=True, server_name=tls.server_name or ""
    )


def _same(one: Listener, other: Listener) -> bool:
    """Trunks whose files are the same share a transport."""
    if one.files is None or other.files is None:
        return False
    return replace(one, files=replace(one.files, setting="")) == replace(other, files=replace(other.files, setting=""))


def _bind_failure(listener: Listener, error: Exception) -> str:
    port = "sip.tls.port" if listener.transport == "tls" else "sip.port"
    if is_address_in_use(error):
        return (
            f"Port {listener.port}/{listener.transport} (setting {port}) is in use by another program; "
            f"stop that program or choose another {port}."
        )
    return (
        f"The {listener.transport} transport cannot listen on {listener.host}:{listener.port} (settings sip.host and "
        f"{port}): {error_text(error)}."
    )
