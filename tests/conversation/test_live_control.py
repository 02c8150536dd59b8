from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.conversation.live_control import AddMessage, Handoff, Say, Transfer, read_control
from gateway.errors import InvalidControl

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
TYPES = ("say", "add-message", "control", "end-call", "transfer", "handoff", "send-transport-message")


def test_the_text_of_say_may_be_called_message() -> None:
    for name in ("content", "message"):
        say = read_control({"type": "say", name: "Hello.", "endCallAfterSpoken": True, "somethingNew": 1})
        assert isinstance(say, Say)
        assert (say.content, say.end_call_after_spoken, say.interruptions_enabled) == ("Hello.", True, True)


def test_a_message_may_have_parts() -> None:
    parts = [{"type": "text", "text": "The caller"}, {"type": "text", "text": "is Ann."}]
    added = read_control({"type": "add-message", "message": {"role": "system", "content": parts}})
    assert isinstance(added, AddMessage)
    assert added.message.text == "The caller is Ann."
    assert added.trigger_response_enabled


def test_destinations_keep_what_belongs_to_them() -> None:
    target = {
        "type": "sip",
        "sipUri": "sip:a@h",
        "sipHeaders": {"X-A": "1"},
        "transferPlan": {"mode": "blind-transfer"},
    }
    transfer = read_control({"type": "transfer", "destination": target})
    assert isinstance(transfer, Transfer)
    assert transfer.destination.json_object == target
    other = {"type": "assistant", "assistantName": "Sales", "contextEngineeringPlan": {"type": "none"}}
    handoff = read_control({"type": "handoff", "destination": other, "content": "One moment."})
    assert isinstance(handoff, Handoff)
    assert handoff.destination.json_object == other


@pytest.mark.parametrize(
    ("message", "problem"),
    [
        ({}, "type must be one of say, add-message,"),
        ({"type": "sing"}, "type must be one of say, add-message,"),
        ({"type": "say"}, "content field required"),
        ({"type": "say", "content": ""}, "content string should have at least 1 character"),
        ({"type": "control", "control": "dance"}, "control input should be 'mute-assistant',"),
        ({"type": "add-message", "message": {"content": "x"}}, "message.role field required"),
        ({"type": "transfer", "destination": {"type": "number"}}, "destination needs a number, or a sipUri"),
        ({"type": "handoff", "destination": {"type": "number"}}, "destination.type input should be 'assistant' or"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(message: dict[str, Any], problem: str) -> None:
    with pytest.raises(InvalidControl) as raised:
        read_control(message)
    assert str(raised.value).startswith("The control message is not valid: ")
    assert problem in str(raised.value)


@given(st.sampled_from(TYPES), st.dictionaries(st.sampled_from(("content", "message", "destination", "control")), JSON))
def test_no_message_is_worse_than_invalid(kind: str, fields: dict[str, Any]) -> None:
    with suppress(InvalidControl):
        assert read_control({"type": kind, **fields}).type == kind
