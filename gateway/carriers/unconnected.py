"""What only telephone calls can: being sent on, and hearing another call."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.call.leg import NO_HEADERS, Leg
from gateway.errors import LegError
from gateway.recording.packet import PacketSink

_ONLY = "only telephone calls can."


class Unconnected:
    """The part of `Leg` that a leg without a telephone network does not have."""

    def capture(self, sink: PacketSink) -> None:
        """It has neither SIP nor RTP."""

    async def transfer(self, destination: str, headers: Mapping[str, str] = NO_HEADERS) -> None:
        """:raises LegError: always"""
        raise LegError(f"A WebSocket call cannot be transferred to {destination}; {_ONLY}")

    async def transfer_to(self, other: Leg, headers: Mapping[str, str] = NO_HEADERS) -> None:
        """:raises LegError: always"""
        raise LegError(f"A WebSocket call cannot be transferred to {other.info.called}; {_ONLY}")

    async def give_up_transfer(self) -> None:
        """There is none."""

    async def join(self, other: Leg) -> None:
        """:raises LegError: always"""
        raise LegError(f"A WebSocket call cannot be connected with {other.info.called}; {_ONLY}")

    async def part(self, other: Leg) -> None:
        """It never heard the other."""

    async def hears_agent_of(self, other: Leg, on: bool) -> None:
        """:raises LegError: when it should"""
        if on:
            raise LegError(f"A WebSocket call cannot take part in another; {_ONLY}")

    async def background(self, pcm: bytes) -> None:
        """:raises LegError: when something should be played"""
        if pcm:
            raise LegError(f"Nothing is played beside the agent in a WebSocket call; {_ONLY}")
