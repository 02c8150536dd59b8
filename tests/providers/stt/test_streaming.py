from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

import pytest

from gateway.errors import ProviderError, ProviderTimeout, ProviderUnavailable
from gateway.providers.base import CallContext
from gateway.providers.stt import feed, streaming
from gateway.providers.stt.connection import Recognised, RecognisedWord, RecogniserTraits
from gateway.providers.stt.streaming import StreamingTranscriber
from gateway.providers.usage import Usage
from tests.providers.emulators.ear import ToneEar
from tests.providers.emulators.tone_words import encode
from tests.providers.speech import silence
from tests.providers.stt.calls import Caller, tasks_of_clients

TRAITS = RecogniserTraits("tones", "dual", idle_seconds=0.5)


@dataclass
class ToneConnection:
    """Hears tone words; tells finals when it is flushed."""

    ear: ToneEar = field(default_factory=ToneEar)
    sizes: list[int] = field(default_factory=list)
    kept_alive: int = 0
    closed: bool = False
    blocked: bool = False
    results: asyncio.Queue[Recognised | ProviderError | None] = field(default_factory=asyncio.Queue)
    _told: int = 0
    _until: int = 0

    async def send(self, pcm: bytes) -> None:
        if self.blocked:
            await asyncio.sleep(60)
        self.sizes.append(len(pcm))
        self.ear.push(pcm)

    async def flush(self) -> None:
        words = self.ear.words[self._told :]
        self._told += len(words)
        spoken = tuple(RecognisedWord(word.text, word.start_ms, word.end_ms) for word in words)
        text, start, self._until = " ".join(word.text for word in words), self._until, self.ear.heard_ms
        usage = Usage("transcriber", "tones", prompt_tokens=len(words))
        self.results.put_nowait(Recognised(text, start, self._until, True, spoken, flushed=True, usage=usage))

    async def keep_alive(self) -> None:
        self.kept_alive += 1

    async def __aiter__(self) -> AsyncIterator[Recognised]:
        while (result := await self.results.get()) is not None:
            if isinstance(result, ProviderError):
                raise result
            yield result

    async def close(self) -> None:
        self.closed = True


@dataclass
class ToneRecogniser:
    traits: RecogniserTraits = TRAITS
    connections: list[ToneConnection] = field(default_factory=list)
    refuses: bool = False

    async def connect(self) -> ToneConnection:
        if self.refuses:
            raise ProviderUnavailable("no more connections")
        self.connections.append(ToneConnection())
        return self.connections[-1]


@asynccontextmanager
async def calling(recogniser: ToneRecogniser, used: list[Usage] | None = None) -> AsyncIterator[Caller]:
    """A call, of which nothing is left behind."""
    before = tasks_of_clients()
    meter = used.append if used is not None else lambda usage: None
    stream = await StreamingTranscriber(recogniser).open(CallContext(meter=meter))
    try:
        yield Caller(stream)
    finally:
        await stream.close()
        assert tasks_of_clients() <= before
        assert all(connection.closed for connection in recogniser.connections)


async def hear(caller: Caller, words: str) -> str:
    start, end = await caller.say(encode(words) + silence(120))
    return await caller.text(start, end)


async def test_spans_have_their_words_by_the_clock_of_the_call() -> None:
    async with calling(ToneRecogniser()) as caller:
        caller.at_ms = 70_000
        assert await hear(caller, "call back") == "call back"
        caller.at_ms += 5000  # on hold
        assert await hear(caller, "tomorrow morning") == "tomorrow morning"


async def test_audio_is_sent_in_pieces_of_60_ms_and_behind_in_greater_ones() -> None:
    recogniser = ToneRecogniser()
    async with calling(recogniser) as caller:
        await caller.say(silence(600))
        await asyncio.sleep(0.01)
        assert recogniser.connections[0].sizes == [960] * 10
        caller.stream.push(silence(10_000), caller.at_ms)
        await asyncio.sleep(0.8)
        assert max(recogniser.connections[0].sizes) == 3840
        assert recogniser.connections[0].ear.heard_ms == 10_600


async def test_a_silent_connection_is_kept_alive() -> None:
    recogniser = ToneRecogniser(replace(TRAITS, idle_seconds=0.1))
    async with calling(recogniser) as caller:
        await caller.say(silence(60))
        await asyncio.sleep(0.2)
        assert recogniser.connections[0].kept_alive >= 2


@pytest.mark.parametrize(
    ("bills", "expected"),
    [
        ("audio", [Usage("transcriber", "tones", "dual", seconds=0.6)]),
        ("results", [Usage("transcriber", "tones", prompt_tokens=2)]),
    ],
)
async def test_what_the_provider_bills_is_metered(bills: str, expected: list[Usage]) -> None:
    used: list[Usage] = []
    recogniser = ToneRecogniser(replace(TRAITS, bills=bills))  # type: ignore[arg-type]
    async with calling(recogniser, used) as caller:
        segment = caller.ask(*await caller.say(encode("call back") + silence(120)))
        async for transcript in caller.stream:
            assert transcript.segment == segment
            break
    assert used == expected


async def test_audio_is_metered_while_the_call_goes_on_and_once() -> None:
    used: list[Usage] = []
    recogniser = ToneRecogniser(TRAITS)
    async with calling(recogniser, used) as caller:
        assert await hear(caller, "call back") == "call back"
        before = sum(usage.seconds for usage in used)
        assert before > 0, "a worker that dies now has told it"
        assert await hear(caller, "tomorrow") == "tomorrow"
    assert sum(usage.seconds for usage in used) == pytest.approx(recogniser.connections[0].ear.heard_ms / 1000)
    assert len(used) >= 2


async def test_the_time_of_a_connection_is_metered_where_that_is_billed() -> None:
    used: list[Usage] = []
    async with calling(ToneRecogniser(replace(TRAITS, bills="connection")), used):
        await asyncio.sleep(0.2)
    assert 0.15 < used[0].seconds < 2


@pytest.mark.parametrize("end", [ProviderTimeout("too late"), None])
async def test_a_connection_that_ends_is_an_error(end: ProviderError | None) -> None:
    recogniser = ToneRecogniser()
    async with calling(recogniser) as caller:
        recogniser.connections[0].results.put_nowait(end)
        with pytest.raises(ProviderTimeout if end else ProviderUnavailable):
            await anext(aiter(caller.stream))
        with pytest.raises(StopAsyncIteration):
            await anext(aiter(caller.stream))


async def test_a_connection_that_takes_no_audio_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed, "_SEND_SECONDS", 0.05)
    recogniser = ToneRecogniser()
    async with calling(recogniser) as caller:
        recogniser.connections[0].blocked = True
        await caller.say(silence(200))
        with pytest.raises(ProviderTimeout, match="tones took no audio"):
            await anext(aiter(caller.stream))


async def test_before_a_connection_becomes_too_old_another_takes_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streaming, "_LOOK_SECONDS", 0.01)
    used: list[Usage] = []
    recogniser = ToneRecogniser(replace(TRAITS, session_seconds=0.4))
    async with calling(recogniser, used) as caller:
        assert await hear(caller, "call back") == "call back"
        count = len(recogniser.connections)
        start, _ = await caller.say(encode("tomorrow morning"))
        while len(recogniser.connections) == count:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        _, end = await caller.say(encode("please") + silence(120))
        assert await caller.text(start, end) == "tomorrow morning please"
    heard_ms = sum(connection.ear.heard_ms for connection in recogniser.connections)
    assert sum(usage.seconds for usage in used) == pytest.approx(heard_ms / 1000), "each connection by itself"


async def test_where_no_other_connection_is_to_be_had_the_old_one_serves_to_its_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(streaming, "_LOOK_SECONDS", 0.01)
    recogniser = ToneRecogniser(replace(TRAITS, session_seconds=0.2))
    async with calling(recogniser) as caller:
        recogniser.refuses = True
        await asyncio.sleep(0.3)
        assert await hear(caller, "call back") == "call back"
