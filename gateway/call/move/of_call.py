"""The moves of one call: carries out what `life` decides."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from gateway.call import endings
from gateway.call.conversation_link import Loss
from gateway.call.leg import LegFrame
from gateway.call.move.backlog import has_speech, is_loud, unheard
from gateway.call.move.life import (
    Because,
    Command,
    DeadlinePassed,
    Ended,
    Event,
    Life,
    Lost,
    NoneLeft,
    Placed,
    Silent,
    Spoke,
    State,
    TurnTaken,
)
from gateway.call.phrases import Phrase
from gateway.call.placement import place
from gateway.call.state import Accepted, WorkerFailed
from gateway.call.state import State as CallState
from gateway.conversation.journal import KEPT
from gateway.errors import NoWorker
from gateway.link.link import LinkCall
from gateway.link.v1 import link_pb2 as pb
from gateway.media.audio import FRAME_MS
from gateway.observe import metrics

if TYPE_CHECKING:
    from gateway.call.session import Call

AGAIN_SECONDS = 0.05
"""Between rounds of asking: the next worker may be ready by then."""
LIVING = frozenset({CallState.RINGING, CallState.CONNECTED, CallState.ANSWERING, CallState.LIVE})
"""States of a call that goes on elsewhere."""
_UNANSWERED = frozenset({"caller-turn", "tool-call", "tool-result", "message"})
_SAID = frozenset({"utterance", "agent-turn"})
PLAYOUT = "playout"
RESUMED = "resumed"
"""The kind of an agent-turn that only says what was heard before the move."""


class Moves:
    """Of one call."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._life = Life()
        self._loop = asyncio.get_running_loop()
        self._loss = Loss(Because.DEATH, "", "")
        self._from = ""
        self._lost_at = 0.0
        self._to: LinkCall | None = None
        self._last = 0
        """The last utterance of the worker before."""
        self._owed = False
        self._quiet_ms = 0
        self._gap_ms = 0
        self._placing: asyncio.Task[None] | None = None
        self._deadline: asyncio.TimerHandle | None = None

    # ------------------------------------------------------------ for the call

    @property
    def moving(self) -> bool:
        """Whether the call is on its way, or the caller waits for what a move has delayed."""
        return self._life.moving

    def lost(self, loss: Loss) -> None:
        """The worker does not have the call any more."""
        if self._call.state not in LIVING:
            # In a farewell, what has come of it is said to its end.
            self._call.conversation.fence()
            return
        self._loss = loss
        self._handle(Lost(loss.because, loss.reason if loss.because is Because.FAILURE else ""))

    def learned(self, kind: str, data: Any) -> None:
        """An entry of the worker's journal."""
        if kind == "caller-turn" or (kind == "agent-turn" and data.get("kind") != RESUMED):
            self._handle(TurnTaken())

    def heard(self, utterance: int) -> None:
        """Something of this utterance has left."""
        if (
            self._life.state is State.SETTLING
            and utterance > self._last
            and not self._call.conversation.is_own(utterance)
        ):
            self._handle(Spoke())

    def tick(self, frame: LegFrame) -> None:
        """A media tick: how long the caller has been waiting for something that is owed."""
        if not self._life.moving:
            return
        silent = self._call.playout.idle and not is_loud(frame.caller)
        self._quiet_ms = self._quiet_ms + FRAME_MS if silent else 0
        if silent and self._owed:
            self._gap_ms += FRAME_MS
            self._handle(Silent(self._quiet_ms / 1000))

    def end(self) -> None:
        """The call ends, or goes on without an agent."""
        self._handle(Ended())
        if self._placing is not None:
            self._placing.cancel()

    # ------------------------------------------------------------ what life wants

    def _handle(self, event: Event) -> None:
        before = self._life.state
        for command in self._life.handle(event, self._loop.time()):
            self._carry_out(command)
        if self._life.state is not before:
            self._set_deadline()

    def _set_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = None
        if self._life.moving:
            self._deadline = self._loop.call_at(self._life.deadline, self._handle, DeadlinePassed())

    def _carry_out(self, command: Command) -> None:
        match command:
            case Command.FENCE:
                self._fence()
            case Command.PLACE:
                self._placing = self._call.spawn(self._place())
            case Command.TAKE:
                self._take()
            case Command.DROP:
                self._drop()
            case Command.COMFORT:
                self._comfort()
            case Command.TELL:
                self._tell()
            case Command.GIVE_UP:
                self._give_up()

    def _fence(self) -> None:
        conversation = self._call.conversation
        self._from, self._lost_at = conversation.worker or "", self._loop.time()
        conversation.fence()
        self._call.handovers.agent_away(True)
        self._last = self._call.playout.highest
        self._owed = self._is_owed()
        self._quiet_ms = self._gap_ms = 0

    async def _place(self) -> None:
        """Ask workers until one takes the call; who waits sees to the time."""
        failed = self._loss.because is Because.FAILURE
        avoid = self._from if failed or self._loss.because is Because.DRAIN else ""
        while True:
            try:
                await place(
                    self._call.services.workers,
                    self._call.conversation,
                    self._start,
                    asked=self._asked,
                    accepted=self._accepted,
                    avoid=avoid,
                )
                return
            except NoWorker:
                if failed and self._loss.reason != endings.WORKER_FAILED:
                    # what its providers cannot do now they cannot do again
                    self._handle(NoneLeft())
                    return
                avoid = ""
                await asyncio.sleep(AGAIN_SECONDS)

    def _start(self) -> pb.StartCall:
        """The opening for a worker that goes on, or begins when nothing was said yet."""
        call = self._call
        start = call.worker.start()
        entries = call.journal.entries
        if not self._begun:
            return start
        for entry in entries:
            if entry.kind in KEPT:
                start.journal.append(_written(entry.at_ms, entry.kind, entry.data))
        for playout in call.conversation.spoken.entries(call.playout.queue):
            start.journal.append(_written(call.now_ms, PLAYOUT, playout))
        start.at_ms = call.now_ms + FRAME_MS
        at_ms, frames = self._unheard()
        if frames:
            start.backlog.at_ms, start.backlog.pcm = at_ms, b"".join(frames)
        return start

    @property
    def _begun(self) -> bool:
        """Whether there is a conversation to go on with."""
        return self._call.conversation.opened and any(
            entry.kind in _UNANSWERED or entry.kind in _SAID for entry in self._call.journal.entries
        )

    def _unheard(self) -> tuple[int, list[bytes]]:
        turns = (entry.data.get("end_ms") for entry in self._call.journal.entries if entry.kind == "caller-turn")
        since_ms = max((end for end in turns if isinstance(end, int)), default=0)
        since_ms = max(since_ms, self._loss.understood_ms)
        return unheard(list(self._call.backlog), self._call.now_ms + FRAME_MS, since_ms)

    def _is_owed(self) -> bool:
        """Whether the caller waits for something to be said, besides what is here."""
        call = self._call
        kinds = (entry.kind for entry in reversed(call.journal.entries))
        last = next((kind for kind in kinds if kind in _UNANSWERED or kind in _SAID), "")
        if last in _UNANSWERED or call.conversation.spoken.unsaid(call.playout.queue):
            return True
        return has_speech(self._unheard()[1])

    def _asked(self, worker: LinkCall) -> None:
        self._call.conversation.ask(worker, begun=self._begun)

    def _accepted(self, worker: LinkCall) -> None:
        """In the same step of the loop, for whatever comes next is the call's."""
        self._owed = self._owed or self._is_owed()
        self._to = worker
        self._handle(Placed(self._owed))

    def _take(self) -> None:
        call, worker = self._call, self._to
        assert worker is not None
        worker.movable = True
        call.conversation.take(worker)
        call.handovers.agent_away(False)
        for playout in call.conversation.spoken.entries(call.playout.queue):
            call.journal.append(call.now_ms, PLAYOUT, playout)
        call.journal.append(call.now_ms, "worker", {"worker": worker.worker})
        metrics.CALL_MOVE_SECONDS.observe(self._loop.time() - self._lost_at)
        call.post(Accepted())

    def _drop(self) -> None:
        if self._to is not None:
            self._to.send(pb.GatewayEvent(end=pb.EndCall(reason="not-placed")))
            self._to.close()

    # ------------------------------------------------------------ what the caller hears meanwhile

    def _comfort(self) -> None:
        call = self._call
        utterance = call.playout.highest + 1
        pcm = call.services.phrases.pcm(call.assistant, Phrase.COMFORT)
        # the next worker's utterances are numbered from the call clock on
        if pcm and utterance <= call.now_ms:
            call.conversation.say(utterance, "comfort", pcm)
            call.journal.append(call.now_ms, "note", {"event": "comfort"})

    def _tell(self) -> None:
        call, because = self._call, self._loss.because
        moved = {"from": self._from, "to": call.conversation.worker, "because": str(because), "gap_ms": self._gap_ms}
        call.journal.append(call.now_ms, "moved", moved)
        metrics.CALL_MOVES.labels(because).inc()

    def _give_up(self) -> None:
        """Nobody is left to go on with the call."""
        call, loss = self._call, self._loss
        if self._placing is not None:
            self._placing.cancel()
        call.log.error("call lost", reason=loss.reason, detail=loss.detail, worker=self._from)
        call.learn(call.now_ms, "failure", {"reason": loss.reason, "detail": loss.detail})
        call.post(WorkerFailed(loss.reason))


def _written(at_ms: int, kind: str, data: Mapping[str, Any]) -> pb.JournalEntry:
    return pb.JournalEntry(at_ms=at_ms, kind=kind, json=json.dumps(data, ensure_ascii=False))
