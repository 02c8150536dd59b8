"""The body of a request as JSON that every database takes."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any

from fastapi import Request

from gateway.errors import BadRequest, UnsupportedMedia

DEPTH = 64
"""Levels of objects and arrays."""


async def json_object(request: Request) -> dict[str, Any]:
    """The body's object; an absent body is an empty one.

    :raises BadRequest: when it is not JSON, no object, deeper than `DEPTH`, or has what JSON cannot carry
    :raises UnsupportedMedia: when it says that it is something else
    """
    kind = request.headers.get("content-type", "application/json").partition(";")[0].strip().lower()
    raw = await request.body()
    if raw and kind != "application/json" and not kind.endswith("+json"):
        raise UnsupportedMedia(f"The body must be application/json, not {kind[:80]}.")
    value = read_json(raw) if raw else {}
    if not isinstance(value, dict):
        raise BadRequest(["the body must be an object"])
    return value


def read_json(raw: bytes) -> Any:
    """:raises BadRequest: as `json_object`"""
    try:
        value = json.loads(raw, parse_float=_number, parse_constant=_no_constant)
    except RecursionError:
        raise BadRequest([f"the body must not be deeper than {DEPTH} levels"]) from None
    except ValueError as error:
        raise BadRequest([f"the body is not valid JSON: {error}"[:200]]) from None
    if raw.count(b"{") + raw.count(b"[") > DEPTH and _deep(value):
        raise BadRequest([f"the body must not be deeper than {DEPTH} levels"])
    if b"\\u" in raw or b"\0" in raw:
        _check_texts(value)
    return value


def _number(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"the number {text[:20]} is too large")
    return number


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is no number of JSON")


def _deep(value: Any) -> bool:
    level = [value]
    for _ in range(DEPTH):
        level = [child for parent in level for child in _children(parent)]
        if not level:
            return False
    return any(isinstance(each, dict | list) for each in level)


def _children(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def _check_texts(value: Any) -> None:
    for text in _texts(value):
        if "\0" in text:
            raise BadRequest(["the body must not contain the character U+0000"])
        if any("\ud800" <= character <= "\udfff" for character in text):
            raise BadRequest(["the body must not contain half of a surrogate pair"])


def _texts(value: Any) -> Iterator[str]:
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, str):
            yield each
        elif isinstance(each, dict):
            yield from each
            waiting.extend(each.values())
        elif isinstance(each, list):
            waiting.extend(each)
