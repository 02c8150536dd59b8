"""What is heard of texts and phrases, by a voice that the test holds back."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from gateway.conversation.events import Event
from gateway.conversation.passages import Clause
from gateway.errors import ProviderUnavailable
from gateway.link.v1 import link_pb2 as pb
from gateway.providers.base import OUTSIDE_CALL, CallContext, VoiceCapabilities, VoiceChunk
from gateway.worker import voicing
from gateway.worker.output import ReplyOutput
from gateway.worker.voicing import Voicing

PCM = bytes(320)


class HeldVoice:
    """Gives what the test put in for a text: chunks, an error, or None for the end."""

    capabilities = VoiceCapabilities(word_times=False)

    def __init__(self) -> None:
        self.given: dict[str, asyncio.Queue[bytes | Exception | None]] = defaultdict(asyncio.Queue)

    def give(self, text: str, *pieces: bytes | Exception | None) -> None:
        for piece in pieces:
            self.given[text].put_nowait(piece)

    async def speak(self, text: str, context: CallContext = OUTSIDE_CALL) -> AsyncIterator[VoiceChunk]:
        while (piece := await self.given[text].get()) is not None:
            if isinstance(piece, Exception):
                raise piece
            yield VoiceChunk(piece)


class Line:
    """What goes to the gateway, as a list: texts, "." for a chunk, "|" for the end of an utterance."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self._last = 0

    def now(self) -> int:
        return 0

    def dispatch(self, event: Event) -> None:
        """The turn machine is not looked at."""

    def send(self, event: pb.WorkerEvent, *, urgent: bool = False) -> None:
        match event.WhichOneof("event"):
            case "utterance":
                self.sent.append(event.utterance.text)
            case "audio":
                self.sent.append("|" if event.audio.final else ".")

    def next_utterance(self) -> int:
        self._last += 1
        return self._last

    def when_over(self, utterance: int, step: Callable[[], None]) -> None:
        """Nobody waits for the end of an utterance here."""

    def audio_sent(self, turn: int, utterance: int) -> None:
        """The latency is not looked at."""

    def speaks(self, utterance: int, item: str) -> None:
        """No model speaks by itself here."""

    def planned(self, turn: int, kind: str, text: str) -> None:
        """Nobody goes on elsewhere."""

    def told(self, utterance: int, turn: int, text: str) -> None:
        """All texts are known from the beginning."""


class Scene:
    def __init__(self) -> None:
        self.line, self.voice = Line(), HeldVoice()
        output = ReplyOutput(1, 1, self.line)
        output.commit()
        self.voicing = Voicing(output, self.voice, OUTSIDE_CALL)

    def says(self, text: str) -> asyncio.Task[None]:
        return asyncio.create_task(self.voicing.say(Clause(text)))

    def covers(self, phrase: str) -> asyncio.Task[None]:
        return asyncio.create_task(self.voicing.cover(phrase))

    async def sent(self) -> list[str]:
        for _ in range(20):
            await asyncio.sleep(0)
        return self.line.sent


@pytest.fixture(autouse=True)
def everything_is_overdue(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(voicing, "OVERDUE_SECONDS", 0.0)


async def test_a_text_is_an_utterance_with_its_first_audio() -> None:
    scene = Scene()
    saying = scene.says("text")
    assert await scene.sent() == []
    scene.voice.give("text", PCM, PCM, None)
    await saying
    assert scene.line.sent == ["text", ".", ".", "|"]


async def test_a_phrase_is_heard_before_a_text_that_hangs() -> None:
    scene = Scene()
    saying, covering = scene.says("text"), scene.covers("phrase")
    scene.voice.give("phrase", PCM)
    assert await scene.sent() == ["phrase", "."]
    scene.voice.give("text", PCM, None)
    await saying
    assert scene.line.sent == ["phrase", "."], "one after the other"
    scene.voice.give("phrase", PCM, None)
    await covering
    assert scene.line.sent == ["phrase", ".", ".", "|", "text", ".", "|"]


async def test_a_text_that_comes_first_needs_no_phrase() -> None:
    scene = Scene()
    saying, covering = scene.says("text"), scene.covers("phrase")
    scene.voice.give("text", PCM)
    await scene.sent()
    scene.voice.give("phrase", PCM, None)
    await covering
    scene.voice.give("text", None)
    await saying
    assert scene.line.sent == ["text", ".", "|"]


async def test_a_phrase_does_not_follow_the_text_that_it_was_to_cover() -> None:
    scene = Scene()
    saying, covering = scene.says("text"), scene.covers("phrase")
    await scene.sent()
    scene.voice.give("text", PCM, None)
    await saying
    scene.voice.give("phrase", PCM, None)
    await covering
    assert scene.line.sent == ["text", ".", "|"]


@pytest.mark.parametrize("before", [[], [PCM]])
async def test_a_phrase_that_fails_is_left_out(before: list[Any]) -> None:
    scene = Scene()
    covering = scene.covers("phrase")
    scene.voice.give("phrase", *before, ProviderUnavailable("It is down."))
    await covering
    saying = scene.says("text")
    scene.voice.give("text", PCM, None)
    await saying
    assert scene.line.sent[-3:] == ["text", ".", "|"]


async def test_a_text_that_fails_says_so_and_keeps_what_came() -> None:
    scene = Scene()
    saying = scene.says("text")
    scene.voice.give("text", PCM, ProviderUnavailable("It is down."))
    with pytest.raises(ProviderUnavailable):
        await saying
    assert scene.line.sent == ["text", "."]
