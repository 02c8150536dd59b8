"""What providers want of tools' names and parameters, where they want less than JSON schema."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from gateway.providers.base import ToolDefinition

_NO_NAME = re.compile(r"[^A-Za-z0-9_-]")
_LONGEST = 64

_GEMINI = frozenset(
    {
        *("type", "format", "title", "description", "nullable", "enum", "anyOf", "items", "minItems", "maxItems"),
        *("properties", "required", "minProperties", "maxProperties", "minimum", "maximum"),
        *("minLength", "maxLength", "pattern"),
    }
)
"""Keywords of https://ai.google.dev/api/caching#Schema, a part of OpenAPI's; others are refused with 400."""
_GEMINI_FORMATS = frozenset(("enum", "date-time", "float", "double", "int32", "int64"))


class ToolNames:
    """Names as every provider takes them, 64 letters, digits, _ and - (Gemini: not a digit first), and back."""

    def __init__(self, tools: Sequence[ToolDefinition]) -> None:
        self._outside: dict[str, str] = {}
        self._inside: dict[str, str] = {}
        for tool in tools:
            self._enter(tool.name)

    def outside(self, name: str) -> str:
        """The name for the provider."""
        return self._outside.get(name) or _plain(name)

    def inside(self, name: str) -> str:
        """The tool that the provider means."""
        return self._inside.get(name, name)

    def _enter(self, name: str) -> None:
        plain, number = _plain(name), 1
        while self._inside.get(plain, name) != name:
            number += 1
            plain = f"{_plain(name)[: _LONGEST - 4]}_{number}"
        self._outside[name], self._inside[plain] = plain, name


def _plain(name: str) -> str:
    plain = _NO_NAME.sub("_", name)[:_LONGEST]
    return plain if plain[:1].isalpha() or plain[:1] == "_" else f"_{plain}"[:_LONGEST]


def object_schema(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """A schema whose root says that it is an object, as Anthropic wants it."""
    return {**parameters, "type": "object"}


def gemini_schema(parameters: Mapping[str, Any]) -> dict[str, Any] | None:
    """The parameters in Gemini's part of OpenAPI, None for a function without any: it refuses empty objects."""
    schema = _reduced(parameters, parameters.get("$defs") or parameters.get("definitions") or {}, depth=0)
    return schema if schema.get("properties") else None


def _reduced(schema: Any, definitions: Mapping[str, Any], *, depth: int) -> dict[str, Any]:
    if not isinstance(schema, Mapping) or depth > 20:  # `true`, or a schema that holds itself
        return {"type": "string"}
    if reference := schema.get("$ref"):
        target = definitions.get(str(reference).rpartition("/")[2], {})
        schema = {**target, **{key: value for key, value in schema.items() if key != "$ref"}}
    result = _translated(schema)
    if "properties" in result:
        inside = result["properties"].items()
        result["properties"] = {name: _reduced(one, definitions, depth=depth + 1) for name, one in inside}
        if "required" in result:
            result["required"] = [name for name in result["required"] if name in result["properties"]]
    if "items" in result:
        result["items"] = _reduced(result["items"], definitions, depth=depth + 1)
    if "anyOf" in result:
        result["anyOf"] = [_reduced(one, definitions, depth=depth + 1) for one in result["anyOf"]]
    return result


def _translated(schema: Mapping[str, Any]) -> dict[str, Any]:
    """One level, with what Gemini spells in another way."""
    result = {key: value for key, value in schema.items() if key in _GEMINI}
    for foreign in ("oneOf", "allOf"):
        if foreign in schema:
            result.setdefault("anyOf", schema[foreign])
    kinds = schema.get("type")
    if isinstance(kinds, list):
        real = [kind for kind in kinds if kind != "null"]
        result["type"] = real[0] if real else "string"
        result |= {"nullable": True} if "null" in kinds else {}
    if "const" in schema:
        result["enum"] = [schema["const"]]
    if "enum" in result:
        result |= {"type": "string", "enum": [str(value) for value in result["enum"] if value is not None]}
    if result.get("format") not in _GEMINI_FORMATS:
        result.pop("format", None)
    return result
