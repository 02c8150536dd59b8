"""`parley key` and `parley organisation`, each run as a user types it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gateway.cli import app
from gateway.errors import NotFound
from gateway.store.database import Database
from gateway.store.key_cache import KeyHolder
from gateway.store.keys import authenticate

WIDE = {"COLUMNS": "200", "NO_COLOR": "1"}


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "parley.yaml"
    file.write_text(f"data_dir: {tmp_path}/data\n")
    return file


def parley(config: Path, *arguments: str) -> str:
    done = CliRunner().invoke(app, [*arguments, "--config", str(config)], env=WIDE, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def holder(config: Path, key: str) -> KeyHolder | None:
    async def ask() -> KeyHolder | None:
        database = await Database.open(f"sqlite:///{config.parent}/data/parley.db")
        async with database.reading() as session:
            found = await authenticate(session, key)
        await database.close()
        return found

    return asyncio.run(ask())


def test_a_key_is_printed_alone_and_works_until_it_is_revoked(config: Path) -> None:
    key = parley(config, "key", "create", "--name", "order [service]").strip()
    found = holder(config, key)
    assert found is not None
    assert found.scope == "private"
    listed = parley(config, "key", "list")
    assert key not in listed
    assert "order [service]" in listed
    parley(config, "key", "revoke", key[:8])
    assert holder(config, key) is None
    assert "revoked" in parley(config, "key", "list")


def test_an_organisation_has_keys_of_its_own(config: Path) -> None:
    parley(config, "organisation", "create", "bakery")
    key = parley(config, "key", "create", "--public", "--organisation", "bakery").strip()
    found = holder(config, key)
    assert found is not None
    assert found.scope == "public"
    assert found.organisation_id in parley(config, "organisation", "list")
    assert key[:8] not in parley(config, "key", "list")
    assert key[:8] in parley(config, "key", "list", "--organisation", "bakery")


def test_an_organisation_that_is_not_there_is_told(config: Path) -> None:
    with pytest.raises(NotFound, match="parley organisation list"):
        parley(config, "key", "create", "--organisation", "butcher")
