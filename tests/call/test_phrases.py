from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from gateway.assistant.assistant import Assistant, Model
from gateway.assistant.provider_settings import VoiceSettings
from gateway.call.phrases import Phrase, Phrases
from gateway.link.pool import WorkerPool
from gateway.link.v1 import link_pb2 as pb
from gateway.settings import WorkerSettings
from tests.call.disk_double import NowDisk
from tests.link.worker_double import Script, WorkerDouble, serving, until


def in_two_clauses(worker: WorkerDouble, event: pb.GatewayEvent) -> Iterator[pb.WorkerEvent]:
    """Accept, and say two utterances, whose audio comes in pieces."""
    match event.WhichOneof("event"):
        case "start":
            yield pb.WorkerEvent(accepted=pb.Accepted())
        case "answered":
            for utterance, byte in ((1, b"\x01"), (2, b"\x02")):
                yield pb.WorkerEvent(audio=pb.UtteranceAudio(utterance=utterance, pcm=byte * 320))
                yield pb.WorkerEvent(audio=pb.UtteranceAudio(utterance=utterance, offset=160, pcm=byte * 2, final=True))


SAID = b"\x01" * 322 + b"\x02" * 322


def assistant(voice: str, name: str = "") -> Assistant:
    return Assistant(name=name, model=Model(provider="dialogue"), voice=VoiceSettings(provider=voice))


def damage(directory: Path) -> None:
    for path in directory.glob("*.wav"):
        path.write_bytes(b"RIFF")


@asynccontextmanager
async def worker_and_pool(script: Script) -> AsyncIterator[tuple[WorkerDouble, WorkerPool]]:
    async with serving(WorkerDouble(script)) as worker:
        pool = WorkerPool(WorkerSettings(count=0, addresses=[worker.address]))
        pool.start()
        await pool.wait_ready(5)
        try:
            yield worker, pool
        finally:
            await pool.close()


async def test_every_voice_is_asked_once_and_all_that_it_says_is_kept(tmp_path: Path) -> None:
    async with worker_and_pool(in_two_clauses) as (worker, pool):
        phrases = Phrases(tmp_path, NowDisk())
        one, same, other = assistant("a", "one"), assistant("a", "same"), assistant("b")
        assert phrases.pcm(one, Phrase.APOLOGY) is None
        await phrases.prepare([one, same, other], pool)
        assert (
            phrases.pcm(one, Phrase.APOLOGY)
            == phrases.pcm(same, Phrase.APOLOGY)
            == phrases.pcm(other, Phrase.APOLOGY)
            == SAID
        )
        starts = [json.loads(event.start.assistant_json) for event in worker.got("start")]
        asked = sorted((start["firstMessage"], start["voice"]["provider"]) for start in starts)
        assert asked == sorted((phrase, voice) for phrase in Phrase for voice in "ab")
        await until(lambda: len(worker.got("end")) == len(asked))
        assert all(link.calls == 0 for link in pool.links)


async def test_a_kept_phrase_that_is_damaged_is_made_again(tmp_path: Path) -> None:
    async with worker_and_pool(in_two_clauses) as (worker, pool):
        await Phrases(tmp_path, NowDisk()).prepare([assistant("a")], pool)
        damage(tmp_path)
        again = Phrases(tmp_path, NowDisk())
        await again.prepare([assistant("a")], pool)
        assert again.pcm(assistant("a"), Phrase.APOLOGY) == SAID
        assert len(worker.got("start")) == 2 * len(Phrase)


def only_embedded(worker: WorkerDouble, event: pb.GatewayEvent) -> Iterator[pb.WorkerEvent]:
    """Every voice but the embedded one fails."""
    voices = [json.loads(started.start.assistant_json)["voice"]["provider"] for started in worker.got("start")]
    if event.WhichOneof("event") == "answered" and voices[-1] != "hibari":
        yield pb.WorkerEvent(failure=pb.Failure(reason="pipeline-error-custom-voice-failed", detail="It failed."))
    else:
        yield from in_two_clauses(worker, event)


async def test_for_a_voice_that_fails_the_embedded_one_speaks(tmp_path: Path) -> None:
    async with worker_and_pool(only_embedded) as (_, pool):
        phrases = Phrases(tmp_path, NowDisk())
        preparing = asyncio.create_task(phrases.prepare([assistant("a")], pool))
        await until(lambda: phrases.pcm(assistant("a"), Phrase.APOLOGY) == SAID)
        assert not preparing.done(), "its own voice may work again"
        preparing.cancel()
        await asyncio.wait([preparing])


async def test_workers_that_begin_late_are_asked_as_soon_as_those_that_begin_early(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.call.phrases.RETRY_SECONDS", 0.01)
    pool = WorkerPool(WorkerSettings(count=0))
    waits: list[float] = []

    async def wait(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 20:
            raise asyncio.CancelledError

    monkeypatch.setattr("gateway.call.phrases.asyncio.sleep", wait)
    with pytest.raises(asyncio.CancelledError):
        await Phrases(tmp_path, NowDisk())._keep_trying(assistant("a"), Phrase.APOLOGY, pool)
    assert set(waits) == {0.01}


async def test_without_a_worker_it_is_tried_again_later(tmp_path: Path) -> None:
    pool = WorkerPool(WorkerSettings(count=0))
    preparing = asyncio.create_task(Phrases(tmp_path, NowDisk()).prepare([assistant("a")], pool))
    await asyncio.sleep(0.1)
    assert not preparing.done()
    preparing.cancel()
