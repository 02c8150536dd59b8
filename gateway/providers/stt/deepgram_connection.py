"""What both versions of Deepgram's streaming protocol have in common."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

from gateway.errors import ProviderError
from gateway.media.audio import SAMPLE_BYTES, SAMPLE_RATE
from gateway.providers.stt.connection import Recognised
from gateway.providers.web_socket import socket_errors

WHO = "The transcriber deepgram"
CLOSE_SECONDS = 0.4


class DeepgramConnection:
    """An open WebSocket of the SDK.

    :param socket: the SDK's socket client
    :param stack: closes the socket
    """

    def __init__(self, socket: Any, stack: AsyncExitStack) -> None:
        self._socket = socket
        self._stack = stack
        self._sent_bytes = 0

    @property
    def sent_ms(self) -> int:
        """How much audio was sent."""
        return self._sent_bytes * 1000 // (SAMPLE_RATE * SAMPLE_BYTES)

    async def send(self, pcm: bytes) -> None:
        """Audio. :raises ProviderError: the connection is lost"""
        with socket_errors(WHO):
            await self._socket.send_media(pcm)
        self._sent_bytes += len(pcm)

    def results(self, message: Any) -> list[Recognised]:
        """What a message says. :raises ProviderError: it tells of an error"""
        raise NotImplementedError

    async def __aiter__(self) -> AsyncIterator[Recognised]:
        with socket_errors(WHO):
            async for message in self._socket:
                for result in self.results(message):
                    yield result

    async def close(self) -> None:
        """End it. A server that does not answer that is left alone: the SDK's connection would wait for it, ten seconds
        for each step of the closing handshake, and cannot be cancelled."""
        closing = asyncio.create_task(self._close(), name="close deepgram")
        await asyncio.wait({closing}, timeout=CLOSE_SECONDS)
        if not closing.done():
            self._socket._websocket.transport.abort()
            await asyncio.wait({closing}, timeout=CLOSE_SECONDS)

    async def _close(self) -> None:
        try:
            with socket_errors(WHO):
                await self._socket.send_close_stream()
                await self._stack.aclose()
        except ProviderError:
            pass  # it is gone already


def milliseconds(seconds: float | None) -> int:
    """Deepgram counts seconds from the start of the audio."""
    return round((seconds or 0.0) * 1000)
