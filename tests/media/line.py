"""A playout, its ring with the rules of the C bridge, and frames on their way between them."""

from __future__ import annotations

from gateway.call.leg import LegFrame
from gateway.media.audio import FRAME_MS
from gateway.media.playout import Playout
from gateway.media.utterance import PlayoutState, Report
from tests.call.leg_double import SILENCE, Ring


def speech(samples: int, *, seed: int = 1) -> bytes:
    """PCM in which no sample is zero and neighbours differ."""
    return b"".join(((index * 7 + seed) % 30_000 + 1).to_bytes(2, "little") for index in range(samples))


class Line:
    """A playout, its ring, and `delay` frames on their way from the ring to the playout."""

    def __init__(self, *, delay: int = 0, capacity: int = 32_000) -> None:
        self.ring = Ring(capacity=capacity)
        self.reports: list[Report] = []
        self.playout = Playout(self.ring, self.reports.append)
        self.tick = 0
        self._delay = delay
        self._on_their_way: list[LegFrame] = []

    @property
    def sent(self) -> bytes:
        """What left, silence apart."""
        return self.ring.sent

    def frame(self) -> None:
        paused = self.ring.paused
        utterance, position, agent, finished, underrun = self.ring.tick()
        self._on_their_way.append(
            LegFrame(self.tick, 0, SILENCE, agent, utterance, position, True, False, finished, underrun, paused)
        )
        self.tick += 1
        if len(self._on_their_way) > self._delay:
            self.playout.on_frame(self._on_their_way.pop(0))

    def tell(self, utterance: int, position: int, *, paused: bool = False) -> None:
        """A frame of the test's own making."""
        frame = LegFrame(self.tick, 0, SILENCE, SILENCE, utterance, position, True, False, False, False, paused)
        self.playout.on_frame(frame)

    def frames(self, count: int) -> None:
        for _ in range(count):
            self.frame()

    def run_out(self, limit: int = 2_000) -> None:
        """Ticks until nothing is left."""
        while not self.playout.idle:
            assert limit, "playout never became idle"
            limit -= 1
            self.frame()

    def say(self, utterance: int, pcm: bytes, *, interruptible: bool = True) -> None:
        self.playout.announce(utterance, interruptible=interruptible)
        self.playout.audio(utterance, 0, pcm, final=True)

    def caller_speaks(self) -> bool:
        """The fast VAD pauses what plays. The news of it comes in its order, after the frames before it."""
        head = self.ring.segments[0]
        self.ring.pause()
        for frame in self._on_their_way:
            self.playout.on_frame(frame)
        self._on_their_way.clear()
        return self.playout.on_pause(head.utterance, head.position, self.tick * FRAME_MS)

    def states(self, utterance: int) -> list[PlayoutState]:
        """Changes of state, repetitions left out."""
        states = [report.state for report in self.reports if report.utterance == utterance]
        return [state for index, state in enumerate(states) if index == 0 or states[index - 1] is not state]

    def last(self, utterance: int) -> Report:
        return [report for report in self.reports if report.utterance == utterance][-1]
