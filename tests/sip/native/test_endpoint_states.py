"""Legs and the life of the endpoint: too early, with the wrong clock, and after the end."""

from __future__ import annotations

import pytest

from gateway.errors import LegError
from gateway.sip.bridge import MediaBridge
from tests.sip.native.endpoint import Legs, running_endpoint


def test_without_an_endpoint_no_leg_is_opened() -> None:
    with pytest.raises(LegError, match="not initialised"):
        MediaBridge(capacity=1).open()


def test_a_conference_at_another_rate_is_refused() -> None:
    with running_endpoint(clock_rate=16000), pytest.raises(LegError, match="8000 Hz"):
        MediaBridge(capacity=1).open()


def test_legs_that_are_open_when_the_endpoint_ends_are_free_for_the_next_one() -> None:
    bridge = MediaBridge(capacity=2)
    for _ in range(3):
        with running_endpoint() as conference:
            legs = Legs(conference, bridge)
            opened = [legs.open()[0], legs.open()[0]]
            legs.more(opened[1], 2)
        with pytest.raises(LegError, match="not open"):
            bridge.pause(opened[0])
        bridge.close(opened[0])
