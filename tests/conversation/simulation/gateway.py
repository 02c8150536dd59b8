"""A simulated gateway: the real playout and the real pauses, ticking only while there is something to play."""

from __future__ import annotations

import json
from collections.abc import Callable
from random import Random

from gateway.call.leg import LegFrame
from gateway.call.move.retold import Retold
from gateway.call.move.spoken import SpokenSoFar
from gateway.call.pauses import Decision, Pause, Pauses
from gateway.conversation.journal import Entry
from gateway.link.v1 import link_pb2 as pb
from gateway.media.audio import FRAME_MS
from gateway.media.playout import Playout
from gateway.media.utterance import PlayoutState, Report
from tests.conversation.simulation.conditions import Conditions, Span
from tests.conversation.simulation.ring import CountingRing
from tests.conversation.simulation.schedule import Schedule
from tests.conversation.simulation.sounds import Kind, Sound

FAST_ONSET_MS = (40, 100)
FAST_HANGOVER_MS = 200
NOTICED = {Kind.STATEMENT: 0.98, Kind.BACKCHANNEL: 0.9, Kind.NOISE: 0.6, Kind.ECHO: 0.4, Kind.SIDE_TALK: 0.7}
"""How often the fast detector takes a sound for speech."""
LATE_PAUSE_MS = 300
QUIET_FRAMES = 10
STATES = {
    PlayoutState.PLAYING: pb.PlayoutReport.STATE_PLAYING,
    PlayoutState.PAUSED: pb.PlayoutReport.STATE_PAUSED,
    PlayoutState.FINISHED: pb.PlayoutReport.STATE_FINISHED,
    PlayoutState.CUT: pb.PlayoutReport.STATE_CUT,
}


class Link:
    """One direction of the stream between gateway and worker: late, but in order."""

    def __init__(self, schedule: Schedule, delay: Span, random: Random) -> None:
        self._schedule = schedule
        self._delay = delay
        self._random = random
        self._last = 0

    def send(self, action: Callable[[], None]) -> None:
        """Do it at the other end."""
        self._last = max(self._last, self._schedule.now + self._random.randint(*self._delay))
        self._schedule.at(self._last, action)


class SimulatedGateway:
    """Plays, pauses, cuts, reports, and ends the call.

    :param tell: takes events for the worker
    :param sent: told of each tick: samples of which utterance left, up to which position
    """

    def __init__(
        self,
        schedule: Schedule,
        conditions: Conditions,
        random: Random,
        *,
        tell: Callable[[pb.GatewayEvent], None],
        sent: Callable[[int, int, int], None],
    ) -> None:
        self.ended = False
        self.heard_ms = 0
        """When the caller last heard the agent."""
        self.playout = Playout(ring := CountingRing(), self._report)
        self._ring = ring
        self._pauses = Pauses(self.playout)
        self._schedule = schedule
        self._conditions = conditions
        self._random = random
        self._tell = tell
        self._sent = sent
        self._ticking = False
        self._onset_ms: int | None = None
        self._ending = ""
        self._quiet_frames = 0
        self.journal: list[Entry] = []
        self.spoken = SpokenSoFar()
        self._told = Retold()
        self._entries = 0
        """Of the worker that has the call."""
        self._held = False

    # ------------------------------------------------------------ the worker's wishes

    def receive(self, event: pb.WorkerEvent) -> None:
        """Something came from the worker."""
        if self.ended:
            return
        match event.WhichOneof("event"):
            case "journal":
                self._keep(event.journal)
            case "words":
                self.spoken.timed(event.words)
            case "utterance":
                said = event.utterance
                self.spoken.announced(said)
                self.playout.announce(said.utterance, text=said.text, interruptible=said.interruptible, turn=said.turn)
            case "audio":
                self.playout.audio(event.audio.utterance, event.audio.offset, event.audio.pcm, final=event.audio.final)
            case "cut":
                self.playout.cut(event.cut.up_to)
            case "verdict":
                verdict = event.verdict
                cut = verdict.decision == pb.Verdict.DECISION_CUT
                self._pauses.decide(verdict.pause, Decision.CUT if cut else Decision.RESUME, verdict.resume_from)
            case "action":
                self._hang_up(event.action.hangup)
            case "failure":
                self.playout.complete_all()
                self._ending = event.failure.reason
        self._wake()

    def _keep(self, written: pb.JournalEntry) -> None:
        data = json.loads(written.json)
        self.journal.append(Entry(written.at_ms, written.kind, data))
        if written.kind == "utterance":
            self.spoken.journalled(data)
        elif written.kind in ("caller-turn", "agent-turn"):
            self.spoken.turn_told()
        self._entries += 1
        self._send(pb.GatewayEvent(kept=pb.JournalKept(entries=self._entries)))

    # ------------------------------------------------------------ a worker is lost

    @property
    def needs_worker(self) -> bool:
        """The call does not end by itself."""
        return not self.ended and not self._ending

    def lose_worker(self) -> None:
        """It is gone: what is here of its speech plays on."""
        self.spoken.cut_short(self.playout.finish_words(self.spoken.borders))
        self._wake()

    def hand_over(self) -> list[Entry]:
        """The journal for the worker that goes on, as it stands now."""
        self._entries = 0
        notes = [Entry(self._schedule.now, "playout", data) for data in self.spoken.entries(self.playout.queue)]
        self.journal += notes
        return self.journal

    def tell_again(self) -> None:
        """What the next worker has to be told again."""
        if self._held:
            self._tell(pb.GatewayEvent(hold=pb.HoldNotice(at_ms=self._schedule.now, held=True)))
        for event in self._told.again():
            self._tell(event)
        if (pause := self._pauses.pending) is not None:
            self._tell(pb.GatewayEvent(pause=_notice(pause)))

    def heard_worker(self, sent_ms: int) -> None:
        """The worker had read all that was sent before then."""
        self._told.forget(sent_ms)

    def _send(self, event: pb.GatewayEvent) -> None:
        """To the worker, and to the one after it if this one does not read it."""
        self._told.sent(event, self._schedule.now)
        self._tell(event)

    def _hang_up(self, hangup: pb.Hangup) -> None:
        if self._random.random() < self._conditions.end_lost:
            return
        if hangup.after_playout:
            self._ending = self._ending or hangup.reason
        else:
            self.end(hangup.reason)

    def end(self, reason: str) -> None:
        """The call is over, for whatever reason."""
        if not self.ended:
            self.ended = True
            self._tell(pb.GatewayEvent(end=pb.EndCall(at_ms=self._schedule.now, reason=reason)))

    # ------------------------------------------------------------ the line

    def caller_sounds(self, sound: Sound) -> None:
        """The caller's side makes a sound, which the fast detector may take for speech."""
        if self._onset_ms is None and self._random.random() < NOTICED[sound.kind]:
            delay = self._random.randint(*FAST_ONSET_MS)
            if sound.start_ms + delay < sound.end_ms + FRAME_MS:
                self._schedule.after(delay, lambda: self._notice(sound))

    def _notice(self, sound: Sound) -> None:
        self._onset_ms = onset = sound.start_ms // FRAME_MS * FRAME_MS
        end = min(sound.end_ms + FAST_HANGOVER_MS, onset + LATE_PAUSE_MS)
        self._schedule.at(end, self._forget_onset)

    def _forget_onset(self) -> None:
        self._onset_ms = None

    def hold(self, held: bool) -> None:
        """The far end holds the call or takes it back."""
        self._held = held
        self.playout.hold(held)
        self._tell(pb.GatewayEvent(hold=pb.HoldNotice(at_ms=self._schedule.now, held=held)))
        self._wake()

    def key(self, digit: str) -> None:
        """A DTMF digit."""
        self._send(pb.GatewayEvent(keypress=pb.Keypress(at_ms=self._schedule.now, digit=digit)))

    def say(self, text: str, *, end_call_after: bool) -> None:
        """Live control."""
        self._send(pb.GatewayEvent(say=pb.Say(text=text, end_call_after=end_call_after)))

    # ------------------------------------------------------------ the media clock

    @property
    def _busy(self) -> bool:
        return not self.ended and (not self.playout.idle or self._pauses.pending is not None or bool(self._ending))

    def _wake(self) -> None:
        if not self._ticking and self._busy:
            self._ticking = True
            self._schedule.at((self._schedule.now // FRAME_MS + 1) * FRAME_MS, self._tick)

    def _tick(self) -> None:
        if not self._busy:
            self._ticking = False
            return
        now, paused = self._schedule.now, self._ring.paused
        utterance, position, sent = self._ring.tick()
        if sent:
            self.heard_ms = now
            self._sent(utterance, position, sent)
        if self._onset_ms is not None and utterance and self._ring.armed and not paused:
            self._pause(utterance, position)
        tick = now // FRAME_MS
        self.playout.on_frame(LegFrame(tick, 0, b"", b"", utterance, position, True, False, False, False, paused))
        if self._pauses.pending is not None and not self._pauses.overtaken():
            self._pauses.late(now)
        self._end_when_quiet()
        self._schedule.at(now + FRAME_MS, self._tick)

    def _pause(self, utterance: int, position: int) -> None:
        assert self._onset_ms is not None
        onset, self._onset_ms = self._onset_ms, None
        self._ring.pause()
        pause = self._pauses.begin(utterance, position, onset_ms=onset, at_ms=self._schedule.now)
        if pause is not None:
            self._send(pb.GatewayEvent(pause=_notice(pause)))

    def _end_when_quiet(self) -> None:
        self._quiet_frames = self._quiet_frames + 1 if self.playout.idle else 0
        if self._ending and self._quiet_frames >= QUIET_FRAMES:
            self.end(self._ending)

    def _report(self, report: Report) -> None:
        self.spoken.played(report)
        progress = report.state is PlayoutState.PLAYING
        if progress and self._random.random() < self._conditions.report_lost:
            return
        message = pb.PlayoutReport(
            at_ms=report.at_ms,
            utterance=report.utterance,
            position=report.position,
            state=STATES[report.state],
            underrun_samples=report.underrun,
        )
        self._tell(pb.GatewayEvent(playout=message))


def _notice(pause: Pause) -> pb.PauseNotice:
    return pb.PauseNotice(
        pause=pause.number,
        onset_ms=pause.onset_ms,
        at_ms=pause.at_ms,
        utterance=pause.utterance,
        position=pause.position,
        decide_by_ms=pause.decide_by_ms,
    )
