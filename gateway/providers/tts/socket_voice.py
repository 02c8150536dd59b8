"""A voice out of anything that speaks on a connection (`gateway.providers.tts.connection`)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing

from gateway.errors import ProviderError, ProviderUnavailable
from gateway.media.audio import SAMPLE_RATE
from gateway.providers.base import OUTSIDE_CALL, CallContext, SpokenWord, VoiceCapabilities, VoiceChunk
from gateway.providers.tts.connection import Sound, Speaker, SpeechConnection
from gateway.providers.tts.standby import Standby
from gateway.providers.tts.streamed_words import StreamedWords
from gateway.providers.tts.telephone_audio import TelephoneAudio
from gateway.providers.tts.words import TimedWord
from gateway.providers.usage import Meter, Usage

SILENT_SECONDS = 0.6
"""Whoever gives up a text for which nothing came so long gives up the connection with it: it may be dead."""


class SocketVoice:
    """Speaks each text on a connection of its own, taken from those that stand by.

    :param standby: its connections; the speaker's own by default
    """

    def __init__(self, speaker: Speaker, standby: Standby | None = None) -> None:
        self._speaker = speaker
        self._standby = standby or Standby(speaker)

    @property
    def capabilities(self) -> VoiceCapabilities:
        """As the provider's."""
        return VoiceCapabilities(word_times=self._speaker.traits.word_times)

    async def prepare(self) -> None:
        """Open a connection for a call that is about to begin.

        :raises ProviderError: it cannot be opened
        """
        await self._standby.prepare()

    async def close(self) -> None:
        """Close all connections."""
        await self._standby.close()

    async def speak(self, text: str, context: CallContext = OUTSIDE_CALL) -> AsyncGenerator[VoiceChunk, None]:
        """Stream the audio of a text. Closing the iterator cancels it at the provider, in the background.

        :raises ProviderError: it cannot be reached, refuses, breaks off, or sent no audio
        """
        audio, words = TelephoneAudio(encoding=self._speaker.traits.encoding), StreamedWords(text)
        told: list[TimedWord] = []
        async with aclosing(self._sounds(text, context.meter)) as sounds:
            async for sound in sounds:
                told += words.hear(sound.words)
                if pcm := audio.push(sound.audio):
                    yield VoiceChunk(pcm, _in_samples(told))
                    told.clear()
        if told := told + words.finish():
            yield VoiceChunk(b"", _in_samples(told))

    async def _sounds(self, text: str, meter: Meter) -> AsyncGenerator[Sound, None]:
        """What the provider sends for a text. A connection that stood by and turns out to be dead is replaced, once."""
        traits = self._speaker.traits
        for fresh in (False, True):
            attempt = _Attempt(self._standby, traits.name, text, fresh=fresh)
            try:
                async with aclosing(attempt.sounds()) as sounds:
                    async for sound in sounds:
                        yield sound
                return
            except ProviderUnavailable:
                if not attempt.stale:
                    raise
            finally:
                if attempt.billed:
                    meter(Usage("voice", traits.name, traits.model, characters=len(text)))


class _Attempt:
    """One connection speaks one text.

    `stale`: the connection had stood by, and nothing came from it. `billed`: the provider has taken the text, and did
    not refuse it before any audio.
    """

    def __init__(self, standby: Standby, provider: str, text: str, *, fresh: bool) -> None:
        self._standby = standby
        self._provider = provider
        self._text = text
        self._fresh = fresh
        self._heard = False
        self._latest = 0.0
        self.stale = False
        self.billed = False

    async def sounds(self) -> AsyncGenerator[Sound, None]:
        """What comes, each once. A text without any audio is an error: the provider has not said why it is silent."""
        connection, new = await self._standby.take(fresh=self._fresh)
        self.stale = not new
        good = complete = False
        try:
            self._latest = _now()
            await connection.say(self._text)
            self.billed = True
            async with aclosing(self._received(connection)) as received:
                async for sound in received:
                    yield sound
            good = complete = True
        except ProviderError:
            self.billed = self._heard
            raise
        except (GeneratorExit, asyncio.CancelledError):
            good = _now() - self._latest < SILENT_SECONDS
            raise
        finally:
            if good:
                self._standby.give_back(connection, interrupted=not complete)
            else:
                self._standby.drop(connection)

    async def _received(self, connection: SpeechConnection) -> AsyncGenerator[Sound, None]:
        last = None
        while (sound := await connection.receive()) is not None:
            self.stale, self._latest = False, _now()
            speech = any(sound.audio)
            self._heard = self._heard or speech
            # What is sent twice is skipped: neither speech nor times repeat themselves to the bit, only silence does.
            if sound != last or not (speech or sound.words):
                yield sound
            last = sound
        self.stale = False
        if not self._heard:
            raise ProviderUnavailable(f"The voice of {self._provider} sent no audio.")


def _in_samples(words: Iterable[TimedWord]) -> tuple[SpokenWord, ...]:
    """The words with samples in the place of ms."""
    return tuple(SpokenWord(word.text, _samples(word.start), _samples(word.end)) for word in words)


def _now() -> float:
    return asyncio.get_running_loop().time()


def _samples(ms: float) -> int:
    return round(ms * SAMPLE_RATE / 1000)
