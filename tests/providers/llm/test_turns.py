"""Conversations in strict turns."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from gateway.providers.base import ChatMessage, ToolCall
from gateway.providers.llm.chat_completions import alternating
from gateway.providers.llm.turns import system_text, turns

MESSAGES = st.lists(
    st.builds(ChatMessage, st.sampled_from(["system", "user", "assistant"]), st.sampled_from(["", " ", "Hello."]))
)


@given(MESSAGES)
def test_user_and_assistant_take_turns_and_the_user_is_first_and_last(messages: list[ChatMessage]) -> None:
    sides = [turn.side for turn in turns(messages)]
    assert sides[0] == sides[-1] == "user"
    assert all(one != other for one, other in pairwise(sides))


@given(MESSAGES)
def test_nothing_that_was_said_is_lost(messages: list[ChatMessage]) -> None:
    told = system_text(messages) + "".join(message.content for turn in turns(messages) for message in turn.messages)
    assert told.count("Hello.") == sum(message.content == "Hello." for message in messages)


def test_only_the_opening_words_of_the_system_stand_apart() -> None:
    messages = [ChatMessage("system", "A."), ChatMessage("system", "B."), ChatMessage("user", "Hi")]
    assert system_text(messages) == "A.\n\nB."
    later = [ChatMessage("user", "Hi"), ChatMessage("system", "C.")]
    assert system_text(later) == ""
    assert "C." in turns(later)[0].messages[1].content


def test_a_conversation_in_turns_keeps_tools_beside_their_results() -> None:
    call = ToolCall("a", "lookup", {})
    messages = [
        ChatMessage("system", "Be brief."),
        ChatMessage("assistant", "Hello!"),
        ChatMessage("assistant", "Your order?"),
        ChatMessage("user", "12"),
        ChatMessage("assistant", "", (call,)),
        ChatMessage("tool", "shipped", (), "a"),
        ChatMessage("user", "Well?"),
    ]
    sent = alternating(messages)
    assert [(message["role"], message["content"]) for message in sent] == [
        ("system", "Be brief."),
        ("user", "(The call begins.)"),
        ("assistant", "Hello!\nYour order?"),
        ("user", "12"),
        ("assistant", ""),
        ("tool", "shipped"),
        ("user", "Well?"),
    ]
    assert sent[4]["tool_calls"][0]["id"] == sent[5]["tool_call_id"] == "a"
