"""A WebSocket to a session that outlives it: what was sent and not acknowledged is sent again on the next one."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from websockets.exceptions import ConnectionClosed

from gateway.errors import ProviderError
from gateway.providers.web_socket import JsonSocket

_RESUMPTIONS = 2
"""In a row, without a message between them."""
_RESUME_SECONDS = 1.0
_LONGEST_BYTES = 512 * 1024
"""Of a message; Gladia takes twice as much."""


class ResumableSocket:
    """Takes the session up again when its connection is lost.

    :param who: how the sentences of errors begin
    """

    def __init__(self, who: str, url: str, socket: JsonSocket) -> None:
        self._who = who
        self._url = url
        self._socket = socket
        self._unacknowledged = bytearray()
        self._sending = asyncio.Lock()
        self._resumptions = 0
        self.acknowledged_bytes = 0
        """Of all audio of the session."""

    @classmethod
    async def open(cls, who: str, url: str) -> ResumableSocket:
        """Connect to a session's address; raises as `JsonSocket.open`."""
        return cls(who, url, await JsonSocket.open(who, url))

    async def send(self, message: Mapping[str, Any] | bytes) -> None:
        """A JSON object, or audio. On a lost connection nothing happens: whoever receives finds out."""
        async with self._sending:
            if isinstance(message, bytes):
                self._unacknowledged += message
            with suppress(ProviderError):
                await self._socket.send(message)

    def acknowledge(self, byte_end: int) -> None:
        """The server has the session's audio up to here."""
        del self._unacknowledged[: max(0, byte_end - self.acknowledged_bytes)]
        self.acknowledged_bytes = max(self.acknowledged_bytes, byte_end)

    async def receive(self) -> dict[str, Any] | None:
        """The next message, None when the connection was closed well.

        :raises ProviderError: it is lost, and cannot be taken up again; or what comes is no JSON object
        """
        while True:
            try:
                message = await self._socket.receive()
            except ProviderError as error:
                if not isinstance(error.__cause__, ConnectionClosed) or self._resumptions >= _RESUMPTIONS:
                    raise
                self._resumptions += 1
                await self._resume(error)
            else:
                self._resumptions = 0
                return message

    async def _resume(self, lost: ProviderError) -> None:
        async with self._sending:
            try:
                async with asyncio.timeout(_RESUME_SECONDS):
                    self._socket = await JsonSocket.open(self._who, self._url)
                    for at in range(0, len(self._unacknowledged), _LONGEST_BYTES):
                        await self._socket.send(bytes(self._unacknowledged[at : at + _LONGEST_BYTES]))
            except (ProviderError, TimeoutError):
                raise lost from None

    async def close(self) -> None:
        """End the connection."""
        await self._socket.close()
