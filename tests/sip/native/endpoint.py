"""A pjsua2 endpoint without transports: a conference bridge on the null sound device, with the real media clock."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from gateway.sip.bridge import TICK, MediaBridge

PATIENCE_TICKS = 500
"""A tick that is not seen after so many others will not come."""


class Conference:
    """The endpoint's conference bridge. Holds the only reference: a second Endpoint beside the first is a crash."""

    def __init__(self, endpoint: Any) -> None:
        self._endpoint = endpoint

    def slots(self) -> set[int]:
        """Slots in use."""
        return {port.getPortId() for port in self._endpoint.mediaEnumPorts2()}

    def end(self) -> None:
        self._endpoint.libDestroy()
        self._endpoint = None


@contextmanager
def running_endpoint(*, clock_rate: int = 8000) -> Iterator[Conference]:
    """pjsua2's endpoint, owned by the calling thread; one at a time."""
    pj = pytest.importorskip("pjsua2")
    endpoint = pj.Endpoint()
    conference = Conference(endpoint)
    endpoint.libCreate()
    config = pj.EpConfig()
    config.uaConfig.threadCnt = 0
    config.uaConfig.mainThreadOnly = True
    config.medConfig.clockRate = clock_rate
    config.logConfig.level = config.logConfig.consoleLevel = 0
    try:
        endpoint.libInit(config)
        endpoint.audDevManager().setNullDev()
        endpoint.libStart()
        del endpoint
        yield conference
    finally:
        conference.end()


class Legs:
    """Legs of a bridge and all the records they gave so far."""

    def __init__(self, conference: Conference, bridge: MediaBridge) -> None:
        self._conference = conference
        self.bridge = bridge
        self._records = np.empty(0, dtype=TICK)
        self._open: list[int] = []

    def open(self) -> tuple[int, int]:
        """A leg and its slot on the conference bridge."""
        before = self._conference.slots()
        leg = self.bridge.open()
        self._open.append(leg)
        (slot,) = self._conference.slots() - before
        return leg, slot

    def open_pair(self) -> tuple[int, int]:
        """Two legs that hear each other."""
        (near, _), (far, far_slot) = self.open(), self.open()
        self.bridge.connect(near, far_slot)
        self.until(near, lambda records: bool(len(records)) and not records["flags"][-1] & 64)
        return near, far

    def close(self, leg: int) -> None:
        self.bridge.close(leg)
        self._open.remove(leg)

    def close_all(self) -> None:
        """Returns when the conference has let go of all legs."""
        for leg in self._open:
            self.bridge.close(leg)
        self._open.clear()
        for _ in range(PATIENCE_TICKS):
            if self.bridge.conference_ports() == 1:
                break
            self.bridge.wait(20)
        self.bridge.drain()

    def fetch(self) -> None:
        """Waits for a tick and keeps its records."""
        self.bridge.wait(1000)
        self._records = np.concatenate([self._records, self.bridge.drain()])

    def of(self, leg: int) -> NDArray[np.void]:
        """Records of a leg index so far."""
        chosen: NDArray[np.void] = self._records[self._records["leg"] == leg]
        return chosen

    def until(self, leg: int, done: Callable[[NDArray[np.void]], bool]) -> NDArray[np.void]:
        """Waits until the leg's records satisfy `done`, and returns them."""
        for _ in range(PATIENCE_TICKS):
            if done(self.of(leg)):
                return self.of(leg)
            self.fetch()
        raise AssertionError(
            f"leg {leg} did not get there: {self.of(leg)[['tick', 'utterance', 'position', 'flags']][-5:]}"
        )

    def until_flag(self, leg: int, flag: int) -> NDArray[np.void]:
        """Waits for a record with the flag."""
        return self.until(leg, lambda records: bool((records["flags"] & flag).any()))

    def more(self, leg: int, count: int) -> NDArray[np.void]:
        """The next `count` records of the leg."""
        seen = len(self.of(leg))
        return self.until(leg, lambda records: len(records) >= seen + count)[seen:]
