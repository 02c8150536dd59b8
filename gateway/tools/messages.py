"""Which of a tool's messages fit a call of it. Pure.

Of several that fit, those with conditions come first; of equal ones each call takes the next, where Vapi takes any.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from gateway.assistant.tool_message import (
    Condition,
    RequestComplete,
    RequestDelayed,
    RequestFailed,
    RequestStart,
    ToolMessage,
    ToolMessageText,
)

Text = TypeVar("Text", bound=ToolMessageText)


class ToolMessages:
    """The messages of one tool, for one call of it.

    :param turn: chooses among variants
    """

    def __init__(self, messages: Sequence[ToolMessage], arguments: Mapping[str, Any], *, turn: int = 0) -> None:
        self._fitting = [one for one in messages if all(holds(condition, arguments) for condition in one.conditions)]
        self._turn = turn

    @property
    def cover(self) -> bool:
        """The wait for the tool is covered by its own messages, or is to be silent: a start message without text."""
        return self.start() is not None or bool(self.delayed())

    def start(self) -> RequestStart | None:
        """What is said when the tool starts."""
        return self._chosen([one for one in self._fitting if isinstance(one, RequestStart)])

    def complete(self) -> RequestComplete | None:
        """What is said, or hinted at, when it is done."""
        return self._chosen([one for one in self._fitting if isinstance(one, RequestComplete)])

    def failed(self) -> RequestFailed | None:
        """What is said, or hinted at, when it failed."""
        return self._chosen([one for one in self._fitting if isinstance(one, RequestFailed)])

    def delayed(self) -> list[RequestDelayed]:
        """What is said while it runs, the earliest first; of equal times one."""
        found = [one for one in self._fitting if isinstance(one, RequestDelayed)]
        times = sorted({one.timing_milliseconds for one in found})
        chosen = [self._chosen([one for one in found if one.timing_milliseconds == time]) for time in times]
        return [one for one in chosen if one is not None]

    def _chosen(self, found: list[Text]) -> Text | None:
        best = [one for one in found if one.conditions] or found
        return best[self._turn % len(best)] if best else None


def text_in(message: ToolMessageText, language: str) -> str:
    """The text in the language, or in the first one that there is."""
    if not message.contents:
        return message.content
    short = language.lower().partition("-")[0]
    for content in message.contents:
        if short and content.language.lower().partition("-")[0] == short:
            return content.text
    return message.contents[0].text


def holds(condition: Condition, arguments: Mapping[str, Any]) -> bool:
    """The condition holds for these arguments. Numbers are compared as numbers, where both are some."""
    value: Any = arguments
    for name in condition.param.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    match condition.operator:
        case "eq":
            return _equal(value, condition.value)
        case "neq":
            return not _equal(value, condition.value)
    if value is None:
        return False
    left, right = _comparable(value, condition.value)
    return bool(
        {"gt": left > right, "gte": left >= right, "lt": left < right, "lte": left <= right}[condition.operator]
    )


def _equal(left: Any, right: Any) -> bool:
    return left == right or (left is not None and _text(left) == _text(right))


def _comparable(left: Any, right: Any) -> tuple[Any, Any]:
    try:
        return float(left), float(right)
    except (TypeError, ValueError):
        return _text(left), _text(right)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)
