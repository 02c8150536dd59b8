"""The recording of a call's conversation on its way to the gateway."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from gateway.conversation.commands import Command
from gateway.conversation.events import Event
from gateway.conversation.plan import TurnPlan
from gateway.conversation.recording import Recorder
from gateway.link.v1 import link_pb2 as pb

BATCH_SECONDS = 0.25
"""Lines wait this long for company: the gateway keeps the stream of a call open for 0.3 s after its end."""


class RecordingSender:
    """Sends what a recorder collects, in batches.

    :param send: passes an event to the gateway
    """

    def __init__(self, plan: TurnPlan, send: Callable[[pb.WorkerEvent], None]) -> None:
        self._recorder = Recorder(plan)
        self._send = send
        self._timer: asyncio.TimerHandle | None = None

    def add(self, event: Event, commands: Iterable[Command], deadline: int | None) -> None:
        """An event that the turn machine took, what it gave, and its deadline after it."""
        self._recorder.add(event, commands, deadline)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(BATCH_SECONDS, self.flush)

    def flush(self) -> None:
        """Send what waits now."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if lines := self._recorder.take():
            self._send(pb.WorkerEvent(recording=pb.Recording(lines=lines)))
