"""Gateway, api and database are killed at any moment, while calls go on and the receiver of messages is hostile."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from gateway.plane.reaper import SETTLED_SECONDS
from gateway.store.database import Database
from tests.faults.hostile_server import HostileServer
from tests.faults.houseful import Houseful, PostgreSQLStore, SqliteStore, Store
from tests.faults.judge import Kept, assert_messages, assert_nothing_lost, assert_one_final_state, kept, unfinished
from tests.faults.kills import kills
from tests.peers.postgresql import postgresql

BACK_SECONDS = 2 * SETTLED_SECONDS
"""Without anything that is told, delivered or closed, it never will be."""
SEED = int(os.environ.get("KILL_SEED", "7"))
KILLS = int(os.environ.get("KILLS", "500"))
"""Of the long runs, which end after so many seconds, too."""
KILL_SECONDS = float(os.environ.get("KILL_SECONDS", "1000"))

killed = pytest.mark.scenario("FLT-10", peer="killed processes", transport="gRPC, HTTP")


async def killed_and_judged(folder: Path, store: Store, parts: Sequence[str], count: int, *, callers: int) -> None:
    began = time.monotonic()
    async with HostileServer(SEED).serving() as hooks:
        houseful = Houseful(folder, store, seed=SEED, hooks=hooks.url, callers=callers)
        async with houseful.running():
            until = began + KILL_SECONDS
            for kill in kills(SEED, count, parts):
                if time.monotonic() > until:
                    break
                await houseful.at_work()
                await asyncio.sleep(kill.pause_seconds)
                for part in kill.parts:
                    houseful.kill(part)
                await asyncio.sleep(kill.down_seconds)
                for part in kill.parts:
                    houseful.start(part)
            await houseful.stop_calls()
            found = await settled(houseful)
    records = [json.loads(path.read_text()) for path in houseful.witness.calls.glob("*.json")]
    repeats = len(hooks.order) - len(hooks.deliveries)
    times = ", ".join(f"{part} {count}" for part, count in sorted(Counter(houseful.kills).items()))
    print(
        f"{len(houseful.kills)} kills ({times}) in {time.monotonic() - began:.0f} s,"
        f" {len(houseful.witness.seen)} calls: {houseful.witness.events} events journalled, {found.events} kept;"
        f" {len(found.deliveries)} messages, {repeats} repeated attempts"
    )
    assert_nothing_lost(houseful.witness, found)
    assert_one_final_state(houseful.witness, found, records)
    assert_messages(hooks, found)


async def settled(houseful: Houseful) -> Kept:
    """What is kept once all journals were told and all messages were delivered, or nothing more happens."""
    left, since = (-1, -1), time.monotonic()
    database = await Database.open(houseful.store.url)
    while left != (0, 0) and time.monotonic() - since < BACK_SECONDS:
        await asyncio.sleep(0.3)
        before, left = left, (houseful.journals(), await unfinished(database))
        if left != before:
            since = time.monotonic()
    await database.close()
    houseful.witness.look()
    return await kept(houseful.store.url)


@killed
async def test_nothing_is_lost_when_gateway_and_api_are_killed(tmp_path: Path) -> None:
    await killed_and_judged(tmp_path, SqliteStore(tmp_path), ("gateway", "api"), 8, callers=3)


@killed
async def test_nothing_is_lost_when_the_database_is_killed(tmp_path: Path) -> None:
    with postgresql(forgetful=False) as server:
        store = PostgreSQLStore(server, "killed")
        await killed_and_judged(tmp_path, store, ("gateway", "database"), 3, callers=3)


@killed
@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
async def test_nothing_is_lost_by_hundreds_of_kills(tmp_path: Path, database: str) -> None:
    if database == "sqlite":
        await killed_and_judged(tmp_path, SqliteStore(tmp_path), ("gateway", "api"), KILLS, callers=2)
        return
    with postgresql(forgetful=False) as server:
        store = PostgreSQLStore(server, "killed")
        await killed_and_judged(tmp_path, store, ("gateway", "api", "database"), KILLS, callers=2)
