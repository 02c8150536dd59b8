"""The trunks that the control plane tells, brought to the SIP endpoint and kept over a restart."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import structlog

from gateway.errors import ParleyError
from gateway.plane.attachment import PlaneAttachment
from gateway.plane.kept_trunks import keep_trunks, kept_trunks, read_trunks
from gateway.plane.v1 import plane_pb2 as pb
from gateway.store.secrets import Secrets
from gateway.trunk.settings import TrunkSettings
from gateway.trunk.state import TrunkState
from gateway.trunk.status import TrunkStatus, TrunkStatuses

log = structlog.get_logger(__name__)

LOOK_SECONDS = 1.0
"""Between two looks at how the trunks do."""


class TrunkUser(Protocol):
    """The part of `SipEndpoint` that takes trunks."""

    def trunk_states(self) -> Mapping[str, TrunkState]:
        """What is known of each."""

    async def set_trunks(self, trunks: Sequence[TrunkSettings]) -> None:
        """Those that there are from now on, beside those of the settings. :raises ParleyError: one is not usable"""


class ToldTrunks:
    """:param settled: the trunks of the settings, whose names no other has
    :param folder: where they are kept
    :param secrets: encrypts them there
    """

    def __init__(self, settled: Iterable[TrunkSettings], folder: Path, secrets: Secrets) -> None:
        self._settled = {trunk.name: trunk for trunk in settled}
        self._folder = folder
        self._secrets = secrets
        self._endpoint: TrunkUser | None = None
        self._last: str | None = None
        self._turn = asyncio.Lock()
        self._told: Mapping[str, TrunkSettings] = {}

    async def attach(self, endpoint: TrunkUser) -> None:
        """The endpoint has started: it gets the trunks that were told, else those from before the last stop."""
        async with self._turn:
            self._endpoint = endpoint
            if self._last is None:
                self._last = await asyncio.to_thread(kept_trunks, self._folder, self._secrets)
            await self._use(endpoint, self._last)

    async def take(self, trunks_json: str) -> None:
        """Those that there are from now on."""
        async with self._turn:
            if trunks_json == self._last:
                return
            self._last = trunks_json
            if self._endpoint is not None:
                await self._use(self._endpoint, trunks_json)
            try:
                await asyncio.to_thread(keep_trunks, self._folder, self._secrets, trunks_json)
            except OSError as error:
                log.error("trunks not kept: they are missing after a restart", detail=str(error))

    def is_told(self, trunk: str | None) -> bool:
        """Whether it is one of the control plane's."""
        return trunk in self._told

    async def follow(self, plane: PlaneAttachment) -> None:
        """Tell the control plane how the trunks do, whenever one does otherwise; until cancelled."""
        statuses = TrunkStatuses()
        while True:
            if self._endpoint is not None:
                known = statuses.follow(self._endpoint.trunk_states(), time.time_ns() // 1_000_000)
                plane.tell_trunk_statuses(_message(known))
            await asyncio.sleep(LOOK_SECONDS)

    def owner(self, trunk: str | None) -> str | None:
        """The organisation of a trunk, None for one that all share, or that is not known."""
        known = self._told.get(trunk or "") or self._settled.get(trunk or "")
        return known.organisation if known else None

    async def _use(self, endpoint: TrunkUser, trunks_json: str) -> None:
        trunks = [trunk for trunk in read_trunks(trunks_json) if trunk.name not in self._settled]
        self._told = {trunk.name: trunk for trunk in trunks}
        try:
            await endpoint.set_trunks(trunks)
        except ParleyError as error:
            log.error("trunks of credentials not all in use", detail=str(error))
            return
        if trunks:
            log.info("trunks of credentials in use", trunks=[trunk.label or trunk.name for trunk in trunks])


def _message(statuses: Mapping[str, TrunkStatus]) -> pb.TrunkStatuses:
    return pb.TrunkStatuses(
        by_name={
            name: pb.TrunkStatus(
                condition=one.condition,
                since_ms=one.since_ms,
                last_error=one.last_error,
                error_at_ms=one.error_at_ms or 0,
            )
            for name, one in statuses.items()
        }
    )
