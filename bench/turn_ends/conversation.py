"""A call of the set in virtual time: the product's ear, transcriber and turn machine, nothing of them replaced.

Time goes from frame to frame, to the machine's deadlines and to the results of recognition. Frames reach the ear when
they are complete; the way through the network and the jitter buffer is not part of this measurement.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from bench.turn_ends.agent import Agent
from bench.turn_ends.calls import Call
from bench.turn_ends.recognition import TimedRecogniser, VirtualPool
from gateway.assistant.start_speaking_plan import StartSpeakingPlan
from gateway.conversation import commands as c
from gateway.conversation import events as e
from gateway.conversation.plan import TurnPlan
from gateway.conversation.turn import TurnMachine
from gateway.media.audio import FRAME_BYTES, FRAME_MS
from gateway.providers.registry import make_detector
from gateway.providers.stt.segment import SegmentTranscriber
from gateway.providers.turn.detectors import make_turn_detector
from gateway.worker.clock import CallClock
from gateway.worker.hearing import Hearing

_SETTLE = 6
"""Rounds of the event loop in which a result finds its way to the machine."""


@dataclass(slots=True)
class Heard:
    """What happened in a call: the turns with the moment they were taken, the events, the recognitions it took."""

    call: Call
    turns: list[tuple[int, c.CommitTurn]] = field(default_factory=list)
    events: list[e.Event] = field(default_factory=list)
    recognitions: int = 0


class Conversation:
    """Holds one call."""

    def __init__(self, call: Call, recogniser: TimedRecogniser, plan: TurnPlan) -> None:
        self.heard = Heard(call)
        self._now_ms = 0.0
        self._machine = TurnMachine(plan)
        self._pool = VirtualPool(recogniser, lambda: self._now_ms)
        self._transcriber = SegmentTranscriber(recogniser, self._pool)
        self._clock = CallClock(monotonic=lambda: self._now_ms / 1000)
        self._agent = Agent(self._question)
        self._hearing: Hearing | None = None

    async def hold(self) -> Heard:
        """Run it from the first frame to the last."""
        self._hearing = Hearing(
            detector=make_detector(),
            stream=await self._transcriber.open(),
            clock=self._clock,
            dispatch=self._dispatch,
            turn_detector=make_turn_detector(StartSpeakingPlan()),
        )
        listening = asyncio.create_task(self._hearing.listen())
        self._dispatch(e.Started(0))
        self._dispatch(e.Answered(0))
        pcm = self.heard.call.pcm
        for offset in range(0, len(pcm), FRAME_BYTES):
            at_ms = offset // FRAME_BYTES * FRAME_MS
            await self._pass_until(at_ms + FRAME_MS)
            self._hearing.push(pcm[offset : offset + FRAME_BYTES], at_ms)
            await _settle(2)
        await self._hearing.close()
        await listening
        self.heard.recognitions = self._pool.recognitions
        return self.heard

    async def _pass_until(self, end_ms: float) -> None:
        """Let everything happen that is due by then."""
        while (due := min(self._pool.next_ms, self._agent.next_ms, self._deadline)) <= end_ms:
            self._now_ms = max(self._now_ms, due)
            self._pool.release()
            for event in self._agent.due(int(self._now_ms)):
                self._dispatch(event)
            if self._deadline <= self._now_ms:
                self._dispatch(e.TimePassed(int(self._now_ms)))
            await _settle(_SETTLE)
        self._now_ms = end_ms

    @property
    def _deadline(self) -> float:
        deadline = self._machine.deadline
        return float("inf") if deadline is None else deadline

    def _dispatch(self, event: e.Event) -> None:
        self.heard.events.append(event)
        for command in self._machine.handle(event):
            match command:
                case c.Transcribe():
                    self._ear.transcribe(command)
                case c.CommitTurn():
                    self.heard.turns.append((int(self._now_ms), command))
                    self._ear.turn_taken()
                case _:
                    self._agent.carry_out(command, int(self._now_ms))

    @property
    def _ear(self) -> Hearing:
        assert self._hearing is not None
        return self._hearing

    def _question(self, at: int) -> tuple[str, str]:
        """What the agent asks at this moment: for the turn that is being said, or is said next."""
        for turn in self.heard.call.turns:
            if at < turn.end_ms:
                return turn.utterance.expects
        return "anything", "Goodbye."


async def _settle(rounds: int) -> None:
    for _ in range(rounds):
        await asyncio.sleep(0)
