"""Guards every connection of an event loop that is opened on behalf of a tenant, whichever library opens it.

Providers connect by SDKs of their own. What they have in common is the loop's `sock_connect`, which gets the address
that the connection goes to, redirects, literal addresses and rebound names included: there it is judged.
"""

from __future__ import annotations

import asyncio
import socket
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from fnmatch import fnmatchcase
from typing import Any

from gateway.egress.guard import Guard

_guarded: ContextVar[bool] = ContextVar("guarded_connections", default=False)
_MOST_NAMED = 10_000
_INTERNET = (socket.AF_INET, socket.AF_INET6)


class ForbiddenConnection(PermissionError):
    """The address is not public, and no setting allows it. An OSError, as clients expect of a connection that fails."""


@contextmanager
def guarded_connections() -> Iterator[None]:
    """Connections that this task and those that it begins open are judged, on a loop with a guard."""
    token = _guarded.set(True)
    try:
        yield
    finally:
        _guarded.reset(token)


def guard_loop(loop: asyncio.AbstractEventLoop, guard: Guard) -> None:
    """Judge the connections of `loop` that are opened within `guarded_connections`."""
    named: OrderedDict[str, None] = OrderedDict()
    connect, resolve = loop.sock_connect, loop.getaddrinfo

    async def guarded_connect(sock: socket.socket, address: Any) -> None:
        if _guarded.get() and sock.family in _INTERNET:
            host = str(address[0])
            if host not in named and not guard.permits(host):
                raise ForbiddenConnection(
                    f"{host} is no public address; add it to egress.allow in parley.yaml if calls may connect to it"
                )
        await connect(sock, address)

    async def noting_resolve(host: Any, port: Any, **options: Any) -> Any:
        found = await resolve(host, port, **options)
        name = host.decode(errors="replace") if isinstance(host, bytes) else str(host or "")
        if any(fnmatchcase(name.rstrip(".").lower(), pattern) for pattern in guard.patterns):
            for entry in found:
                named[str(entry[4][0])] = None
            while len(named) > _MOST_NAMED:
                named.popitem(last=False)
        return found

    loop.sock_connect = guarded_connect  # type: ignore[method-assign]
    loop.getaddrinfo = noting_resolve  # type: ignore[method-assign]
