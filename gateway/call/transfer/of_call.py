"""The transfers of one call that we dial, one after the other: what the call asks the last of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from gateway.call.leg import Leg
from gateway.call.state import Event, WorkerFailed
from gateway.call.transfer.consultation import Talk
from gateway.call.transfer.handover import Handover
from gateway.call.transfer.plan import TransferPlan

if TYPE_CHECKING:
    from gateway.call.session import Call


class Handovers:
    """Of one call."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self.last: Handover | None = None
        """The latest transfer that we dialled."""
        self._lost: WorkerFailed | None = None
        self._count = 0
        self._away = False

    def begin(self, destination: Mapping[str, Any], plan: TransferPlan, talk: Talk | None = None) -> Handover:
        """Another one; its `run` is awaited next.

        :param talk: the assistant that talks with the human before the caller does
        """
        self._count += 1
        self.last = Handover(self._call, destination, plan, number=self._count, talk=talk)
        self.last.agent_away(self._away)
        return self.last

    @property
    def leg(self) -> Leg | None:
        """The second leg, while it lives."""
        return self.last.leg if self.last is not None else None

    def keeps(self, event: Event) -> bool:
        """Whether this is to wait: a caller who waits for a human, or talks with one, does so when the agent is lost,
        too."""
        if not isinstance(event, WorkerFailed) or self.last is None or not self.last.goes_on:
            return False
        self._lost = event
        self.last.agent_away(True)
        return True

    def agent_away(self, away: bool) -> None:
        """The agent's worker is lost, or another one has the call: meanwhile the caller cannot be given back."""
        self._away = away
        if self.last is not None:
            self.last.agent_away(away)

    def returned(self) -> None:
        """Who was with nobody, or with the human, has the agent back, if there still is one."""
        lost, self._lost = self._lost, None
        if lost is not None:
            self._call.post(lost)

    def heard_with(self, agent: bytes) -> bytes:
        """What the caller heard in a tick of 20 ms: the agent, and a human who is connected."""
        return agent if self.last is None else self.last.heard_with(agent)

    def end_reason(self, reason: str) -> str:
        """endedReason of a call that ended for this reason."""
        return reason if self.last is None else self.last.end_reason(reason)
