from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.errors import NotFound
from gateway.store import outbox
from gateway.store.clock import clock
from gateway.store.database import Database
from gateway.store.outbox import DeliveryState

_LEASE = timedelta(seconds=30)


def _lease(server: Mapping[str, Any]) -> timedelta:
    return _LEASE


async def _add(session: AsyncSession, organisation_id: str, stream: str) -> int:
    return await outbox.add(
        session, organisation_id, stream=stream, call_id=stream, type="status-update", server={"url": "u"}, body="{}"
    )


async def _claimed(session: AsyncSession, now: datetime) -> list[int]:
    return [one.position for one in await outbox.claim(session, now, lease=_lease)]


async def test_the_deliveries_of_a_stream_come_one_after_the_other(session: AsyncSession, organisation_id: str) -> None:
    first, second = [await _add(session, organisation_id, "a") for _ in range(2)]
    other = await _add(session, organisation_id, "b")
    now = clock.now()
    assert await _claimed(session, now) == [first, other]
    assert await _claimed(session, now) == []
    await outbox.done(session, first, status=200)
    assert await _claimed(session, now) == [second]


async def test_a_delivery_that_failed_comes_again_at_its_time_and_holds_the_next_back(
    session: AsyncSession, organisation_id: str
) -> None:
    first, _ = [await _add(session, organisation_id, "a") for _ in range(2)]
    now = clock.now()
    await _claimed(session, now)
    later = now + timedelta(minutes=1)
    await outbox.failed(session, first, retry_at=later, status=503, error="busy")
    assert await _claimed(session, now) == []
    (again,) = await outbox.claim(session, later, lease=_lease)
    assert (again.position, again.attempts, again.status, again.error) == (first, 2, 503, "busy")


async def test_what_is_given_up_lets_the_next_pass_and_can_be_replayed(
    session: AsyncSession, organisation_id: str, other_organisation_id: str
) -> None:
    first, second = [await _add(session, organisation_id, "a") for _ in range(2)]
    await outbox.dead(session, first, status=None, error="no such host")
    assert await _claimed(session, clock.now()) == [second]
    await outbox.done(session, second, status=204)
    (dead,) = await outbox.list_deliveries(session, organisation_id, state=DeliveryState.DEAD)
    assert (dead.position, dead.error) == (first, "no such host")
    with pytest.raises(NotFound):
        await outbox.replay(session, other_organisation_id, first)
    assert (await outbox.replay(session, organisation_id, first)).attempts == 0
    assert await _claimed(session, clock.now()) == [first]


async def test_whoever_claimed_and_died_loses_the_delivery_after_its_lease(
    session: AsyncSession, organisation_id: str
) -> None:
    first = await _add(session, organisation_id, "a")
    now = clock.now()
    await _claimed(session, now)
    assert await _claimed(session, now + _LEASE - timedelta(milliseconds=1)) == []
    assert await _claimed(session, now + _LEASE) == [first]


async def test_what_was_delivered_is_forgotten_in_time(session: AsyncSession, organisation_id: str) -> None:
    delivered, dead, pending = [await _add(session, organisation_id, stream) for stream in "abc"]
    await outbox.done(session, delivered, status=200)
    await outbox.dead(session, dead, status=500, error="")
    await outbox.forget(session, clock.now())
    left = await outbox.list_deliveries(session, organisation_id)
    assert [one.position for one in left] == [pending, dead]
    assert await outbox.list_deliveries(session, organisation_id, call_id="b", before=pending) == [left[1]]


async def test_nothing_is_pending_at_first(database: Database) -> None:
    async with database.reading() as session:
        assert await outbox.due(session, clock.now()) == []
