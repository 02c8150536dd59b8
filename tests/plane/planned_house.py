"""A gateway and its control plane with its store: legs in memory, scripted workers, everything else real."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from gateway.egress.client import guarded_client
from gateway.messages.intake import Intake
from gateway.messages.links import Links
from gateway.messages.servers import Origins
from gateway.plane.control_plane import ControlPlane
from gateway.routing.settings import RouteSettings
from gateway.settings import ApiSettings, Settings
from gateway.store.database import Database, store_url
from gateway.store.entities import Entities, Kind
from gateway.store.events import StoredEvent, events_of
from gateway.store.key_cache import KeyHolder
from gateway.store.secrets import Secrets
from tests.call.house import House, greet, house
from tests.link.worker_double import until

TOKEN = "between us"


class PlannedHouse:
    """Both processes, as a test sees them."""

    def __init__(self, settings: Settings, database: Database, plane: ControlPlane) -> None:
        self.settings = settings
        self.database = database
        self.plane = plane
        self.organisation = database.default_organisation_id
        self.holder = KeyHolder(self.organisation, "private", "key")
        self.gateway: House

    async def make(self, kind: Kind, body: Mapping[str, Any], organisation: str | None = None) -> str:
        """Something of the organisation; its id."""
        async with self.database.transaction() as session:
            return (await Entities(session, organisation or self.organisation).create(kind, body)).id

    async def create(self, body: Mapping[str, Any], key: str | None = None, *, web: bool = False) -> dict[str, Any]:
        return await self.plane.create_calls(self.holder, body, key, web=web)

    async def events(self, call_id: str) -> Sequence[StoredEvent]:
        async with self.database.reading() as session:
            return await events_of(session, self.organisation, call_id)

    async def until_kind(self, call_id: str, kind: str) -> StoredEvent:
        """Wait until an event of this kind is committed."""
        async with asyncio.timeout(10):
            while True:
                for event in await self.events(call_id):
                    if event.kind == kind:
                        return event
                await asyncio.sleep(0.02)


@asynccontextmanager
async def planned_house(
    tmp_path: Path, *, routes: Sequence[RouteSettings] = (), **settings: Any
) -> AsyncIterator[PlannedHouse]:
    """:param routes: of the gateway
    :param settings: of the control plane, beside what connects both
    """
    async with control_plane(tmp_path, **settings) as (planned, address):
        api = ApiSettings.model_validate({"address": address, "link_token": TOKEN})
        async with house(tmp_path / "gateway", greet, api=api, routes=routes) as planned.gateway:
            await until(lambda: planned.gateway.gateway.plane and planned.gateway.gateway.plane.attached)
            yield planned


@asynccontextmanager
async def control_plane(tmp_path: Path, **settings: Any) -> AsyncIterator[tuple[PlannedHouse, str]]:
    """One without a gateway, and the address where it waits for one."""
    merged = {"api": {"link_token": TOKEN, "assistant_request_seconds": 1.0}, "data_dir": tmp_path / "api", **settings}
    chosen = Settings.model_validate(merged)
    database = await Database.open(store_url(chosen))
    async with guarded_client(chosen.egress.allow) as client:
        secrets = Secrets.of(chosen)
        intake = Intake(database, Origins(chosen, secrets), links=Links())
        plane = ControlPlane(chosen, database, secrets, client, intake)
        async with plane.serving() as address:
            yield PlannedHouse(chosen, database, plane), address
    await database.close()
