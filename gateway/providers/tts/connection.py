"""What a streaming voice of somebody's is to us: a connection that speaks one text after the other.

`gateway.providers.tts.socket_voice` makes a voice of it: it keeps connections ready, puts samples together, maps words
to those of the text, counts what is billed and tidies up after an interruption. So a provider's own file holds only
its wire format.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from gateway.providers.tts.telephone_audio import Encoding
from gateway.providers.tts.words import TimedWord


@dataclass(frozen=True, slots=True)
class Sound:
    """What came for the text.

    :param audio: what follows, in the speaker's encoding, 8000 Hz mono; it may be cut within a sample
    :param words: words in the order of the speech, in ms from the start of the text's audio; they may come before or
        after their audio
    """

    audio: bytes = b""
    words: tuple[TimedWord, ...] = ()


class SpeechConnection(Protocol):
    """A connection that is open. It speaks one text at a time."""

    @property
    def usable(self) -> bool:
        """It is open, and may be given another text."""
        ...

    async def say(self, text: str) -> None:
        """Ask for the speech of a text.

        :raises ProviderError: the connection is lost
        """

    async def receive(self) -> Sound | None:
        """What comes next of the text; None at its end. Bounded.

        :raises ProviderError: the provider refuses, or the connection is lost
        """

    async def cancel(self) -> None:
        """Stop the text that is being spoken, so that another can be said. The caller bounds the time.

        :raises ProviderError: the connection is of no more use
        """

    async def keep_alive(self) -> None:
        """Nothing is said for a while: keep the connection from being closed for that.

        :raises ProviderError: the connection is lost
        """

    async def close(self) -> None:
        """End it. Never raises `ProviderError`."""


@dataclass(frozen=True, slots=True)
class SpeakerTraits:
    """What is known of a streaming voice.

    :param name: provider as in the assistant
    :param model: as in the assistant, for the bill
    :param encoding: of its audio
    :param word_times: it tells when its words sound
    :param session_seconds: a connection is given up at this age
    """

    name: str
    model: str = ""
    encoding: Encoding = "s16le"
    word_times: bool = False
    session_seconds: float = 600.0


class Speaker(Protocol):
    """Opens connections to one provider."""

    @property
    def traits(self) -> SpeakerTraits: ...

    async def connect(self) -> SpeechConnection:
        """A new connection. Bounded.

        :raises ProviderError: it is refused, or cannot be reached
        """
        ...
