"""A voice that speaks to an emulator, and what comes of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, cast

from gateway.assistant.provider_settings import ProviderSettings
from gateway.providers.base import CallContext, Closable, SpokenWord, Voice
from gateway.providers.credentials import Credential, Credentials
from gateway.providers.registry import Providers
from gateway.providers.usage import Usage
from tests.providers.emulators.emulator import Emulator, running
from tests.providers.emulators.tone_words import decode


@dataclass
class Spoken:
    """What came of a text."""

    pcm: bytes = b""
    words: list[SpokenWord] = field(default_factory=list)
    usage: list[Usage] = field(default_factory=list)

    @property
    def heard(self) -> list[str]:
        """The words in the audio."""
        return [word for word, _, _ in decode(self.pcm)]

    @property
    def characters(self) -> int:
        """What is billed."""
        return sum(usage.characters for usage in self.usage)


def voice_of(provider: str, emulator: Emulator, **options: Any) -> Voice:
    """A voice by the registry, as an assistant gets it, without failover."""
    key = options.pop("apiKey", emulator.key)
    credential = Credential(provider=provider, api_key=key, api_url=emulator.url, user_id="emulated-user")
    providers = Providers(Credentials([credential], environ={}))
    return cast(Voice, providers.make("voice", ProviderSettings.model_validate({"provider": provider, **options})))


@asynccontextmanager
async def talking(provider: str, emulator: Emulator, **options: Any) -> AsyncIterator[Voice]:
    """A voice and its server; afterwards nothing may be left of either."""
    before = asyncio.all_tasks()
    async with running(emulator):
        voice = voice_of(provider, emulator, **options)
        try:
            yield voice
        finally:
            if isinstance(voice, Closable):
                await voice.close()
        async with asyncio.timeout(2):
            while emulator.open:  # noqa: ASYNC110  the emulator notices a moment later
                await asyncio.sleep(0.005)
    assert not [task for task in asyncio.all_tasks() - before if not _of_server(task)]


def _of_server(task: asyncio.Task[Any]) -> bool:
    """A request that the emulator lets hang."""
    return "run_asgi" in getattr(task.get_coro(), "__qualname__", "")


async def speak(voice: Voice, text: str, *, spoken: Spoken | None = None, until: int | None = None) -> Spoken:
    """Let it speak; `spoken` has what came even if it fails. `until`: stop listening after so many chunks."""
    spoken = spoken or Spoken()
    count = 0
    async with aclosing(cast(Any, voice.speak(text, CallContext(meter=spoken.usage.append)))) as chunks:
        async for chunk in chunks:
            spoken.pcm += chunk.pcm
            spoken.words += chunk.words
            count += 1
            if count == until:
                break
    return spoken
