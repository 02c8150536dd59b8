"""After a call its analysis and its report, once, whatever happens in between."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from gateway.errors import ConfigError
from gateway.messages.intake import Arrival, Intake, KnownCall
from gateway.messages.reporting import Reporting
from gateway.store.calls import Calls
from gateway.store.database import Database
from gateway.store.events import StoredEvent, events_of
from tests.messages.journals import CALL_ID, Journal
from tests.messages.stored import intake_of, new


def ended_call() -> Journal:
    journal = Journal()
    journal.opened()
    journal.add("answered")
    journal.caller("Hello?", 100, 700)
    journal.add("ended", 5000, reason="customer-ended-call")
    return journal


@asynccontextmanager
async def reporting(
    database: Database, analyse: Callable[[KnownCall], Awaitable[dict[str, Any]]], *, seconds: float = 10
) -> AsyncIterator[Intake]:
    told: list[Reporting] = []

    def committed(arrivals: Sequence[Arrival]) -> None:
        told[0].tell(arrivals)

    intake = intake_of(database, committed=committed)
    told.append(Reporting(database, intake, analyse, seconds=seconds))
    task = asyncio.create_task(told[0].run())
    try:
        yield intake
    finally:
        task.cancel()
        await asyncio.wait((task,))


async def reported(database: Database) -> Sequence[StoredEvent]:
    """Wait for the report; what the api wrote."""
    async with asyncio.timeout(10):
        while True:
            async with database.reading() as session:
                events = await events_of(session, database.default_organisation_id, CALL_ID)
            if any(event.kind == "report" for event in events):
                return [event for event in events if event.kind in ("analysis", "report")]
            await asyncio.sleep(0.01)


async def summary(known: KnownCall) -> dict[str, Any]:
    assert "User: Hello?" in known.view.transcript
    return {"summary": "Said hello."}


async def test_a_call_that_ended_is_analysed_and_reported(database: Database) -> None:
    async with reporting(database, summary) as intake:
        await intake.append(new(ended_call().events))
        assert [event.kind for event in await reported(database)] == ["analysis", "report"]
    async with database.reading() as session:
        row = await Calls(session, database.default_organisation_id).get(CALL_ID)
    assert row.body["analysis"] == {"summary": "Said hello."}


async def test_without_anything_to_find_out_there_is_only_the_report(database: Database) -> None:
    async def nothing(_: KnownCall) -> dict[str, Any]:
        return {}

    async with reporting(database, nothing) as intake:
        await intake.append(new(ended_call().events))
        assert [event.kind for event in await reported(database)] == ["report"]


async def test_the_report_does_not_wait_for_an_analysis_without_end(database: Database) -> None:
    async def endless(_: KnownCall) -> dict[str, Any]:
        await asyncio.Event().wait()
        return {}

    async with reporting(database, endless, seconds=0.05) as intake:
        await intake.append(new(ended_call().events))
        analysis, _ = await reported(database)
    assert "longer than 0.05 s" in analysis.data


async def test_why_there_is_no_analysis_stands_in_the_call(database: Database) -> None:
    async def keyless(_: KnownCall) -> dict[str, Any]:
        raise ConfigError("There is no key for openai.")

    async with reporting(database, keyless) as intake:
        await intake.append(new(ended_call().events))
        analysis, _ = await reported(database)
    assert "There is no key for openai." in analysis.data


async def test_what_ended_while_the_process_was_away_is_reported_at_its_start(database: Database) -> None:
    await intake_of(database).append(new(ended_call().events))
    async with reporting(database, summary):
        assert [event.kind for event in await reported(database)] == ["analysis", "report"]


async def test_what_was_analysed_before_a_restart_is_not_analysed_again(database: Database) -> None:
    async def again(_: KnownCall) -> dict[str, Any]:
        raise AssertionError("it was analysed before")

    intake = intake_of(database)
    await intake.append(new(ended_call().events))
    await intake.add(CALL_ID, "analysis", {"summary": "Said hello."}, time_ms=1)
    async with reporting(database, again):
        assert [event.kind for event in await reported(database)] == ["analysis", "report"]


async def test_what_was_reported_is_left_alone(database: Database) -> None:
    intake = intake_of(database)
    await intake.append(new(ended_call().events))
    await intake.add(CALL_ID, "report", {}, time_ms=1)
    async with reporting(database, summary) as later:
        await later.append(new(ended_call().events))
        assert [event.kind for event in await reported(database)] == ["report"]
