"""What the leg of a call tells, and what the call makes of it. Media ticks are handled at once: the hot path."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.call import endings
from gateway.call.audience import Sound
from gateway.call.leg import LegFrame, LegInfo
from gateway.call.progress import Stage
from gateway.call.state import Answered, EndNow, LegEnded, State
from gateway.media.audio import FRAME_MS

if TYPE_CHECKING:
    from gateway.call.session import Call


class LegEvents:
    """Of one call. Implements `LegListener`, and keeps the call clock that its ticks make."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self.tick = 0
        """The last that came."""
        self.answered_ms = 0

    def on_frame(self, frame: LegFrame) -> None:
        """A media tick: a few microseconds."""
        call = self._call
        try:
            tick = self.tick = frame.tick
            at_ms = tick * FRAME_MS
            # Asked first, called when there is reason to: this runs fifty times a second for each call.
            agent = frame.agent if call.handovers.last is None else call.handovers.heard_with(frame.agent)
            caller, agent = call.recording.hear(tick, frame.caller, agent)
            if call.audience.listeners:
                call.audience.hear(Sound(caller, agent))
            conversation = call.conversation
            conversation.frame(at_ms, caller, frame.present)
            call.backlog.append(caller)
            call.playout.on_frame(frame)
            if conversation.begun is not None:
                conversation.sounded(at_ms, frame.agent)
            if call.pauses.pending is not None:
                conversation.check_pause(at_ms)
            if call.moves.moving:
                call.moves.tick(frame)
            if call.quiet.waiters:
                call.quiet.tick()
        except Exception:  # the frames of the other calls come in the same batch
            if call.state is not State.CLOSING:
                call.log.exception("media tick failed", tick=frame.tick)
            call.post(EndNow(endings.FAULT))

    def on_pause(self, utterance: int, position: int, onset_tick: int, tick: int) -> None:
        """The fast VAD paused playout: the worker decides, or the deadline."""
        self._call.conversation.pause(utterance, position, onset_tick * FRAME_MS, tick * FRAME_MS)

    def on_ringing(self) -> None:
        """The far end rings."""
        call = self._call
        if call.progress.stage is Stage.STARTED:
            call.journal.append(call.now_ms, "ringing", {})
        call.progress.reach(Stage.RINGING)

    def on_answered(self) -> None:
        """Media flows."""
        call = self._call
        call.progress.reach(Stage.ANSWERED)
        self.answered_ms = call.now_ms
        call.backlog.clear()
        if call.dialling is not None:
            call.dialling.answered()
        call.post(Answered())

    def on_digit(self, digit: str) -> None:
        """A DTMF digit."""
        self._call.recording.key(digit)

    def on_hold(self, held: bool) -> None:
        """The far end holds us: nothing is said to it, and nothing it sends is the caller."""
        call = self._call
        call.journal.append(call.now_ms, "hold", {"held": held})
        call.playout.hold(held)
        call.watch.hold(held)
        call.conversation.hold(call.now_ms, "far end", held)

    def on_transfer(self, ok: bool, detail: str) -> None:
        """The outcome of a transfer."""
        self._call.actions.on_transfer(ok, detail)

    def on_replaced(self, info: LegInfo) -> None:
        """Another party took the place of the caller's."""
        note = {"event": "replaced", "caller": info.caller, "called": info.called}
        self._call.journal.append(self._call.now_ms, "note", note)

    def on_ended(self, status: int, reason: str, *, by_remote: bool) -> None:
        """The leg is gone."""
        self._call.log.info("leg ended", status=status, reason=reason, by_remote=by_remote)
        self._call.post(LegEnded(status, by_remote))
