"""A voice with one text that is a recording: a `firstMessage` may be the URL of a sound file."""

from __future__ import annotations

import asyncio
import io
import re
import time
from collections import OrderedDict
from collections.abc import AsyncIterator

import httpx
import numpy as np
import soundfile
import soxr

from gateway.errors import ForbiddenAddress, ProviderBadRequest, ProviderUnavailable
from gateway.media.audio import SAMPLE_BYTES, SAMPLE_RATE
from gateway.providers.base import (
    OUTSIDE_CALL,
    CallContext,
    Preparable,
    SpokenWord,
    Voice,
    VoiceCapabilities,
    VoiceChunk,
)

LONGEST_SECONDS = 120
LARGEST_BYTES = 10_000_000
FETCH_SECONDS = 5.0
KEPT_SECONDS = 600.0
MOST_KEPT = 32
_PIECE_BYTES = SAMPLE_RATE * SAMPLE_BYTES

_URL = re.compile(r"https?://\S+")
_kept: OrderedDict[tuple[int, str], tuple[float, bytes]] = OrderedDict()


def is_clip(text: str) -> bool:
    """The text is nothing but the URL of a sound file."""
    return _URL.fullmatch(text.strip()) is not None


class ClipVoice:
    """Plays the sound at `url` where that is the text, and leaves every other text to `voice`.

    :param client: asks for the sound; what it may reach is its own business
    """

    def __init__(self, voice: Voice, client: httpx.AsyncClient, url: str) -> None:
        self._voice = voice
        self._client = client
        self._url = url.strip()

    @property
    def capabilities(self) -> VoiceCapabilities:
        """The voice's."""
        return self._voice.capabilities

    async def prepare(self) -> None:
        """Fetch the sound before it is needed, and prepare the voice.

        :raises ProviderError: the sound cannot be had
        """
        if isinstance(self._voice, Preparable):
            await self._voice.prepare()
        await fetched_clip(self._client, self._url)

    async def speak(self, text: str, context: CallContext = OUTSIDE_CALL) -> AsyncIterator[VoiceChunk]:
        """The audio of the text; raises as the voice does, and when the sound cannot be had."""
        if text.strip() != self._url:
            async for chunk in self._voice.speak(text, context):
                yield chunk
            return
        pcm = await fetched_clip(self._client, self._url)
        # One word as long as the sound: who interrupts it has not heard it.
        words: tuple[SpokenWord, ...] = (SpokenWord(text.strip(), 0, len(pcm) // SAMPLE_BYTES),)
        for start in range(0, len(pcm), _PIECE_BYTES):
            yield VoiceChunk(pcm[start : start + _PIECE_BYTES], words)
            words = ()


async def fetched_clip(client: httpx.AsyncClient, url: str) -> bytes:
    """The sound file at a URL as 8000 Hz PCM; kept for a while.

    :raises ProviderError: it cannot be had, or is no sound file
    """
    key, now = (id(client), url), time.monotonic()
    known = _kept.get(key)
    if known is None or known[0] < now:
        sound = await _fetch(client, url)
        known = _kept[key] = (now + KEPT_SECONDS, await asyncio.to_thread(telephone_audio, sound))
        while len(_kept) > MOST_KEPT:
            _kept.popitem(last=False)
    return known[1]


async def _fetch(client: httpx.AsyncClient, url: str) -> bytes:
    sound = bytearray()
    try:
        async with asyncio.timeout(FETCH_SECONDS), client.stream("GET", url) as answer:
            if answer.status_code != 200:
                raise ProviderUnavailable(f"The sound at {url} was answered with {answer.status_code}.")
            async for piece in answer.aiter_bytes():
                sound += piece
                if len(sound) > LARGEST_BYTES:
                    raise ProviderBadRequest(f"The sound at {url} has more than {LARGEST_BYTES} bytes.")
    except ForbiddenAddress as error:
        raise ProviderBadRequest(f"The sound at {url} may not be fetched: {error}") from error
    except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
        why = str(error) or "no answer"
        raise ProviderUnavailable(f"The sound at {url} cannot be fetched: {why}.") from error
    return bytes(sound)


def telephone_audio(sound: bytes) -> bytes:
    """A sound file (WAV, MP3, FLAC, Ogg) as 8000 Hz mono s16le.

    :raises ProviderBadRequest: it is none, or too long
    """
    try:
        with soundfile.SoundFile(io.BytesIO(sound)) as file:
            if file.frames > LONGEST_SECONDS * file.samplerate:
                raise ProviderBadRequest(f"A sound is longer than {LONGEST_SECONDS} s.")
            samples = file.read(LONGEST_SECONDS * file.samplerate, dtype="float32", always_2d=True).mean(axis=1)
            rate = file.samplerate
    except soundfile.LibsndfileError as error:
        raise ProviderBadRequest(f"What was fetched is no sound file: {error}.") from error
    resampled = soxr.resample(samples, rate, SAMPLE_RATE) if rate != SAMPLE_RATE else samples
    pcm: bytes = (np.clip(resampled, -1, 1) * 32767).astype("<i2").tobytes()
    return pcm
