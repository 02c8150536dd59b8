"""Answers of the resources against the response schemas of Vapi's OpenAPI document, where it is present."""

from typing import Any

import pytest

from tests.api.house import House
from tests.api.test_resources import RESOURCES
from tests.vapi.contract import contract

MORE: list[tuple[str, dict[str, Any]]] = [
    ("/tool", {"type": "endCall"}),
    ("/tool", {"type": "apiRequest", "method": "GET", "url": "https://api.example.com"}),
    ("/tool", {"type": "transferCall", "destinations": [{"type": "number", "number": "+14155552671"}]}),
]
EMPTY = ("/campaign", "/v2/campaign", "/eval", "/eval/simulation/personality", "/v2/knowledge-base", "/reporting/board")


@pytest.mark.parametrize(("path", "body"), RESOURCES + MORE)
async def test_answers_are_what_the_contract_says(api: House, path: str, body: dict[str, Any]) -> None:
    faults = contract().answer_faults
    made = await api.client.post(path, json=body)
    assert faults("POST", path, made.status_code, made.json()) == []
    one = f"{path}/{made.json()['id']}"
    for method in ("GET", "PATCH", "DELETE"):
        answer = await api.client.request(method, one, json={"name": "Other"} if method == "PATCH" else None)
        assert answer.status_code == 200, answer.text
        assert faults(method, one, 200, answer.json()) == []
    listed = await api.client.get(path)
    assert faults("GET", path, 200, listed.json()) == []


async def test_empty_lists_are_of_the_right_form(api: House) -> None:
    for path in EMPTY:
        assert contract().answer_faults("GET", path, 200, (await api.client.get(path)).json()) == [], path
