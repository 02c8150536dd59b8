"""The demo dialogue that ships with Parley, by what callers ask of it."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from gateway.providers.llm.dialogue.definition import Dialogue
from gateway.providers.llm.dialogue.load import load_dialogue
from tests.providers.llm.conversations import SUNDAY, Conversation

DEMO = Path(__file__).parents[3] / "config" / "dialogues" / "demo.yaml"


@cache
def demo() -> Dialogue:
    return load_dialogue(DEMO)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("What are your opening hours?", "Monday to Friday from nine"),
        ("when do you open", "Monday to Friday from nine"),
        ("um what time do you close", "Monday to Friday from nine"),
        ("opening ours", "Monday to Friday from nine"),
        ("Are you open on Sunday?", "On Sundays we are closed"),
        ("what about the weekend", "On Sundays we are closed"),
        ("are you open today", "Today is Monday"),
        ("where are you located?", "12 Harbour Street"),
        ("what's your address", "12 Harbour Street"),
        ("what can you do?", "look up the state of an order"),
        ("who am I talking to", "voice assistant"),
        ("Can I speak to a human?", "nobody I could connect you with"),
        ("I'd like to talk to a real person please", "nobody I could connect you with"),
        ("Where's my order?", "What is your order number"),
        ("I want to check the status of an order", "What is your order number"),
        ("Thank you very much.", "You are welcome"),
        ("thanks, and what time do you open", "Monday to Friday from nine"),
        ("Hello?", "What can I do for you"),
        ("Hours.", "Monday to Friday from nine"),
        ("The address please.", "12 Harbour Street"),
        ("Order.", "What is your order number"),
        ("No, stop.", "What can I do for you"),
        ("Wait, wait.", "What can I do for you"),
        ("stop it", "What can I do for you"),
        ("how are you", "I am doing well"),
        ("My hovercraft is full of eels.", "did not get that"),
    ],
)
async def test_a_question_is_answered(text: str, answer: str) -> None:
    reply = await Conversation(demo()).says(text)
    assert answer in reply.text
    assert reply.calls == []


@pytest.mark.parametrize(
    "text",
    [
        "Goodbye.",
        "Good bye",
        "Good-by.",
        "bye",
        "no thank you",
        "That's all, thanks.",
        "hang up",
        "please hang up",
    ],
)
async def test_a_farewell_ends_the_call(text: str) -> None:
    reply = await Conversation(demo()).says(text)
    assert "Goodbye" in reply.text
    assert [call.name for call in reply.calls] == ["endCall"]


async def test_an_order_is_looked_up() -> None:
    conversation = Conversation(demo())
    assert (await conversation.says("I'd like to know where my order is")).expects == "digits"
    assert "I heard 4, 8, 2, but" in (await conversation.says("four eight two")).text
    (call,) = (await conversation.says("4821")).calls
    assert (call.name, call.arguments) == ("lookup_order", {"order_number": "4821"})
    assert (await conversation.returns("Order 4821 is being packed.")).text.startswith("Order 4821 is being packed.")


async def test_the_order_service_may_be_down() -> None:
    conversation = Conversation(demo())
    await conversation.says("where is my order 1 2 3 4")
    assert "cannot reach the order service" in (await conversation.returns('{"error": "timeout"}')).text


async def test_on_a_sunday_the_shop_is_closed() -> None:
    assert "Today is Sunday, so we are closed" in (await Conversation(demo(), SUNDAY).says("are you open today")).text


async def test_the_caller_may_ask_to_repeat() -> None:
    conversation = Conversation(demo())
    address = await conversation.says("what is your address")
    assert (await conversation.says("Sorry, what was that?")).text == address.text
    assert (await conversation.says("could you repeat that please")).text == address.text
