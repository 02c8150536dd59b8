"""Events of gateways, as the store takes them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from gateway.plane.v1 import plane_pb2 as pb
from gateway.store.events import NewEvent


class Intake(Protocol):
    """Keeps events, with all that follows from them: `gateway.messages.intake`."""

    async def append(self, events: Iterable[NewEvent], gateway: str | None = None) -> None:
        """Commit them, each once; a failure commits none of them.

        :param gateway: who has the calls that begin with them
        """


def new_event(event: pb.CallEvent) -> NewEvent:
    """As the store keeps it."""
    return NewEvent(event.call_id, event.sequence, event.at_ms, event.time_ms, event.kind, event.json)
