"""What a worker was told besides sound that the next one has to be told again. Pure."""

from __future__ import annotations

import json
from collections import deque

from gateway.link.v1 import link_pb2 as pb

_UNHEARD = frozenset({"keypress", "say", "control"})
"""Told once, and lost with a worker that had not read them."""
_LASTING = {
    "mute-assistant": "assistant",
    "unmute-assistant": "assistant",
    "mute-customer": "customer",
    "unmute-customer": "customer",
    "pause-recording": "recording",
    "resume-recording": "recording",
}
"""Controls that hold until the other one of their kind."""
_MOST = 32


class Retold:
    """Of one conversation. Times are seconds of any steady clock."""

    def __init__(self) -> None:
        self._lasting: dict[str, pb.GatewayEvent] = {}
        self._recent: deque[tuple[float, pb.GatewayEvent]] = deque(maxlen=_MOST)

    def sent(self, event: pb.GatewayEvent, now: float) -> None:
        """The worker was told this, if there was one."""
        kind = event.WhichOneof("event")
        if kind not in _UNHEARD:
            return
        if kind == "control" and (of := _LASTING.get(_control(event.control.json))):
            self._lasting[of] = _copy(event)
        else:
            self._recent.append((now, _copy(event)))

    def forget(self, before: float) -> None:
        """What was sent before then had been read by a worker that spoke since."""
        while self._recent and self._recent[0][0] < before:
            self._recent.popleft()

    def again(self) -> list[pb.GatewayEvent]:
        """In order."""
        return [_copy(event) for event in (*self._lasting.values(), *(event for _, event in self._recent))]


def _control(text: str) -> str:
    try:
        read = json.loads(text)
    except ValueError:
        return ""
    return str(read.get("control") or "") if isinstance(read, dict) else ""


def _copy(event: pb.GatewayEvent) -> pb.GatewayEvent:
    """A new one: the outbox that takes an event writes its call into it."""
    copy = pb.GatewayEvent()
    copy.CopyFrom(event)
    return copy
