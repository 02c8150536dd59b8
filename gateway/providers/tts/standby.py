"""Connections of a voice that are open before they are needed.

A handshake costs two or three round trips, which a caller would hear as silence. So one connection more than is in use
stands by while calls are held, is kept alive, and is replaced when it is lost or old. Standing by is not billed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass

import structlog

from gateway.errors import ProviderError
from gateway.providers.tts.connection import Speaker, SpeechConnection

logger = structlog.get_logger(__name__)

WARM_SECONDS = 300.0
"""After the last use or preparation nothing is kept open any longer."""
LOOK_SECONDS = 12.0
"""Between looks at what stands by. The shortest idle limit known is ElevenLabs' 20 s."""
SPARE_SECONDS = 60.0
"""A connection beyond the first that nobody used for this time is closed."""
MOST = 8
"""Connections that stand by at most."""
_CANCEL_SECONDS = 2.0
_CLOSE_SECONDS = 3.0


@dataclass(eq=False, slots=True)
class _Standing:
    """A connection with the times of its opening and of its last use."""

    connection: SpeechConnection
    opened: float
    used: float


class Standby:
    """The connections of one voice, for all calls of the process.

    :param look_seconds: how often those that stand by are looked after
    """

    def __init__(self, speaker: Speaker, *, look_seconds: float = LOOK_SECONDS) -> None:
        self._speaker = speaker
        self._look_seconds = look_seconds
        self._standing: list[_Standing] = []
        self._taken: dict[SpeechConnection, _Standing] = {}
        self._promised = 0
        self._opening = 0
        self._warm_until = 0.0
        self._wanted = asyncio.Event()
        self._keeper: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False

    async def prepare(self) -> None:
        """Have a connection for one call more.

        :raises ProviderError: it cannot be opened
        """
        self._promised = min(self._promised + 1, MOST)
        self._stay_warm()
        if len(self._standing) + self._opening < self._promised:
            await self._add()

    async def take(self, *, fresh: bool = False) -> tuple[SpeechConnection, bool]:
        """A connection for oneself alone, and whether it is new; `fresh`: it must be.

        :raises ProviderError: none stands by, and none can be opened
        """
        self._promised = max(0, self._promised - 1)
        self._stay_warm()
        while self._standing and not fresh:
            standing = self._standing.pop()
            if standing.connection.usable:
                return self._lend(standing), False
            self._own(self._end(standing.connection))
        return self._lend(await self._open()), True

    def give_back(self, connection: SpeechConnection, *, interrupted: bool = False) -> None:
        """It may stand by again; `interrupted`: its text is not spoken to the end, and is to be cancelled."""
        standing = self._taken.pop(connection)
        if interrupted:
            self._own(self._cancel(standing))
        else:
            self._put(standing)

    def drop(self, connection: SpeechConnection) -> None:
        """It is of no more use."""
        del self._taken[connection]
        self._own(self._end(connection))

    async def close(self) -> None:
        """Close all, also those in use."""
        self._closed = True
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.wait([self._keeper])
        for connection in [standing.connection for standing in self._standing] + list(self._taken):
            self._own(self._end(connection))
        self._standing.clear()
        if self._tasks:
            await asyncio.wait(self._tasks)

    # ------------------------------------------------------------ one connection

    async def _open(self) -> _Standing:
        connection = await self._speaker.connect()
        now = asyncio.get_running_loop().time()
        return _Standing(connection, now, now)

    def _lend(self, standing: _Standing) -> SpeechConnection:
        self._taken[standing.connection] = standing
        return standing.connection

    def _put(self, standing: _Standing) -> None:
        standing.used = asyncio.get_running_loop().time()
        if self._closed or not standing.connection.usable or len(self._standing) >= MOST:
            self._own(self._end(standing.connection))
        else:
            self._standing.append(standing)

    async def _cancel(self, standing: _Standing) -> None:
        try:
            async with asyncio.timeout(_CANCEL_SECONDS):
                await standing.connection.cancel()
        except (ProviderError, TimeoutError):
            await self._end(standing.connection)
        else:
            self._put(standing)

    async def _end(self, connection: SpeechConnection) -> None:
        try:
            async with asyncio.timeout(_CLOSE_SECONDS):
                await connection.close()
        except TimeoutError:
            logger.warning("connection did not close", provider=self._speaker.traits.name)

    # ------------------------------------------------------------ what stands by

    def _stay_warm(self) -> None:
        self._warm_until = asyncio.get_running_loop().time() + WARM_SECONDS
        self._wanted.set()
        if not self._closed and (self._keeper is None or self._keeper.done()):
            self._keeper = asyncio.create_task(self._keep(), name=f"standby of {self._speaker.traits.name}")

    async def _keep(self) -> None:
        """Look after the connections until nobody has wanted one for long."""
        loop = asyncio.get_running_loop()
        while loop.time() < self._warm_until:
            self._wanted.clear()
            await self._fill()
            try:
                async with asyncio.timeout(self._look_seconds):
                    await self._wanted.wait()
            except TimeoutError:
                await self._look(loop.time())
        for standing in list(self._standing):
            self._dismiss(standing)

    async def _fill(self) -> None:
        if not self._standing and not self._opening:
            try:
                await self._add()
            except ProviderError as error:
                logger.debug("no voice stands by", provider=self._speaker.traits.name, error=str(error))

    async def _add(self) -> None:
        self._opening += 1
        try:
            standing = await self._open()
        finally:
            self._opening -= 1
        self._put(standing)

    async def _look(self, now: float) -> None:
        """Drop what is lost, old or too much, and keep the rest alive."""
        for standing in list(self._standing):
            old = now - standing.opened > self._speaker.traits.session_seconds
            spare = now - standing.used > SPARE_SECONDS and len(self._standing) > 1
            if spare:
                self._promised = 0
            if old or spare or not standing.connection.usable:
                self._dismiss(standing)
            else:
                await self._refresh(standing)

    async def _refresh(self, standing: _Standing) -> None:
        try:
            await standing.connection.keep_alive()
        except ProviderError:
            self._dismiss(standing)

    def _dismiss(self, standing: _Standing) -> None:
        """End one that stands by, unless it was taken in the meantime."""
        if standing in self._standing:
            self._standing.remove(standing)
            self._own(self._end(standing.connection))

    def _own(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
