"""Makes variables of a tool's response: Vapi's `variableExtractionPlan`. Pure.

The schema names properties of the response, each a variable; of an array the schema's `title` or `name` is the
variable. Aliases are templates that see the call's variables, the response's own properties, and `$`, the response.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from gateway.assistant.tool_plan import VariableExtractionPlan
from gateway.conversation.templates import render

_TEMPLATE = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)
_RESPONSE = re.compile(r"""(?<![\w"'])\$(?=[\[.\s|}%]|$)""")
_NAME = "the_response"
"""What `$` is called in a template: Liquid has no such name."""

_MISSING = object()


def extracted(plan: VariableExtractionPlan | None, text: str, variables: Mapping[str, Any]) -> dict[str, Any]:
    """The variables that a response gives.

    :param text: the response; what is no JSON is a text
    :raises ConfigError: an alias is malformed
    """
    if plan is None:
        return {}
    response = parsed(text)
    result = _by_schema(plan.json_schema, response) if plan.json_schema else {}
    own = response if isinstance(response, Mapping) else {}
    for alias in plan.aliases:
        template = _TEMPLATE.sub(lambda match: _RESPONSE.sub(_NAME, match[0]), alias.value)
        result[alias.key] = render(template, {**variables, **own, **result, _NAME: response})
    return result


def parsed(text: str) -> Any:
    """The JSON of a text, else the text."""
    try:
        return json.loads(text, strict=False)
    except (ValueError, RecursionError):
        return text


def _by_schema(schema: Mapping[str, Any], response: Any) -> dict[str, Any]:
    found = _picked(schema, response)
    if found is _MISSING:
        return {}
    if isinstance(found, Mapping):
        return dict(found)
    name = str(schema.get("title") or schema.get("name") or "")
    return {name: found} if name else {}


def _picked(schema: Any, value: Any) -> Any:
    """What the schema names of a value; `_MISSING` when it is of another type."""
    kind = schema.get("type") if isinstance(schema, Mapping) else None
    match kind, value:
        case "object", Mapping():
            parts = schema.get("properties") or {}
            picked = {name: _picked(part, value[name]) for name, part in parts.items() if name in value}
            return {name: one for name, one in picked.items() if one is not _MISSING} if parts else dict(value)
        case "array", list():
            return [one for item in value if (one := _picked(schema.get("items") or {}, item)) is not _MISSING]
        case "string", str():
            return value
        case "string", bool() | int() | float():
            return json.dumps(value)
        case "boolean", bool():
            return value
        case "integer" | "number", int() | float() if not isinstance(value, bool):
            return value
        case "integer" | "number", str():
            return _number(value)
    return value if kind is None else _MISSING


def _number(text: str) -> Any:
    try:
        return int(text) if re.fullmatch(r"[+-]?\d+", text.strip()) else float(text)
    except ValueError:
        return _MISSING
