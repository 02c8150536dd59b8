"""JSON schemas whose properties are partly fixed: `value` or `const` is filled in, the rest is the model's. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from gateway.tools.templates import filled

_FIXED = ("value", "const")


def open_part(schema: Mapping[str, Any] | None) -> dict[str, Any]:
    """What the model has to fill in, as a schema of an object."""
    properties: dict[str, Any] = {}
    for name, part in _properties(schema).items():
        if _is_fixed(part):
            continue
        properties[name] = {**part, **open_part(part)} if _properties(part) else dict(part)
    required = [name for name in _required(schema) if name in properties]
    return {"type": "object", "properties": properties, **({"required": required} if required else {})}


def joined(schemas: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Schemas of objects as one."""
    parts = list(schemas)
    properties = {name: part for schema in parts for name, part in _properties(schema).items()}
    required = list(dict.fromkeys(name for schema in parts for name in _required(schema)))
    return {"type": "object", "properties": properties, **({"required": required} if required else {})}


def completed(
    schema: Mapping[str, Any] | None, given: Mapping[str, Any], variables: Mapping[str, Any]
) -> dict[str, Any]:
    """An object of the schema: fixed values, what was given, and defaults for what was not. What the schema does not
    name is left out, unless it names nothing.

    :raises ConfigError: a template in a fixed value or a default is malformed
    """
    properties = _properties(schema)
    if schema is not None and not properties:
        return dict(given)
    result: dict[str, Any] = {}
    for name, part in properties.items():
        if _is_fixed(part):
            result[name] = filled(next(part[key] for key in _FIXED if part.get(key) is not None), variables)
        elif _properties(part):
            inner = given.get(name)
            value = completed(part, inner if isinstance(inner, Mapping) else {}, variables)
            if value or name in given:
                result[name] = value
        elif name in given:
            result[name] = given[name]
        elif part.get("default") is not None:
            result[name] = filled(part["default"], variables)
    return result


def as_text(value: Any) -> str:
    """A value where only text can stand."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _is_fixed(part: Mapping[str, Any]) -> bool:
    return any(part.get(key) is not None for key in _FIXED)


def _properties(schema: Any) -> dict[str, Mapping[str, Any]]:
    found = schema.get("properties") if isinstance(schema, Mapping) else None
    if not isinstance(found, Mapping):
        return {}
    return {str(name): part if isinstance(part, Mapping) else {} for name, part in found.items()}


def _required(schema: Any) -> list[str]:
    found = schema.get("required") if isinstance(schema, Mapping) else None
    return [str(name) for name in found] if isinstance(found, list) else []
