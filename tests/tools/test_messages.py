from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.assistant.tool_message import Condition
from gateway.tools.messages import holds
from tests.tools.scene import Scene, results
from tests.tools.test_function import order


def messages(*written: dict[str, Any]) -> dict[str, Any]:
    return order(messages=list(written))


async def test_a_start_is_said_before_and_waited_for_only_when_it_blocks() -> None:
    at_request: list[Any] = []

    def answer(_: httpx.Request) -> httpx.Response:
        at_request.extend(scene.port.did)
        return results("fine")

    for blocking, did in ((False, [("say", "One second, Ada.")]), (True, [("say", "One second, Ada."), "heard"])):
        at_request.clear()
        start = {"type": "request-start", "content": "One second, {{name}}.", "blocking": blocking}
        scene = Scene(messages(start), answer=answer, variables={"name": "Ada"})
        outcome = await scene.use("order")
        assert at_request == did
        assert (outcome.spoken, outcome.say, scene.port.covered) == (True, "", True)


async def test_an_empty_start_is_silence_without_a_filler() -> None:
    scene = Scene(messages({"type": "request-start", "content": ""}))
    assert not (await scene.use("order")).spoken
    assert (scene.said, scene.port.covered) == ([], True)


async def test_a_tool_without_messages_leaves_the_wait_to_fillers() -> None:
    scene = Scene(order())
    await scene.use("order")
    assert scene.port.covered is False


async def test_a_completed_tool_has_the_last_word_instead_of_the_model() -> None:
    done = {"type": "request-complete", "content": "Your order is in.", "endCallAfterSpokenEnabled": True}
    outcome = await Scene(messages(done)).use("order")
    assert (outcome.say, outcome.ended_reason, outcome.hint) == ("Your order is in.", "assistant-ended-call", "")


async def test_a_system_message_is_a_hint_to_the_model() -> None:
    done = {"type": "request-complete", "role": "system", "content": "Be brief.", "endCallAfterSpokenEnabled": True}
    outcome = await Scene(messages(done)).use("order")
    assert (outcome.say, outcome.ended_reason, outcome.hint) == ("", "", "Be brief.")


async def test_the_servers_own_message_comes_before_the_tools() -> None:
    usual = {"type": "request-complete", "content": "The tool's."}
    scene = Scene(
        messages(usual), answer=lambda _: results("x", message={"type": "request-complete", "content": "Mine."})
    )
    assert (await scene.use("order")).say == "Mine."


async def test_a_failure_has_its_own_message() -> None:
    usual = {"type": "request-complete", "content": "Good."}
    failed = {"type": "request-failed", "content": "I cannot reach the shop."}
    scene = Scene(messages(usual, failed), answer=lambda _: httpx.Response(500))
    outcome = await scene.use("order")
    assert (outcome.ok, outcome.say) == (False, "I cannot reach the shop.")


async def test_a_late_result_is_covered_in_stages() -> None:
    second = asyncio.Event()

    async def answer(_: httpx.Request) -> httpx.Response:
        await second.wait()
        return results("fine")

    class Port(type(Scene().port)):  # type: ignore[misc]
        def say(self, text: str, *, interruptible: bool = True) -> None:
            super().say(text)
            if len(scene.said) == 2:
                second.set()

    late = [
        {"type": "request-response-delayed", "content": "Still at it.", "timingMilliseconds": 101},
        {"type": "request-response-delayed", "content": "A moment.", "timingMilliseconds": 100},
        {"type": "request-response-delayed", "content": "Never.", "timingMilliseconds": 100_000},
    ]
    scene = Scene(messages(*late), answer=answer)
    scene.port.__class__ = Port
    await scene.use("order")
    assert scene.said == ["A moment.", "Still at it."]


async def test_conditions_choose_a_message() -> None:
    condition = {"param": "size", "operator": "gt", "value": "5"}
    big = {"type": "request-start", "content": "A big one.", "conditions": [condition]}
    usual = {"type": "request-start", "content": "At once."}
    for size, said in ((7, "A big one."), (3, "At once."), ("12", "A big one.")):
        scene = Scene(messages(usual, big))
        await scene.use("order", size=size)
        assert scene.said == [said]


async def test_a_message_is_said_in_the_first_language_without_another() -> None:
    contents = [{"type": "text", "text": "Moment.", "language": "de"}, {"type": "text", "text": "One moment."}]
    scene = Scene(messages({"type": "request-start", "contents": contents}))
    await scene.use("order")
    assert scene.said == ["Moment."]


@pytest.mark.parametrize(
    ("operator", "value", "given_value", "result"),
    [
        ("eq", "true", True, True),
        ("eq", "7", 7, True),
        ("eq", "7", 7.0, True),
        ("neq", "a", "b", True),
        ("eq", "a", None, False),
        ("gte", "10", 9, False),
        ("lt", "10", "9", True),
        ("lte", "b", "a", True),
    ],
)
def test_values_are_compared_as_what_they_look_like(operator: str, value: str, given_value: Any, result: bool) -> None:
    condition = Condition.model_validate({"param": "a.b", "operator": operator, "value": value})
    assert holds(condition, {"a": {"b": given_value}}) is result


ANY = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.integers(), max_size=2)


@given(operator=st.sampled_from(["eq", "neq", "gt", "gte", "lt", "lte"]), value=ANY, given_value=ANY)
def test_any_two_values_can_be_compared(operator: str, value: Any, given_value: Any) -> None:
    condition = Condition.model_validate({"param": "a", "operator": operator, "value": value})
    assert holds(condition, {"a": given_value}) in (True, False)
