"""A model made of several, over real sockets."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any, cast

import pytest

from gateway.errors import ProviderAuthentication, ProviderError, ProviderTimeout
from gateway.providers.base import ReplyEnd, ToolCall
from tests.providers.emulators.answers import Answer, Asked, Called
from tests.providers.emulators.emulator import Emulator
from tests.providers.emulators.fault import Fault, Kind
from tests.providers.emulators.openai_chat import OpenAiChat
from tests.providers.failover.models import ASKED, FAILOVER, SENTENCE, ask, pair

FAULTS = [
    Kind.REFUSE,
    Kind.HANG_AT_CONNECT,
    Kind.HANG_MID_STREAM,
    Kind.UNAUTHORIZED,
    Kind.RATE_LIMITED,
    Kind.SERVER_ERROR,
    Kind.GARBAGE,
    Kind.CUT,
]


def wrong(kind: Kind, *, after: int = 6) -> Any:
    def change(emulator: Emulator) -> None:
        emulator.fault = Fault(kind, after=after)

    return change


@asynccontextmanager
async def nothing_left(*emulators: Emulator) -> AsyncIterator[None]:
    """Whatever happened inside, no task of it lives on, and no request."""
    before = asyncio.all_tasks()
    yield
    async with asyncio.timeout(2):
        while _models(asyncio.all_tasks() - before) or any(emulator.open for emulator in emulators):  # noqa: ASYNC110
            await asyncio.sleep(0.01)


# ---------------------------------------------------------------- faults


@pytest.mark.parametrize("kind", FAULTS, ids=lambda kind: kind.value)
async def test_the_reply_is_whole_whatever_happens_to_the_first(kind: Kind) -> None:
    async with pair(change=wrong(kind)) as two:
        async with nothing_left(two.second):
            reply = await ask(two.model)
        print(f"{kind.value}: {1000 * reply.longest_gap:.0f} ms without a piece")
    assert (reply.text, reply.parts[-1]) == (SENTENCE, ReplyEnd())
    assert [len(two.first.seen), len(two.second.seen)] == [0 if kind is Kind.REFUSE else 1, 1]
    assert two.circuits[0].failures == 1


@pytest.mark.parametrize("kind", [Kind.HANG_MID_STREAM, Kind.CUT], ids=lambda kind: kind.value)
@pytest.mark.parametrize("after", [2, 5, 12, 18])
async def test_what_was_heard_is_not_said_again(kind: Kind, after: int) -> None:
    async with pair(change=wrong(kind, after=after)) as two:
        reply = await ask(two.model)
        said = [text for role, text in _messages(two.second) if role == "assistant"]
    assert reply.text == SENTENCE
    assert said == [" ".join(SENTENCE.split()[: after - 1])], "the first chunk has no text"


async def test_when_all_fail_the_error_is_that_of_the_last() -> None:
    async with pair(change=wrong(Kind.SERVER_ERROR)) as two:
        two.second.fault = Fault(Kind.UNAUTHORIZED)
        async with nothing_left(two.first, two.second):
            with pytest.raises(ProviderError):
                await ask(two.model)
    assert [len(two.first.seen), len(two.second.seen)] == [2, 1], "only what may pass is asked again"


async def test_a_single_one_that_fails_once_is_asked_again() -> None:
    async with pair(alone=True) as one:
        one.first.fault = Fault(Kind.SERVER_ERROR, times=1)
        assert (await ask(one.model)).text == SENTENCE


async def test_a_single_one_with_a_wrong_key_fails_at_once() -> None:
    async with pair(alone=True, change=wrong(Kind.UNAUTHORIZED)) as one:
        with pytest.raises(ProviderAuthentication):
            await ask(one.model)
    assert len(one.first.seen) == 1


async def test_a_single_one_that_hangs_is_given_up_with_patience() -> None:
    async with pair(alone=True, change=wrong(Kind.HANG_AT_CONNECT)) as one, nothing_left():
        with pytest.raises(ProviderTimeout):
            await ask(one.model)
    assert len(one.first.seen) == 2


async def test_a_tool_call_is_asked_for_once() -> None:
    def lookup(asked: Asked) -> Answer:
        return Answer("Let me look.", [Called("lookup", '{"train": "blue"}')])

    async with pair(answers=lookup, change=wrong(Kind.CUT, after=3)) as two:
        reply = await ask(two.model)
    assert [part for part in reply.parts if isinstance(part, ToolCall)] == [
        ToolCall("call_1", "lookup", {"train": "blue"})
    ]


# ---------------------------------------------------------------- the second call


@pytest.mark.parametrize("kind", [Kind.HANG_AT_CONNECT, Kind.HANG_MID_STREAM, Kind.REFUSE], ids=lambda kind: kind.value)
async def test_an_outage_costs_the_next_call_nothing(kind: Kind) -> None:
    async with pair(change=wrong(kind, after=0)) as two:
        for _ in range(FAILOVER.breaker_failures):
            await ask(two.model)
        tried = len(two.first.seen)
        replies = [await ask(two.model) for _ in range(20)]
    times = sorted(1000 * reply.times[0] for reply in replies)
    print(f"{kind.value}: first piece of the next calls after {times[10]:.0f} ms (median), {times[-1]:.0f} ms (most)")
    assert {reply.text for reply in replies} == {SENTENCE}
    assert len(two.first.seen) == tried, "it is not even tried"
    assert two.circuits[0].state(time.monotonic()) == "open"


async def test_calls_at_the_same_time_share_what_is_known() -> None:
    async with pair(change=wrong(Kind.HANG_AT_CONNECT)) as two:
        await asyncio.gather(*(ask(two.model) for _ in range(5)))
        tried = len(two.first.seen)
        await asyncio.gather(*(ask(two.model) for _ in range(20)))
    assert len(two.first.seen) == tried


# ---------------------------------------------------------------- hedging


class Moody(OpenAiChat):
    """Every fifth request is never answered."""

    held = 0

    async def _events(self, body: Any) -> AsyncIterator[bytes]:
        if len(self.seen) > 10 and len(self.seen) % 5 == 0:
            self.held += 1
            await asyncio.sleep(3600)
        async for event in super()._events(body):
            yield event


async def test_a_request_that_takes_its_time_is_overtaken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.providers.failover.models.OpenAiChat", Moody)
    failover = FAILOVER.model_copy(update={"first_token_seconds": 5.0})
    async with pair(failover, alone=True) as one:
        replies = [await ask(one.model) for _ in range(40)]
    times = sorted(1000 * reply.times[0] for reply in replies)
    asked, held = len(one.first.seen), cast(Moody, one.first).held
    print(f"{held} of {asked} requests hung; first pieces after {times[20]:.0f} ms (median), {times[-1]:.0f} ms (most)")
    assert {reply.text for reply in replies} == {SENTENCE}
    assert held >= 5
    assert asked >= 40 + held
    assert one.circuits[0].failures == 0, "it was asked a second time long before it was given up"


@pytest.mark.parametrize("asked", [1, 2])
async def test_a_reply_that_nobody_wants_any_more_leaves_nothing(asked: int) -> None:
    def change(emulator: Emulator) -> None:
        cast(OpenAiChat, emulator)._first = 3600.0

    async with pair(change=change) as two, nothing_left(two.first, two.second):
        two.second._first = 3600.0
        asking = asyncio.create_task(ask(two.model))
        while len(two.first.seen) + len(two.second.seen) < asked:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        asking.cancel()
        await asyncio.wait([asking])
        assert not two.circuits[1].failures


async def test_a_reply_that_is_closed_early_leaves_nothing() -> None:
    async with (
        pair() as two,
        nothing_left(two.first, two.second),
        aclosing(cast(Any, two.model.reply(ASKED))) as parts,
    ):
        await anext(parts)


def _models(tasks: set[asyncio.Task[Any]]) -> list[asyncio.Task[Any]]:
    return [task for task in tasks if task.get_name().startswith("model ")]


def _messages(emulator: OpenAiChat) -> list[tuple[str, str]]:
    return [(message["role"], message["content"]) for message in emulator.seen[-1].json["messages"]]
