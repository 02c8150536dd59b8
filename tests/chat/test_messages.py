from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from gateway.chat.messages import read_input, read_messages, shown
from gateway.errors import BadRequest
from gateway.providers.base import ChatMessage, ToolCall

AT = datetime(2026, 1, 2, tzinfo=UTC)


def test_a_text_is_what_the_user_says() -> None:
    assert read_input("Hello") == [ChatMessage("user", "Hello")]


def test_messages_are_openais_or_vapis() -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}
    assert read_input(
        [
            {"role": "user", "content": [{"type": "text", "text": "He"}, {"type": "text", "text": "llo"}]},
            {"role": "bot", "message": "Hi"},
            {"role": "assistant", "tool_calls": [call]},
            {"role": "tool", "content": "done", "tool_call_id": "c1"},
            {"role": "developer", "content": "Be brief."},
        ]
    ) == [
        ChatMessage("user", "Hello"),
        ChatMessage("assistant", "Hi"),
        ChatMessage("assistant", "", (ToolCall("c1", "f", {"a": 1}),)),
        ChatMessage("tool", "done", tool_call_id="c1"),
        ChatMessage("system", "Be brief."),
    ]


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (None, "input must be a string or an array"),
        ([], "input must be a string or an array"),
        ("  ", "input should not be empty"),
        ([3], "input.0 must be an object"),
        ([{"role": "boss", "content": "x"}], "input.0.role must be one of"),
        ([{"role": "user", "content": {"a": 1}}], "input.0.content must be a string"),
        ("x" * 100_001, "input.0.content must have at most"),
    ],
)
def test_what_cannot_be_answered_is_a_problem_with_its_path(value: Any, problem: str) -> None:
    with pytest.raises(BadRequest, match=problem.replace(".", r"\.")):
        read_input(value)


@pytest.mark.parametrize(
    "message",
    [
        ChatMessage("user", "Hello"),
        ChatMessage("assistant", "", (ToolCall("c1", "f", {"a": "ü"}),)),
        ChatMessage("tool", "done", tool_call_id="c1"),
    ],
)
def test_what_is_shown_is_read_again(message: ChatMessage) -> None:
    assert read_messages([shown(message, AT)]) == [message]
