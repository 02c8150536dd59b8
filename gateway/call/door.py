"""Callers of numbers with credentials: asked who they are (401), and let in when they say it."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable

from gateway.call.leg import LegInfo
from gateway.errors import Unauthenticated
from gateway.routing.digest import SALT_BYTES, Doorkeeper, Expected, Verdict


class Door:
    """:param clock: Unix time, s"""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._keeper = Doorkeeper(secrets.token_bytes(32))
        self._clock = clock

    def pass_through(self, info: LegInfo, expected: Expected) -> None:
        """Let a caller in. :raises Unauthenticated: it has not said who it is, or not rightly"""
        source, now = _host(info.source), self._clock()
        verdict = self._keeper.judge(
            info.authorization, expected, method="INVITE", user=info.number, source=source, now=now
        )
        if verdict is Verdict.ADMITTED:
            return
        salt = os.urandom(SALT_BYTES)
        asked = self._keeper.challenges(expected.realm, source, now=now, salt=salt, stale=verdict is Verdict.STALE)
        said = "what it said is not right" if info.authorization else "it has not said yet"
        raise Unauthenticated(
            f"The caller must say its user name and password: {said}.",
            headers=[("WWW-Authenticate", value) for value in asked],
        )


def _host(source: str) -> str:
    """Of ip:port;transport. The port may change between the two requests."""
    return source.partition(";")[0].rpartition(":")[0]
