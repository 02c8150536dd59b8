"""The trunks of all credentials, told to every gateway: when it attaches and after each change.

A change by this process is told at once; one by another process that shares the store, at the next look.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import structlog
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.errors import StoreError
from gateway.plane.credential_trunks import PROVIDER, NoTrunk, credential_trunk
from gateway.plane.server import PlaneServer
from gateway.store.database import Database
from gateway.store.entities import ENTITY_COLUMNS, Entity, Kind, entity_of
from gateway.store.secrets import Secrets
from gateway.store.tables import entities
from gateway.store.unhurried import to_its_end
from gateway.trunk.settings import TrunkSettings

log = structlog.get_logger(__name__)

LOOK_SECONDS = 5.0


class TrunkDirectory:
    """:param server: the gateways that are attached"""

    def __init__(self, database: Database, secrets: Secrets, server: PlaneServer) -> None:
        self._database = database
        self._secrets = secrets
        self._server = server
        self._changed = asyncio.Event()
        self._complained: dict[str, str] = {}

    def changed(self) -> None:
        """A credential was made, changed or deleted."""
        self._changed.set()

    async def run(self) -> None:
        """Look, and tell, until cancelled."""
        while True:
            self._changed.clear()
            await to_its_end(self._tell(), name="look at trunks")
            try:
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._changed.wait()
            except TimeoutError:
                pass

    async def _tell(self) -> None:
        try:
            await self._server.tell_trunks(await self.trunks_json())
        except Exception:  # the next look tries again
            log.exception("trunks not told")

    async def trunks_json(self) -> str:
        """A list of TrunkSettings with their secrets; a credential that makes no trunk is left out."""
        async with self._database.reading() as session:
            found = await trunk_credentials(session)
        trunks = [trunk for one in found if (trunk := self._trunk(one)) is not None]
        return json.dumps([told(trunk) for trunk in trunks], sort_keys=True)

    def _trunk(self, credential: Entity) -> TrunkSettings | None:
        try:
            opened = self._secrets.opened(credential.body)
            return credential_trunk(credential.id, credential.organisation_id, opened)
        except (NoTrunk, StoreError) as error:
            if self._complained.get(credential.id) != str(error):
                self._complained[credential.id] = str(error)
                log.warning("credential makes no trunk", credential=credential.id, detail=str(error))
            return None


async def trunk_credentials(session: AsyncSession) -> Sequence[Entity]:
    """Of all organisations."""
    wanted = select(*ENTITY_COLUMNS).where(entities.c.kind == Kind.CREDENTIAL.value, entities.c.provider == PROVIDER)
    return [entity_of(row) for row in (await session.execute(wanted.order_by(entities.c.id))).all()]


def told(trunk: TrunkSettings) -> dict[str, Any]:
    """As JSON, with its password."""
    written = trunk.model_dump(mode="json", exclude_defaults=True)
    password = trunk.password.get_secret_value()
    return {**written, **({"password": password} if password else {})}
