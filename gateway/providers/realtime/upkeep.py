"""A connection that is there when it is needed: opened again when it is lost, renewed before the provider ends it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from typing import Protocol

import structlog

from gateway.errors import ProviderError, ProviderUnavailable
from gateway.providers.realtime.connection import Connection, ServerEvent
from gateway.providers.realtime.history import ClientEvent

_PAUSES = (0.0, 0.2, 0.5, 1.0, 2.0)
"""Seconds before each attempt to open it again."""
_BUSY_SECONDS = 0.5

logger = structlog.get_logger(__name__)


class User(Protocol):
    """Who uses the connection."""

    def handle(self, event: ServerEvent) -> None:
        """The server sent an event. :raises ProviderError: it is not as documented"""

    def opened(self) -> None:
        """There is a new connection, that knows nothing yet."""

    def lost(self, error: ProviderError) -> None:
        """The connection is gone, and all that was under way on it; another is being opened."""

    def gone(self, error: ProviderError) -> None:
        """There will be no other."""

    @property
    def busy(self) -> bool:
        """This is no moment to renew it."""


class Upkeep:
    """:param connect: opens a connection that is ready for use
    :param seconds: after which it is renewed, in the next quiet moment"""

    def __init__(self, user: User, connect: Callable[[], Awaitable[Connection]], *, seconds: float, who: str) -> None:
        self._user = user
        self._connect = connect
        self._seconds = seconds
        self._who = who
        self._connection: Connection | None = None
        self._ready = asyncio.Event()
        self._failure: ProviderError | None = None
        self._keeping: asyncio.Task[None] | None = None
        self._reading: asyncio.Task[ProviderError] | None = None
        self._renewal: asyncio.TimerHandle | None = None
        self._closing: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Open it, for the first time. :raises ProviderError: it cannot be opened"""
        self._took(await self._connect())
        self._keeping = asyncio.create_task(self._keep(), name=f"session of {self._who}")

    async def ready(self, seconds: float) -> None:
        """Wait until it is open.

        :raises ProviderError: it will not be, or not in time
        """
        try:
            async with asyncio.timeout(seconds):
                await self._ready.wait()
        except TimeoutError:
            raise ProviderUnavailable(f"{self._who} is not connected, and could not be for {seconds:g} s.") from None
        if self._failure is not None:
            raise self._failure

    def send(self, event: ClientEvent) -> None:
        """Send, while it is open."""
        if self._connection is not None:
            self._connection.send(event)

    def drop(self) -> None:
        """Give this connection up, and open another."""
        if self._reading is not None:
            self._reading.cancel()
        if self._connection is not None:
            connection, self._connection = self._connection, None
            self._ready.clear()
            closing = asyncio.create_task(connection.close(), name=f"close {self._who}")
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)

    async def close(self) -> None:
        """End it. Never raises `ProviderError`."""
        if self._renewal is not None:
            self._renewal.cancel()
        for task in (self._keeping, self._reading):
            if task is not None:
                task.cancel()
                await asyncio.wait([task])
        if self._connection is not None:
            await self._connection.close()
        if self._closing:
            await asyncio.wait(self._closing)

    # ------------------------------------------------------------ its life

    def _took(self, connection: Connection) -> None:
        self._connection = connection
        self._renewal = asyncio.get_running_loop().call_later(self._seconds, self._renew)
        self._ready.set()

    def _renew(self) -> None:
        if self._user.busy:
            self._renewal = asyncio.get_running_loop().call_later(_BUSY_SECONDS, self._renew)
        else:
            self.drop()

    async def _keep(self) -> None:
        connection = self._connection
        while connection is not None:
            error = await self._read_on(connection)
            self._ready.clear()
            if self._renewal is not None:
                self._renewal.cancel()
            self.drop()
            self._user.lost(error)
            connection = await self._open_again(error)

    async def _read_on(self, connection: Connection) -> ProviderError:
        """Until the connection is lost or given up: a server that hangs would not even take part in closing it."""
        self._reading = asyncio.create_task(self._read(connection), name=f"read from {self._who}")
        try:
            await asyncio.wait([self._reading])
        finally:
            self._reading.cancel()
        if self._reading.cancelled():
            return ProviderUnavailable(f"{self._who} was given up.")
        return self._reading.result()

    async def _read(self, connection: Connection) -> ProviderError:
        try:
            async with aclosing(connection.events()) as events:
                async for event in events:
                    self._user.handle(event)
        except ProviderError as error:
            return error
        return ProviderUnavailable(f"{self._who} ended the session.")

    async def _open_again(self, error: ProviderError) -> Connection | None:
        logger.warning("session lost, opening another", who=self._who, error=str(error))
        for pause in _PAUSES:
            await asyncio.sleep(pause)
            try:
                connection = await self._connect()
            except ProviderError as failure:
                error = failure
                if failure.permanent:
                    break
            else:
                self._took(connection)
                self._user.opened()
                return connection
        self._failure = error
        self._ready.set()
        self._user.gone(error)
        return None
