"""What a caller hears when the conversation is lost: an apology in the assistant's own voice, made before it is needed.

A worker makes it like any first message, once per voice; the audio is kept in the data directory. As long as a voice
has not made its own, the embedded one speaks for it.
"""

from __future__ import annotations

import asyncio
import hashlib
import wave
from collections.abc import Iterable
from functools import partial
from pathlib import Path

import structlog

from gateway.assistant.assistant import Assistant, Model
from gateway.assistant.provider_settings import VoiceSettings
from gateway.call.disk import Disk
from gateway.call.placement import Workers, place
from gateway.errors import NoWorker
from gateway.link.v1 import link_pb2 as pb
from gateway.media.audio import SAMPLE_BYTES, SAMPLE_RATE

log = structlog.get_logger(__name__)

TEXT = "I am sorry, there is a technical problem. Please call again later."
MAKE_SECONDS = 30.0
QUIET_SECONDS = 1.5
"""The worker has said all when nothing came for this long."""
RETRY_SECONDS = 1.0
LONGEST_RETRY_SECONDS = 60.0
SPARE = VoiceSettings(provider="hibari")
SPARE_SPEAKER = Assistant(model=Model(provider="dialogue"), voice=SPARE)
"""Speaks for assistants of the control plane, whose voices are not known beforehand."""


class Apologies:
    """The apologies of all voices.

    :param directory: where they are kept
    """

    def __init__(self, directory: Path, disk: Disk) -> None:
        self._directory = directory
        self._disk = disk
        self._pcm: dict[str, bytes] = {}

    def pcm(self, assistant: Assistant) -> bytes | None:
        """8000 Hz PCM in the assistant's voice, or else in the embedded one; None when neither has made it yet."""
        return self._pcm.get(_key(assistant)) or self._pcm.get(_key(_spared(assistant)))

    async def prepare(self, assistants: Iterable[Assistant], workers: Workers) -> None:
        """Read or make the apology of each voice; tries again until a worker has made it."""
        async with asyncio.TaskGroup() as group:
            for key, assistant in {_key(assistant): assistant for assistant in assistants}.items():
                group.create_task(self._keep_trying(assistant, workers), name=f"apology {key}")

    async def _keep_trying(self, assistant: Assistant, workers: Workers) -> None:
        seconds = RETRY_SECONDS
        while not await self._prepare(assistant, workers):
            if self.pcm(assistant) is None:
                await self._prepare(_spared(assistant), workers)
            await asyncio.sleep(seconds)
            seconds = min(2 * seconds, LONGEST_RETRY_SECONDS)

    async def _prepare(self, assistant: Assistant, workers: Workers) -> bool:
        """Whether there is one in the assistant's own voice."""
        path = self._directory / f"{_key(assistant)}.wav"
        pcm = await asyncio.to_thread(_read, path)
        if pcm is None and (pcm := await self._make(assistant, workers)):
            self._disk.submit(partial(_write, path, pcm))
        if pcm:
            self._pcm[_key(assistant)] = pcm
        return bool(pcm)

    async def _make(self, assistant: Assistant, workers: Workers) -> bytes:
        spoken = assistant.model_copy(
            update={"first_message": TEXT, "first_message_mode": "assistant-speaks-first", "end_call_phrases": []}
        )
        start = pb.StartCall(
            call_id="apology",
            assistant_json=spoken.model_dump_json(by_alias=True),
            variables_json="{}",
            direction=pb.DIRECTION_INBOUND,
        )
        collector = _Collector()
        try:
            async with asyncio.timeout(MAKE_SECONDS):
                call = await place(workers, collector, start)
                try:
                    call.send(pb.GatewayEvent(answered=pb.Answered()))
                    return await collector.collect()
                finally:
                    call.send(pb.GatewayEvent(end=pb.EndCall(reason="apology-made")))
                    call.close()
        except (TimeoutError, NoWorker) as error:
            log.info("apology not made yet", detail=str(error) or "no audio came")
            return b""


class _Collector:
    """Listens to the one call that speaks the apology."""

    def __init__(self) -> None:
        self._audio: dict[int, bytearray] = {}
        self._finals: set[int] = set()
        self._lost = False
        self._news = asyncio.Event()

    def on_worker_event(self, event: pb.WorkerEvent) -> None:
        self._news.set()
        if event.HasField("audio"):
            self._audio.setdefault(event.audio.utterance, bytearray()).extend(event.audio.pcm)
            if event.audio.final:
                self._finals.add(event.audio.utterance)
        elif event.HasField("failure"):
            self._lost = True

    def on_worker_lost(self, detail: str) -> None:
        self._lost = True
        self._news.set()

    async def collect(self) -> bytes:
        """Everything said until the worker falls silent; empty when it was lost."""
        while not self._lost:
            self._news.clear()
            try:
                async with asyncio.timeout(QUIET_SECONDS):
                    await self._news.wait()
            except TimeoutError:
                if self._finals and self._finals == self._audio.keys():
                    return b"".join(bytes(self._audio[utterance]) for utterance in sorted(self._audio))
        return b""


def _spared(assistant: Assistant) -> Assistant:
    return assistant.model_copy(update={"voice": SPARE})


def _key(assistant: Assistant) -> str:
    voice = assistant.voice.model_dump_json(by_alias=True)
    return hashlib.sha256(f"{TEXT}\n{voice}".encode()).hexdigest()[:16]


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
