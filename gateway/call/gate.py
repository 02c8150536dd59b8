"""What every attempt to call somebody passes: the limits of its trunk, and the do-not-call list."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from gateway.call.attempts import Attempt
from gateway.call.leg import Leg
from gateway.call.limits import TrunkLimits
from gateway.errors import OnDoNotCallList
from gateway.trunk.settings import TrunkSettings

MOST_WAIT_SECONDS = 4.0
"""That a call which goes on to another gateway waits for the rate of its trunk."""

MayCall = Callable[[str, str | None], Awaitable[bool]]
"""(number or SIP URI, organisation) -> whether it is on no do-not-call list"""


async def anybody(destination: str, organisation: str | None) -> bool:
    """There is no do-not-call list."""
    return True


class TrunkGate:
    """Implements `gateway.call.dialling.Gate` for one call. An attempt that follows another waits for the rate, or a
    failure would put the next gateway out of reach.

    :param trunks: those that there are, by name
    :param organisation: whose call it is
    :param carried: the trunk of each call that is live or begins, this one included
    """

    def __init__(
        self,
        trunks: Mapping[str, TrunkSettings],
        organisation: str | None,
        *,
        limits: TrunkLimits,
        carried: Callable[[], list[str | None]],
        may_call: MayCall,
    ) -> None:
        self._trunks = trunks
        self._organisation = organisation
        self._limits = limits
        self._carried = carried
        self._may_call = may_call
        self._asked: set[str] = set()

    async def __call__(self, attempt: Attempt, leg: Leg | None) -> None:
        trunk = self._trunks.get(attempt.trunk or "")
        if trunk is not None:
            if self._asked:
                await self._wait(trunk)
            self._take_place(trunk, attempt.trunk if leg is None else leg.info.trunk)
        if attempt.destination in self._asked:
            return
        self._asked.add(attempt.destination)
        if not await self._may_call(attempt.destination, self._organisation):
            raise OnDoNotCallList(
                f"{attempt.destination} is on a do-not-call list and is not called; "
                "`parley dnc remove` takes a number off it, and `parley dial --anyway` calls all the same."
            )

    async def _wait(self, trunk: TrunkSettings) -> None:
        loop = asyncio.get_running_loop()
        latest = loop.time() + MOST_WAIT_SECONDS
        seconds = self._limits.wait_seconds(trunk, loop.time())
        while seconds and loop.time() + seconds <= latest:
            await asyncio.sleep(seconds)
            seconds = self._limits.wait_seconds(trunk, loop.time())  # somebody else may have taken it

    def _take_place(self, trunk: TrunkSettings, held: str | None) -> None:
        """:param held: the trunk that this call is counted for by now"""
        carried, now = self._carried(), asyncio.get_running_loop().time()
        if held in carried:
            carried.remove(held)
        self._limits.admit(trunk, carried, now)
        self._limits.begun(trunk, now)
