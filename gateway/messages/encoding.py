"""Events as they are stored, and messages as they are sent."""

from __future__ import annotations

import json
from typing import Any

from gateway.messages.event import CallEvent
from gateway.store.events import StoredEvent


def read_event(stored: StoredEvent) -> CallEvent:
    """As the view takes it."""
    data = read_json(stored.data)
    return CallEvent(stored.call_id, stored.sequence, stored.at_ms, stored.time_ms, stored.kind, data)


def read_json(text: str) -> dict[str, Any]:
    """The object that a gateway wrote, without what no database or JSON keeps: NUL, half characters, NaN, infinity.
    Anything but an object is empty."""
    try:
        read = json.loads(text, parse_constant=lambda _: None)
    except ValueError:
        return {}
    if "\\u" in text:  # such characters are only ever written as escapes
        read = _cleaned(read)
    return read if isinstance(read, dict) else {}


def _cleaned(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("\0", "").encode("utf-8", "replace").decode()
    if isinstance(value, list):
        return [_cleaned(one) for one in value]
    return {_cleaned(name): _cleaned(one) for name, one in value.items()} if isinstance(value, dict) else value


def encode(body: Any) -> str:
    """JSON as it is sent."""
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"))
