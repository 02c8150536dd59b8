"""Tool calls in pieces, as servers send them."""

from __future__ import annotations

import pytest

from gateway.errors import ProviderError
from gateway.providers.base import ToolCall
from gateway.providers.llm.tool_calls import ToolCallDeltas
from gateway.providers.llm.wire import ToolCallDelta


def completed(*deltas: ToolCallDelta) -> list[ToolCall]:
    calls = ToolCallDeltas()
    for delta in deltas:
        calls.add(delta)
    return list(calls.complete("The model"))


def test_pieces_of_several_calls_may_be_mixed() -> None:
    deltas = [
        ToolCallDelta(0, "a", "lookup", '{"num'),
        ToolCallDelta(1, "b", "endCall"),
        ToolCallDelta(0, arguments='ber": 12}'),
    ]
    assert completed(*deltas) == [ToolCall("a", "lookup", {"number": 12}), ToolCall("b", "endCall", {})]


def test_calls_of_one_index_are_told_apart_by_their_ids() -> None:
    calls = completed(ToolCallDelta(0, "a", "x", "{}"), ToolCallDelta(0, "b", "x", "{}"))
    assert [call.id for call in calls] == ["a", "b"]


def test_an_id_that_is_repeated_with_each_piece_is_one_call() -> None:
    assert len(completed(ToolCallDelta(0, "a", "x", "{"), ToolCallDelta(0, "a", "x", "}"))) == 1


def test_calls_without_ids_get_some() -> None:
    first, second = completed(ToolCallDelta(0, "", "x"), ToolCallDelta(1, "", "x"))
    assert first.id != second.id


@pytest.mark.parametrize(
    ("delta", "sentence"),
    [
        (ToolCallDelta(0, "a", "x", "{"), "The model called x with arguments that are not JSON: {"),
        (ToolCallDelta(0, "a", "x", "[1]"), "The model called x with arguments that are no object"),
        (ToolCallDelta(0, "a", "", "{}"), "The model called a tool without naming it"),
    ],
)
def test_a_broken_call_is_an_error(delta: ToolCallDelta, sentence: str) -> None:
    with pytest.raises(ProviderError) as raised:
        completed(delta)
    assert str(raised.value).startswith(sentence)
