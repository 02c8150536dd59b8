"""The control plane of the api process: what gateways are answered, and what they are told.

Put together from its parts; background tasks begin scheduled calls and those of campaigns, and give up those
that no gateway has.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import httpx
import structlog

from gateway.campaigns.dispatcher import Dispatcher
from gateway.campaigns.numbers import listed_number
from gateway.errors import ApiError
from gateway.plane.call_limits import CallLimits
from gateway.plane.calling import Calling
from gateway.plane.intake import Intake, new_event
from gateway.plane.kept_plans import forget_plans
from gateway.plane.plan_maker import PlanMaker
from gateway.plane.reaper import Reaper
from gateway.plane.resolving import Resolver
from gateway.plane.server import AttachedGateway, PlaneServer, serving_plane
from gateway.plane.shelf import SettingsAssistants
from gateway.plane.token import link_token
from gateway.plane.trunk_directory import TrunkDirectory
from gateway.plane.v1 import plane_pb2 as pb
from gateway.settings import Settings
from gateway.store.calls import calls_in
from gateway.store.clock import clock
from gateway.store.database import Database
from gateway.store.do_not_call import is_listed
from gateway.store.key_cache import KeyHolder
from gateway.store.keys import authenticate
from gateway.store.secrets import Secrets
from gateway.store.unhurried import to_its_end

log = structlog.get_logger(__name__)

END_SECONDS = 10.0
SWEEP_SECONDS = 1.0
PLANS_KEPT = timedelta(days=2)
_SWEEPS_BETWEEN_TIDYING = 3600
_SWEEPS_BETWEEN_REAPING = 10


class ControlPlane:
    """Implements `Answering` for the gateways and `Plane` for the routes of the API.

    :param client: past the egress guard
    :param intake: keeps events, with all that follows from them
    """

    def __init__(
        self, settings: Settings, database: Database, secrets: Secrets, client: httpx.AsyncClient, intake: Intake
    ) -> None:
        self._settings = settings
        self._database = database
        self.server = PlaneServer(self, link_token(settings))
        self._intake = intake
        maker = PlanMaker(settings, database, secrets)
        self.settings_assistants: SettingsAssistants = maker.settings_assistants
        limits = CallLimits(settings.api, database, lambda call_id: self.server.gateway_of(call_id) is not None)
        self._calling = Calling(database, secrets, self.server, maker, self._intake, limits)
        away = timedelta(seconds=settings.api.gateway_away_seconds)
        self._reaper = Reaper(self.server, database, self._calling, away)
        self.dispatcher = Dispatcher(database, secrets, self._calling, lambda: self.attached)
        self._trunks = TrunkDirectory(database, secrets, self.server)
        self._resolver = Resolver(settings, database, secrets, client, maker, self._intake, limits)

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[str]:
        """Serve gateways on `api.link` while the block runs; gives the address. :raises SetupError: it is taken"""
        async with serving_plane(self.server, self._settings.api.link) as address:
            background = [
                asyncio.create_task(self._sweep(), name="scheduled calls"),
                asyncio.create_task(self._trunks.run(), name="trunks of credentials"),
                asyncio.create_task(self.dispatcher.run(), name="campaigns"),
            ]
            try:
                yield address
            finally:
                for task in background:
                    task.cancel()
                await asyncio.wait(background, timeout=END_SECONDS)

    # ------------------------------------------------------------ for the API

    @property
    def attached(self) -> bool:
        """Whether a gateway is there that could dial."""
        return bool(self.server.gateways)

    async def create_calls(
        self, holder: KeyHolder, body: Mapping[str, Any], idempotency_key: str | None, *, web: bool = False
    ) -> dict[str, Any]:
        """See `Calling.create_calls`."""
        return await self._calling.create_calls(holder, body, idempotency_key, web=web)

    def trunk_statuses(self, trunk: str) -> Mapping[str, pb.TrunkStatus]:
        """What each gateway that has a trunk says of it, by the gateway's name."""
        known = ((gateway.name, gateway.trunk_statuses.get(trunk)) for gateway in self.server.gateways)
        return {name: status for name, status in known if status is not None}

    def trunks_changed(self) -> None:
        """A credential was made, changed or deleted: gateways learn of its trunk."""
        self._trunks.changed()

    async def end_call(self, call_id: str) -> None:
        """See `Calling.end_call`."""
        await self._calling.end_call(call_id)

    # ------------------------------------------------------------ for gateways

    async def append(self, events: Sequence[pb.CallEvent], gateway: str) -> None:
        """Commit events of a gateway, each once."""
        await self._intake.append(map(new_event, events), gateway)

    async def resolve(self, gateway: AttachedGateway, question: pb.Resolve) -> pb.Resolution:
        """Who answers an inbound call."""
        return await self._resolver.resolve(gateway, question)

    async def explain(self, question: pb.Explain) -> pb.Explained:
        """What would become of an inbound call."""
        return await self._resolver.explain(question)

    async def authorize(self, question: pb.Authorize) -> bool:
        """Whether a key, private or public, is one of the organisation."""
        async with self._database.reading() as session:
            holder = await authenticate(session, question.key)
        return holder is not None and holder.organisation_id == question.organisation

    async def may_call(self, question: pb.MayCall) -> bool:
        """Whether a number is on no do-not-call list. One that cannot be looked up is called, as without a control
        plane."""
        number = listed_number(question.destination)
        if number is None:
            return True
        try:
            async with self._database.reading() as session:
                return not await is_listed(session, question.organisation or None, number)
        except Exception:  # told to the operator, the stream goes on
            log.exception("do-not-call list not read")
            return True

    # ------------------------------------------------------------ in the background

    async def _sweep(self) -> None:
        sweeps = 0
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            await to_its_end(self._swept(sweeps), name="sweep of calls")
            sweeps += 1

    async def _swept(self, sweeps: int) -> None:
        try:
            await self._begin_scheduled()
            if sweeps % _SWEEPS_BETWEEN_REAPING == 0:
                await self._reaper.sweep()
            if sweeps % _SWEEPS_BETWEEN_TIDYING == 0:
                async with self._database.transaction() as session:
                    await forget_plans(session, clock.now() - PLANS_KEPT)
        except Exception:  # the next sweep tries again
            log.exception("sweep failed")

    async def _begin_scheduled(self) -> None:
        if not self.attached:
            return
        async with self._database.reading() as session:
            due = await calls_in(session, ["scheduled"], before=clock.now())
        for row in due:
            try:
                await self._calling.begin_scheduled(row)
            except ApiError as error:
                log.warning("scheduled call not begun", call=row.id, detail=str(error))
