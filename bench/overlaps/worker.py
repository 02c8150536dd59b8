"""The worker's side of one call in virtual time: the real detector, transcriber and turn machine.

A recognition takes the processor time that it really took; everything else takes none.
"""

from __future__ import annotations

import heapq
import itertools
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import cast

from bench.overlaps.gateway import Gateway
from gateway.call.conversation_link import _STATES
from gateway.call.pauses import Pause
from gateway.conversation import commands as c
from gateway.conversation import events as e
from gateway.conversation.plan import TurnPlan
from gateway.conversation.turn import TurnMachine
from gateway.link.v1 import link_pb2 as pb
from gateway.media.audio import FRAME_MS
from gateway.media.utterance import Report
from gateway.providers.base import TranscriberStream, Transcript, TranscriptHint, VoiceActivityDetector
from gateway.providers.stt.history import AudioHistory
from gateway.providers.stt.recogniser import Recogniser
from gateway.providers.stt.segment import to_model_rate
from gateway.providers.tts.hibari import SpokenPiece
from gateway.worker.clock import CallClock
from gateway.worker.hearing import Hearing

_PRE_ROLL_MS, _POST_ROLL_MS = 300, 200
REPLY_MS = 300
"""From a committed turn to the first audio of its answer."""


class _Clock:
    """The call clock, standing still between events."""

    def __init__(self) -> None:
        self.ms = 0

    def heard(self, end_ms: int) -> None:
        self.ms = max(self.ms, end_ms)

    def now(self) -> int:
        return self.ms


class _Transcriber:
    """Requests come back as transcripts after the time that they took, one at a time as in `SegmentStream`."""

    def __init__(self, worker: Worker, recogniser: Recogniser) -> None:
        self._worker = worker
        self._recogniser = recogniser
        self._history = AudioHistory()
        self._free_ms = 0.0
        self.seconds: list[float] = []

    def __aiter__(self) -> _Transcriber:
        return self

    async def __anext__(self) -> Transcript:
        raise StopAsyncIteration  # transcripts come by `Worker.later`

    def push(self, pcm: bytes, at_ms: int) -> None:
        self._history.push(pcm, at_ms)

    def finish(self, segment: int, start_ms: int, end_ms: int, hint: TranscriptHint) -> None:
        known = self._worker.known_text
        pcm = self._history.cut(start_ms - _PRE_ROLL_MS, end_ms + _POST_ROLL_MS)
        began = time.process_time()
        text = known if known is not None else self._recogniser.recognise(to_model_rate(pcm), hint).text
        took = time.process_time() - began
        if known is None:
            self.seconds.append(took)
        self._free_ms = max(self._free_ms, self._worker.now) + took * 1000
        self._worker.later(round(self._free_ms), lambda at: self._worker.dispatch(e.Transcribed(at, segment, text)))


class Worker:
    """One conversation: its agent says `texts`, answer by answer. `known_text` is what the caller is understood to say
    until it is set to None: then the recogniser is asked."""

    def __init__(
        self,
        plan: TurnPlan,
        *,
        detector: VoiceActivityDetector,
        recogniser: Recogniser,
        answers: Sequence[Sequence[tuple[str, SpokenPiece]]],
    ) -> None:
        self.known_text: str | None = None
        self.log: list[tuple[int, c.Command]] = []
        self._answers = iter(answers)
        self._clock = _Clock()
        self._machine = TurnMachine(plan)
        self.transcriber = _Transcriber(self, recogniser)
        self._hearing = Hearing(
            detector=detector,
            stream=cast("TranscriberStream", self.transcriber),
            clock=cast("CallClock", self._clock),
            dispatch=self.dispatch,
        )
        self._due: list[tuple[int, int, Callable[[int], None]]] = []
        self._order = itertools.count()
        self._utterances = itertools.count(1)
        self._gateway: Gateway | None = None
        self._events: deque[e.Event] = deque()
        self._reply = 0

    @property
    def now(self) -> int:
        """Call clock, ms."""
        return self._clock.now()

    def attach(self, gateway: Gateway) -> None:
        """The call is answered."""
        self._gateway = gateway
        self.dispatch(e.Started(0))
        self.dispatch(e.Answered(0))

    def later(self, at: int, step: Callable[[int], None]) -> None:
        """Do something when the clock shows `at`."""
        heapq.heappush(self._due, (at, next(self._order), step))

    # ------------------------------------------------------------ from the gateway

    def hear(self, at_ms: int, pcm: bytes) -> None:
        """A frame of the caller: time passes to its end."""
        self._pass_time(at_ms + FRAME_MS)
        self._hearing.push(pcm, at_ms)

    def played(self, report: Report) -> None:
        """Playout moved."""
        if report.state in _STATES:
            self._hearing.played(
                pb.PlayoutReport(
                    at_ms=report.at_ms,
                    utterance=report.utterance,
                    position=report.position,
                    state=_STATES[report.state],
                )
            )
        state = e.PlayoutState(report.state.value) if report.state.value != "queued" else e.PlayoutState.PLAYING
        self.dispatch(e.PlayoutReported(self.now, report.utterance, report.position, state))

    def paused(self, pause: Pause) -> None:
        """The fast VAD paused playout."""
        self.dispatch(
            e.PauseNoticed(self.now, pause.number, pause.onset_ms, pause.utterance, pause.position, pause.decide_by_ms)
        )

    def _pass_time(self, until: int) -> None:
        while True:
            deadline = self._machine.deadline
            due = self._due[0][0] if self._due else None
            first = min((at for at in (deadline, due) if at is not None), default=until)
            if first >= until:
                break
            self._clock.heard(first)
            if due == first:
                heapq.heappop(self._due)[2](first)
            else:
                self.dispatch(e.TimePassed(max(first, self.now)))
        self._clock.heard(until)

    # ------------------------------------------------------------ the turn machine

    def dispatch(self, event: e.Event) -> None:
        """Tell the turn machine, and carry out what it wants. Events that come of that are told afterwards."""
        self._events.append(event)
        if len(self._events) > 1:
            return
        while self._events:
            for command in self._machine.handle(self._events[0]):
                self.log.append((self.now, command))
                self._carry_out(command)
            self._events.popleft()

    def _carry_out(self, command: c.Command) -> None:
        gateway = self._gateway
        assert gateway is not None
        match command:
            case c.Transcribe():
                self._hearing.transcribe(command)
            case c.GiveVerdict(pause=pause, cut=cut, resume_from=border):
                gateway.verdict(pause, cut=cut, resume_from=border)
            case c.CutUtterances(up_to=up_to):
                gateway.playout.cut(up_to)
            case c.StopReply():
                self._reply = 0
            case c.CommitReply(reply=reply):
                self._reply = reply
                self.later(self.now + REPLY_MS, lambda at: self._speak(reply))
            case c.Speak(reply=reply):
                self._speak(reply)

    def _speak(self, reply: int) -> None:
        """All clauses of the next answer at once, as from a fast voice."""
        gateway = self._gateway
        assert gateway is not None
        if reply != self._reply:
            return
        for text, piece in next(self._answers, ()):
            utterance = next(self._utterances)
            gateway.playout.announce(utterance, text=text)
            self.dispatch(e.UtteranceQueued(self.now, reply, utterance, text))
            self._hearing.said(pb.UtteranceAudio(utterance=utterance, pcm=piece.pcm, final=True))
            gateway.playout.audio(utterance, 0, piece.pcm, final=True)
            words = tuple(e.WordSpan(word.text, word.start, word.end) for word in piece.words)
            self.dispatch(e.UtteranceVoiced(self.now, utterance, len(piece.pcm) // 2, True, words))
        self.dispatch(e.ReplyFinished(self.now, reply))
