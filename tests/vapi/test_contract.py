"""The contract's own checks can fail."""

from __future__ import annotations

from tests.vapi.contract import contract

ASSISTANT = {
    "id": "6f6f9d6a-97c1-4a5e-b6a8-1c6f4ef2a1b0",
    "orgId": "6f6f9d6a-97c1-4a5e-b6a8-1c6f4ef2a1b0",
    "createdAt": "2026-11-23T01:02:03.004Z",
    "updatedAt": "2026-11-23T01:02:03.004Z",
}


def test_an_answer_that_fits_has_no_faults() -> None:
    assert contract().answer_faults("POST", "/assistant", 201, ASSISTANT) == []
    assert contract().answer_faults("GET", "/assistant", 200, [ASSISTANT]) == []
    assert contract().answer_faults("GET", "/assistant/1", 200, {**ASSISTANT, "firstMessage": "Hello."}) == []


def test_what_is_missing_or_wrong_is_named_with_its_path() -> None:
    without = {name: value for name, value in ASSISTANT.items() if name != "orgId"}
    assert contract().answer_faults("GET", "/assistant/1", 200, without) == ["the body: 'orgId' is a required property"]
    faults = contract().answer_faults("GET", "/assistant/1", 200, {**ASSISTANT, "firstMessage": 1})
    assert faults == ["firstMessage: 1 is not of type 'string'"]


def test_a_message_of_no_known_type_is_a_fault() -> None:
    assert contract().message_faults({"message": {"type": "nonsense"}})
