from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.errors import BadRequest, Conflict, NotFound
from gateway.store.database import Database
from gateway.store.entities import Entities, Kind
from gateway.store.listing import ListQuery

ASSISTANT = {"name": "Front desk", "model": {"provider": "openai", "z": 1, "a": 2}, "nobody knows": [1, None, "ü"]}


@pytest.fixture
def own(session: AsyncSession, organisation_id: str) -> Entities:
    return Entities(session, organisation_id)


@pytest.fixture
def foreign(session: AsyncSession, other_organisation_id: str) -> Entities:
    return Entities(session, other_organisation_id)


async def test_a_body_comes_back_as_it_was_sent(own: Entities) -> None:
    made = await own.create(Kind.ASSISTANT, ASSISTANT)
    found = await own.get(Kind.ASSISTANT, made.id)
    assert found == made
    assert found.body == ASSISTANT
    assert list(found.body["model"]) == ["provider", "z", "a"]


async def test_it_is_shown_with_the_fields_that_we_give(own: Entities, organisation_id: str) -> None:
    shown = (await own.create(Kind.ASSISTANT, {**ASSISTANT, "id": "mine", "orgId": "mine", "createdAt": "now"})).shown()
    assert UUID(shown["id"]).version == 4
    assert shown["orgId"] == organisation_id
    assert shown["createdAt"] == shown["updatedAt"]
    assert len(shown["createdAt"]) == len("2026-11-23T01:02:03.004Z")
    assert shown["createdAt"].endswith("Z")


async def test_another_organisation_sees_and_changes_nothing(own: Entities, foreign: Entities) -> None:
    made = await own.create(Kind.TOOL, {"type": "dtmf"})
    assert await foreign.list(Kind.TOOL, ListQuery()) == []
    assert await foreign.list(Kind.TOOL, ListQuery(ids=[made.id])) == []
    with pytest.raises(NotFound):
        await foreign.get(Kind.TOOL, made.id)
    with pytest.raises(NotFound):
        await foreign.update(Kind.TOOL, made.id, {"type": "sms"})
    with pytest.raises(NotFound):
        await foreign.delete(Kind.TOOL, made.id)
    assert await own.get(Kind.TOOL, made.id) == made


@pytest.mark.parametrize("id_", ["", "nonsense", "\0", "\ud800", "x" * 10_000, "'; DROP TABLE entities"])
async def test_an_id_that_is_none_is_not_found(own: Entities, id_: str) -> None:
    with pytest.raises(NotFound):
        await own.get(Kind.ASSISTANT, id_)


async def test_an_entity_is_not_found_as_another_kind(own: Entities) -> None:
    made = await own.create(Kind.ASSISTANT, ASSISTANT)
    with pytest.raises(NotFound):
        await own.get(Kind.SQUAD, made.id)


async def test_an_update_replaces_fields_as_a_whole_and_clears_with_none(own: Entities) -> None:
    made = await own.create(Kind.ASSISTANT, ASSISTANT)
    updated = await own.update(Kind.ASSISTANT, made.id, {"model": {"provider": "google"}, "name": None, "new": True})
    assert updated.body == {"model": {"provider": "google"}, "nobody knows": [1, None, "ü"], "new": True}
    assert updated.created_at == made.created_at
    assert updated.updated_at > made.updated_at
    assert await own.get(Kind.ASSISTANT, made.id) == updated


async def test_what_was_deleted_is_told_once_more(own: Entities) -> None:
    made = await own.create(Kind.ASSISTANT, ASSISTANT)
    assert await own.delete(Kind.ASSISTANT, made.id) == made
    with pytest.raises(NotFound):
        await own.delete(Kind.ASSISTANT, made.id)


async def test_the_newest_is_first(own: Entities) -> None:
    made = [await own.create(Kind.TOOL, {"number": number}) for number in range(5)]
    assert await own.list(Kind.TOOL, ListQuery(limit=3)) == made[:1:-1]
    assert await own.list(Kind.TOOL, ListQuery(limit=2, order="ASC")) == made[:2]
    touched = await own.update(Kind.TOOL, made[0].id, {"number": 9})
    assert (await own.list(Kind.TOOL, ListQuery(sort_by="updatedAt")))[0] == touched


async def test_pages_hold_everything_once(own: Entities) -> None:
    made = [await own.create(Kind.CHAT, {}) for _ in range(5)]
    pages = [await own.page(Kind.CHAT, ListQuery(limit=2), page) for page in (1, 2, 3, 4, 10**30)]
    assert [total for _, total in pages] == [5] * 5
    assert [one for page, _ in pages for one in page] == made[::-1]


async def test_time_filters_tell_equal_from_later(own: Entities) -> None:
    first, second, third = [await own.create(Kind.TOOL, {}) for _ in range(3)]
    at = second.created_at

    async def listed(**times: Any) -> list[str]:
        return [one.id for one in await own.list(Kind.TOOL, ListQuery(order="ASC", **times))]

    assert await listed(created_at_gt=at) == [third.id]
    assert await listed(created_at_ge=at) == [second.id, third.id]
    assert await listed(created_at_lt=at) == [first.id]
    assert await listed(updated_at_le=at) == [first.id, second.id]
    assert await listed(created_at_gt=at - timedelta(milliseconds=1), updated_at_lt=at + timedelta(milliseconds=1)) == [
        second.id
    ]


async def test_columns_and_paths_in_the_body_can_be_required(own: Entities) -> None:
    session_id = str(uuid4())
    chat = await own.create(
        Kind.CHAT, {"sessionId": session_id, "customer": {"email": "ann@example.com", "number": "7"}}
    )
    await own.create(Kind.CHAT, {"sessionId": str(uuid4()), "customer": {"email": 7}})
    await own.create(Kind.CHAT, {"customer": "nobody"})
    for where in (
        {"session_id": session_id},
        {"session_id": [session_id, "other"]},
        {"customer.email": "ann@example.com"},
        {"number": "7", "session_id": None},
    ):
        assert await own.list(Kind.CHAT, ListQuery(where=where)) == [chat]
    assert await own.list(Kind.CHAT, ListQuery(where={"session_id": "\0"})) == []
    assert await own.list(Kind.CHAT, ListQuery(ids=[])) == []


async def test_a_part_of_a_name_or_number_can_be_searched(own: Entities) -> None:
    made = await own.create(Kind.PHONE_NUMBER, {"name": "100% Sales", "number": "+1 (555) 010-9999"})
    await own.create(Kind.PHONE_NUMBER, {"name": "1000 Sales", "number": "+15550100000"})
    for part in ("100% s", "0109999"):
        assert await own.list(Kind.PHONE_NUMBER, ListQuery(search=part)) == [made]


@pytest.mark.parametrize("body", [{"name": "a\0b"}, {"n": {"deep": ["\0"]}}, {"n": float("nan")}, {"n": float("inf")}])
async def test_what_no_database_keeps_is_refused(database: Database, body: dict[str, Any]) -> None:
    async def keep() -> None:
        async with database.transaction() as session:
            await Entities(session, database.default_organisation_id).create(Kind.TOOL, body)

    with pytest.raises(BadRequest):
        await keep()


@pytest.mark.parametrize(
    "text",
    ["\\u0000", "\ud800", "x" * 100_000, "🎉", "'\"\\", "\x01"],
    ids=["escape", "half", "long", "wide", "quotes", "control"],
)
async def test_any_other_text_is_kept(own: Entities, text: str) -> None:
    made = await own.create(Kind.TOOL, {"name": text, text: [text]})
    assert (await own.get(Kind.TOOL, made.id)).body == {"name": text, text: [text]}


async def test_a_number_belongs_to_one_only_in_all_organisations(database: Database) -> None:
    organisation_id = database.default_organisation_id

    async def take(number: str) -> None:
        async with database.transaction() as session:
            await Entities(session, organisation_id).create(Kind.PHONE_NUMBER, {"number": number})

    await take("+15550100000")
    with pytest.raises(Conflict, match="in use"):
        await take("+1 555 010 0000")
