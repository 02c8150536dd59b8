"""The user's server decides about the end of a turn, over HTTP."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from gateway.worker.endpointing_callout import NoAnswer, read_wait_ms
from tests.worker.peer import PeerCall, attached, served
from tests.worker.test_conversation import assistant, greeted
from tests.worker.test_tools import tool_service

Reply = Callable[[dict[str, Any]], Awaitable[tuple[int, str]]]


def patient(server: dict[str, Any], **fields: Any) -> dict[str, Any]:
    plan = {"provider": "custom-endpointing-model", "server": server}
    return assistant(startSpeakingPlan={"waitSeconds": 0, "smartEndpointingPlan": plan}, **fields)


def seconds(value: Any) -> Reply:
    async def reply(_: dict[str, Any]) -> tuple[int, str]:
        return 200, json.dumps({"timeoutSeconds": value})

    return reply


def waited_ms(call: PeerCall) -> int:
    """From the caller's last speech to the turn."""
    turn = next(event for event in call.of("journal") if event.kind == "caller-turn")
    return int(turn.at_ms - json.loads(turn.json)["end_ms"])


def notes(call: PeerCall) -> list[dict[str, Any]]:
    return [note for note in call.journal("note") if note["event"] == "endpointing-request"]


async def test_the_server_is_asked_in_vapis_words_and_its_wait_is_kept(speech: bytes) -> None:
    async with tool_service(seconds(1.5)) as service, served() as (_, address), attached(address) as peer:
        server = {"url": service.url, "headers": {"X-Shop": "7"}, "secret": "hush"}
        call = await greeted(peer, patient(server, firstMessage="Hello there."))
        call.speak(speech)
        await call.until(lambda: call.journal("caller-turn"))

    assert waited_ms(call) > 1400, "the policy alone would wait for half a second"
    (headers, body), message = service.requests[-1], service.requests[-1][1]["message"]
    assert (headers["x-vapi-secret"], headers["x-shop"]) == ("hush", "7")
    assert set(body) == {"message"}
    assert message["type"] == "call.endpointing.request"
    assert message["call"]["id"] == "call-1"
    said = call.journal("caller-turn")[0]["text"]
    assert [(one["role"], one["message"]) for one in message["messages"]] == [("bot", "Hello there."), ("user", said)]
    bot, user = message["messages"]
    assert 0 <= bot["secondsFromStart"] < user["secondsFromStart"]
    assert bot["time"] < bot["endTime"] <= user["time"] < user["endTime"] <= message["timestamp"]
    assert message["messagesOpenAIFormatted"] == [
        {"role": "assistant", "content": "Hello there."},
        {"role": "user", "content": said},
    ]
    assert message["artifact"]["transcript"] == f"AI: Hello there.\nUser: {said}\n"
    assert [note["timeoutSeconds"] for note in notes(call)] == [1.5] * len(notes(call))
    assert all(note["ms"] >= 0 for note in notes(call))


async def silent(_: dict[str, Any]) -> tuple[int, str]:
    await asyncio.sleep(30)
    return 200, "{}"


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (seconds(16), "The server's timeoutSeconds is 16, and not within 0 and 15."),
        (silent, "No answer from {url} within 1 s."),
    ],
)
async def test_without_a_usable_answer_the_policy_decides(reply: Reply, error: str, speech: bytes) -> None:
    async with tool_service(reply) as service, served() as (_, address), attached(address) as peer:
        call = await greeted(peer, patient({"url": service.url, "timeoutSeconds": 1}))
        call.speak(speech)
        await call.until(lambda: call.journal("caller-turn"))
        call.end()
    assert notes(call)[-1]["error"] == error.format(url=service.url)


async def test_the_assistants_server_is_asked_where_the_plan_names_none(speech: bytes) -> None:
    async with tool_service(seconds(0)) as service, served() as (_, address), attached(address) as peer:
        plan = {"smartEndpointingPlan": {"provider": "custom-endpointing-model"}}
        call = await greeted(peer, assistant(startSpeakingPlan=plan, server={"url": service.url}))
        call.speak(speech)
        await call.until(lambda: call.journal("caller-turn"))
    assert service.requests


async def test_a_server_that_cannot_be_reached_is_named(speech: bytes) -> None:
    async with served() as (_, address), attached(address) as peer:
        call = await greeted(peer, patient({"url": "http://127.0.0.1:9/"}))
        call.speak(speech)
        await call.until(lambda: call.journal("caller-turn"))
    assert notes(call)[-1]["error"].startswith("http://127.0.0.1:9/ could not be reached: ")


# ---------------------------------------------------------------- reading answers


def test_an_answer_is_a_number_of_seconds() -> None:
    assert read_wait_ms(200, '{"timeoutSeconds": 0.5}') == 500
    assert read_wait_ms(201, '{"timeoutSeconds": 15, "more": 1}') == 15_000


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, '{"timeoutSeconds": 1}'),
        (302, '{"timeoutSeconds": 1}'),
        (200, ""),
        (200, "1"),
        (200, "[]"),
        (200, "{}"),
        (200, '{"timeoutSeconds": null}'),
        (200, '{"timeoutSeconds": true}'),
        (200, '{"timeoutSeconds": "1"}'),
        (200, '{"timeoutSeconds": -1}'),
        (200, '{"timeoutSeconds": 15.1}'),
        (200, '{"timeoutSeconds": NaN}'),
        (200, '{"timeoutSeconds": 1e999}'),
    ],
)
def test_any_other_answer_is_none(status: int, body: str) -> None:
    with pytest.raises(NoAnswer):
        read_wait_ms(status, body)
