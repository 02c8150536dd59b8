"""The call's side of its conversation: what goes to the worker, and what the worker's events do to the call."""

from __future__ import annotations

import asyncio
import audioop
import json
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from structlog.typing import FilteringBoundLogger

from gateway.call import endings
from gateway.call.latency import TurnLatencies
from gateway.call.leg import Leg
from gateway.call.move.life import Because
from gateway.call.move.retold import Retold
from gateway.call.move.spoken import SpokenSoFar
from gateway.call.pauses import Decision, Pause, Pauses
from gateway.link.link import LinkCall
from gateway.link.v1 import link_pb2 as pb
from gateway.media.audio import FRAME_MS, SAMPLE_BYTES
from gateway.media.playout import Playout
from gateway.media.utterance import PlayoutState, Report
from gateway.observe import metrics

AUDIBLE_RMS = 260
"""-42 dB below full scale: a frame as loud as this is heard as the beginning of an answer."""
LEAD_IN_MS = 500
"""An answer that is not loud by then began with its first sample."""

KEEP_AGAIN_SECONDS = 0.5
"""Until the disk is asked again, when it did not take the journal."""

_STATES = {
    PlayoutState.PLAYING: pb.PlayoutReport.STATE_PLAYING,
    PlayoutState.PAUSED: pb.PlayoutReport.STATE_PAUSED,
    PlayoutState.FINISHED: pb.PlayoutReport.STATE_FINISHED,
    PlayoutState.CUT: pb.PlayoutReport.STATE_CUT,
}
_DECISIONS = {pb.Verdict.DECISION_CUT: Decision.CUT, pb.Verdict.DECISION_RESUME: Decision.RESUME}


@dataclass(frozen=True, slots=True)
class Loss:
    """Why a conversation's worker does not have it any more. `reason`: Vapi's endedReason of a call that ends for it,
    `detail` one sentence for the operator; `understood_ms`: what the caller said before is not to be heard again (call
    clock)."""

    because: Because
    reason: str
    detail: str
    understood_ms: int = 0


class Host(Protocol):
    """Who has a conversation: a call, or a human who is asked to take one over."""

    leg: Leg
    playout: Playout
    pauses: Pauses
    log: FilteringBoundLogger

    @property
    def now_ms(self) -> int:
        """Its clock."""

    def learn(self, at_ms: int, kind: str, data: Mapping[str, Any]) -> None:
        """An entry for the journal: the worker's, or one of what became of its speech."""

    def keep_events(self, lines: str) -> None:
        """What happened to the conversation, for replay."""

    def act(self, action: pb.Action) -> None:
        """The worker asks for something besides speech."""

    def lost(self, loss: Loss) -> None:
        """The worker does not have the conversation any more."""

    def spawn(self, work: Coroutine[Any, Any, None]) -> object:
        """Run something that waits for as long as there is a call."""

    async def durable(self) -> bool:
        """Wait until the journal so far is on disk; false where the disk does not take it in time."""


class ConversationLink:
    """Implements `LinkListener` for one conversation."""

    def __init__(self, call: Host) -> None:
        self._call = call
        self._worker: LinkCall | None = None
        self._streaming: LinkCall | None = None
        self._answered_ms: int | None = None
        self._told = Retold()
        self.spoken = SpokenSoFar()
        self._own: set[int] = set()
        """Utterances of the gateway itself."""
        self._entries = 0
        """Journal entries of this worker."""
        self._keeping = False
        self._turns: dict[int, int] = {}
        self._speaking = False
        self.begun: tuple[int, int] | None = None
        """The turn that is sounding and has not been loud yet, and when its first sample left."""
        self._latencies = TurnLatencies(self._on_latency)
        self._waited: tuple[int | None, float] = (None, 0.0)
        """The turn that was taken last, and how long its end had waited for its tick, ms."""
        self._handlers: Mapping[str, Callable[[Any], None]] = {
            "utterance": self._on_utterance,
            "audio": self._on_audio,
            "cut": self._on_cut,
            "verdict": self._on_verdict,
            "journal": self._on_journal,
            "action": self._on_action,
            "failure": self._on_failure,
            "recording": self._on_recording,
            "words": self._on_words,
            "yielded": self._on_yielded,
        }
        self._holds: frozenset[str] = frozenset()
        self.worker: str | None = None
        self.dropped_ms = 0

    # ------------------------------------------------------------ to the worker

    def ask(self, worker: LinkCall, *, begun: bool) -> None:
        """This worker is asked to take the conversation: from here on it is told everything.

        :param begun: its opening tells of a conversation that goes on; else it learns that the call was answered
        """
        self._worker, self._entries = worker, 0
        if self._holds:
            # a called party may answer on hold, before there is a worker
            self._tell_hold(self._call.now_ms)
        if self._answered_ms is not None:
            self._streaming = worker
            if not begun:
                worker.send(pb.GatewayEvent(answered=pb.Answered(at_ms=self._call.now_ms)))
        for event in self._told.again():
            worker.send(event)
        if (pause := self._call.pauses.pending) is not None:
            worker.send(_notice(pause))

    def take(self, worker: LinkCall) -> None:
        """This worker, which was asked, has the conversation."""
        self.worker = worker.worker

    def fence(self) -> None:
        """Nothing that this worker sends is wanted any more; what is here of its speech plays on."""
        worker = self._worker
        self.close()
        if worker is not None:
            self._told.forget(worker.heard_at)
        self.spoken.cut_short(self._call.playout.finish_words(self.spoken.borders))

    def open(self, at_ms: int) -> None:
        """The call was answered: the caller's audio flows from here on."""
        self._streaming, self._answered_ms = self._worker, at_ms
        self.send(pb.GatewayEvent(answered=pb.Answered(at_ms=at_ms)))

    @property
    def opened(self) -> bool:
        """Whether the call was answered."""
        return self._answered_ms is not None

    def send(self, event: pb.GatewayEvent) -> None:
        """Send, or keep it for the next worker."""
        self._told.sent(event, asyncio.get_running_loop().time())
        if self._worker is not None:
            self._worker.send(event)

    def say(self, utterance: int, text: str, pcm: bytes) -> None:
        """Something of the gateway's own, that no worker has to know of."""
        self._own.add(utterance)
        self._call.playout.announce(utterance, text=text, interruptible=False)
        self._call.playout.audio(utterance, 0, pcm, final=True)

    def is_own(self, utterance: int) -> bool:
        """Whether the gateway says it by itself."""
        return utterance in self._own

    def hold(self, at_ms: int, by: str, held: bool) -> None:
        """Whether the caller is put on hold, by one of those who may: nobody listens until nobody holds."""
        before = bool(self._holds)
        self._holds = self._holds | {by} if held else self._holds - {by}
        if bool(self._holds) is not before:
            self._tell_hold(at_ms)

    def _tell_hold(self, at_ms: int) -> None:
        self.send(pb.GatewayEvent(hold=pb.HoldNotice(at_ms=at_ms, held=bool(self._holds))))

    def control(self, message: Mapping[str, Any]) -> None:
        """A message of live control that concerns the conversation."""
        self.send(pb.GatewayEvent(control=pb.Control(json=json.dumps(message))))

    def frame(self, at_ms: int, pcm: bytes, present: bool) -> None:
        """20 ms of the caller."""
        if self._streaming is not None:
            self._streaming.send_frame(at_ms, pcm, missing=not present)

    def report(self, report: Report) -> None:
        """How far an utterance got."""
        if report.utterance in self._own:
            return
        self.spoken.played(report)
        if report.position and not self._speaking:
            self._speaking = True
            self._call.learn(report.at_ms, "speaking", {"utterance": report.utterance})
        if report.position and (turn := self._turns.pop(report.utterance, 0)):
            self.begun = (turn, report.at_ms)
        self.send(
            pb.GatewayEvent(
                playout=pb.PlayoutReport(
                    at_ms=report.at_ms,
                    utterance=report.utterance,
                    position=report.position,
                    state=_STATES[report.state],
                    underrun_samples=report.underrun,
                )
            )
        )

    def sounded(self, at_ms: int, agent: bytes) -> None:
        """What left in the tick at `at_ms`: the latency of a turn ends with its first sound."""
        if self.begun is None:
            return
        turn, begun_ms = self.begun
        silent_ms = at_ms - begun_ms
        if silent_ms < LEAD_IN_MS and audioop.rms(agent, SAMPLE_BYTES) < AUDIBLE_RMS:
            return
        self.begun = None
        # The frame left at the instant at which the caller's frame of the same tick was complete: at its end.
        self._latencies.sent(turn, begun_ms + FRAME_MS, silent_ms=silent_ms if silent_ms < LEAD_IN_MS else 0)

    def end(self, at_ms: int, reason: str) -> None:
        """Tell the worker that the call is over; its last journal entries still come until `close`."""
        self._streaming = None
        self.send(pb.GatewayEvent(end=pb.EndCall(at_ms=at_ms, reason=reason)))

    def detach(self, at_ms: int, reason: str) -> None:
        """The conversation is over though the call is not: nothing of the worker is heard any more."""
        self.end(at_ms, reason)
        self.close()

    def close(self) -> None:
        """Leave the worker."""
        for parts in self._latencies.close():
            self._call.learn(self._call.now_ms, "latency", parts)
        self._latencies = TurnLatencies(self._on_latency)
        worker, self._worker, self._streaming = self._worker, None, None
        if worker is not None:
            self.dropped_ms += worker.dropped_ms
            worker.close()

    # ------------------------------------------------------------ pauses

    def pause(self, utterance: int, position: int, onset_ms: int, at_ms: int) -> None:
        """The leg paused playout for the caller's speech."""
        pause = self._call.pauses.begin(utterance, position, onset_ms=onset_ms, at_ms=at_ms)
        if pause is None:
            return
        self._call.learn(
            at_ms,
            "pause",
            {"pause": pause.number, "onset_ms": onset_ms, "utterance": utterance, "position": position},
        )
        self.send(_notice(pause))

    def check_pause(self, now_ms: int) -> None:
        """On each tick while a pause is undecided."""
        if overtaken := self._call.pauses.overtaken():
            self._decided(overtaken, Decision.CUT, "overtaken")
        elif late := self._call.pauses.late(now_ms):
            self._decided(late, Decision.TIMEOUT, "timeout")

    def _decided(self, pause: Pause, decision: Decision, reason: str) -> None:
        metrics.PAUSES.labels(decision).inc()
        self._call.learn(self._call.now_ms, "verdict", {"pause": pause.number, "decision": decision, "reason": reason})

    # ------------------------------------------------------------ from the worker

    def on_worker_event(self, event: pb.WorkerEvent) -> None:
        """Something came."""
        kind = event.WhichOneof("event")
        handler = self._handlers.get(kind or "")
        if handler is not None:
            handler(getattr(event, kind or ""))

    def on_worker_lost(self, detail: str, *, frozen: bool = False) -> None:
        """The stream is gone."""
        self._lose(Because.FREEZE if frozen else Because.DEATH, endings.WORKER_DIED, detail)

    def _on_utterance(self, utterance: pb.Utterance) -> None:
        self.spoken.announced(utterance)
        if utterance.turn and not utterance.filler:
            self._turns[utterance.utterance] = utterance.turn
        self._call.playout.announce(
            utterance.utterance, text=utterance.text, interruptible=utterance.interruptible, turn=utterance.turn
        )

    def _on_audio(self, audio: pb.UtteranceAudio) -> None:
        self._call.playout.audio(audio.utterance, audio.offset, audio.pcm, final=audio.final)

    def _on_cut(self, cut: pb.CutUtterances) -> None:
        self._call.playout.cut(cut.up_to)

    def _on_verdict(self, verdict: pb.Verdict) -> None:
        pause = self._call.pauses.pending
        decision = _DECISIONS.get(verdict.decision, Decision.CUT)
        if self._call.pauses.decide(verdict.pause, decision, verdict.resume_from) and pause is not None:
            self._decided(pause, decision, verdict.reason)

    def _on_journal(self, entry: pb.JournalEntry) -> None:
        data = _object(entry.json)
        self._entries += 1
        if self._streaming is not None and not self._keeping:
            self._keeping = True
            self._call.spawn(self._tell_kept())
        if entry.kind == "latency":
            turn, waited_ms = self._waited
            known = waited_ms if turn == data.get("turn") else 0.0
            self._latencies.parts(data, waited_ms=known or self._waited_ms(data.get("speech_end_ms")))
            return
        if entry.kind == "caller-turn":
            # At once: a leg knows it for some seconds, and a tool may take longer than that.
            self._waited = data.get("turn"), self._waited_ms(data.get("end_ms"))
            self.spoken.turn_told()
        elif entry.kind == "agent-turn":
            self._speaking = False
            self.spoken.turn_told()
        elif entry.kind == "utterance":
            self.spoken.journalled(data)
        elif entry.kind == "tool-result":
            metrics.TOOL_REQUESTS.labels("ok" if data.get("ok", True) else "error").inc()
        self._call.learn(entry.at_ms, entry.kind, data)

    def _on_action(self, action: pb.Action) -> None:
        self._call.act(action)

    def _on_failure(self, failure: pb.Failure) -> None:
        self._lose(Because.FAILURE, failure.reason or endings.WORKER_DIED, failure.detail)

    def _on_yielded(self, yielded: pb.Yielded) -> None:
        self._lose(Because.DRAIN, endings.WORKER_SHUTDOWN, "The worker drains.", yielded.understood_ms)

    def _on_words(self, words: pb.Words) -> None:
        self.spoken.timed(words)

    def _on_recording(self, recording: pb.Recording) -> None:
        self._call.keep_events(recording.lines)

    def _waited_ms(self, end_ms: Any) -> float:
        """How long speech that ended at `end_ms` had waited for its tick; 0 where the leg cannot tell."""
        return (self._call.leg.waited_ms(max(0, end_ms - 1) // FRAME_MS) or 0.0) if isinstance(end_ms, int) else 0.0

    def _on_latency(self, parts: dict[str, Any]) -> None:
        metrics.observe_turn(parts)
        self._call.learn(self._call.now_ms, "latency", parts)

    async def _tell_kept(self) -> None:
        """Tell the worker what is on disk: once for all that came while the disk was busy. A disk that takes nothing is
        told, too, so that it is not taken for a gateway that never tells."""
        try:
            told = 0
            while (worker := self._worker) is not None and told < (entries := self._entries):
                kept = await self._call.durable()
                if worker is not self._worker:
                    told = 0
                    continue
                told = entries if kept else told
                worker.send(pb.GatewayEvent(kept=pb.JournalKept(entries=told)))
                if not kept:
                    await asyncio.sleep(KEEP_AGAIN_SECONDS)
        finally:
            self._keeping = False

    def _lose(self, because: Because, reason: str, detail: str, understood_ms: int = 0) -> None:
        self._call.log.warning("conversation lost", because=because, reason=reason, detail=detail, worker=self.worker)
        self._call.lost(Loss(because, reason, detail, understood_ms))


def _notice(pause: Pause) -> pb.GatewayEvent:
    return pb.GatewayEvent(
        pause=pb.PauseNotice(
            pause=pause.number,
            onset_ms=pause.onset_ms,
            at_ms=pause.at_ms,
            utterance=pause.utterance,
            position=pause.position,
            decide_by_ms=pause.decide_by_ms,
        )
    )


def _object(text: str) -> dict[str, Any]:
    """The JSON object of a journal entry; anything else becomes its `text`."""
    try:
        read = json.loads(text)
    except ValueError:
        read = text
    return read if isinstance(read, dict) else {"text": read}
