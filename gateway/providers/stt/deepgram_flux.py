"""Deepgram's /v2/listen (Flux): a model that knows turns.

Every message holds the whole turn so far and the probability that it has ended. We leave the ends of turns to Flux: the
text of a span is known as soon as Flux has heard the audio that came with the request. Messages:
`deepgram.listen.v2.types` of the SDK; developers.deepgram.com/docs/flux/state.
"""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import Any

from gateway.errors import ProviderUnavailable
from gateway.media.audio import SAMPLE_BYTES, ms_to_samples
from gateway.providers.stt.connection import Recognised, RecognisedWord
from gateway.providers.stt.deepgram_connection import WHO, DeepgramConnection, milliseconds
from gateway.providers.web_socket import socket_errors

_SILENCE_MS = 80
_CERTAIN = 0.95


class FluxConnection(DeepgramConnection):
    """Turns as results: running ones are partial, ended ones final."""

    def __init__(self, socket: Any, stack: AsyncExitStack) -> None:
        super().__init__(socket, stack)
        self._turn: int | None = None
        self._turn_start_ms = 0
        self._heard_ms = 0
        self._seen: list[tuple[int, int]] = []
        """When each word of the turn appeared, for words that come without times."""
        self._flush_ms: int | None = None
        self._silences: list[int] = []
        """When silence was put in, by the server's time."""

    @property
    def _server_ms(self) -> int:
        return self.sent_ms + _SILENCE_MS * len(self._silences)

    def _own_ms(self, seconds: float) -> int:
        """A time of the server's without the silences that came before it."""
        ms = milliseconds(seconds)
        return ms - sum(min(_SILENCE_MS, ms - at) for at in self._silences if at < ms)

    async def flush(self) -> None:
        """What has been sent by now is to be heard; Flux tells every quarter of a second how far it is."""
        self._flush_ms = self.sent_ms

    async def keep_alive(self) -> None:
        """Flux has no message for it: silence is sent, which counts as no audio in our times."""
        self._silences.append(self._server_ms)
        with socket_errors(WHO):
            await self._socket.send_media(bytes(ms_to_samples(_SILENCE_MS) * SAMPLE_BYTES))

    def results(self, message: Any) -> list[Recognised]:
        """What a message says."""
        kind = getattr(message, "type", None)
        if kind == "Error":
            raise ProviderUnavailable(f"{WHO} tells of an error: {message.code} {message.description}.")
        if kind != "TurnInfo":
            return []
        if message.turn_index != self._turn:
            self._turn, self._turn_start_ms, self._seen = message.turn_index, self._heard_ms, []
        end_ms = max(self._own_ms(message.audio_window_end), self._heard_ms)
        words = self._timed(message.words or [], end_ms)
        self._heard_ms = end_ms
        ended = message.event == "EndOfTurn"
        flushed = self._flush_ms is not None and end_ms >= self._flush_ms
        if flushed:
            self._flush_ms = None
        result = Recognised(
            message.transcript or "",
            self._turn_start_ms,
            end_ms,
            ended,
            words,
            flushed=flushed,
            finished=_finished(message),
        )
        if ended:
            self._turn_start_ms = end_ms
        return [result]

    def _timed(self, words: list[Any], end_ms: int) -> tuple[RecognisedWord, ...]:
        """A word without times was spoken since the message before the first one that had it."""
        del self._seen[len(words) :]
        new = len(words) - len(self._seen)
        step = (end_ms - self._heard_ms) / new if new else 0
        begin = self._heard_ms
        self._seen += [(round(begin + step * at), round(begin + step * (at + 1))) for at in range(new)]
        return tuple(
            RecognisedWord(
                word.word,
                seen[0] if word.start is None else self._own_ms(word.start),
                seen[1] if word.end is None else self._own_ms(word.end),
            )
            for word, seen in zip(words, self._seen, strict=True)
        )


def _finished(message: Any) -> float | None:
    """The probability that the turn is over. What the user's threshold takes for the end is as good as certain."""
    if not message.transcript:
        return None
    confidence = float(message.end_of_turn_confidence)
    return max(confidence, _CERTAIN) if message.event == "EndOfTurn" else confidence
