"""A caller with whom nobody of ours talks: somebody else is called while the caller hears it ring, and the call is
answered when they have answered.

Where a trunk wants it so (`redirect: dial`), for its side does not follow a 302.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from gateway.assistant.artifact_plan import ArtifactPlan
from gateway.assistant.assistant import Assistant, Model
from gateway.assistant.call_plan import Forwarding
from gateway.call import endings
from gateway.call.state import EndNow
from gateway.call.transfer.life import Status
from gateway.call.transfer.plan import Verb, longest_seconds

if TYPE_CHECKING:
    from gateway.call.session import Call

NOBODY: Final = Assistant(
    name="nobody", model=Model(provider="dialogue"), artifact_plan=ArtifactPlan(recording_enabled=False)
)
"""Has the calls that are only sent on: what two people say to each other over us is not recorded."""

_REASONS: Final = {Status.BUSY: endings.FORWARD_BUSY, Status.NO_ANSWER: endings.FORWARD_NO_ANSWER}
_SIP: Final = {Status.BUSY: 486, Status.NO_ANSWER: 480}
UNAVAILABLE = 503


class ForwardedCall:
    """Of one call."""

    def __init__(self, call: Call, forwarding: Forwarding) -> None:
        self._call = call
        self._forwarding = forwarding

    async def run(self) -> None:
        """Call somebody; the state machine is told when nobody takes the call."""
        call, forwarding = self._call, self._forwarding
        call.machine.go_on(asyncio.get_running_loop().time() + longest_seconds(forwarding.destination))
        call.handovers.agent_away(True)
        ok, _ = await call.actions.forward(forwarding.destination, forwarding.why, verb=Verb.DIAL)
        if not ok:
            call.post(EndNow(self._failure))

    @property
    def status(self) -> int:
        """The SIP status for a caller who was not answered."""
        return _SIP.get(self._outcome, UNAVAILABLE) if self._outcome else UNAVAILABLE

    def end_reason(self, reason: str) -> str:
        """endedReason of the call, seen from here."""
        return self._forwarding.reason if reason == endings.FORWARDED else reason

    @property
    def _outcome(self) -> Status | None:
        last = self._call.handovers.last
        return last.status if last is not None else None

    @property
    def _failure(self) -> str:
        usual = self._forwarding.failure or endings.OUTBOUND_FAILED
        return _REASONS.get(self._outcome, usual) if self._outcome else usual
