"""Liquid templates in an assistant's texts: `{{customer.number}}`, `{{"now" | date: "%H:%M"}}`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import liquid
from liquid.exceptions import LiquidError

from gateway.errors import ConfigError

_ENVIRONMENT = liquid.Environment()


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


def render(text: str, variables: Mapping[str, Any]) -> str:
    """`text` with its templates filled in; what no variable names is empty.

    :raises ConfigError: the template is malformed
    """
    if "{" not in text:
        return text
    try:
        return _ENVIRONMENT.from_string(text).render(**variables)
    except LiquidError as error:
        raise ConfigError(f"The template {text[:40]!r} of the assistant is malformed: {error}.") from error
