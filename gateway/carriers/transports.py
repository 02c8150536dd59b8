"""The WebSocket legs of this gateway: each waits for its client, who knows the id of the call."""

from __future__ import annotations

from gateway.call.leg import Direction, LegInfo
from gateway.carriers.audio_format import AudioFormat
from gateway.carriers.media_clock import MediaClock
from gateway.carriers.websocket_leg import WebSocketLeg
from gateway.errors import NotLive


class Transports:
    """Legs by the id of their call."""

    def __init__(self) -> None:
        self._clock = MediaClock()
        self._legs: dict[str, WebSocketLeg] = {}

    @property
    def count(self) -> int:
        """Calls that there are."""
        return len(self._legs)

    def open(self, call_id: str, audio_format: AudioFormat) -> WebSocketLeg:
        """A leg that is answered when its client connects."""
        info = LegInfo(
            direction=Direction.OUTBOUND,
            caller="parley",
            called="websocket",
            number="",
            trunk=None,
            signalling_id="",
            headers={},
        )
        leg = self._legs[call_id] = WebSocketLeg(info, audio_format, self._clock)
        return leg

    def claim(self, call_id: str) -> WebSocketLeg:
        """The leg of a call, for its client, who comes once.

        :raises NotLive: when there is none, or its client is there
        """
        leg = self._legs.get(call_id)
        if leg is None:
            raise NotLive(f"There is no call {call_id} that waits for a WebSocket.")
        if leg.connected:
            raise NotLive(f"The call {call_id} has its WebSocket already.")
        return leg

    def discard(self, call_id: str) -> None:
        """The call is over."""
        self._legs.pop(call_id, None)

    async def close(self) -> None:
        """Stop the clock; the calls have ended before."""
        self._legs.clear()
        await self._clock.close()
