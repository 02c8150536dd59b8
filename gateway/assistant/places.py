"""Places in an assistant's JSON: `("model", "messages", 0, "role")`, written "model.messages.0.role"."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pydantic_core import ErrorDetails

Place = tuple[int | str, ...]

_MUST: Mapping[str, str] = {
    "int_parsing": "be a whole number",
    "int_type": "be a whole number",
    "int_from_float": "be a whole number",
    "float_parsing": "be a number",
    "float_type": "be a number",
    "finite_number": "be a number",
    "bool_parsing": "be true or false",
    "bool_type": "be true or false",
    "string_type": "be a string",
    "list_type": "be an array",
    "tuple_type": "be an array",
    "dict_type": "be an object",
    "model_type": "be an object",
    "model_attributes_type": "be an object",
    "greater_than_equal": "be at least {ge}",
    "greater_than": "be more than {gt}",
    "less_than_equal": "be at most {le}",
    "less_than": "be less than {lt}",
    "string_too_long": "have at most {max_length} characters",
    "string_too_short": "have at least {min_length} characters",
    "too_short": "have at least {min_length} elements",
    "too_long": "have at most {max_length} elements",
    "literal_error": "be one of {expected}",
    "string_pattern_mismatch": "match {pattern}",
}


def dotted(place: Place) -> str:
    """As sentences name it."""
    return ".".join(str(part) for part in place)


def existing(location: Place, data: Any) -> Place:
    """Pydantic's location without the parts that name no key, such as the branch of a union."""
    place: Place = ()
    for index, part in enumerate(location):
        last = index == len(location) - 1
        if isinstance(data, Mapping) and (part in data or last):
            place, data = (*place, part), data.get(part)
        elif isinstance(data, list) and isinstance(part, int) and part < len(data):
            place, data = (*place, part), data[part]
    return place


def at(place: Place, data: Any) -> Any:
    """What is at a place, None where nothing is."""
    for part in place:
        inside = isinstance(data, Mapping) and part in data
        if not inside and not (isinstance(data, list) and isinstance(part, int) and part < len(data)):
            return None
        data = data[part]
    return data


def remove(place: Place, data: Any) -> Any:
    """Take away what is at a place; returns it."""
    for part in place[:-1]:
        data = data[part]
    return data.pop(place[-1])


def _choices(text: str) -> str:
    """A pattern that only lists words as these words."""
    words = re.fullmatch(r"match \^\(([\w|-]+)\)\$", text)
    return f"be one of {words[1].replace('|', ', ')}" if words else text


def problem(details: ErrorDetails, data: Any) -> str:
    """One sentence of what pydantic found wrong: "model.temperature must be at most 2"."""
    place, context, kind = existing(details["loc"], data), details.get("ctx", {}), details["type"]
    if kind == "missing":
        return f"{dotted(place)} should not be empty"
    if kind in ("union_tag_not_found", "union_tag_invalid"):
        tag = str(context["discriminator"]).strip("'")
        return f"{dotted((*place, tag))} must be one of {context.get('expected_tags', 'the known types')}"
    if template := _MUST.get(kind):
        limits = {name: f"{value:g}" if isinstance(value, float) else value for name, value in context.items()}
        return f"{dotted(place) or 'body'} must {_choices(template.format(**limits))}"
    return f"{dotted(place) or 'body'} must be {details['msg'].removeprefix('Value error, ')}"
