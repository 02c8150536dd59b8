"""Structured outputs that need no model: a regular expression on the transcript."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import re2

from gateway.analysis.extraction import Unfit
from gateway.assistant.analysis_plan import StructuredOutput

_LITERAL = re.compile(r"/(?P<pattern>.+)/(?P<flags>[a-z]*)", re.DOTALL)
_KNOWN = ("id", "name", "type", "description", "schema", "regex", "model")


def read_output(body: Mapping[str, Any]) -> StructuredOutput:
    """A structured output as it is kept.

    :raises pydantic.ValidationError: it has no name, or a field has a wrong type
    """
    known = {name: body[name] for name in _KNOWN if body.get(name) is not None}
    return StructuredOutput.model_validate({**known, "name": str(known.get("name", ""))[:40]})


def matched(output: StructuredOutput, transcript: str) -> Any:
    """What the expression (RE2) finds, by the type of the schema: whether it matches, the first match or its first
    group, that as a number, or all matches. None for nothing found.

    :raises Unfit: it is no expression, or what it finds is no number
    """
    literal = _LITERAL.fullmatch(output.regex.strip())
    options = re2.Options()
    options.log_errors = False
    options.case_sensitive = not (literal and "i" in literal["flags"])
    try:
        pattern = re2.compile(literal["pattern"] if literal else output.regex, options)
    except re2.error as error:
        raise Unfit(f"its regex cannot be used ({error})") from error
    first = pattern.search(transcript)
    kind = output.schema_.get("type", "string")
    if kind == "boolean":
        return first is not None
    if kind == "array":
        return [_text(match) for match in pattern.finditer(transcript)]
    if first is None:
        return None
    return _number(_text(first), whole=kind == "integer") if kind in ("number", "integer") else _text(first)


def _text(match: Any) -> str:
    return str(match[1] if match.re.groups and match[1] is not None else match[0])


def _number(text: str, *, whole: bool) -> int | float:
    try:
        value = float(text.replace(",", ""))
    except ValueError:
        raise Unfit(f"its regex found {text[:40]!r}, which is no number") from None
    return int(value) if whole or value.is_integer() else value
