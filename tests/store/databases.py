"""Databases of tests: each test gets a copy of one that was migrated once.

A test that takes `database_url` or `database` runs on SQLite; with the marker `both_databases`, and in tests/store, on
PostgreSQL too.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from itertools import count
from pathlib import Path
from typing import Literal

import pytest

from gateway.store.database import Database
from tests.peers.postgresql import PostgreSQL, postgresql

_FOLDER = Path(__file__).parent
_TEMPLATE = "migrated"
_numbers = count()


def on_both(metafunc: pytest.Metafunc) -> None:
    """Parametrises `database_url`."""
    if "database_url" in metafunc.fixturenames:
        definition = metafunc.definition
        both = _FOLDER in definition.path.parents or definition.get_closest_marker("both_databases") is not None
        metafunc.parametrize("database_url", ["sqlite", "postgresql"] if both else ["sqlite"], indirect=True)


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[PostgreSQL]:
    """A server, started when the first test asks for it; its template is migrated."""
    with postgresql() as server:
        server.execute(f"CREATE DATABASE {_TEMPLATE}")
        asyncio.run(_migrate(server.url(_TEMPLATE)))
        yield server


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a migrated database."""
    file = tmp_path_factory.mktemp("store") / "template.db"
    asyncio.run(_migrate(f"sqlite:///{file}"))
    return file


@pytest.fixture
def empty_database_url(database_url: str, tmp_path: Path, request: pytest.FixtureRequest) -> str:
    """A database in which there is nothing yet, of the same kind as `database_url`."""
    if database_url.startswith("sqlite"):
        return f"sqlite:///{tmp_path}/empty.db"
    return _new(request.getfixturevalue("postgresql_server"), "template1")


@pytest.fixture
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A migrated database of this test alone."""
    kind: Literal["sqlite", "postgresql"] = request.param
    if kind == "sqlite":
        file = tmp_path / "parley.db"
        shutil.copyfile(request.getfixturevalue("sqlite_template"), file)
        return f"sqlite:///{file}"
    return _new(request.getfixturevalue("postgresql_server"), _TEMPLATE)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """It, open."""
    opened = await Database.open(database_url)
    yield opened
    await opened.close()


def _new(server: PostgreSQL, template: str) -> str:
    name = f"test_{next(_numbers)}"
    server.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
    return server.url(name)


async def _migrate(url: str) -> None:
    await (await Database.open(url)).close()
