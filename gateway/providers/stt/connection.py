"""What a streaming recogniser of somebody's is to us: one connection, audio in, results out.

`gateway.providers.stt.streaming` makes a transcriber of it: it keeps the audio, opens connections again, asks for the
text of segments and puts results together. So a provider's own file holds only its wire format.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Literal, Protocol

from gateway.providers.usage import Usage


@dataclass(frozen=True, slots=True)
class RecognisedWord:
    """A word and its time, ms from the start of the connection's audio."""

    text: str
    start_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True)
class Recognised:
    """A result. Times are ms from the start of the audio that was sent on this connection.

    A partial result replaces the partial before it and covers what no final covered; `final` text never changes. Finals
    come in the order of their audio and do not overlap.

    :param words: with their times, where the provider tells them; then `text` is their text
    :param flushed: nothing that was sent before the last `flush` is still to be recognised; the text may be empty
    :param confidence: 0…1, or None
    :param stability: probability that a partial stays as it is, or None
    :param finished: probability that the caller has finished, by the provider's own account, or None
    :param usage: what the provider bills for it, where the traits say that results are billed
    """

    text: str
    start_ms: int
    end_ms: int
    final: bool
    words: tuple[RecognisedWord, ...] = ()
    flushed: bool = False
    confidence: float | None = None
    stability: float | None = None
    finished: float | None = None
    usage: Usage | None = None


class RecogniserConnection(Protocol):
    """A connection that is open. Iterate it for results; the iteration ends when the provider closes it well, and
    raises `ProviderError` when not."""

    async def send(self, pcm: bytes) -> None:
        """Audio: 8000 Hz mono s16le, 20 ms or more; at replay faster than real time.

        :raises ProviderError: the connection is lost
        """

    async def flush(self) -> None:
        """Ask for the final text of all that was sent; a result with `flushed` follows.

        :raises ProviderError: the connection is lost
        """

    async def keep_alive(self) -> None:
        """No audio comes for a while (hold): keep the connection from being closed for that."""

    def __aiter__(self) -> AsyncIterator[Recognised]: ...

    async def close(self) -> None:
        """End it. Never raises `ProviderError`."""


@dataclass(frozen=True, slots=True)
class RecogniserTraits:
    """What is known of a streaming recogniser.

    :param name: provider as in the assistant
    :param model: as in the assistant, for the bill
    :param session_seconds: the provider ends a connection after this time; None for no such limit
    :param idle_seconds: it ends a connection that gets no audio for this time
    :param endpoints: it finds ends of turns by itself
    :param bills: the seconds of audio that were sent, the seconds that a connection was open, or what results tell
    :param replay_speed: how many times faster than real time it takes audio that is sent again
    """

    name: str
    model: str = ""
    session_seconds: float | None = None
    idle_seconds: float = 10.0
    endpoints: bool = False
    bills: Literal["audio", "connection", "results"] = "audio"
    replay_speed: float = 20.0


class StreamingRecogniser(Protocol):
    """Opens connections to one provider."""

    @property
    def traits(self) -> RecogniserTraits: ...

    async def connect(self) -> RecogniserConnection:
        """A new connection. The caller bounds the time.

        :raises ProviderError: it is refused, or cannot be reached
        """
        ...
