from __future__ import annotations

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

import gateway.store.migrations
from gateway.errors import StoreError
from gateway.store.database import Database
from gateway.store.migration import HEAD, migrate, upgrade
from gateway.store.tables import metadata

_SCRIPTS = ScriptDirectory(str(Path(gateway.store.migrations.__file__).parent))
_FIRST = "0001"


def _difference(connection: Connection) -> object:
    return compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), metadata)


def _empty(connection: Connection) -> None:
    metadata.drop_all(connection)
    connection.execute(text("DROP TABLE alembic_version"))


def test_the_newest_migration_is_the_one_that_is_applied() -> None:
    assert _SCRIPTS.get_heads() == [HEAD]


async def test_an_empty_database_gets_the_tables_of_this_version(empty_database_url: str) -> None:
    database = await Database.open(empty_database_url)
    async with database.transaction() as session:
        assert await (await session.connection()).run_sync(_difference) == []
    await database.close()


async def test_a_database_of_the_first_version_gets_the_tables_of_this_one(database: Database) -> None:
    async with database.transaction() as session:
        connection = await session.connection()
        await connection.run_sync(_empty)
        await connection.run_sync(lambda one: upgrade(one, _FIRST))
        await connection.run_sync(migrate)
        assert await connection.run_sync(_difference) == []


async def test_a_database_of_a_newer_version_is_left_alone(database: Database, database_url: str) -> None:
    async with database.transaction() as session:
        await session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StoreError, match=r"revision 9999, .*: run a newer one"):
        await Database.open(database_url)
