"""Campaigns through the store and a real gateway: legs are in memory, and sweeps come when a test wants them, besides
those of the control plane."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from gateway.campaigns.kept_campaigns import campaign_shown, end_campaign, keep_campaign
from gateway.errors import Forbidden
from gateway.store import contacts as store
from gateway.store.calls import Calls
from gateway.store.clock import clock
from gateway.store.contacts import Contact, ContactState
from gateway.store.do_not_call import list_numbers
from gateway.store.entities import Entities, Kind
from gateway.store.listing import ListQuery
from gateway.store.tables import contacts as contacts_table
from tests.call.leg_double import MemoryLeg
from tests.link.worker_double import until
from tests.plane.planned_house import TOKEN, PlannedHouse, control_plane, planned_house

ASSISTANT = {"name": "desk", "model": {"provider": "dialogue"}, "firstMessage": "hello there"}
ALL_DAY = {"start": "00:00", "end": "24:00"}
BUSY, NO_ANSWER = 486, 487


@pytest.fixture
async def h(tmp_path: Path) -> AsyncIterator[PlannedHouse]:
    async with planned_house(tmp_path) as opened:
        yield opened


async def campaign(h: PlannedHouse, *names: str, **body: Any) -> str:
    """One that calls SIP addresses of these names, at whatever time; its id."""
    asked = {
        "name": "reminders",
        "assistantId": await h.make(Kind.ASSISTANT, ASSISTANT),
        "customers": [{"sipUri": f"sip:{name}@h"} for name in names],
        "callingHours": ALL_DAY,
        **body,
    }
    async with h.database.transaction() as session:
        return (await keep_campaign(session, h.organisation, asked)).id


async def sweep(h: PlannedHouse) -> None:
    await h.plane.dispatcher.sweep()
    await h.plane.dispatcher.settled()


async def shown(h: PlannedHouse, id_: str) -> dict[str, Any]:
    async with h.database.reading() as session:
        return await campaign_shown(session, await Entities(session, h.organisation).get(Kind.CAMPAIGN, id_))


async def contacts(h: PlannedHouse, id_: str) -> Sequence[Contact]:
    async with h.database.reading() as session:
        return await store.list_contacts(session, id_)


def dialled(h: PlannedHouse) -> list[str]:
    return [leg.info.called for leg in h.gateway.endpoint.dialled]


async def until_shown(h: PlannedHouse, id_: str, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Sweep until the campaign says this."""
    async with asyncio.timeout(10):
        while True:
            await sweep(h)
            found = await shown(h, id_)
            if wanted.items() <= found.items():
                return found
            await asyncio.sleep(0.02)


async def hang_up(leg: MemoryLeg, status: int = 200) -> None:
    """200: it answers first."""
    await until(lambda: leg.listener)
    assert leg.listener is not None
    if status == 200:
        leg.listener.on_answered()
        await asyncio.sleep(0.05)
    leg.end(status)


async def test_each_customer_is_called_and_counted_until_the_campaign_ends(h: PlannedHouse) -> None:
    id_ = await campaign(h, "ann", "bob", "eve")
    await sweep(h)
    assert sorted(dialled(h)) == ["sip:ann@h", "sip:bob@h", "sip:eve@h"]
    for leg, status in zip(h.gateway.endpoint.dialled, (200, BUSY, NO_ANSWER), strict=True):
        await hang_up(leg, status)
    ended = await until_shown(h, id_, {"status": "ended", "callsCounterEnded": 3})
    assert ended["endedReason"] == "campaign.ended.success"
    assert ended["outcomes"] == {"answered": 1, "busy": 1, "no-answer": 1}
    assert len(ended["calls"]) == 3
    async with h.database.reading() as session:
        rows = await Calls(session, h.organisation).list(ListQuery(where={"campaign_id": id_}))
    assert {row.body["campaignId"] for row in rows} == {id_}


async def test_no_more_calls_at_once_than_the_campaign_may_have(h: PlannedHouse) -> None:
    await campaign(h, "ann", "bob", "eve", maxConcurrency=1)
    for called in (["sip:ann@h"], ["sip:ann@h", "sip:bob@h"]):
        await sweep(h)
        await sweep(h)
        assert dialled(h) == called
        leg = h.gateway.endpoint.dialled[-1]
        await hang_up(leg, BUSY)
        async with asyncio.timeout(10):
            while len(dialled(h)) == len(called):
                await sweep(h)


async def test_who_was_busy_is_called_again_after_the_rules_delay(h: PlannedHouse) -> None:
    id_ = await campaign(h, "ann", retry={"attempts": 2, "after": {"busy": 3600}})
    await sweep(h)
    ended = clock.now()
    await hang_up(h.gateway.endpoint.dialled[0], BUSY)
    await until_shown(h, id_, {"callsCounterScheduled": 1})
    (contact,) = await contacts(h, id_)
    assert ended + timedelta(seconds=3590) < contact.due_at < ended + timedelta(seconds=3610)
    assert (contact.tries, contact.outcome) == (1, "busy")
    async with h.database.transaction() as session:
        await store.put_off(session, contact.id, clock.now())
    await until_shown(h, id_, {"callsCounterQueued": 1})
    await hang_up(h.gateway.endpoint.dialled[1], BUSY)
    assert (await until_shown(h, id_, {"status": "ended"}))["outcomes"] == {"busy": 1}
    assert len(dialled(h)) == 2


async def test_a_limit_makes_the_campaign_wait_and_fails_nobody(tmp_path: Path) -> None:
    async with planned_house(tmp_path, api={"link_token": TOKEN, "organisation_calls": 1}) as h:
        id_ = await campaign(h, "ann", "bob")
        await sweep(h)
        await sweep(h)
        assert len(dialled(h)) == 1
        states = sorted(one.state for one in await contacts(h, id_))
        assert states == [ContactState.CALLING, ContactState.WAITING]
        waiting = next(one for one in await contacts(h, id_) if one.state is ContactState.WAITING)
        assert waiting.due_at > clock.now()
        assert (waiting.attempts, waiting.outcome) == (0, None)


async def test_without_a_gateway_everybody_waits(tmp_path: Path) -> None:
    async with control_plane(tmp_path) as (h, _):
        id_ = await campaign(h, "ann")
        await sweep(h)
        found = await shown(h, id_)
        assert (found["status"], found["callsCounterScheduled"]) == ("in-progress", 1)


async def test_nobody_is_called_outside_of_calling_hours(h: PlannedHouse) -> None:
    never = {"start": "08:00", "end": "20:00", "holidays": [], "timeZone": "Etc/UTC"}
    today = clock.now().date()
    never["holidays"] = [str(today + timedelta(days=days)) for days in (-1, 0, 1)]
    id_ = await campaign(h, "ann", callingHours=never)
    await sweep(h)
    assert dialled(h) == []
    (contact,) = await contacts(h, id_)
    assert (contact.due_at.date(), contact.due_at.hour) == (today + timedelta(days=2), 8)


async def test_who_is_on_the_do_not_call_list_is_skipped(h: PlannedHouse) -> None:
    async with h.database.transaction() as session:
        await list_numbers(session, h.organisation, {"sip:bob@h": None, "+15551234567": None})
    id_ = await campaign(h, "ann", "bob")
    await until_shown(h, id_, {"callsCounterEnded": 1})
    assert dialled(h) == ["sip:ann@h"]
    skipped = (await contacts(h, id_))[1]
    assert skipped.outcome == "do-not-call"
    plane = h.gateway.gateway.plane
    assert plane is not None
    assert not await plane.may_call("sip:bob@h", h.organisation)
    assert not await plane.may_call("+1 (555) 123-4567", "")
    assert await plane.may_call("+15551234567", "another")
    assert await plane.may_call("front-desk", h.organisation)
    assert "sip:bob@h is on the do-not-call list" in (skipped.detail or "")
    body: dict[str, Any] = {"assistant": ASSISTANT, "customer": {"number": "+15551234567"}}
    with pytest.raises(Forbidden, match=r"\+15551234567 is on the do-not-call list"):
        await h.create(body)
    with pytest.raises(Forbidden):
        await h.create({**body, "customer": {"sipUri": "sip:15551234567@h"}})
    later = (clock.now() + timedelta(hours=1)).isoformat()
    with pytest.raises(Forbidden):
        await h.create({**body, "schedulePlan": {"earliestAt": later}})


async def test_a_campaign_that_is_ended_calls_nobody_else(h: PlannedHouse) -> None:
    id_ = await campaign(h, "ann", "bob", maxConcurrency=1)
    await sweep(h)
    async with h.database.transaction() as session:
        await end_campaign(session, await Entities(session, h.organisation).get(Kind.CAMPAIGN, id_))
    await hang_up(h.gateway.endpoint.dialled[0])
    found = await until_shown(h, id_, {"callsCounterEnded": 2})
    assert (found["status"], found["endedReason"]) == ("ended", "campaign.in-progress.ended-by-user")
    assert found["outcomes"] == {"answered": 1, "canceled": 1}
    assert dialled(h) == ["sip:ann@h"]


async def test_after_the_latest_time_nobody_is_called(h: PlannedHouse) -> None:
    past = clock.now() - timedelta(minutes=1)
    id_ = await campaign(h, "ann", schedulePlan={"earliestAt": past.isoformat(), "latestAt": past.isoformat()})
    found = await until_shown(h, id_, {"status": "ended"})
    assert (found["outcomes"], dialled(h)) == ({"too-late": 1}, [])


# ---------------------------------------------------------------- calls of the API, once more


async def test_a_call_of_the_api_is_made_again_with_the_secrets_that_it_came_with(h: PlannedHouse) -> None:
    body = {
        "assistant": {**ASSISTANT, "server": {"url": "https://example.com", "secret": "tell nobody"}},
        "customer": {"sipUri": "sip:ann@h"},
        "retry": {"attempts": 2, "after": {"no-answer": 1}},
    }
    first = await h.create(body)
    await hang_up(h.gateway.endpoint.dialled[0], NO_ANSWER)
    async with asyncio.timeout(10):
        while len(dialled(h)) == 1:
            await sweep(h)
            await asyncio.sleep(0.05)
    async with h.database.reading() as session:
        rows = await Calls(session, h.organisation).list(ListQuery())
    second = next(row for row in rows if row.id != first["id"])
    assert second.body["retryOf"] == first["id"]
    await hang_up(h.gateway.endpoint.dialled[1], NO_ANSWER)
    await h.until_kind(second.id, "ended")
    await sweep(h)
    await sweep(h)
    assert len(dialled(h)) == 2
    async with h.database.reading() as session:
        kept = await session.execute(select(contacts_table.c.id))
    assert kept.all() == []  # nor the secrets of the request


async def test_a_refused_call_of_the_api_is_not_made_again(h: PlannedHouse) -> None:
    retry = {"attempts": 2, "after": {"failed": 1}}
    async with h.database.transaction() as session:
        await list_numbers(session, h.organisation, {"sip:ann@h": None})
    with pytest.raises(Forbidden):
        await h.create({"assistant": ASSISTANT, "customer": {"sipUri": "sip:ann@h"}, "retry": retry})
    async with h.database.reading() as session:
        assert await store.due_contacts(session, None, clock.now() + timedelta(days=1), 10) == []
