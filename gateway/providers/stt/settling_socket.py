"""The messages of a provider's WebSocket, and the moments at which its silence is the answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

from gateway.providers.stt.settling import Settling
from gateway.providers.web_socket import JsonSocket


class SettlingSocket:
    """Listens, and looks at the clock of `settling` at the same time, whose question may be asked meanwhile."""

    def __init__(self, settling: Settling) -> None:
        self._settling = settling
        self._waiting: asyncio.Timeout | None = None

    def ask(self, sent_ms: int) -> None:
        """The text of all audio is wanted."""
        self._settling.ask(asyncio.get_running_loop().time(), sent_ms)
        if self._waiting is not None:
            self._waiting.reschedule(self._settling.deadline)

    async def messages(self, socket: JsonSocket) -> AsyncGenerator[dict[str, Any] | None, None]:
        """What comes until the provider closes the connection well; None: the deadline of `settling` is over.

        :raises ProviderError: the connection is lost, or what comes is no JSON object
        """
        while True:
            try:
                async with asyncio.timeout_at(self._settling.deadline) as self._waiting:
                    message = await socket.receive()
            except TimeoutError:
                yield None
                continue
            finally:
                self._waiting = None
            if message is None:
                return
            yield message
