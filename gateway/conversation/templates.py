"""Liquid templates in an assistant's texts: `{{customer.number}}`, `{{"now" | date: "%H:%M", "Europe/London"}}`.

LiquidJS, which Vapi has, is the measure: what no variable names is empty, a filter that nobody knows changes nothing,
and `date` takes a time zone. Templates of strangers are rendered while a caller waits, so their loops and their output
are bounded, and they read no other templates.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import liquid
from dateutil import parser as dates
from liquid.exceptions import LiquidError

from gateway.errors import ConfigError

_STANDARD_FORMAT = "%A, %B %-d, %Y at %-I:%M %P %z"
"""LiquidJS's, for a date without a format."""


class BoundedEnvironment(liquid.Environment):
    """Liquid whose templates take neither long nor much memory."""

    loop_iteration_limit = 10_000
    output_stream_limit = 200_000
    local_namespace_limit = 2_000_000
    context_depth_limit = 20
    block_nesting_limit = 50


def render(text: str, variables: Mapping[str, Any]) -> str:
    """`text` with its templates filled in; what no variable names is empty.

    :raises ConfigError: the template is malformed, or does too much
    """
    if "{" not in text:
        return text
    try:
        return str(_ENVIRONMENT.from_string(text).render(**variables))
    except (LiquidError, ArithmeticError, RecursionError) as error:
        reason = _one_line(error)
        raise ConfigError(f"The template {text[:40]!r} of the assistant is malformed: {reason}.") from error


def fault(text: str) -> str:
    """What makes a template malformed, empty when nothing does."""
    if "{{" not in text and "{%" not in text:
        return ""
    try:
        _ENVIRONMENT.from_string(text)
    except (LiquidError, RecursionError) as error:
        return _one_line(error)
    return ""


def _one_line(error: Exception) -> str:
    """Its message without the drawing of the place."""
    return str(error).partition("\n")[0].strip()


def nested(variables: Mapping[str, Any]) -> dict[str, Any]:
    """Variables with dotted names ("call.id") as objects, so that a template reaches them."""
    result: dict[str, Any] = {}
    for name, value in variables.items():
        *parents, leaf = name.split(".")
        place = result
        for parent in parents:
            inner = place.setdefault(parent, {})
            place = inner if isinstance(inner, dict) else {}
        if isinstance(value, Mapping) and isinstance(place.get(leaf), dict):
            place[leaf] = {**place[leaf], **value}
        else:
            place[leaf] = dict(value) if isinstance(value, Mapping) else value
    return result


def date(value: object, form: object = "", zone: object = "") -> str:
    """LiquidJS's filter: `value` is "now", "today", a date as text, or seconds since 1970. What is no date stays.

    :param form: as of strftime(3)
    :param zone: an IANA name, or minutes to UTC as JavaScript counts them: 300 is UTC-5
    """
    moment = _moment(value)
    if moment is None:
        return "" if liquid.is_undefined(value) else str(value)
    local = moment.astimezone(_zone(zone))
    text = form if isinstance(form, str) and form else _STANDARD_FORMAT
    return local.strftime(text.replace("%s", str(int(moment.timestamp()))))


def last(value: object, count: object = None) -> object:
    """LiquidJS's filter, and Vapi's, which takes how many: `messages | last: 5`."""
    if not isinstance(value, Sequence) or isinstance(value, str) or not value:
        return None
    return value[-count:] if isinstance(count, int) and count > 0 else value[-1]


def _moment(value: object) -> datetime | None:
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=UTC)
    try:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return datetime.fromtimestamp(value, UTC)
        if not isinstance(value, str) or not value.strip():
            return None
        if value.strip().lower() in ("now", "today"):
            return datetime.now(UTC)
        if value.strip().isdigit():
            return datetime.fromtimestamp(int(value), UTC)
        parsed: datetime = dates.parse(value)
    except (ValueError, OverflowError, OSError):
        return None
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def _zone(zone: object) -> tzinfo:
    """UTC for a zone that nobody knows: the words of a call do not fail for it."""
    if isinstance(zone, int | float) and abs(zone) < 24 * 60:
        return timezone(-timedelta(minutes=zone))
    try:
        return ZoneInfo(zone) if isinstance(zone, str) and zone else UTC
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC


def _environment() -> liquid.Environment:
    environment = BoundedEnvironment(strict_filters=False)
    environment.add_filter("date", date)
    environment.add_filter("last", last)
    for tag in ("include", "render"):
        del environment.tags[tag]
    return environment


_ENVIRONMENT = _environment()
