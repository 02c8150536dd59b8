"""SQLite for SQLAlchemy with one trip to a connection's thread for each statement.

aiosqlite makes four: for a cursor, its statement, the rows, and to close it. While calls keep the processors busy each
trip waits for its turn twice, so they were most of what a request took.
"""

from __future__ import annotations

import collections
import sqlite3
from collections.abc import Callable
from typing import Any

from sqlalchemy.dialects.sqlite.aiosqlite import (
    AsyncAdapt_aiosqlite_connection,
    AsyncAdapt_aiosqlite_cursor,
    AsyncAdapt_aiosqlite_dbapi,
    SQLiteDialect_aiosqlite,
)
from sqlalchemy.util.concurrency import await_


class OneTripCursor(AsyncAdapt_aiosqlite_cursor):
    """Has nothing open between statements: rows, description and counts are those of the last one."""

    __slots__ = ("_description", "_last_row", "_row_count", "arraysize")

    def __init__(self, adapt_connection: AsyncAdapt_aiosqlite_connection) -> None:
        self._adapt_connection = adapt_connection
        self._connection = adapt_connection._connection
        self._rows = collections.deque()
        self._description: Any = None
        self._row_count = -1
        self._last_row: Any = None
        self.arraysize = 1

    @property
    def description(self) -> Any:
        return self._description

    @property
    def rowcount(self) -> int:
        return self._row_count

    @property
    def lastrowid(self) -> Any:
        return self._last_row

    def execute(self, operation: Any, parameters: Any = None) -> Any:
        """:raises sqlite3.Error: as SQLAlchemy expects it"""
        self._do(lambda cursor: cursor.execute(operation, () if parameters is None else parameters))

    def executemany(self, operation: Any, seq_of_parameters: Any) -> Any:
        """:raises sqlite3.Error: as SQLAlchemy expects it"""
        self._do(lambda cursor: cursor.executemany(operation, seq_of_parameters))

    def close(self) -> None:
        """Forget the rows."""
        self._rows.clear()

    async def _async_soft_close(self) -> None:
        """There is nothing to close."""

    def _do(self, act: Callable[[sqlite3.Cursor], object]) -> None:
        connection: Any = self._connection

        def trip() -> tuple[Any, list[Any], int, Any]:
            cursor = connection._conn.cursor()
            try:
                act(cursor)
                rows = cursor.fetchall() if cursor.description else []
                return cursor.description, rows, cursor.rowcount, cursor.lastrowid
            finally:
                cursor.close()

        try:
            found = await_(connection._execute(trip))
        except Exception as error:  # noqa: BLE001  SQLAlchemy's own way: it raises what it makes of it
            self._adapt_connection._handle_exception(error)
        self._description, rows, self._row_count, self._last_row = found
        self._rows = collections.deque(rows)


class OneTripConnection(AsyncAdapt_aiosqlite_connection):
    """Its cursors are `OneTripCursor`."""

    __slots__ = ()
    _cursor_cls = OneTripCursor  # type: ignore[assignment]  # declared without what derives from it


class OneTripDriver(AsyncAdapt_aiosqlite_dbapi):
    """aiosqlite, as `create_async_engine` takes it for its `module`."""

    def connect(self, *arg: Any, **kw: Any) -> OneTripConnection:
        """A connection with its thread."""
        return OneTripConnection(self, super().connect(*arg, **kw)._connection)


def sqlite_driver() -> OneTripDriver:
    """The driver over the modules that SQLAlchemy's dialect takes."""
    modules = SQLiteDialect_aiosqlite.import_dbapi()
    return OneTripDriver(modules.aiosqlite, modules.sqlite)
