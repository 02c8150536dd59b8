from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncSession

from gateway.store.clock import clock
from gateway.store.idempotency import Earlier, forget, remember, request_hash


async def test_a_key_names_the_call_that_it_began(
    session: AsyncSession, organisation_id: str, other_organisation_id: str
) -> None:
    assert await remember(session, organisation_id, "key", {"a": 1}, "first") is None
    assert await remember(session, organisation_id, "key", {"a": 1}, "second") == Earlier("first", same=True)
    assert await remember(session, organisation_id, "key", {"a": 2}, "third") == Earlier("first", same=False)
    assert await remember(session, other_organisation_id, "key", {"a": 1}, "foreign") is None


async def test_any_key_is_taken(session: AsyncSession, organisation_id: str) -> None:
    for key in ("", "\0", "\ud800", "x" * 10_000):
        assert await remember(session, organisation_id, key, {}, "call") is None


async def test_a_key_is_forgotten_in_time(session: AsyncSession, organisation_id: str) -> None:
    await remember(session, organisation_id, "key", {}, "first")
    await forget(session, clock.now())
    assert await remember(session, organisation_id, "key", {}, "second") is None


def test_the_order_of_fields_makes_no_other_request() -> None:
    assert request_hash({"a": 1, "b": {"c": 2, "d": [3]}}) == request_hash({"b": {"d": [3], "c": 2}, "a": 1})
    assert request_hash({"a": [1, 2]}) != request_hash({"a": [2, 1]})
