"""A call that we begin: which trunks and gateways it may take, and whether there is a place on them."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

from gateway.call.attempts import Attempt, Attempts, attempts_through
from gateway.call.dialling import Dialler, Dialling
from gateway.call.gate import MayCall, TrunkGate, anybody
from gateway.call.leg import NO_HEADERS, Leg
from gateway.call.limits import TrunkLimits
from gateway.call.outbound import Outbound
from gateway.errors import DialRefused, NotRegistered, OverLimit
from gateway.settings import OutboundSettings
from gateway.trunk.settings import TrunkSettings
from gateway.trunk.state import GatewayState, TrunkState


class Trunks(Dialler, Protocol):
    """The part of `SipEndpoint` that is used here."""

    def trunks(self) -> Mapping[str, TrunkSettings]:
        """The trunks that there are now, by name."""

    def trunk_states(self) -> Mapping[str, TrunkState]:
        """What is known of each."""


@dataclass(frozen=True, slots=True)
class Begun:
    """A call whose first INVITE is on its way; `ring_seconds` are those of its trunk."""

    leg: Leg
    dialling: Dialling
    ring_seconds: float | None


class Outgoing:
    """Begins calls.

    :param live: the trunk's name of each call that is live
    :param may_call: asked about everybody who is dialled
    """

    def __init__(
        self, settings: OutboundSettings, live: Callable[[], Iterable[str | None]], may_call: MayCall = anybody
    ) -> None:
        self._settings = settings
        self._live = live
        self.may_call = may_call
        self._limits = TrunkLimits()
        self._beginning: list[Dialling] = []
        """Calls whose INVITE is being sent: live calls in a moment."""

    def admit_inbound(self, trunk: TrunkSettings | None) -> None:
        """A call came by a trunk. :raises OverLimit: when that carries as many as it may"""
        if trunk is not None:
            now = asyncio.get_running_loop().time()
            self._limits.admit(trunk, self._carried(), now)
            self._limits.begun(trunk, now)

    @asynccontextmanager
    async def call(
        self,
        endpoint: Trunks,
        destination: str,
        *,
        trunk: str | None,
        caller: str | None,
        organisation: str | None,
        headers: Mapping[str, str] = NO_HEADERS,
        anyway: bool = False,
    ) -> AsyncIterator[Begun]:
        """Send the first INVITE of a call; inside the block it is to be made a live call.

        :param organisation: whose call it is, None for the operator's
        :param anyway: also who is on a do-not-call list
        :raises DialRefused: when no setting allows the call, or none of its trunks can take it
        :raises OverLimit: when its trunks carry as many calls as they may
        :raises LegError: when the destination cannot be called
        """
        trunks = endpoint.trunks()
        outbound = Outbound(self._settings, trunks)
        target = outbound.target(destination, trunk, organisation=organisation)
        planned = [Attempt(target.destination)] if not target.trunks else []
        if target.trunks:
            planned = self._through(endpoint, target.destination, [trunks[name] for name in target.trunks])
        by = trunks.get(planned[0].trunk or "")
        may_call = anybody if anyway else self.may_call
        gate = TrunkGate(trunks, organisation, limits=self._limits, carried=self._carried, may_call=may_call)
        dialling = Dialling(endpoint, Attempts(planned, outbound.redirected), gate=gate, caller=caller, headers=headers)
        self._beginning.append(dialling)
        try:
            yield Begun(await dialling.begin(), dialling, by.ring_seconds if by else None)
        finally:
            self._beginning.remove(dialling)

    def _carried(self) -> list[str | None]:
        return [*self._live(), *(dialling.trunk for dialling in self._beginning)]

    def _through(self, endpoint: Trunks, destination: str, trunks: Sequence[TrunkSettings]) -> list[Attempt]:
        """The attempts by these trunks, but for those not registered, or full. :raises ParleyError: no other"""
        states, now = endpoint.trunk_states(), asyncio.get_running_loop().time()
        planned: list[Attempt] = []
        refusals: list[DialRefused | OverLimit] = []
        for trunk in trunks:
            state = states.get(trunk.name)
            try:
                _require_registered(trunk.name, state)
                self._limits.admit(trunk, self._carried(), now)
            except (DialRefused, OverLimit) as refusal:
                refusals.append(refusal)
                continue
            planned += attempts_through(destination, trunk.name, _gateways(trunk, state), random.random)
        if not planned:
            raise refusals[0]
        reachable = [one for one in planned if not _down(states, one)]
        return reachable + [one for one in planned if _down(states, one)]


def _gateways(trunk: TrunkSettings, state: TrunkState | None) -> Mapping[str, GatewayState]:
    """Those that may be called, with what is known of them."""
    known = state.gateways if state else {}
    called = [one for one in trunk.gateways if one.outbound]
    return {one.name: known.get(one.name) or GatewayState(one.priority, one.weight) for one in called}


def _require_registered(trunk: str, state: TrunkState | None) -> None:
    registration = state.registration if state else None
    if registration is None or registration.registered:
        return
    why = f"{registration.status} {registration.reason}" if registration.status else "its registrar has not answered"
    raise NotRegistered(f"The trunk {trunk!r} is not registered: {why}. Check its registrar and password.")


def _down(states: Mapping[str, TrunkState], attempt: Attempt) -> bool:
    state = states.get(attempt.trunk or "")
    gateway = state.gateways.get(attempt.gateway or "") if state else None
    return gateway is not None and gateway.reachable is False
