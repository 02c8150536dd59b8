"""Several processes at one store, and those that die: nobody is lost, nobody is called twice."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
from cryptography.fernet import Fernet

from gateway.campaigns.dispatcher import LEASE, Dispatcher
from gateway.campaigns.kept_campaigns import keep_campaign
from gateway.store import contacts as store
from gateway.store.calls import Calls
from gateway.store.contacts import Contact, ContactState
from gateway.store.database import Database
from gateway.store.secrets import Secrets
from tests.link.worker_double import until

pytestmark = pytest.mark.both_databases
_SECRETS = Secrets(Fernet.generate_key())


class Dialler:
    """Makes the rows that a call has, as the control plane does.

    :param before: a fault before the call has its row
    """

    def __init__(self, database: Database, before: Callable[[], None] = lambda: None) -> None:
        self.database = database
        self.before = before
        self.dialled: list[str] = []

    async def begin_call(self, organisation: str, body: Mapping[str, Any], call: Mapping[str, Any]) -> object:
        self.before()
        shown = {"type": "outboundPhoneCall", "status": "queued", "customer": body["customer"], **call}
        async with self.database.transaction() as session:
            await Calls(session, organisation).create(shown)
            await store.begun(session, call["id"])
        self.dialled.append(body["customer"]["sipUri"])
        return None


def dispatcher(dialler: Dialler) -> Dispatcher:
    return Dispatcher(dialler.database, _SECRETS, dialler, lambda: True)


async def campaign(database: Database, customers: int) -> str:
    body = {
        "name": "reminders",
        "assistantId": "a",
        "customers": [{"sipUri": f"sip:c{number}@h"} for number in range(customers)],
        "callingHours": {"start": "00:00", "end": "24:00"},
        "maxConcurrency": 100,
    }
    async with database.transaction() as session:
        return (await keep_campaign(session, database.default_organisation_id, body)).id


async def sweep(*those: Dispatcher) -> None:
    await asyncio.gather(*(one.sweep() for one in those))
    await asyncio.gather(*(one.settled() for one in those))


async def contacts(database: Database, id_: str) -> Sequence[Contact]:
    async with database.reading() as session:
        return await store.list_contacts(session, id_)


def kill() -> None:
    raise RuntimeError("killed")


async def test_processes_that_sweep_at_once_call_each_customer_once(database: Database) -> None:
    await campaign(database, 40)
    dialler = Dialler(database)
    await sweep(*(dispatcher(dialler) for _ in range(4)))
    await sweep(*(dispatcher(dialler) for _ in range(4)))
    assert sorted(dialler.dialled) == sorted(f"sip:c{number}@h" for number in range(40))


async def test_who_was_claimed_by_a_process_that_died_is_called_once_by_another(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    id_ = await campaign(database, 1)
    await sweep(dispatcher(Dialler(database, kill)))
    assert (await contacts(database, id_))[0].state is ContactState.CLAIMED
    living = Dialler(database)
    await sweep(dispatcher(living))
    assert living.dialled == []
    monkeypatch.setattr("gateway.campaigns.dispatcher.LEASE", -LEASE)
    await sweep(dispatcher(living))
    monkeypatch.undo()
    await sweep(dispatcher(living), dispatcher(living))
    assert living.dialled == ["sip:c0@h"]
    assert (await contacts(database, id_))[0].attempts == 1


async def test_a_process_that_wakes_after_its_claim_went_to_another_does_not_call(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await campaign(database, 1)
    asleep = asyncio.Event()
    late, living = Dialler(database), Dialler(database)
    begin = late.begin_call

    async def wait(organisation: str, body: Mapping[str, Any], call: Mapping[str, Any]) -> object:
        await asleep.wait()
        return await begin(organisation, body, call)

    monkeypatch.setattr(late, "begin_call", wait)
    first = dispatcher(late)
    await first.sweep()
    monkeypatch.setattr("gateway.campaigns.dispatcher.LEASE", -LEASE)
    await sweep(dispatcher(living))
    asleep.set()
    await first.settled()
    assert (late.dialled, living.dialled) == ([], ["sip:c0@h"])


async def test_after_a_restart_nobody_waits_for_the_lease_on_sqlite_and_others_may_be_at_work_on_postgresql(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    id_ = await campaign(database, 1)
    await sweep(dispatcher(Dialler(database, kill)))
    living = Dialler(database)
    if database.dialect != "sqlite":
        await sweep(dispatcher(living))
        assert living.dialled == []
        monkeypatch.setattr("gateway.campaigns.dispatcher.LEASE", -LEASE)
    running = asyncio.create_task(dispatcher(living).run())
    await until(lambda: living.dialled)
    running.cancel()
    await asyncio.wait([running])
    assert (living.dialled, (await contacts(database, id_))[0].attempts) == (["sip:c0@h"], 1)
