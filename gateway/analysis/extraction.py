"""JSON out of what a model answered, and whether it fits a schema."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import re2
import referencing.exceptions
from jsonschema import Draft202012Validator, SchemaError, ValidationError, validators
from referencing import Registry

_FENCE = re.compile(r"```(?:[\w-]*)\s*\n?(.*?)```", re.DOTALL)
_TRAILING_COMMA = re.compile(r",(\s*[}\]])")
_NO_REFERENCES: Registry[Any] = Registry()
"""A schema of a stranger makes us fetch nothing."""
_MOST_FAULTS = 5


class Unfit(Exception):
    """What was answered is no JSON, or not what the schema wants."""


def extract(text: str, schema: Mapping[str, Any]) -> Any:
    """The value in an answer: bare, in a fence, or among words.

    :raises Unfit: there is none that fits the schema
    """
    if fault := schema_fault(schema):
        raise Unfit(f"the schema cannot be used ({fault})")
    value = _value(text, schema)
    validator = _Validator(dict(schema), registry=_NO_REFERENCES)
    try:
        faults = [_sentence(fault) for fault in validator.iter_errors(value)]
    except (referencing.exceptions.Unresolvable, re2.error, RecursionError) as error:
        raise Unfit(f"the schema cannot be used ({str(error).splitlines()[0]})") from error
    if faults:
        raise Unfit("; ".join(faults[:_MOST_FAULTS]))
    return value


def schema_fault(schema: Mapping[str, Any]) -> str:
    """What makes a JSON schema invalid, empty when nothing does."""
    try:
        Draft202012Validator.check_schema(dict(schema))
    except (SchemaError, RecursionError) as error:
        return str(getattr(error, "message", error))
    return ""


def _pattern(validator: Any, pattern: str, value: object, schema: Any) -> Iterator[ValidationError]:
    """A stranger's expression takes no longer than the text is long."""
    if isinstance(value, str) and not re2.compile(pattern, _QUIET).search(value):
        yield ValidationError(f"{value!r} does not match {pattern!r}")


_QUIET = re2.Options()
_QUIET.log_errors = False
_Validator: Any = validators.extend(  # type: ignore[no-untyped-call]
    Draft202012Validator, {"pattern": _pattern, "patternProperties": None}
)


def _value(text: str, schema: Mapping[str, Any]) -> Any:
    stripped = text.strip()
    fenced = [match.strip() for match in _FENCE.findall(stripped)]
    for candidate in (stripped, *fenced, *_embedded(stripped)):
        for attempt in (candidate, _TRAILING_COMMA.sub(r"\1", candidate)):
            try:
                return json.loads(attempt, parse_constant=_no_constant)
            except (ValueError, RecursionError):
                continue
    if schema.get("type") == "string" and stripped:
        return stripped.strip('"')
    raise Unfit("it is no JSON")


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def _embedded(text: str) -> list[str]:
    """From the first bracket to the last that closes it, objects first."""
    found = [(text.find(opening), text.rfind(closing)) for opening, closing in ("{}", "[]")]
    spans = sorted((start, end) for start, end in found if 0 <= start < end)
    return [text[start : end + 1] for start, end in spans]


def _sentence(fault: ValidationError) -> str:
    place = ".".join(str(part) for part in fault.absolute_path)
    return f"{place}: {fault.message}" if place else str(fault.message)
