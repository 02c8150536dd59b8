"""Sessions by the official SDK over a real socket, with an emulated server that may be at fault."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from gateway.errors import (
    ConfigError,
    ProviderAuthentication,
    ProviderBadRequest,
    ProviderError,
    ProviderRateLimit,
    ProviderTimeout,
    ProviderUnavailable,
)
from gateway.media.audio import FRAME_BYTES, FRAME_MS
from gateway.providers.base import (
    CallContext,
    ChatMessage,
    ChatRequest,
    ReplyEnd,
    ReplyPart,
    SpokenDelta,
    TextDelta,
    ToolCall,
    ToolDefinition,
    Transcript,
    TranscriptHint,
)
from gateway.providers.credentials import Credential
from gateway.providers.health import Circuit
from gateway.providers.realtime.openai import OpenAiRealtime as Provider
from gateway.providers.realtime.openai import Options, RealtimeTranscription, make
from gateway.providers.usage import Usage
from gateway.settings import FailoverSettings
from tests.providers.emulators.answers import Answer, Called
from tests.providers.emulators.emulator import running
from tests.providers.emulators.fault import Fault, Kind
from tests.providers.emulators.openai_realtime import OpenAiRealtime
from tests.providers.emulators.speaking import Speaking
from tests.providers.emulators.tone_words import decode, encode

SOON = FailoverSettings(connect_seconds=0.4, first_token_seconds=0.4)


@dataclass
class Caller:
    """A call of the provider's, and what came of it."""

    provider: Provider
    stream: RealtimeTranscription
    context: CallContext
    used: list[Usage]
    said: list[ChatMessage] = field(default_factory=list)
    now: int = 0

    def speak(self, words: str) -> int:
        """Say words; returns when they began."""
        start, pcm = self.now, encode(words)
        for index in range(0, len(pcm), FRAME_BYTES):
            self.stream.push(pcm[index : index + FRAME_BYTES].ljust(FRAME_BYTES, b"\0"), self.now)
            self.now += FRAME_MS
        return start

    def finish(self, segment: int, start: int) -> None:
        self.stream.finish(segment, start, self.now, TranscriptHint())

    async def text(self) -> Transcript:
        """The next final text."""
        while not (transcript := await asyncio.wait_for(anext(self.stream), 5)).final:
            assert transcript.segment is None
        return transcript

    async def say(self, words: str) -> None:
        """Say words and have them understood."""
        self.finish(self.now, self.speak(words))
        self.said.append(ChatMessage("user", (await self.text()).text))

    def request(self, *tools: ToolDefinition) -> ChatRequest:
        return ChatRequest(tuple(self.said), tools, self.context)

    async def answered(self, *tools: ToolDefinition) -> list[ReplyPart]:
        """The answer; all of it is heard, and it becomes a part of the conversation."""
        parts = [part async for part in self.provider.reply(self.request(*tools))]
        spoken = [part for part in parts if isinstance(part, SpokenDelta)]
        for item in {part.item for part in spoken}:
            samples = sum(len(part.pcm) // 2 for part in spoken if part.item == item)
            self.provider.played(item, samples, self.context)
        if spoken:
            self.said.append(ChatMessage("assistant", text_of(parts)))
        return parts


def text_of(parts: list[ReplyPart]) -> str:
    return " ".join(part.text for part in parts if isinstance(part, SpokenDelta) and part.text)


def heard(parts: list[ReplyPart]) -> list[str]:
    pcm = b"".join(part.pcm for part in parts if isinstance(part, SpokenDelta))
    return [word for word, *_ in decode(pcm)]


def provider(emulator: OpenAiRealtime, **wanted: Any) -> Provider:
    credential = Credential(provider="openai", api_key=emulator.key, api_url=emulator.api_url)
    return make(Options(model="gpt-realtime"), credential, **{"failover": SOON, **wanted})


@asynccontextmanager
async def call(emulator: OpenAiRealtime, *, hung: int = 0, **wanted: Any) -> AsyncIterator[Caller]:
    """A call with an open session. Afterwards no task and no connection is left, but where the emulator hangs."""
    before = asyncio.all_tasks()
    async with running(emulator):
        made, used = provider(emulator, **wanted), list[Usage]()
        context = CallContext("call", meter=used.append)
        stream = await made.open(context)
        try:
            yield Caller(made, stream, context, used)
        finally:
            await stream.close()
            await made.close()
        async with asyncio.timeout(5):
            while emulator.open > hung:  # noqa: ASYNC110  the server learns of it by its socket
                await asyncio.sleep(0.01)
    left = [task for task in asyncio.all_tasks() - before if not task.done()]
    assert len([task for task in left if "run_asgi" in repr(task)]) <= hung
    assert not [task for task in left if "run_asgi" not in repr(task)]


def replies(*texts: str) -> OpenAiRealtime:
    answers = iter(texts)
    return OpenAiRealtime(lambda _: Answer(next(answers)))


async def test_words_are_written_down_and_answered_and_billed() -> None:
    emulator = replies("thank you please call back")
    async with call(emulator) as caller:
        await caller.say("red blue green")
        parts = await caller.answered()
    assert caller.said[0].content == "red blue green"
    assert text_of(parts) == "thank you please call back"
    assert heard(parts) == ["thank", "you", "please", "call", "back"]
    assert parts[-1] == ReplyEnd()
    transcription, answer = caller.used
    assert (transcription.stage, transcription.model) == ("transcriber", "gpt-4o-mini-transcribe")
    assert (transcription.prompt_audio_tokens, transcription.completion_tokens) == (7, 3)
    assert (answer.stage, answer.prompt_audio_tokens, answer.cached_prompt_audio_tokens) == ("model", 7, 3)
    assert (answer.completion_tokens, answer.completion_audio_tokens) == (5 + 24, 24)


async def test_an_answer_that_is_given_up_is_cancelled_and_forgotten() -> None:
    emulator = replies("one two three", "thank you")
    emulator.speaking = Speaking(pace=2.0)
    async with call(emulator) as caller:
        await caller.say("hello")
        async with aclosing(caller.provider.reply(caller.request())) as parts:
            await anext(parts)
        caller.said.clear()
        await caller.say("please call back")
        assert heard(await caller.answered()) == ["thank", "you"]
        (session,) = emulator.sessions
        assert session.asked[1].messages == [("user", "please call back")]
    assert [usage.stage for usage in caller.used].count("model") == 2, "the cancelled one is billed, too"


async def test_a_caller_who_goes_on_has_one_text_of_all() -> None:
    emulator = replies()
    async with call(emulator) as caller:
        start = caller.speak("red blue")
        caller.finish(1, start)
        assert (await caller.text()).text == "red blue"
        caller.speak("green yellow")
        caller.finish(2, start)
        whole = await caller.text()
        assert (whole.segment, whole.text) == (2, "red blue green yellow")
        assert emulator.sessions[0].said == [("user", "red blue green yellow")]


async def test_a_segment_that_is_replaced_at_once_is_answered_too() -> None:
    async with call(replies()) as caller:
        start = caller.speak("red blue")
        caller.finish(1, start)
        caller.speak("green")
        caller.finish(2, start)
        first, second = await caller.text(), await caller.text()
    assert (first.segment, first.superseded) == (1, True)
    assert (second.segment, second.text) == (2, "red blue green")


async def test_a_transcription_that_fails_is_asked_for_again_once() -> None:
    emulator = OpenAiRealtime(failures=1)
    async with call(emulator) as caller:
        await caller.say("red blue")
        assert caller.said[0].content == "red blue"
        assert emulator.sessions[0].said == [("user", "red blue")]
        emulator.failures = 2
        with pytest.raises(ProviderUnavailable, match="transcription"):
            await caller.say("green")


async def test_tools_are_told_and_called() -> None:
    def answer(asked: Any) -> Answer:
        if asked.messages[-1][0] == "tool":
            return Answer("thank you")
        return Answer("", [Called("lookup", '{"number": 7}')])

    emulator = OpenAiRealtime(answer)
    lookup = ToolDefinition("lookup", "Looks up.", {"type": "object"})
    async with call(emulator) as caller:
        await caller.say("order seven")
        parts = await caller.answered(lookup)
        called = ToolCall("call_1", "lookup", {"number": 7})
        assert parts == [called, ReplyEnd()]
        caller.said += [ChatMessage("assistant", "", (called,)), ChatMessage("tool", "late", tool_call_id="call_1")]
        assert heard(await caller.answered(lookup)) == ["thank", "you"]
        (session,) = emulator.sessions
        assert session.asked[1].messages == [("user", "order seven"), ("assistant", "lookup(…)"), ("tool", "late")]
        updates = [message for message in emulator.seen[0].messages if '"session.update"' in str(message)]
        assert len(updates) == 2, "the tools are told once"


async def test_arguments_that_are_no_json_are_an_error_and_the_next_answer_is_none() -> None:
    broken = Answer("", [Called("lookup", '{"number": ')])
    answers = iter([broken, broken, Answer("thank you")])
    emulator = OpenAiRealtime(lambda _: next(answers))
    async with call(emulator) as caller:
        await caller.say("order seven")
        with pytest.raises(ProviderError, match="lookup with arguments that are no JSON"):
            await caller.answered()
        assert heard(await caller.answered()) == ["thank", "you"]
        assert len(emulator.sessions) == 1


async def test_a_server_that_gives_no_metadata_back_is_understood() -> None:
    emulator = replies("thank you", "please")
    emulator.gives_metadata = False
    async with call(emulator) as caller:
        await caller.say("hello")
        assert heard(await caller.answered()) == ["thank", "you"]
        assert heard(await caller.answered()) == ["please"]


async def test_an_answer_of_nothing_is_asked_for_again() -> None:
    async with call(replies("", "thank you")) as caller:
        await caller.say("hello")
        assert heard(await caller.answered()) == ["thank", "you"]


async def test_words_without_sound_are_left_to_the_voice() -> None:
    emulator = replies("thank you", "please")
    emulator.fault = Fault(Kind.ZERO_AUDIO)
    async with call(emulator) as caller:
        await caller.say("hello")
        parts = await caller.answered()
        assert parts == [TextDelta("thank you"), ReplyEnd()]
        caller.said.append(ChatMessage("assistant", "thank you"))
        await caller.say("yes")
        await caller.answered()
        assert emulator.sessions[0].asked[1].messages[1] == ("assistant", "thank you")


async def test_messages_that_come_twice_are_heard_once() -> None:
    emulator = replies("one two three four")
    emulator.fault = Fault(Kind.DUPLICATE)
    async with call(emulator) as caller:
        await caller.say("red blue")
        assert caller.said[0].content == "red blue"
        assert heard(await caller.answered()) == ["one", "two", "three", "four"]


async def test_a_session_is_renewed_in_a_quiet_moment_and_knows_what_was_said() -> None:
    emulator = replies("thank you", "please")
    async with call(emulator, session_seconds=0.3) as caller:
        await caller.say("hello")
        await caller.answered()
        async with asyncio.timeout(5):
            while len(emulator.sessions) < 2:  # noqa: ASYNC110  the emulator has no event for it
                await asyncio.sleep(0.01)
        await caller.say("red blue")
        await caller.answered()
        assert emulator.sessions[-1].said[:2] == [("user", "hello"), ("assistant", "thank you")]


async def test_speech_that_was_not_understood_when_the_session_was_lost_goes_to_the_next() -> None:
    emulator = replies()
    emulator.fault = Fault(Kind.HANG_MID_STREAM, after=2, times=1)
    async with call(emulator, hung=1) as caller:
        caller.finish(1, caller.speak("red blue"))
        await emulator.expire(told=False)
        assert (await caller.text()).text == "red blue"
    assert len(emulator.sessions) == 2


@pytest.mark.parametrize("after", [8, 9, 12, 14])
async def test_a_session_that_stands_still_is_given_up(after: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.providers.realtime.session._PART_SECONDS", 0.3)
    emulator = OpenAiRealtime(lambda _: Answer("thank you"))
    emulator.fault = Fault(Kind.HANG_MID_STREAM, after=after, times=1)
    async with call(emulator, hung=1) as caller:
        await caller.say("red")
        parts = await caller.answered()
    last = [part for part in parts if isinstance(part, SpokenDelta)][-1].item
    assert heard([part for part in parts if isinstance(part, SpokenDelta) and part.item == last]) == ["thank", "you"]
    assert len(emulator.sessions) == 2


async def test_garbage_ends_in_an_error_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.providers.realtime.upkeep._PAUSES", (0.0, 0.05))
    emulator = replies("thank you")
    async with call(emulator) as caller:
        await caller.say("red")
        emulator.fault = Fault(Kind.GARBAGE)
        await emulator.expire()
        with pytest.raises(ProviderUnavailable):
            await caller.answered()
        with pytest.raises(ProviderUnavailable):
            await caller.text()


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        (Kind.REFUSE, ProviderUnavailable),
        (Kind.HANG_AT_CONNECT, ProviderTimeout),
        (Kind.UNAUTHORIZED, ProviderAuthentication),
        (Kind.RATE_LIMITED, ProviderRateLimit),
        (Kind.SERVER_ERROR, ProviderUnavailable),
        (Kind.GARBAGE, ProviderUnavailable),
        (Kind.CUT, ProviderUnavailable),
    ],
)
async def test_a_session_that_cannot_be_opened_says_why(kind: Kind, error: type[ProviderError]) -> None:
    emulator, circuit = replies(), Circuit("model", "openai gpt-realtime")
    emulator.fault = Fault(kind, after=1)
    async with running(emulator):
        made = provider(emulator, circuit=circuit)
        with pytest.raises(error) as raised:
            await made.open()
        assert emulator.key not in str(raised.value)
        assert circuit.failures == 1
        await made.close()


async def test_an_open_circuit_costs_no_connection() -> None:
    emulator, circuit = replies(), Circuit("model", "openai gpt-realtime")
    circuit.failed(asyncio.get_running_loop().time(), ProviderAuthentication("No."))
    async with running(emulator):
        made = provider(emulator, circuit=circuit)
        with pytest.raises(ProviderUnavailable, match=r"left alone for a while: No\."):
            await made.open()
        await made.close()
    assert not emulator.seen


async def test_settings_that_the_session_refuses_are_told() -> None:
    emulator = replies()
    async with running(emulator):
        made = provider(emulator)
        made = Provider(replace(made._plan, voice="fable"))
        with pytest.raises(ProviderBadRequest, match="Invalid value: 'fable'"):
            await made.open()
        await made.close()


def test_voices_that_only_read_texts_are_refused() -> None:
    with pytest.raises(ConfigError, match='no voice "fable"'):
        make(Options(model="gpt-realtime"), Credential(provider="openai"), voice="fable")


def test_what_changes_nothing_is_named() -> None:
    options = Options.model_validate({"model": "gpt-realtime", "temperature": 0.5, "maxTokens": 200})
    assert options.unused == ["temperature"]
    assert options.session == {"max_output_tokens": 200}


def test_limits_above_the_sessions_and_no_reasoning_are_understood() -> None:
    wanted = {"model": "gpt-realtime-2", "maxTokens": 10_000, "reasoningEffort": "none"}
    assert Options.model_validate(wanted).session == {"max_output_tokens": 4096}
    assert Options.model_validate({**wanted, "reasoningEffort": "low"}).session["reasoning"] == {"effort": "low"}
