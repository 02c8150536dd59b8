"""Calls that no gateway holds though their rows say that they go on: each is closed, once, with the true reason.

A gateway that comes back tells the end of its calls itself, from their journals. What is left for here are gateways
that do not come back, and those whose journals are lost.
"""

from __future__ import annotations

import asyncio
from collections.abc import Set
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from gateway.call import endings
from gateway.plane.calling import NEVER_CONNECTED, Calling
from gateway.plane.server import PlaneServer
from gateway.store.calls import BegunCall, begun_calls, find_call
from gateway.store.clock import clock
from gateway.store.database import Database
from gateway.store.gateways import seen, seen_since

log = structlog.get_logger(__name__)

SETTLED_SECONDS = 45.0
"""A gateway that has been attached for this long has told which calls it has, and how those before ended."""
UNNAMED = timedelta(days=1)
"""Until a call is given up of which nobody knows whose it was: a version before this one wrote its row."""
_UNANSWERED = ("queued", "ringing")


@dataclass(frozen=True, slots=True)
class Presence:
    """What is known of gateways. `settled` are attached here and have told what they hold; `seen` were attached
    anywhere within the time that a gateway may be `away`."""

    now: datetime
    settled: Set[str]
    seen: Set[str]
    away: timedelta


def loss_of(call: BegunCall, known: Presence) -> tuple[str, str] | None:
    """Why a call that no gateway attached here holds is over: its endedReason, and a sentence. None while it may still
    go on somewhere."""
    if known.now - call.updated_at < timedelta(seconds=SETTLED_SECONDS):
        return None
    unanswered = call.status in _UNANSWERED
    if call.gateway in known.settled:
        reason = NEVER_CONNECTED if unanswered else endings.GATEWAY_DIED
        return reason, "The gateway does not have this call."
    if call.gateway in known.seen or (call.gateway is None and known.now - call.updated_at < UNNAMED):
        return None
    minutes = known.away.total_seconds() / 60
    return endings.GATEWAY_LOST, f"Its gateway has not been attached for {minutes:g} minutes."


class Reaper:
    """:param away: a gateway that is not attached for so long is not coming back"""

    def __init__(self, server: PlaneServer, database: Database, calling: Calling, away: timedelta) -> None:
        self._server = server
        self._database = database
        self._calling = calling
        self._away = away
        self._began: float | None = None

    async def sweep(self) -> None:
        """Renew the leases of the gateways that are attached, and close what nobody holds."""
        now = asyncio.get_running_loop().time()
        self._began = now if self._began is None else self._began
        names = {gateway.name for gateway in self._server.gateways}
        if names:
            async with self._database.transaction() as session:
                await seen(session, names, clock.now())
        if now - self._began < SETTLED_SECONDS:
            return  # while nobody was here to see them, gateways were not away
        settled = {one.name for one in self._server.gateways if now - one.settled_since >= SETTLED_SECONDS}
        async with self._database.reading() as session:
            known = Presence(clock.now(), settled, await seen_since(session, clock.now() - self._away), self._away)
            begun = await begun_calls(session)
        for call in begun:
            loss = None if self._server.gateway_of(call.id) is not None else loss_of(call, known)
            if loss is not None:
                await self._close(call.id, *loss)

    async def _close(self, call_id: str, reason: str, detail: str) -> None:
        try:
            async with self._database.reading() as session:
                row = await find_call(session, call_id)
            if row is not None:
                await self._calling.end_unheld(row, reason, detail)
                log.warning("call that no gateway holds closed", call=call_id, reason=reason)
        except Exception:  # one that cannot be closed must not keep the others open
            log.exception("call that no gateway holds not closed", call=call_id)
