"""How many calls an organisation may have at once, and begin in a second.

The operator's limits hold for every organisation; its own `concurrencyLimit` can only be lower. What is live is what
the attached gateways have: no counter that a lost call could keep up.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from gateway.errors import TooManyCalls
from gateway.settings import ApiSettings
from gateway.store.calls import live_calls
from gateway.store.database import Database
from gateway.store.organisations import organisation

RETRY_SECONDS = 10
PLACED_SECONDS = 10.0


class CallLimits:
    """Of all organisations.

    :param is_live: whether an attached gateway has the call of this id
    """

    def __init__(self, settings: ApiSettings, database: Database, is_live: Callable[[str], bool]) -> None:
        self._most = settings.organisation_calls
        self._rate = settings.organisation_calls_per_second
        self._database = database
        self._is_live = is_live
        self._placed: dict[str, float] = {}
        """When a call got its place that its gateway may not have told of yet."""
        self._begun: dict[str, deque[float]] = {}
        self._lock = asyncio.Lock()

    @asynccontextmanager
    async def place(self, organisation_id: str, call_id: str) -> AsyncIterator[None]:
        """A place for one more call, whose row is there when the block ends. :raises TooManyCalls: there is none"""
        async with self._lock:
            now = asyncio.get_running_loop().time()
            self._placed = {id_: at for id_, at in self._placed.items() if at > now - PLACED_SECONDS}
            await self._admit(organisation_id, now)
            yield
            self._placed[call_id] = now

    async def _admit(self, organisation_id: str, now: float) -> None:
        async with self._database.reading() as session:
            own = (await organisation(session, organisation_id)).body.get("concurrencyLimit")
            most = min((limit for limit in (self._most, own) if isinstance(limit, int)), default=None)
            ids = await live_calls(session, organisation_id) if most is not None else []
        calls = sum(id_ in self._placed or self._is_live(id_) for id_ in ids)
        if most is not None and calls >= most:
            raise TooManyCalls(
                f"The organisation has {calls} calls, as many as its concurrency limit allows.",
                retry_after=RETRY_SECONDS,
            )
        self._count(organisation_id, now)

    def _count(self, organisation_id: str, now: float) -> None:
        rate = self._rate
        if rate is None:
            return
        begun = self._begun.setdefault(organisation_id, deque())
        while begun and begun[0] <= now - max(1.0, 1 / rate):
            begun.popleft()
        if len(begun) >= max(1, int(rate)):
            raise TooManyCalls(
                f"The organisation begins {rate:g} calls a second, as many as it may.",
                retry_after=1,
            )
        begun.append(now)
