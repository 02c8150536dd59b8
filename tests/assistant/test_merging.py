from __future__ import annotations

from typing import Any

from gateway.assistant.merging import with_overrides

BASE: dict[str, Any] = {
    "firstMessage": "Hi",
    "model": {"provider": "openai", "model": "a", "tools": [{"type": "endCall"}]},
}


def test_a_field_takes_the_place_of_the_whole_field() -> None:
    merged = with_overrides(BASE, {"model": {"provider": "groq", "model": "b"}, "name": "x"})
    assert merged == {"firstMessage": "Hi", "model": {"provider": "groq", "model": "b"}, "name": "x"}


def test_a_part_without_a_provider_changes_only_what_it_names() -> None:
    assert with_overrides(BASE, {"model": {"model": "b"}})["model"] == {**BASE["model"], "model": "b"}


def test_null_takes_a_field_away() -> None:
    assert "firstMessage" not in with_overrides(BASE, {"firstMessage": None})


def test_tools_are_appended() -> None:
    merged = with_overrides(BASE, {"tools:append": [{"type": "dtmf"}]})
    assert merged["model"]["tools"] == [{"type": "endCall"}, {"type": "dtmf"}]
    assert "tools:append" not in merged
    assert BASE["model"]["tools"] == [{"type": "endCall"}]


def test_variables_are_no_part_of_an_assistant() -> None:
    assert with_overrides(BASE, {"variableValues": {"name": "Ada"}}) == BASE


def test_an_older_name_of_the_server_wins_over_the_one_of_the_assistant() -> None:
    assert with_overrides({"server": {"url": "a"}}, {"serverUrl": "b"}) == {"serverUrl": "b"}
