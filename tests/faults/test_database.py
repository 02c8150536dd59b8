"""Calls while the database takes nothing: they go on, and their events are kept once and in their order afterwards."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from gateway.call.journal import Entry
from gateway.plane import attachment, server
from gateway.store import database
from tests.call.house import play
from tests.call.leg_double import MemoryLeg
from tests.link.worker_double import until
from tests.plane.planned_house import PlannedHouse, planned_house

down = pytest.mark.scenario("FLT-08", peer="SQLite", transport="gRPC")


@asynccontextmanager
async def kept_by_another(planned: PlannedHouse) -> AsyncIterator[None]:
    """Another program is in a transaction that writes. It waits in a thread, for who keeps it now needs the loop."""
    connection = sqlite3.connect(
        planned.settings.data_dir / "parley.db", isolation_level=None, timeout=20, check_same_thread=False
    )
    await asyncio.to_thread(connection.execute, "BEGIN IMMEDIATE")
    try:
        yield
    finally:
        connection.execute("ROLLBACK")
        connection.close()


async def live(planned: PlannedHouse) -> tuple[MemoryLeg, str, list[Entry]]:
    """A call of a route, with what is in its journal."""
    known = set(planned.gateway.gateway.calls)
    leg = planned.gateway.call()
    await until(lambda: leg.answered)
    (call_id,) = set(planned.gateway.gateway.calls) - known
    return leg, call_id, planned.gateway.gateway.calls[call_id].journal.entries


async def talked(leg: MemoryLeg) -> None:
    for key in "123":
        await play(leg, 10)
        assert leg.listener is not None
        leg.listener.on_digit(key)


async def locked_for(tmp_path: Path, seconds: float) -> None:
    async with planned_house(tmp_path) as planned:
        leg, first, told = await live(planned)
        await talked(leg)
        async with kept_by_another(planned):
            await talked(leg)
            other, second, also_told = await live(planned)
            await talked(other)
            other.end()
            await asyncio.sleep(seconds)
            assert not leg.ended
            assert not await planned.events(second)
            await talked(leg)
        leg.end()
        for call_id, entries in ((first, told), (second, also_told)):
            await planned.until_kind(call_id, "ended")
            events = await planned.events(call_id)
            assert [(event.sequence, event.kind) for event in events] == [
                (entry.sequence, entry.kind) for entry in entries
            ]
            assert [event.position for event in events] == sorted(event.position for event in events)
        await until(lambda: not list((tmp_path / "gateway/calls").glob("*.journal")))


@down
async def test_a_database_that_another_program_keeps_costs_no_event(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In seconds what the next test does in a minute: transactions give up, and gateways leave and come back."""
    pragmas = tuple(one for one in database._PRAGMAS if "busy_timeout" not in one)
    monkeypatch.setattr(database, "_PRAGMAS", (*pragmas, "PRAGMA busy_timeout=300"))
    monkeypatch.setattr(database, "_BUSY_SECONDS", 0.3)
    monkeypatch.setattr(server, "RETRY_SECONDS", 0.1)
    monkeypatch.setattr(attachment, "ACKNOWLEDGE_SECONDS", 0.7)
    await locked_for(tmp_path, 2.5)


@down
@pytest.mark.long
@pytest.mark.timeout(150)
async def test_a_database_that_another_program_keeps_for_a_minute_costs_no_event(tmp_path: Path) -> None:
    await locked_for(tmp_path, 60)
