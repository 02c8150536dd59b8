"""Who listens to a live call: its sound and its events, as they come.

A slow listener loses the oldest, and never delays the call.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from gateway.call.journal import Entry

QUEUE_ITEMS = 500
"""Ten seconds of sound."""


@dataclass(frozen=True, slots=True)
class Sound:
    """20 ms of both directions, 320 bytes of PCM each."""

    caller: bytes
    agent: bytes


class Listener:
    """One of them; iterating gives what comes, and ends with the call.

    :param sound: whether it wants the sound, too
    """

    def __init__(self, *, sound: bool) -> None:
        self._queue: asyncio.Queue[Sound | Entry | None] = asyncio.Queue(QUEUE_ITEMS)
        self.sound = sound
        self.lost = 0
        """Items that this one was too slow for."""

    def put(self, item: Sound | Entry | None) -> None:
        """Something came; None is the end."""
        if self._queue.full():
            self._queue.get_nowait()
            self.lost += 1
        self._queue.put_nowait(item)

    def __aiter__(self) -> Listener:
        return self

    async def entries(self) -> AsyncIterator[Entry]:
        """The lines of the journal alone."""
        async for item in self:
            if isinstance(item, Entry):
                yield item

    async def __anext__(self) -> Sound | Entry:
        item = await self._queue.get()
        if item is None:
            raise StopAsyncIteration
        return item


class Audience:
    """All who listen to one call."""

    def __init__(self) -> None:
        self.listeners: set[Listener] = set()
        """Empty for nearly every call: then no frame has to be told."""

    @contextmanager
    def joined(self, *, sound: bool = True) -> Iterator[Listener]:
        """Listen while the block runs."""
        listener = Listener(sound=sound)
        self.listeners.add(listener)
        try:
            yield listener
        finally:
            self.listeners.discard(listener)

    def hear(self, sound: Sound) -> None:
        """20 ms of the call."""
        for listener in self.listeners:
            if listener.sound:
                listener.put(sound)

    def learn(self, entry: Entry) -> None:
        """A line of the journal."""
        self._tell(entry)

    def end(self) -> None:
        """The call is over."""
        self._tell(None)

    def _tell(self, item: Entry | None) -> None:
        for listener in self.listeners:
            listener.put(item)
