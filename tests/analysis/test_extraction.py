from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.analysis.extraction import Unfit, extract, schema_fault

ORDER: dict[str, Any] = {
    "type": "object",
    "properties": {"number": {"type": "integer"}, "tags": {"type": "array", "items": {"type": "string"}}},
    "required": ["number"],
}


@pytest.mark.parametrize(
    "text",
    [
        '{"number": 7}',
        '```json\n{"number": 7}\n```',
        'Here is the data: {"number": 7}. Anything else?',
        '{\n  "number": 7,\n}',
        'Sure!\n```\n{"number": 7,}\n```\nDone.',
    ],
)
def test_data_is_found_however_it_is_wrapped(text: str) -> None:
    assert extract(text, ORDER) == {"number": 7}


def test_what_does_not_fit_is_told_with_its_place() -> None:
    with pytest.raises(Unfit, match="number: 'seven' is not of type 'integer'"):
        extract('{"number": "seven"}', ORDER)
    with pytest.raises(Unfit, match="'number' is a required property"):
        extract("{}", ORDER)
    with pytest.raises(Unfit, match="no JSON"):
        extract("I cannot tell.", ORDER)


def test_a_text_needs_no_quotes() -> None:
    assert extract("Ada Lovelace", {"type": "string"}) == "Ada Lovelace"
    assert extract("true", {"type": "boolean"}) is True


def test_a_schema_that_cannot_be_used_is_a_fault() -> None:
    assert schema_fault({"type": "unheard-of"}) != ""
    assert schema_fault(ORDER) == ""
    with pytest.raises(Unfit):
        extract("{}", {"type": "unheard-of"})


def test_a_reference_to_elsewhere_is_not_fetched() -> None:
    with pytest.raises(Unfit, match="cannot be used"):
        extract("{}", {"$ref": "http://127.0.0.1:1/schema.json"})


@given(st.text(max_size=60))
def test_whatever_a_model_says_is_data_or_unfit(text: str) -> None:
    try:
        assert isinstance(extract(text, {"type": "object"}), dict)
    except Unfit as unfit:
        assert str(unfit)  # noqa: PT017  either is right
