"""An extension: keys that are dialled when a switchboard has answered, before the agent speaks."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence

from gateway.assistant.call_plan import CallPlan
from gateway.call.leg import Leg
from gateway.errors import DialRefused

FIRST_PAUSE_SECONDS = 1.0
"""A switchboard that has just answered does not listen yet."""
COMMA_SECONDS = 0.5
DIGIT_SECONDS = 0.25
"""A digit on the wire, and the silence behind it (RFC 4733 section 2.6.2.2)."""
EXTENSION_SECONDS = 20.0
"""For the longest extension there may be."""
_EXTENSION = re.compile(r"[0-9A-D*#,]{1,20}", re.IGNORECASE)

Key = str | float
"""Digits that are sent in one go, or a pause in seconds."""


def read_extension(text: str) -> Sequence[Key]:
    """`12,3#`: 12, half a second of silence, 3#. :raises DialRefused: when something else than keys is in it"""
    plain = text.replace(" ", "")
    if not plain:
        return ()
    if not _EXTENSION.fullmatch(plain):
        raise DialRefused(f"The extension {text!r} has something else than up to 20 of 0-9, A-D, *, # and commas.")
    parts = re.findall(r",+|[^,]+", plain)
    return [FIRST_PAUSE_SECONDS, *(len(part) * COMMA_SECONDS if part[0] == "," else part for part in parts)]


def extension_of(plan: CallPlan) -> Sequence[Key]:
    """That of the plan's customer. :raises DialRefused: as `read_extension`"""
    customer = plan.call.get("customer")
    return read_extension(str(customer.get("extension") or "")) if isinstance(customer, Mapping) else ()


async def dial_extension(leg: Leg, keys: Sequence[Key]) -> None:
    """Send it. :raises LegError: when the far end takes no digits"""
    for key in keys:
        if isinstance(key, str):
            await leg.send_digits(key)
            await asyncio.sleep(len(key) * DIGIT_SECONDS)
        else:
            await asyncio.sleep(key)
