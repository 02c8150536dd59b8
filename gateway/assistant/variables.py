"""The variables that templates know without being told: the time, and the call with its parties."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from gateway.conversation.templates import nested

_PARTIES = ("customer", "phoneNumber")


def built_in(call: Mapping[str, Any], now: datetime, *, chat: bool = False) -> dict[str, Any]:
    """Vapi's built-in variables.

    :param call: Vapi's call object, as far as it is known
    :param now: told in UTC
    """
    shown = {name: call[name] for name in ("id", "type") if call.get(name)}
    transport = call.get("transport")
    return {
        **moment(now),
        **{name: call[name] for name in _PARTIES if isinstance(call.get(name), Mapping)},
        "call": shown,
        "transport": {
            "conversationType": "chat" if chat else "voice",
            **(transport if isinstance(transport, Mapping) else {}),
        },
    }


def moment(now: datetime) -> dict[str, str]:
    """Vapi's variables of the time, in UTC."""
    utc = now.astimezone(UTC)
    return {
        "now": utc.strftime("%b %-d, %Y %-I:%M %p"),
        "date": utc.strftime("%b %-d, %Y"),
        "time": utc.strftime("%-I:%M %p"),
        "month": utc.strftime("%B"),
        "day": utc.strftime("%-d"),
        "year": utc.strftime("%Y"),
    }


def variables_of(
    call: Mapping[str, Any], given: Mapping[str, Any], now: datetime, *, chat: bool = False
) -> dict[str, Any]:
    """All variables of a conversation, nested: the built-in ones, and before them those that were `given`, whose names
    may have dots ("customer.name")."""
    return nested({**built_in(call, now, chat=chat), **given})
