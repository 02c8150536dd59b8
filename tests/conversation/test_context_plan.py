from __future__ import annotations

from typing import Any

import pytest

from gateway.conversation.context import Added, AgentSaid, CallerSaid, Context, Fact, ToolCalled, ToolReturned
from gateway.conversation.context_plan import MODES, ContextPlan, handed_over
from gateway.providers.base import ChatMessage

OLD, NEW = ChatMessage("system", "You greet."), ChatMessage("system", "You sell.")
FACTS: list[Fact] = [
    AgentSaid(0, "Hello.", "Hello.", False),
    CallerSaid(1, "a car"),
    Added(1, "system", "He is rich."),
    ToolCalled(1, "look", "stock", {}),
    ToolReturned(1, "look", "stock", True, "two"),
    ToolCalled(1, "over", "transferCall", {}),
    ToolReturned(1, "over", "transferCall", True, "done"),
    AgentSaid(1, "One moment.", "One moment.", False),
]


def context(**fields: Any) -> Context:
    return Context((OLD,), [*FACTS], [(20 * at, 20 * at + 10) for at in range(len(FACTS))], **fields)


def roles(mode: str, count: int = 0, **fields: Any) -> list[str]:
    taken = handed_over(context(**fields), ContextPlan(mode, count), [NEW], transfers={"over"})
    assert len(taken.facts) == len(taken.spans) == taken.since
    return [message.content or message.role for message in taken.messages()]


def test_the_history_rolls_on_with_the_new_instructions_behind_it() -> None:
    told = roles("rolling-history")
    assert told[0] == OLD.content
    assert told[-1] == NEW.content
    assert {"Hello.", "a car", "two", "done", "One moment."} <= set(told)


@pytest.mark.parametrize("mode", ["swap-system-message-in-history", "all"])
def test_the_new_instructions_take_the_place_of_the_old_ones(mode: str) -> None:
    told = roles(mode)
    assert told[0] == NEW.content
    assert OLD.content not in told
    assert "done" in told


def test_the_tools_of_the_transfer_can_be_left_out() -> None:
    told = roles("swap-system-message-in-history-and-remove-transfer-tool-messages")
    assert "two" in told
    assert "done" not in told


@pytest.mark.parametrize("mode", ["delete-history", "none"])
def test_the_history_can_be_deleted(mode: str) -> None:
    assert roles(mode) == [NEW.content]


def test_the_last_messages_are_counted_without_instructions() -> None:
    assert roles("lastNMessages", 1) == [NEW.content, "One moment."]
    assert roles("lastNMessages", 0) == [NEW.content]
    assert roles("lastNMessages", 99)[1:] == roles("all")[1:]


def test_what_was_spoken_can_be_all() -> None:
    assert roles("userAndAssistantMessages") == [NEW.content, "Hello.", "a car", "One moment."]


def test_what_the_last_assistant_had_can_be_all() -> None:
    assert roles("previousAssistantMessages", since=7) == [NEW.content, "One moment."]


@pytest.mark.parametrize(
    ("destination", "plan"),
    [
        ({}, ContextPlan("rolling-history")),
        ({"transferMode": "delete-history"}, ContextPlan("delete-history")),
        ({"transferMode": "nonsense"}, ContextPlan("rolling-history")),
        ({"contextEngineeringPlan": {"type": "lastNMessages", "maxMessages": 3}}, ContextPlan("lastNMessages", 3)),
        ({"contextEngineeringPlan": {"type": "nonsense"}}, ContextPlan("all")),
        ({"contextEngineeringPlan": {"type": "none"}, "transferMode": "rolling-history"}, ContextPlan("none")),
    ],
)
def test_a_destination_says_how_much_is_seen(destination: dict[str, Any], plan: ContextPlan) -> None:
    assert ContextPlan.of(destination) == plan


@pytest.mark.parametrize("mode", MODES)
def test_nothing_handed_over_is_something(mode: str) -> None:
    assert NEW in handed_over(Context((OLD,)), ContextPlan(mode, 2), [NEW]).messages()
