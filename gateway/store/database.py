"""The connection to the database: SQLite or PostgreSQL, migrated when it is opened.

SQLite has one writer at a time: `transaction` waits for its turn, and `reading` goes on beside it. With PostgreSQL both
are connections of one pool.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

from sqlalchemy import Connection, event, make_url
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError, StatementError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection

from gateway.errors import ConfigError, ParleyError, StoreError, Unavailable
from gateway.settings import Settings
from gateway.store.columns import to_json
from gateway.store.key_cache import KeyCache
from gateway.store.migration import migrate
from gateway.store.organisations import default_organisation
from gateway.store.sqlite_driver import sqlite_driver

_DRIVERS = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg", "postgres": "postgresql+asyncpg"}
_BUSY_SECONDS = 20
"""How long one transaction waits for the others."""
_READERS = 4
_WAL_BYTES = 16 << 20
"""The write-ahead log of SQLite is cut back to this, once what is in it is in the database."""
_PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=NORMAL",
    "PRAGMA foreign_keys=ON",
    f"PRAGMA busy_timeout={_BUSY_SECONDS * 1000}",
    "PRAGMA temp_store=MEMORY",
    f"PRAGMA journal_size_limit={_WAL_BYTES}",
    "PRAGMA cache_size=-16000",
)


class Database:
    """:param writer: for transactions
    :param reader: for what only reads; each of its statements is a transaction of its own
    """

    def __init__(self, writer: AsyncEngine, reader: AsyncEngine) -> None:
        self.keys = KeyCache()
        self.dialect = writer.dialect.name
        self.default_organisation_id = ""
        self._engines = (writer, reader)
        info = {"keys": self.keys}
        self._write = async_sessionmaker(writer, expire_on_commit=False, autoflush=False, info=info)
        self._read = async_sessionmaker(reader, expire_on_commit=False, autoflush=False, info=info)
        self._turn: asyncio.Lock | None = asyncio.Lock() if self.dialect == "sqlite" else None
        self._holder: asyncio.Task[object] | None = None

    @classmethod
    async def open(cls, url: str) -> Database:
        """Connect and migrate.

        :param url: `sqlite:///path` or `postgresql://user:password@host/name`, with or without the driver
        :raises ConfigError: it is no such URL
        :raises StoreError: the database cannot be reached, or a newer Parley made it
        """
        parsed = _parsed(url)
        engines = _sqlite(parsed) if parsed.drivername.startswith("sqlite") else _postgresql(parsed)
        database = cls(*engines)
        try:
            async with database.transaction() as session:
                await (await session.connection()).run_sync(migrate)
                database.default_organisation_id = (await default_organisation(session)).id
        except (DBAPIError, OSError) as error:
            await database.close()
            raise StoreError(
                f"The database {parsed.render_as_string()} cannot be used: {_first_line(error)}."
            ) from error
        except BaseException:
            await database.close()
            raise
        return database

    def transaction(self) -> AbstractAsyncContextManager[AsyncSession]:
        """Commits at the end of the block, undoes everything when the block raises. On SQLite no other transaction
        runs meanwhile: do not wait for the network in it.

        :raises Unavailable: others keep the database too long
        """
        return self._transaction()

    def reading(self) -> AbstractAsyncContextManager[AsyncSession]:
        """For queries only; waits for no writer, and each query sees what is committed by then."""
        return self._read()

    async def close(self) -> None:
        """Writes what is left and lets all connections go."""
        if self.keys.used:
            async with self._transaction():
                pass
        for engine in self._engines:
            await engine.dispose()

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[AsyncSession]:
        await self._take_turn()
        try:
            async with self._write.begin() as session:
                yield session
                await self.keys.write_uses(session)
        except OperationalError as error:
            if "database is locked" in str(error.orig):
                raise Unavailable("The database is kept busy by another process: try again.") from error
            raise
        except StatementError as error:
            if isinstance(error.orig, ParleyError):  # of `to_json`, when the statement was given its values
                raise error.orig from None
            raise
        finally:
            self.keys.settled()
            if self._turn is not None:
                self._holder = None
                self._turn.release()

    async def _take_turn(self) -> None:
        if self._turn is None:
            return
        if self._holder is not None and self._holder is asyncio.current_task():
            raise RuntimeError("a transaction was begun inside another of the same task, which would wait for itself")
        try:
            async with asyncio.timeout(_BUSY_SECONDS):
                await self._turn.acquire()
        except TimeoutError:
            raise Unavailable("The database was busy for too long: try again.") from None
        self._holder = asyncio.current_task()


def store_url(settings: Settings) -> str:
    """Where the settings say that everything is kept: `store.url`, else SQLite in `data_dir`."""
    if settings.store.url is not None:
        return settings.store.url.get_secret_value()
    return URL.create("sqlite+aiosqlite", database=str(settings.data_dir / "parley.db")).render_as_string()


def _parsed(url: str) -> URL:
    wanted = "sqlite:///path or postgresql://user:password@host/name"
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise ConfigError(f"store.url is not the URL of a database: write {wanted}.") from None
    driver = _DRIVERS.get(parsed.get_backend_name())
    in_memory = driver == _DRIVERS["sqlite"] and parsed.database in (None, "", ":memory:")
    if driver is None or in_memory:
        raise ConfigError(f"store.url names {parsed.drivername}, which is not supported: write {wanted}.")
    return parsed.set(drivername=driver)


def _sqlite(url: URL) -> tuple[AsyncEngine, AsyncEngine]:
    Path(url.database or "").expanduser().parent.mkdir(parents=True, exist_ok=True)
    driver = sqlite_driver()
    writer = create_async_engine(url, module=driver, json_serializer=to_json, pool_size=1, max_overflow=0)
    reader = create_async_engine(
        url,
        module=driver,
        json_serializer=to_json,
        pool_size=_READERS,
        max_overflow=0,
        pool_reset_on_return=None,
        isolation_level="AUTOCOMMIT",
        skip_autocommit_rollback=True,
    )
    for engine in (writer, reader):
        event.listen(engine.sync_engine, "connect", _set_up)
    event.listen(writer.sync_engine, "begin", _begin_to_write)
    return writer, reader


def _postgresql(url: URL) -> tuple[AsyncEngine, AsyncEngine]:
    engine = create_async_engine(url, json_serializer=to_json, pool_size=10, max_overflow=10, pool_pre_ping=True)
    reader = engine.execution_options(isolation_level="AUTOCOMMIT")
    return engine, reader


def _set_up(connection: PoolProxiedConnection, _: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # type: ignore[attr-defined]  # transactions begin where we say
    cursor = connection.cursor()
    for pragma in _PRAGMAS:
        cursor.execute(pragma)
    cursor.close()


def _begin_to_write(connection: Connection) -> None:
    # A transaction that turned from reading to writing could find that another had written meanwhile, and fail.
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _first_line(error: Exception) -> str:
    cause = getattr(error, "orig", None) or error
    return str(cause).strip().split("\n")[0].rstrip(".")
