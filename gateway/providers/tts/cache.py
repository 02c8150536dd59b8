"""The voice cache: what is said again and again is synthesised once.

A fixed text of the assistant (greeting, filler, idle message) is kept when it is said for the first time, anything else
when it is said for the second time: most of what a model says is never said again, and may tell of the caller. Kept is
only what the preferred voice said whole. A phrase of the cache is there at once and costs nothing.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import aclosing
from typing import Any

import structlog

from gateway.providers.base import OUTSIDE_CALL, CallContext, Preparable, Voice, VoiceCapabilities, VoiceChunk
from gateway.providers.failover.rendition import is_speech
from gateway.providers.tts.phrase_store import Phrase, PhraseStore

_REMEMBERED = 4096
"""Texts of which is known that they were said once."""

logger = structlog.get_logger(__name__)


class Phrases:
    """The phrases of one voice.

    :param voice: provider and all its settings: what else would sound different
    """

    def __init__(self, store: PhraseStore, voice: str) -> None:
        self._store = store
        self._voice = voice
        self._once: OrderedDict[str, None] = OrderedDict()

    async def find(self, text: str) -> Phrase | None:
        """The phrase, None when it is not kept."""
        phrase = await asyncio.to_thread(self._store.read, self._key(text))
        return phrase if phrase is not None and phrase.text == text else None

    async def keep(self, phrase: Phrase) -> None:
        """Keep a phrase."""
        await asyncio.to_thread(self._store.write, self._key(phrase.text), phrase)

    def wanted(self, text: str, context: CallContext) -> bool:
        """Whether a text that is about to be said is to be kept."""
        if text in self._once or any(text in fixed for fixed in _fixed(context.assistant)):
            return True
        self._once[text] = None
        if len(self._once) > _REMEMBERED:
            self._once.popitem(last=False)
        return False

    def _key(self, text: str) -> str:
        return f"{self._voice}\n{text}"


class CachedVoice:
    """A voice that is asked only for what is not kept."""

    def __init__(self, voice: Voice, phrases: Phrases) -> None:
        self._voice = voice
        self._phrases = phrases

    @property
    def capabilities(self) -> VoiceCapabilities:
        """The voice's."""
        return self._voice.capabilities

    async def prepare(self) -> None:
        """Prepare the voice."""
        if isinstance(self._voice, Preparable):
            await self._voice.prepare()

    async def speak(self, text: str, context: CallContext = OUTSIDE_CALL) -> AsyncGenerator[VoiceChunk, None]:
        """The phrase at once, or what the voice makes; raises as the voice does."""
        phrase = await self._phrases.find(text)
        if phrase is not None:
            logger.debug("phrase of the voice cache", call=context.call_id, characters=len(text))
            yield VoiceChunk(phrase.pcm, phrase.words)
            return
        async with aclosing(self._voice.speak(text, context)) as chunks:  # type: ignore[type-var]
            async for chunk in chunks:
                yield chunk


class KeptVoice:
    """A voice whose speech is kept, where that is wanted."""

    def __init__(self, voice: Voice, phrases: Phrases) -> None:
        self._voice = voice
        self._phrases = phrases

    @property
    def capabilities(self) -> VoiceCapabilities:
        """The voice's."""
        return self._voice.capabilities

    async def prepare(self) -> None:
        """Prepare the voice."""
        if isinstance(self._voice, Preparable):
            await self._voice.prepare()

    async def speak(self, text: str, context: CallContext = OUTSIDE_CALL) -> AsyncGenerator[VoiceChunk, None]:
        """What the voice makes; raises as the voice does."""
        wanted = self._phrases.wanted(text, context)
        said: list[VoiceChunk] = []
        async with aclosing(self._voice.speak(text, context)) as chunks:  # type: ignore[type-var]
            async for chunk in chunks:
                if wanted:
                    said.append(chunk)
                yield chunk
        pcm = b"".join(chunk.pcm for chunk in said)
        if wanted and is_speech(text, pcm):
            await self._phrases.keep(Phrase(text, pcm, tuple(word for chunk in said for word in chunk.words)))


def _fixed(assistant: Mapping[str, Any]) -> Iterator[str]:
    """The texts that an assistant brings along, those for its model apart."""
    for name, value in assistant.items():
        if name not in ("model", "voice", "transcriber"):
            yield from _texts(value)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from _texts(one)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _texts(one)
