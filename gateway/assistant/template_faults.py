"""Malformed Liquid templates, found when an assistant is saved and not when a caller waits for its words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gateway.assistant.places import Place, dotted
from gateway.conversation.templates import fault

_NO_TEXTS = frozenset({"metadata", "regex", "assistantRegex", "customerRegex", "code", "credentials", "twiml"})
"""What is never rendered."""


def template_faults(body: Any) -> list[str]:
    """A sentence for each text of an assistant that is no template, with its path."""
    return [
        f"{dotted(place)} must be a Liquid template ({reason})"
        for place, text in _texts(body, ())
        if (reason := fault(text))
    ]


def _texts(value: Any, place: Place) -> Iterator[tuple[Place, str]]:
    if isinstance(value, str):
        yield place, value
    elif isinstance(value, dict):
        for name, inner in value.items():
            if name not in _NO_TEXTS:
                yield from _texts(inner, (*place, str(name)))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _texts(inner, (*place, index))
