from __future__ import annotations

from typing import Any

import pytest

from gateway.analysis.extraction import Unfit
from gateway.analysis.structured_output import matched, read_output

TRANSCRIPT = "AI: Your order number?\nUser: It is 4711, or maybe 0815.\nAI: Thanks."


def found(regex: str, **schema: Any) -> Any:
    return matched(read_output({"name": "x", "type": "regex", "regex": regex, "schema": schema}), TRANSCRIPT)


def test_the_schema_says_what_a_match_becomes() -> None:
    assert found(r"\d{4}") == "4711"
    assert found(r"maybe (\d+)", type="string") == "0815"
    assert found(r"\d+", type="integer") == 4711
    assert found(r"\d+", type="array") == ["4711", "0815"]
    assert found("/THANKS/i", type="boolean") is True
    assert found("THANKS", type="boolean") is False
    assert found("nothing", type="number") is None


@pytest.mark.parametrize(("regex", "schema"), [("(", {}), ("Thanks", {"type": "number"}), ("(?=x)", {})])
def test_what_cannot_be_used_is_unfit(regex: str, schema: dict[str, Any]) -> None:
    with pytest.raises(Unfit):
        found(regex, **schema)


def test_a_kept_output_is_read_without_what_belongs_to_the_store() -> None:
    output = read_output({"id": "1", "orgId": "o", "name": "n" * 60, "schema": {"type": "string"}, "assistantIds": []})
    assert (output.id, output.name, output.type) == ("1", "n" * 40, "ai")
