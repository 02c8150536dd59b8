from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncSession

from gateway.store.events import NewEvent, append_events, events_after, events_of, last_position


def _event(call_id: str, sequence: int, data: str = "{}") -> NewEvent:
    return NewEvent(call_id, sequence, sequence * 20, 1_700_000_000_000 + sequence, "note", data)


async def test_an_event_is_kept_once(session: AsyncSession, organisation_id: str) -> None:
    first = await append_events(session, organisation_id, [_event("a", 1, '{"text":"\\u0000"}'), _event("a", 2)])
    again = await append_events(session, organisation_id, [_event("a", 2, '{"other":1}'), _event("a", 3)])
    assert [event.sequence for event in first] == [1, 2]
    assert [event.sequence for event in again] == [3]
    kept = await events_of(session, organisation_id, "a")
    assert [(event.sequence, event.data) for event in kept] == [(1, '{"text":"\\u0000"}'), (2, "{}"), (3, "{}")]


async def test_nothing_appended_is_nothing_new(session: AsyncSession, organisation_id: str) -> None:
    assert await append_events(session, organisation_id, []) == []
    assert await last_position(session) == 0


async def test_a_reader_goes_on_after_a_position(
    session: AsyncSession, organisation_id: str, other_organisation_id: str
) -> None:
    first, second = await append_events(session, organisation_id, [_event("a", 1), _event("b", 1)])
    (foreign,) = await append_events(session, other_organisation_id, [_event("c", 1)])
    (third,) = await append_events(session, organisation_id, [_event("a", 2)])
    assert await events_after(session, organisation_id, 0) == [first, second, third]
    assert await events_after(session, organisation_id, first.position, limit=1) == [second]
    assert await events_after(session, other_organisation_id, 0) == [foreign]
    assert await events_of(session, organisation_id, "c") == []
    assert await last_position(session) == third.position
