"""The messages of a provider's WebSocket, and the moments at which its silence is the answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Any, Protocol

from gateway.errors import ProviderTimeout
from gateway.providers.stt.settling import Settling


class Receiving(Protocol):
    """A connection that is listened to."""

    async def receive(self) -> dict[str, Any] | None:
        """The next message, None when it was closed well. May be cancelled without loss.

        :raises ProviderError: the connection is lost
        """
        ...


class SettlingSocket:
    """Listens, and looks at the clock of `settling` at the same time, whose question may be asked meanwhile.

    :param who: how the sentences of errors begin
    """

    def __init__(self, who: str, settling: Settling) -> None:
        self._who = who
        self._settling = settling
        self._waiting: asyncio.Timeout | None = None

    def ask(self, sent_ms: int, unexplained_ms: int = 0) -> None:
        """The text of all audio is wanted; see `Settling.ask`."""
        self._settling.ask(asyncio.get_running_loop().time(), sent_ms, unexplained_ms)
        if self._waiting is not None and not self._waiting.expired():
            self._waiting.reschedule(self._settling.deadline)

    async def messages(self, socket: Receiving) -> AsyncGenerator[dict[str, Any] | None, None]:
        """What comes until the provider closes the connection well; None: the deadline of `settling` is over.

        :raises ProviderError: the connection is lost, or the provider hangs
        """
        while True:
            try:
                async with asyncio.timeout_at(self._settling.deadline) as self._waiting:
                    message = await socket.receive()
            except TimeoutError:
                if self._settling.mute:
                    raise ProviderTimeout(f"{self._who} says nothing any more.") from None
                yield None
            else:
                if message is None:
                    return
                self._waiting = None
                yield message
