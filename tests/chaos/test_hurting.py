"""Faults are carried out, and put right again."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from gateway.chaos.disk import SmallDisk
from gateway.chaos.hurting import hurt
from gateway.chaos.office import Office, Worker
from gateway.chaos.plan import Fault, Kind, Part
from gateway.chaos.processes import Process
from gateway.chaos.relay import Relay
from gateway.errors import StoreError
from tests.link.worker_double import until


class RememberingProcess(Process):
    """Does nothing, and remembers what it was told."""

    __slots__ = ("told",)

    def __init__(self, name: str) -> None:
        super().__init__(name, [], Path("/nowhere"))
        self.told: list[str] = []

    def start(self) -> None:
        self.told.append("start")

    def kill(self) -> None:
        self.told.append("kill")

    def freeze(self) -> None:
        self.told.append("freeze")

    def thaw(self) -> None:
        self.told.append("thaw")


@pytest.fixture
def place(tmp_path: Path) -> Office:
    workers = [Worker(RememberingProcess(f"worker-{number}"), Relay(0, port=number)) for number in (1, 2)]
    gateway, api = RememberingProcess("gateway"), RememberingProcess("api")
    database = tmp_path / "parley.db"
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("CREATE TABLE facts (fact TEXT)")
    disk = SmallDisk(tmp_path)
    return Office("127.0.0.1:1", tmp_path / "data", database, gateway, api, Relay(0), workers, disk)


def fault(kind: Kind, part: Part, **fields: Any) -> Fault:
    return Fault(at=0, kind=kind, part=part, seconds=0.05, **fields)


def told(process: Process) -> list[str]:
    assert isinstance(process, RememberingProcess)
    return process.told


async def during(place: Office, hurting: Fault, look: Callable[[], bool]) -> None:
    """Carry a fault out; meanwhile `look` becomes true."""
    task = asyncio.create_task(hurt(place, hurting.model_copy(update={"seconds": 0.5})))
    await until(look)
    assert not task.done()
    await task


async def test_what_is_killed_begins_again(place: Office) -> None:
    assert await hurt(place, fault(Kind.KILL, Part.API)) == "api"
    assert told(place.api) == ["kill", "start"]
    assert told(place.gateway) == []


async def test_what_is_frozen_is_thawed(place: Office) -> None:
    assert await hurt(place, fault(Kind.FREEZE, Part.GATEWAY)) == "gateway"
    assert told(place.gateway) == ["freeze", "thaw"]


async def test_a_worker_is_met_also_when_the_gateway_does_not_say_who_has_calls(place: Office) -> None:
    assert await hurt(place, fault(Kind.KILL, Part.WORKER)) == "worker-1"
    assert told(place.workers[0].process) == ["kill", "start"]


async def test_a_connection_is_slow_for_a_while(place: Office) -> None:
    await during(place, fault(Kind.SLOW, Part.API, ms=300), lambda: place.api_relay.delay_seconds == 0.3)
    assert place.api_relay.delay_seconds == 0


async def test_a_locked_database_takes_no_other_writer_for_a_while(place: Office) -> None:
    def write() -> bool:
        with closing(sqlite3.connect(place.database, timeout=0)) as connection:
            try:
                connection.execute("INSERT INTO facts VALUES ('x')")
            except sqlite3.OperationalError:
                return False
            return True

    assert write()
    await during(place, fault(Kind.LOCK, Part.DATABASE), lambda: not write())
    assert write()


async def test_a_database_that_cannot_be_locked_is_told(place: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.chaos.office._LOCK_SECONDS", 0.0)
    with closing(sqlite3.connect(place.database)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="locked"):
            await hurt(place, fault(Kind.LOCK, Part.DATABASE))


async def test_a_disk_is_full_for_a_while(place: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.chaos.disk.SmallDisk.fill", lambda disk: (tmp_path / "filling").touch())
    await during(place, fault(Kind.FILL, Part.DISK), lambda: (tmp_path / "filling").exists())
    assert not (tmp_path / "filling").exists()
