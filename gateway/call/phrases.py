"""What a caller hears from the gateway itself when no worker can speak: phrases in the assistant's own voice, made
before they are needed.

A worker makes each like any first message, once per voice; the audio is kept in the data directory. As long as a voice
has not made its own, the embedded one speaks for it.
"""

from __future__ import annotations

import asyncio
import hashlib
import wave
from collections.abc import Iterable
from enum import StrEnum
from functools import partial
from pathlib import Path

import structlog

from gateway.assistant.assistant import Assistant, Model
from gateway.assistant.provider_settings import VoiceSettings
from gateway.call.disk import Disk
from gateway.call.placement import Workers
from gateway.call.speech import speak, spoken_by
from gateway.errors import NoWorker
from gateway.media.audio import SAMPLE_BYTES, SAMPLE_RATE

log = structlog.get_logger(__name__)


class Phrase(StrEnum):
    """A phrase, as its text."""

    APOLOGY = "I am sorry, there is a technical problem. Please call again later."
    COMFORT = "One moment, please."
    FORWARDING = "I am sorry, there is a technical problem. I am connecting you with somebody who can help."
    GOODBYE = "I am sorry, this line is being closed. Please call again in a moment. Goodbye."


CALL_ID = "phrase"
"""Of the calls in which workers make them."""
MAKE_SECONDS = 30.0
RETRY_SECONDS = 1.0
LONGEST_RETRY_SECONDS = 60.0
SPARE = VoiceSettings(provider="hibari")
SPARE_SPEAKER = Assistant(model=Model(provider="dialogue"), voice=SPARE)
"""Speaks for assistants of the control plane, whose voices are not known beforehand."""


class Phrases:
    """The phrases of all voices.

    :param directory: where they are kept
    """

    def __init__(self, directory: Path, disk: Disk) -> None:
        self._directory = directory
        self._disk = disk
        self._pcm: dict[str, bytes] = {}

    def pcm(self, assistant: Assistant, phrase: Phrase) -> bytes | None:
        """8000 Hz PCM in the assistant's voice, or else in the embedded one; None when neither has made it yet."""
        return self._pcm.get(_key(assistant, phrase)) or self._pcm.get(_key(_spared(assistant), phrase))

    async def prepare(self, assistants: Iterable[Assistant], workers: Workers) -> None:
        """Read or make the phrases of each voice; tries again until a worker has made them."""
        async with asyncio.TaskGroup() as group:
            for key, assistant in {_key(assistant, Phrase.APOLOGY): assistant for assistant in assistants}.items():
                group.create_task(self._prepare_all(assistant, workers), name=f"phrases {key}")

    async def _prepare_all(self, assistant: Assistant, workers: Workers) -> None:
        for phrase in Phrase:
            await self._keep_trying(assistant, phrase, workers)

    async def _keep_trying(self, assistant: Assistant, phrase: Phrase, workers: Workers) -> None:
        """A voice that fails is asked less and less often; a worker that is only about to begin, as soon as it has: the
        first call that loses its worker needs the phrase."""
        seconds = RETRY_SECONDS
        while not await self._prepare(assistant, phrase, workers):
            if self.pcm(assistant, phrase) is None:
                await self._prepare(_spared(assistant), phrase, workers)
            await asyncio.sleep(seconds)
            if _any(workers):
                seconds = min(2 * seconds, LONGEST_RETRY_SECONDS)

    async def _prepare(self, assistant: Assistant, phrase: Phrase, workers: Workers) -> bool:
        """Whether there is one in the assistant's own voice."""
        path = self._directory / f"{_key(assistant, phrase)}.wav"
        pcm = await asyncio.to_thread(_read, path)
        if pcm is None and (pcm := await self._make(assistant, phrase, workers)):
            self._disk.submit(partial(_write, path, pcm))
        if pcm:
            self._pcm[_key(assistant, phrase)] = pcm
        return bool(pcm)

    async def _make(self, assistant: Assistant, phrase: Phrase, workers: Workers) -> bytes:
        start = spoken_by(assistant, phrase, call_id=CALL_ID)
        try:
            return await speak(workers, start, seconds=MAKE_SECONDS)
        except (TimeoutError, NoWorker) as error:
            log.info("phrase not made yet", phrase=phrase.name, detail=str(error) or "no audio came")
            return b""


def _any(workers: Workers) -> bool:
    try:
        workers.choose([])
    except NoWorker:
        return False
    return True


def _spared(assistant: Assistant) -> Assistant:
    return assistant.model_copy(update={"voice": SPARE})


def _key(assistant: Assistant, phrase: Phrase) -> str:
    voice = assistant.voice.model_dump_json(by_alias=True)
    return hashlib.sha256(f"{phrase}\n{voice}".encode()).hexdigest()[:16]


def _read(path: Path) -> bytes | None:
    try:
        with wave.open(str(path), "rb") as file:
            return file.readframes(file.getnframes())
    except (OSError, EOFError, wave.Error):
        return None


def _write(path: Path, pcm: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(SAMPLE_BYTES)
        file.setframerate(SAMPLE_RATE)
        file.writeframes(pcm)
