"""Calls that no gateway holds are closed, each once."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.call import endings
from gateway.messages.event import CallEvent
from gateway.plane import reaper as module
from gateway.plane.calling import NEVER_CONNECTED
from gateway.plane.reaper import SETTLED_SECONDS, UNNAMED, Presence, Reaper, loss_of
from gateway.plane.v1 import plane_pb2 as pb
from gateway.store.calls import BegunCall, Calls
from gateway.store.clock import clock
from gateway.store.database import Database
from gateway.store.gateways import seen, seen_since
from tests.messages.journals import CALL_ID, Journal, whole_call
from tests.plane.planned_house import PlannedHouse, control_plane, planned_house

NOW = datetime(2026, 5, 4, 9, tzinfo=UTC)
LONG_AGO = NOW - timedelta(minutes=5)
AWAY = timedelta(minutes=10)


def known(*, settled: Sequence[str] = (), seen: Sequence[str] = ()) -> Presence:
    return Presence(NOW, frozenset(settled), frozenset(seen), AWAY)


@pytest.mark.parametrize(
    ("status", "gateway", "presence", "reason"),
    [
        ("in-progress", "g", known(settled="g", seen="g"), endings.GATEWAY_DIED),
        ("forwarding", "g", known(settled="g", seen="g"), endings.GATEWAY_DIED),
        ("queued", "g", known(settled="g", seen="g"), NEVER_CONNECTED),
        ("in-progress", "g", known(seen="g"), None),
        ("in-progress", "g", known(settled="h", seen="h"), endings.GATEWAY_LOST),
        ("queued", "g", known(), endings.GATEWAY_LOST),
        ("in-progress", None, known(settled="h", seen="h"), None),
    ],
)
def test_a_call_is_lost_when_its_gateway_lacks_it_or_is_gone(
    status: str, gateway: str | None, presence: Presence, reason: str | None
) -> None:
    loss = loss_of(BegunCall("c", status, gateway, LONG_AGO), presence)
    assert (loss and loss[0]) == reason


def test_a_call_that_has_just_changed_is_not_lost() -> None:
    changed = NOW - timedelta(seconds=SETTLED_SECONDS - 1)
    assert loss_of(BegunCall("c", "in-progress", "g", changed), known(settled="g")) is None


def test_a_call_of_which_nobody_knows_whose_it_was_is_lost_in_the_end() -> None:
    assert loss_of(BegunCall("c", "in-progress", None, NOW - UNNAMED), known()) is not None


# ---------------------------------------------------------------- with a database


@pytest.fixture
async def h(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[PlannedHouse]:
    """A control plane without a gateway, which waits for none."""
    monkeypatch.setattr(module, "SETTLED_SECONDS", 0)
    async with control_plane(tmp_path) as (planned, _):
        yield planned


def events_of(journal: Journal, *, until: int | None = None) -> list[pb.CallEvent]:
    return [_event(one) for one in journal.events[:until]]


def _event(one: CallEvent) -> pb.CallEvent:
    return pb.CallEvent(
        call_id=one.call_id,
        sequence=one.sequence,
        at_ms=one.at_ms,
        time_ms=one.time_ms,
        kind=one.kind,
        json=json.dumps(one.data),
    )


async def reap(h: PlannedHouse) -> None:
    """Its gateway was gone for longer than anybody waits."""
    calling = h.plane._calling
    await Reaper(h.plane.server, h.database, calling, timedelta(0)).sweep()


async def ends(h: PlannedHouse) -> list[str]:
    """endedReason of each end that is kept."""
    return [json.loads(one.data)["reason"] for one in await h.events(CALL_ID) if one.kind == "ended"]


@pytest.mark.scenario("FLT-11", peer="forged rows", transport="memory")
async def test_a_call_whose_gateway_never_comes_back_ends_once_where_it_was_last_heard_of(h: PlannedHouse) -> None:
    journal = whole_call()
    told = events_of(journal, until=8)
    await h.plane.append(told, "gone")
    for _ in range(2):
        await reap(h)
    assert await ends(h) == [endings.GATEWAY_LOST]
    async with h.database.reading() as session:
        row = await Calls(session, h.organisation).get(CALL_ID)
    assert (row.status, row.ended_reason, row.gateway) == ("ended", endings.GATEWAY_LOST, "gone")
    assert row.ended_at is not None
    assert round(row.ended_at.timestamp() * 1000) == told[-1].time_ms


@pytest.mark.scenario("FLT-11", peer="forged rows", transport="memory")
async def test_a_gateway_that_comes_back_with_the_journal_adds_what_it_knows_and_no_second_end(h: PlannedHouse) -> None:
    journal = whole_call()
    whole = events_of(journal)
    await h.plane.append(whole[:8], "gone")
    await reap(h)
    await h.plane.append(whole, "gone")
    assert await ends(h) == [endings.GATEWAY_LOST]
    kept = [one.kind for one in await h.events(CALL_ID)]
    assert kept.count("agent-turn") == [one.kind for one in whole].count("agent-turn")
    async with h.database.reading() as session:
        row = await Calls(session, h.organisation).get(CALL_ID)
    assert (row.status, row.ended_reason) == ("ended", endings.GATEWAY_LOST)
    assert "It was shipped" in row.body["artifact"]["transcript"]


async def test_a_call_that_was_never_told_of_ends_once_though_its_gateway_tells_of_it_later(h: PlannedHouse) -> None:
    async with h.database.transaction() as session:
        body = {"id": CALL_ID, "type": "outboundPhoneCall", "status": "queued"}
        await Calls(session, h.organisation).create(body, id=CALL_ID, gateway="gone")
    await reap(h)
    await h.plane.append(events_of(whole_call()), "gone")
    assert await ends(h) == [endings.GATEWAY_LOST]
    async with h.database.reading() as session:
        assert (await Calls(session, h.organisation).get(CALL_ID)).status == "ended"


async def test_calls_of_a_gateway_that_holds_them_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SETTLED_SECONDS", 0)
    async with planned_house(tmp_path) as h:
        assistant = {"model": {"provider": "dialogue"}, "firstMessage": "hello there"}
        call = await h.create({"assistant": assistant, "customer": {"sipUri": "sip:bob@h"}})
        await h.until_kind(call["id"], "call")
        await reap(h)
        assert not [one for one in await h.events(call["id"]) if one.kind == "ended"]


@pytest.mark.both_databases
async def test_a_gateway_is_seen_until_its_lease_is_over(database: Database) -> None:
    async with database.transaction() as session:
        begun = clock.now()
        await seen(session, ["g", "h"], begun)
        later = clock.now()
        await seen(session, ["h"], later)
        assert await seen_since(session, begun) == {"g", "h"}
        assert await seen_since(session, later) == {"h"}
