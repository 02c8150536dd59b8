from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from gateway.errors import ConfigError, StoreError
from gateway.settings import Settings, StoreSettings
from gateway.store.database import Database, store_url
from gateway.store.entities import Entities, Kind
from gateway.store.listing import ListQuery


async def test_what_was_written_is_there_when_it_is_opened_again(database: Database, database_url: str) -> None:
    async with database.transaction() as session:
        made = await Entities(session, database.default_organisation_id).create(Kind.TOOL, {"type": "dtmf"})
    again = await Database.open(database_url)
    async with again.reading() as session:
        found = await Entities(session, again.default_organisation_id).get(Kind.TOOL, made.id)
    await again.close()
    assert found == made


async def test_a_transaction_that_fails_leaves_nothing(database: Database) -> None:
    async def fail() -> None:
        async with database.transaction() as session:
            await Entities(session, database.default_organisation_id).create(Kind.TOOL, {})
            raise KeyError

    with pytest.raises(KeyError):
        await fail()
    async with database.reading() as session:
        assert await Entities(session, database.default_organisation_id).list(Kind.TOOL, ListQuery()) == []


async def test_many_write_at_once_while_others_read(database: Database, database_url: str) -> None:
    """Through two databases, as two processes have them: none of them is told that it is locked."""
    second = await Database.open(database_url)
    organisation_id = database.default_organisation_id

    async def write(one: Database) -> None:
        for _ in range(5):
            async with one.transaction() as session:
                entities = Entities(session, organisation_id)
                made = await entities.create(Kind.TOOL, {"count": 0})
                await entities.update(Kind.TOOL, made.id, {"count": 1})

    async def read(one: Database) -> None:
        for _ in range(5):
            async with one.reading() as session:
                await Entities(session, organisation_id).list(Kind.TOOL, ListQuery())

    async with asyncio.TaskGroup() as group:
        for one in (database, second) * 5:
            group.create_task(write(one))
            group.create_task(read(one))
    async with second.reading() as session:
        found = await Entities(session, organisation_id).list(Kind.TOOL, ListQuery())
    await second.close()
    assert [one.body["count"] for one in found] == [1] * 50


@pytest.mark.scenario("LOAD-09", peer="SQLite", transport="file")
async def test_the_log_of_sqlite_shrinks_again_after_a_flood(tmp_path: Path) -> None:
    database = await Database.open(f"sqlite:///{tmp_path}/parley.db")
    log = tmp_path / "parley.db-wal"
    flood = {"type": "dtmf", "text": "x" * 1_000_000}
    async with database.transaction() as session:
        for _ in range(24):
            await Entities(session, database.default_organisation_id).create(Kind.TOOL, flood)
    assert log.stat().st_size > 20 << 20
    for _ in range(3):
        async with database.transaction() as session:
            await Entities(session, database.default_organisation_id).create(Kind.TOOL, {"type": "dtmf"})
    assert log.stat().st_size <= 16 << 20
    await database.close()


async def test_a_reader_waits_for_no_writer(database: Database) -> None:
    async with database.transaction() as session:
        await Entities(session, database.default_organisation_id).create(Kind.TOOL, {})
        async with database.reading() as other:
            assert await Entities(other, database.default_organisation_id).list(Kind.TOOL, ListQuery()) == []


async def test_a_transaction_inside_another_is_a_mistake_and_not_a_wait(tmp_path: Path) -> None:
    database = await Database.open(f"sqlite:///{tmp_path}/parley.db")
    async with database.transaction():
        with pytest.raises(RuntimeError, match="inside another"):
            async with database.transaction():
                pass
    await database.close()


@pytest.mark.parametrize("url", ["mysql://host/name", "nonsense", "sqlite://", ""])
async def test_a_url_of_no_database_that_is_supported_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match=r"sqlite:///path or postgresql://"):
        await Database.open(url)


async def test_a_database_that_cannot_be_reached_is_told_without_its_password(tmp_path: Path) -> None:
    with pytest.raises(StoreError) as raised:
        await Database.open(f"postgresql://parley:hush@/nothing?host={tmp_path}")
    assert "cannot be used" in str(raised.value)
    assert "hush" not in str(raised.value)


def test_without_a_url_it_is_sqlite_in_the_data_folder() -> None:
    assert store_url(Settings(data_dir=Path("/var/lib/parley"))) == "sqlite+aiosqlite:////var/lib/parley/parley.db"
    chosen = StoreSettings.model_validate({"url": "postgresql://a:b@host/name"})
    assert store_url(Settings(store=chosen)) == "postgresql://a:b@host/name"
