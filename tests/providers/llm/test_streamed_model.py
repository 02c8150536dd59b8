"""What the models of all servers do, each by its provider's SDK against its emulator."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from typing import Any

import pytest

from gateway.errors import (
    ProviderAuthentication,
    ProviderBadRequest,
    ProviderError,
    ProviderRateLimit,
    ProviderTimeout,
    ProviderUnavailable,
)
from gateway.providers.base import CallContext, ChatRequest, ReplyEnd, TextDelta, ToolDefinition
from gateway.providers.usage import Usage
from tests.providers.emulators.answers import Answer, Asked, Called
from tests.providers.emulators.emulator import running
from tests.providers.emulators.fault import Fault, Kind
from tests.providers.llm.replies import HELLO, calls, closing, first_text, our_tasks, parts, text
from tests.providers.llm.wires import WIRED, connections

LOOKUP = ToolDefinition("lookup", "Looks up.", {"type": "object", "properties": {"number": {"type": "integer"}}})
EVERY = pytest.mark.parametrize("provider", WIRED)
BROKEN = (Kind.REFUSE, Kind.HANG_AT_CONNECT, Kind.HANG_MID_STREAM, Kind.CUT)
"""After these the connection is of no use any more."""
SENTENCE = "One two three four five six seven."


def saying(answer: Answer) -> Callable[[Asked], Answer]:
    return lambda _: answer


@EVERY
async def test_text_and_tools_stream(provider: str) -> None:
    called = [Called("lookup", '{"number": 12}', "abcdefghi")]
    emulator = WIRED[provider].emulator(saying(Answer("One moment.", called)))
    async with running(emulator), closing(WIRED[provider].make(provider, emulator)) as model:
        received = await parts(model, ChatRequest(HELLO.messages, [LOOKUP]))
    assert received[:2] == [TextDelta("One"), TextDelta(" moment.")]
    assert [(call.name, call.arguments) for call in calls(received)] == [("lookup", {"number": 12})]
    assert received[-1] == ReplyEnd()


@EVERY
@pytest.mark.parametrize(
    ("kind", "error"),
    [
        (Kind.REFUSE, ProviderUnavailable),
        (Kind.HANG_AT_CONNECT, ProviderTimeout),
        (Kind.HANG_MID_STREAM, ProviderTimeout),
        (Kind.UNAUTHORIZED, ProviderAuthentication),
        (Kind.RATE_LIMITED, ProviderRateLimit),
        (Kind.SERVER_ERROR, ProviderUnavailable),
        (Kind.GARBAGE, ProviderError),
        (Kind.ZERO_AUDIO, ProviderUnavailable),
        (Kind.CUT, ProviderUnavailable),
    ],
)
async def test_a_fault_is_one_of_our_errors_and_leaves_nothing(
    provider: str, kind: Kind, error: type[ProviderError]
) -> None:
    before = our_tasks()
    emulator = WIRED[provider].emulator(saying(Answer(SENTENCE)))
    emulator.fault = Fault(kind, after=4, seconds=7)
    async with running(emulator):
        async with closing(WIRED[provider].make(provider, emulator, timeoutSeconds=0.3)) as model:
            with pytest.raises(error, match=f"^The model {WIRED[provider].model} of {provider} ") as raised:
                await parts(model)
            assert (
                connections(model) == 0
                or kind in (Kind.UNAUTHORIZED, Kind.RATE_LIMITED, Kind.SERVER_ERROR)
                or (kind in (Kind.GARBAGE, Kind.ZERO_AUDIO))
            )
        assert emulator.key not in str(raised.value)
        if kind is Kind.RATE_LIMITED:
            assert raised.value.retry_after == (23 if provider == "google" else 7)
    assert our_tasks() == before


@EVERY
async def test_a_slow_server_is_waited_for(provider: str) -> None:
    emulator = WIRED[provider].emulator(saying(Answer("One two.")))
    emulator.fault = Fault(Kind.SLOW, seconds=0.05)
    async with running(emulator), closing(WIRED[provider].make(provider, emulator, timeoutSeconds=2)) as model:
        assert text(await parts(model)) == "One two."


@EVERY
async def test_events_that_come_twice_are_heard_once_at_most(provider: str) -> None:
    emulator = WIRED[provider].emulator(saying(Answer(SENTENCE)))
    emulator.fault = Fault(Kind.DUPLICATE)
    heard = ""
    async with running(emulator), closing(WIRED[provider].make(provider, emulator)) as model:
        try:
            async for part in model.reply(HELLO):
                heard += part.text if isinstance(part, TextDelta) else ""
        except ProviderError:
            assert heard == ""
        else:
            assert heard == SENTENCE


@EVERY
async def test_a_cancelled_reply_ends_the_request(provider: str) -> None:
    before = our_tasks()
    emulator = WIRED[provider].emulator(saying(Answer(SENTENCE)), pace=0.05)
    used: list[Usage] = []
    async with running(emulator):
        async with closing(WIRED[provider].make(provider, emulator)) as model:
            request = ChatRequest(HELLO.messages, context=CallContext(meter=used.append))
            async with aclosing(model.reply(request)) as reply:
                await first_text(reply)
            assert connections(model) == 0
        async with asyncio.timeout(2):
            while emulator.open:  # noqa: ASYNC110  the emulator has no event for it
                await asyncio.sleep(0.01)
    assert our_tasks() == before
    assert len(used) == 1
    assert used[0].provider == provider
    assert used[0].prompt_tokens > 0


@EVERY
async def test_one_connection_serves_prepare_and_the_turns_behind_it(provider: str) -> None:
    emulator = WIRED[provider].emulator(saying(Answer(SENTENCE)))
    ports: set[object] = set()
    async with running(emulator), closing(WIRED[provider].make(provider, emulator)) as model:
        await model.prepare()
        for _ in range(3):
            ports.add(id(model._wire._pool._transport._pool.connections[0]))
            await parts(model)
        assert connections(model) == 1
    assert len(ports) == 1


@EVERY
async def test_nothing_to_connect_to_does_not_fail_prepare(provider: str) -> None:
    emulator = WIRED[provider].emulator()
    emulator.fault = Fault(Kind.REFUSE)
    async with running(emulator), closing(WIRED[provider].make(provider, emulator)) as model:
        await model.prepare()


@EVERY
@pytest.mark.parametrize(
    ("answer", "error", "sentence"),
    [
        (Answer(""), ProviderUnavailable, "answered nothing"),
        (Answer("", finish="length"), ProviderBadRequest, "used up its maxTokens before it said a word"),
        (Answer("I", finish="filtered"), ProviderError, "refuses to answer|gave up"),
    ],
)
async def test_an_answer_that_is_none_is_an_error(
    provider: str, answer: Answer, error: type[ProviderError], sentence: str
) -> None:
    emulator = WIRED[provider].emulator(saying(answer))
    async with running(emulator), closing(WIRED[provider].make(provider, emulator)) as model:
        with pytest.raises(error, match=sentence):
            await parts(model)


@EVERY
async def test_an_answer_that_was_too_long_is_what_it_was(provider: str) -> None:
    emulator = WIRED[provider].emulator(saying(Answer(SENTENCE, finish="length")))
    async with running(emulator), closing(WIRED[provider].make(provider, emulator)) as model:
        received = await parts(model)
    assert text(received) == SENTENCE
    assert received[-1] == ReplyEnd()


@EVERY
async def test_a_model_that_never_stops_is_stopped(provider: str) -> None:
    emulator = WIRED[provider].emulator(saying(Answer("word " * 400, finish="never")))
    async with running(emulator), closing(WIRED[provider].make(provider, emulator)) as model:
        async with asyncio.timeout(30):
            received = [part async for part in model.reply(HELLO)]
        assert connections(model) == 0
    assert 20_000 < len(text(received)) < 20_100
    assert received[-1] == ReplyEnd()


@pytest.mark.parametrize("provider", ["openai", "anthropic", "mistral"])
@pytest.mark.parametrize("arguments", ['{"number": 1', "[1]"])
async def test_arguments_that_are_no_object_are_an_error(provider: str, arguments: str) -> None:
    emulator = WIRED[provider].emulator(saying(Answer("", [Called("lookup", arguments, "abcdefghi")])))
    async with running(emulator), closing(WIRED[provider].make(provider, emulator)) as model:
        with pytest.raises(ProviderError, match="called lookup with arguments that are"):
            await parts(model, ChatRequest(HELLO.messages, [LOOKUP]))


@EVERY
@pytest.mark.parametrize(
    "answered",
    ["four five six seven.", "One two three four five six seven.", "… one, TWO three: four five six seven."],
)
async def test_a_reply_that_was_begun_is_gone_on_with(provider: str, answered: str) -> None:
    asked: list[Asked] = []

    def answer(question: Asked) -> Answer:
        asked.append(question)
        return Answer(answered)

    emulator: Any = WIRED[provider].emulator(answer)
    async with running(emulator), closing(WIRED[provider].make(provider, emulator)) as model:
        received = await parts(model, ChatRequest(HELLO.messages, said="One two three"))
    assert text(received) == " four five six seven."
    roles = [role for role, _ in asked[0].messages]
    assert roles == ["user", "assistant", "user"]
    assert asked[0].messages[1] == ("assistant", "One two three")
