"""Deepgram's /v1/listen: results that are first interim, then final.

Messages: `deepgram.listen.v1.types` of the SDK; developers.deepgram.com/docs/finalize and /docs/keep-alive.
"""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import Any

from gateway.errors import ProviderUnavailable
from gateway.providers.stt.connection import Recognised, RecognisedWord
from gateway.providers.stt.deepgram_connection import WHO, DeepgramConnection, milliseconds
from gateway.providers.web_socket import socket_errors


class NovaConnection(DeepgramConnection):
    """:param confidence: final text below this is no text"""

    def __init__(self, socket: Any, stack: AsyncExitStack, *, confidence: float) -> None:
        super().__init__(socket, stack)
        self._confidence = confidence

    async def flush(self) -> None:
        """Have all audio recognised. Where little is left to recognise, Deepgram may not answer: then the results so
        far tell how much it has heard."""
        with socket_errors(WHO):
            await self._socket.send_finalize()

    async def keep_alive(self) -> None:
        """Keep a connection without audio."""
        with socket_errors(WHO):
            await self._socket.send_keep_alive()

    def results(self, message: Any) -> list[Recognised]:
        """What a message says; beside `Results` there are summaries, which say nothing here."""
        kind = getattr(message, "type", None)
        if kind == "Error":
            raise ProviderUnavailable(f"{WHO} tells of an error: {message.description or message.message}.")
        if kind != "Results" or message.channel is None or not message.channel.alternatives:
            return []
        best = message.channel.alternatives[0]
        final = bool(message.is_final)
        start, end = milliseconds(message.start), milliseconds((message.start or 0) + (message.duration or 0))
        unsure = final and best.transcript and best.confidence is not None and best.confidence < self._confidence
        words = [] if unsure else best.words or []
        result = Recognised(
            "" if unsure else best.transcript or "",
            start,
            end,
            final,
            tuple(_word(word) for word in words),
            flushed=bool(message.from_finalize),
            confidence=best.confidence,
        )
        return [result]


def _word(word: Any) -> RecognisedWord:
    return RecognisedWord(word.punctuated_word or word.word, milliseconds(word.start), milliseconds(word.end))
