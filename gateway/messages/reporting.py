"""After a call: its analysis, then its report, exactly once, also when the process was away in between."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Any

import structlog
from sqlalchemy.exc import SQLAlchemyError

from gateway.errors import ParleyError
from gateway.messages.intake import Arrival, Intake, KnownCall
from gateway.store.calls import unreported_calls
from gateway.store.clock import clock
from gateway.store.database import Database

log = structlog.get_logger(__name__)

AT_ONCE = 8
LOOKED_BACK = timedelta(days=1)
"""Calls that ended longer ago without a report get none."""
AGAIN_SECONDS = 5.0

Analyse = Callable[[KnownCall], Awaitable[dict[str, Any]]]
"""The data of a call's `analysis` event; empty when nothing is to be found out."""


class Reporting:
    """:param analyse: finds out what the assistant's plans ask for
    :param seconds: for all of it; then the report goes out without
    """

    def __init__(self, database: Database, intake: Intake, analyse: Analyse, *, seconds: float) -> None:
        self._database = database
        self._intake = intake
        self._analyse = analyse
        self._seconds = seconds
        self._ended: asyncio.Queue[str] = asyncio.Queue()

    def tell(self, arrivals: Sequence[Arrival]) -> None:
        """What was committed: calls that ended are reported."""
        for arrival in arrivals:
            if arrival.event.kind == "ended" and not arrival.view.reported:
                self._ended.put_nowait(arrival.event.call_id)

    async def run(self) -> None:
        """Report until this is cancelled, beginning with what an earlier run left."""
        await self._take_up()
        places = asyncio.Semaphore(AT_ONCE)
        async with asyncio.TaskGroup() as tasks:
            while True:
                call_id = await self._ended.get()
                await places.acquire()
                task = tasks.create_task(self._report(call_id), name=f"report of call {call_id}")
                task.add_done_callback(lambda _: places.release())

    async def _take_up(self) -> None:
        try:
            async with self._database.reading() as session:
                left = await unreported_calls(session, clock.now() - LOOKED_BACK)
        except (ParleyError, SQLAlchemyError) as error:
            log.warning("calls of an earlier run may stay without a report", error=str(error))
            return
        for call_id in left:
            self._ended.put_nowait(call_id)

    async def _report(self, call_id: str) -> None:
        try:
            known = await self._intake.call(call_id)
            if known is None or known.view.reported:
                return
            if not known.view.analysed and (data := await self._found(known)):
                await self._intake.add(call_id, "analysis", data, time_ms=_now_ms())
            await self._intake.add(call_id, "report", {}, time_ms=_now_ms())
        except Exception:  # one call must not keep the reports of all others
            log.exception("call not reported yet", call=call_id)
            await asyncio.sleep(AGAIN_SECONDS)
            self._ended.put_nowait(call_id)

    async def _found(self, known: KnownCall) -> dict[str, Any]:
        try:
            async with asyncio.timeout(self._seconds):
                return await self._analyse(known)
        except TimeoutError:
            return {"faults": [f"Not analysed: it took longer than {self._seconds:g} s (webhooks.analysis_seconds)."]}
        except ParleyError as error:
            return {"faults": [f"Not analysed: {error}"]}
        except Exception:  # a fault of ours must not keep the report
            log.exception("analysis failed", call=known.view.id)
            return {"faults": ["Not analysed: Parley failed; its log tells why."]}


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
