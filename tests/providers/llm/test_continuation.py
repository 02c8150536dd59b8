"""Going on with a reply that was begun: the words that are heard, whatever the model repeats."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.providers.base import ChatMessage, ChatRequest
from gateway.providers.llm.continuation import Continuation, asked_to_go_on

OLD_WORDS = ["your", "order", "number", "is", "on", "the", "way", "to", "Berlin", "and", "will", "arrive"]
NEW_WORDS = ["thanks", "please", "tomorrow", "Straße", "12", "5", "ça", "été", "您好", "don't"]
OLD = st.lists(st.sampled_from(OLD_WORDS), min_size=1)
NEW = st.lists(st.sampled_from(NEW_WORDS))
BREAKS = st.lists(st.integers(min_value=1, max_value=7), min_size=1)


def continued(said: str, pieces: Sequence[str]) -> str:
    """What is heard behind `said`."""
    continuation = Continuation(said)
    return "".join([*(continuation.push(piece) for piece in pieces), continuation.finish()])


def broken(text: str, sizes: Sequence[int]) -> list[str]:
    """The text in pieces of these sizes, over and over."""
    pieces: list[str] = []
    while text:
        size = sizes[len(pieces) % len(sizes)]
        pieces.append(text[:size])
        text = text[size:]
    return pieces


def spoken(text: str) -> list[str]:
    return re.findall(r"\w+", text.casefold())


@pytest.mark.parametrize(
    ("said", "answered", "heard"),
    [
        ("Your order is", " on its way.", " on its way."),
        ("Your order is", "on its way.", " on its way."),
        ("Your order is ", "on its way.", "on its way."),
        ("Your order is", "Your order is on its way.", " on its way."),
        ("Hello! Your order is", "hello, YOUR  order\nis: on its way.", " on its way."),
        ("Hello, Anna. Your order is", "Your order is on its way.", " on its way."),
        ("Your order is on its way.", "Your order is on its way.", ""),
        ("Your order is on its way.", "Anything else?", " Anything else?"),
        ("It costs", "$12.", " $12."),
        ("Well,", "<uninterruptible>listen</uninterruptible>", " <uninterruptible>listen</uninterruptible>"),
        ("您的订单", "您的订单已发货。", "已发货。"),
        ("您的订单", "已发货。", "已发货。"),
        # Not repetitions.
        ("The number is 5", "5 5 3.", " 5 5 3."),
        ("1 2 3", "1 2 3 4.", " 1 2 3 4."),
        ("It is very", "very good.", " very good."),
        ("Your order", "Your orders are late.", " Your orders are late."),
        ("Your order is late", "Your order is on its way.", " Your order is on its way."),
        ("", "Your order", "Your order"),
    ],
)
def test_what_is_heard_behind_what_was_said(said: str, answered: str, heard: str) -> None:
    assert continued(said, [answered]) == heard
    assert continued(said, list(answered)) == heard


@given(OLD, NEW, BREAKS)
def test_new_words_are_never_eaten(said: list[str], new: list[str], sizes: list[int]) -> None:
    text = " ".join(new)
    assert spoken(continued(" ".join(said), broken(text, sizes))) == spoken(text)


@given(OLD, NEW, BREAKS, st.sampled_from([str.upper, str.title, str.lower]), st.sampled_from([" ", ", ", "\n", " … "]))
def test_a_model_that_starts_over_is_heard_from_where_it_is_new(
    said: list[str], new: list[str], sizes: list[int], write: object, between: str
) -> None:
    assert callable(write)
    answered = between.join([*map(write, said), *new])
    assert spoken(continued(" ".join(said), broken(answered, sizes))) == spoken(between.join(new))


@given(OLD, st.text(max_size=40), BREAKS)
def test_how_the_text_is_broken_changes_nothing(said: list[str], answered: str, sizes: list[int]) -> None:
    text = " ".join(said)
    assert continued(text, broken(answered, sizes)) == continued(text, [answered])


@given(OLD, st.text(max_size=40))
def test_only_a_beginning_is_left_out(said: list[str], answered: str) -> None:
    heard = continued(" ".join(said), [answered])
    assert answered.endswith((heard, heard.removeprefix(" ")))


def test_what_is_no_repetition_is_not_held_back() -> None:
    continuation = Continuation("Your order is")
    assert continuation.push("O") == ""
    assert continuation.push("n its") == " On its"
    assert continuation.push(" way") == " way"


def test_the_model_sees_what_was_said_and_is_asked_to_go_on() -> None:
    request = ChatRequest([ChatMessage("user", "Where is it?")], said="Your order is ")
    question, said, instruction = asked_to_go_on(request).messages
    assert question == request.messages[0]
    assert said == ChatMessage("assistant", "Your order is")
    assert instruction.role == "user"


def test_nothing_said_is_nothing_to_go_on_with() -> None:
    request = ChatRequest([ChatMessage("user", "Where is it?")], said=" ")
    assert asked_to_go_on(request) is request
