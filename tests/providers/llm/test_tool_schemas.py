"""Names and parameters of tools as providers take them."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.providers.base import ToolDefinition
from gateway.providers.llm.tool_schemas import ToolNames, gemini_schema, object_schema


def named(*names: str) -> ToolNames:
    return ToolNames([ToolDefinition(name, "", {}) for name in names])


@given(st.lists(st.text(min_size=1, max_size=80), unique=True, max_size=6))
def test_every_name_becomes_one_that_is_taken_and_comes_back(names: list[str]) -> None:
    tools = named(*names)
    outside = [tools.outside(name) for name in names]
    assert all(re.fullmatch(r"[A-Za-z_][A-Za-z0-9_-]{0,63}", name) for name in outside)
    assert [tools.inside(name) for name in outside] == names


def test_a_good_name_stays() -> None:
    assert named("look-up_2").outside("look-up_2") == "look-up_2"


def test_names_that_would_be_one_are_told_apart() -> None:
    tools = named("look up", "look.up")
    assert [tools.outside("look up"), tools.outside("look.up")] == ["look_up", "look_up_2"]


def test_a_tool_of_an_earlier_turn_has_a_good_name_too() -> None:
    assert named().outside("look up") == "look_up"


def test_anthropic_is_told_that_parameters_are_an_object() -> None:
    assert object_schema({"properties": {}}) == {"type": "object", "properties": {}}


@pytest.mark.parametrize(
    ("schema", "gemini"),
    [
        ({"type": "string", "minLength": 1, "default": "x"}, {"type": "string", "minLength": 1}),
        ({"type": ["string", "null"]}, {"type": "string", "nullable": True}),
        ({"const": "a"}, {"type": "string", "enum": ["a"]}),
        ({"type": "integer", "enum": [1, 2]}, {"type": "string", "enum": ["1", "2"]}),
        ({"oneOf": [{"type": "string"}, {"type": "null"}]}, {"anyOf": [{"type": "string"}, {"type": "null"}]}),
        ({"type": "string", "format": "email"}, {"type": "string"}),
        ({"type": "array", "items": {"type": "object", "additionalProperties": False}}, None),
        ({"$ref": "#/$defs/Place", "description": "Where."}, {"type": "string", "description": "Where."}),
        (True, {"type": "string"}),
    ],
)
def test_gemini_gets_its_part_of_the_schema(schema: Any, gemini: Any) -> None:
    expected = gemini or {"type": "array", "items": {"type": "object"}}
    parameters = {
        "type": "object",
        "properties": {"one": schema},
        "required": ["one", "gone"],
        "additionalProperties": False,
        "$defs": {"Place": {"type": "string"}},
    }
    assert gemini_schema(parameters) == {"type": "object", "properties": {"one": expected}, "required": ["one"]}


def test_gemini_gets_no_empty_object() -> None:
    assert gemini_schema({"type": "object", "properties": {}}) is None


def test_a_schema_that_holds_itself_ends() -> None:
    node = {"type": "object", "properties": {"next": {"$ref": "#/$defs/Node"}}}
    assert gemini_schema({**node, "$defs": {"Node": node}}) is not None
