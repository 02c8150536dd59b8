"""The wall clock of one call: right when the call begins, and steady from there on."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta


def steady(now: Callable[[], datetime], monotonic: Callable[[], float]) -> Callable[[], datetime]:
    """A wall clock that does not jump when the machine's is set: durations and the order of a call's entries hold.

    :param now: the machine's, asked once
    :param monotonic: seconds of a steady clock
    """
    began_at, began = now(), monotonic()
    return lambda: began_at + timedelta(seconds=monotonic() - began)
