"""Gathers the facts of `gateway.doctor.machine`."""

from __future__ import annotations

import ctypes
import errno
import resource
import shutil
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

from gateway.doctor.machine import PortFacts, RtpFacts
from gateway.errors import NativeMissing
from gateway.settings import PORTS_PER_CALL, Settings
from gateway.sip.settings import is_any, is_ipv6

_TIMEX_BYTES = 1024
"""More than struct timex has anywhere."""
_TIME_ERROR = 5
"""adjtimex(2): the clock is not synchronised."""


def native_problem(settings: Settings) -> str | None:
    """Why the installed SIP stack does not do; None when it does."""
    try:
        from gateway.sip.bridge import limits
        from gateway.sip.configuration import check_limits

        check_limits(settings, limits())
    except NativeMissing as error:
        return str(error)
    return None


def sip_ports(settings: Settings) -> Iterator[PortFacts]:
    """Those of the signalling."""
    sip = settings.sip
    for host in sip.hosts:
        for transport in sip.transports:
            port, setting = (sip.tls.port, "sip.tls.port") if transport == "tls" else (sip.port, "sip.port")
            kind = socket.SOCK_DGRAM if transport == "udp" else socket.SOCK_STREAM
            yield _tried(setting, host, port, transport, kind)


def http_ports(settings: Settings) -> Iterator[PortFacts]:
    """Those of metrics, REST and media sockets that are named."""
    named = [("http.port", settings.http.host, settings.http.port)]
    if settings.api.enabled:
        named.append(("media.port", settings.media.host, settings.media.port))
        if settings.api.address is None:
            named.append(("api.port", settings.api.host, settings.api.port))
    return (_tried(setting, host, port, "tcp", socket.SOCK_STREAM) for setting, host, port in named if port)


def rtp(settings: Settings) -> RtpFacts:
    """The range, every port of it tried."""
    first, last = settings.rtp.ports
    host = settings.sip.hosts[0]
    blocked = [port for port in range(first, last + 1) if _bind_error(host, port, socket.SOCK_DGRAM)]
    fit = (last - first + 1) // PORTS_PER_CALL - 1
    return RtpFacts(first, last, settings.sip.max_calls, fit, blocked)


def descriptors() -> int:
    """Open files that this process may have, as one that is started the same way."""
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def disk(path: Path) -> tuple[int | None, str]:
    """Free bytes, and why it cannot be written, empty when it can. A directory that is not there is not made: its
    nearest parent counts."""
    place = next(one for one in (path.absolute(), *path.absolute().parents) if one.exists())
    try:
        with tempfile.TemporaryFile(dir=place):
            return shutil.disk_usage(place).free, ""
    except OSError as error:
        return None, (error.strerror or str(error)).lower()


def clock_synchronised() -> bool | None:
    """What the kernel says of its clock."""
    try:
        state = int(ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES)))
    except (OSError, AttributeError):
        return None
    return None if state < 0 else state != _TIME_ERROR


def _tried(setting: str, host: str, port: int, transport: str, kind: socket.SocketKind) -> PortFacts:
    error = _bind_error(host, port, kind)
    address = f"[{host}]:{port}" if is_ipv6(host) else f"{host}:{port}"
    if error is None:
        return PortFacts(setting, address, transport)
    taken = error.errno == errno.EADDRINUSE
    return PortFacts(setting, address, transport, taken=taken, error=(error.strerror or str(error)).lower())


def _bind_error(host: str, port: int, kind: socket.SocketKind) -> OSError | None:
    family = socket.AF_INET6 if is_ipv6(host) else socket.AF_INET
    with socket.socket(family, kind) as probe:
        if kind == socket.SOCK_STREAM:
            # as a server does: connections that linger are no listener
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6 and is_any(host):
            probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            return error
    return None
