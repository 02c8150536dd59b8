"""How far a call is, for those who wait for it: dialling, ringing, answered, ended."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from enum import StrEnum


class Stage(StrEnum):
    """A call goes through these in their order; any but the first and the last may be left out."""

    STARTED = "started"
    RINGING = "ringing"
    ANSWERED = "answered"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Step:
    """A stage was reached. `reason` is Vapi's endedReason and `status` the SIP status, of the end alone."""

    stage: Stage
    reason: str = ""
    status: int | None = None


class Progress:
    """The steps of one call. Iterating gives all of them, those to come as they come, and ends with the call."""

    def __init__(self) -> None:
        self.steps = [Step(Stage.STARTED)]
        self._changed = asyncio.Event()

    @property
    def stage(self) -> Stage:
        """The last that was reached."""
        return self.steps[-1].stage

    def reach(self, stage: Stage, reason: str = "", status: int | None = None) -> None:
        """The call is there; a stage that was passed already is left out."""
        if list(Stage).index(stage) <= list(Stage).index(self.stage):
            return
        self.steps.append(Step(stage, reason, status))
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    async def __aiter__(self) -> AsyncIterator[Step]:
        seen = 0
        while True:
            changed = self._changed
            for step in self.steps[seen:]:
                yield step
            seen = len(self.steps)
            if self.stage is Stage.ENDED:
                return
            await changed.wait()
