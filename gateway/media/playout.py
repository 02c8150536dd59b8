"""What the agent says, in order, and the truth of what the caller heard of it.

The rules:

- Utterances play in the order of their ids. One that has begun is never overtaken: a lower id that comes later is
  dropped.
- The leg's ring holds a few seconds. It is topped up when it runs low, on every tick and whenever audio arrives.
- The position is what the leg says that it sent. It never goes back but on a resume, and never beyond the audio given.
- An utterance ends by being sent to its last sample (FINISHED) or by a cut (CUT), exactly once. Late audio is an
  underrun, never an end.
- A cut is a fence: audio of that id and of all below it is dropped and counted, whenever it comes.
- What the leg was playing when it was cut is settled by the frames that follow, because some were on their way.
- Paused by the caller's speech, playout resumes from a given position or is cut. A hold pauses it too.
- The fast VAD is armed only while something plays that may be interrupted, and rests after a resume.
- Jump: an utterance whose audio stops coming is cut after STARVED_MS, or after OVERTAKEN_MS when a later one is ready.

Pure: frames bring the time, the sink is a leg or a test's ring.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Protocol

from gateway.call.leg import LegFrame
from gateway.media.arming import PauseArming
from gateway.media.audio import FRAME_MS, FRAME_SAMPLES, SAMPLE_BYTES, SAMPLE_RATE, samples_to_ms
from gateway.media.utterance import PlayoutState, Report, Utterance

REPORT_MS = 100
"""A playing utterance is reported this often."""
RING_LOW = 2 * SAMPLE_RATE
"""Samples in the leg's ring below which it is topped up."""
RING_FILL = 4 * SAMPLE_RATE
"""Samples that are offered to the ring at most."""
QUEUE_LIMIT = 300 * SAMPLE_RATE
"""Samples kept for one call at most; a worker that sends more loses the rest."""
OVERTAKEN_MS = 3_000
STARVED_MS = 10_000
SETTLE_FRAMES = 5
"""Frames after a cut within which the leg must have stopped sending."""

MISSED_FRAMES = 10
"""Frames of silence with samples queued, after which the leg must have lost them."""


class Sink(Protocol):
    """The part of a `Leg` that plays."""

    def play(self, utterance: int, offset: int, pcm: bytes, *, final: bool) -> int:
        """Queue PCM; returns how many samples fitted."""

    def arm_pause(self, armed: bool) -> None:
        """Whether the fast VAD may pause."""

    def pause(self) -> None:
        """Hold what is queued."""

    def resume(self) -> None:
        """Go on."""

    def flush(self) -> None:
        """Drop what is queued."""


class Playout:
    """The playout queue of one call.

    :param sink: where samples go
    :param report: told of every change of state of an utterance, and every 100 ms while it plays
    """

    def __init__(self, sink: Sink, report: Callable[[Report], None]) -> None:
        self._sink = sink
        self._report = report
        self._queue: deque[Utterance] = deque()
        self._leaving: list[Utterance] = []
        self._settle_frames = 0
        self._fence = 0
        self._started = 0
        self._now_ms = 0
        self._starved_ms = 0
        self._arming = PauseArming(sink.arm_pause)
        self._backlog = 0
        self._unfed = False
        self._stale_from = 0
        self._missed_frames = 0
        self._stale_frames = 0
        self.paused = False
        self.held = False
        self.dropped_samples = 0
        self.highest = 0

    def __str__(self) -> str:
        return f"playout({len(self._queue)} utterances, {self._backlog} samples)"

    @property
    def idle(self) -> bool:
        """Whether nothing is announced, queued or on its way out."""
        return not self._queue and not self._leaving

    @property
    def current(self) -> Utterance | None:
        """The utterance that is playing, paused or next."""
        return self._queue[0] if self._queue else None

    @property
    def queue(self) -> Sequence[Utterance]:
        """What plays, is paused or waits, in order."""
        return tuple(self._queue)

    @property
    def remaining_ms(self) -> int:
        """How long what is here still plays."""
        return samples_to_ms(self._backlog)

    # ------------------------------------------------------------ what the worker says

    def announce(self, utterance: int, *, text: str = "", interruptible: bool = True, turn: int = 0) -> bool:
        """Take a place in the order. False when the id is cut, known, or below one that has begun."""
        if utterance <= self._fence or utterance <= self._started or self._find(utterance):
            return False
        self._queue.append(Utterance(utterance, text=text, interruptible=interruptible, turn=turn))
        if utterance < self.highest:
            self._queue = deque(sorted(self._queue, key=lambda waiting: waiting.id))
        self.highest = max(self.highest, utterance)
        return True

    def audio(self, utterance: int, offset: int, pcm: bytes, *, final: bool) -> None:
        """Samples of an utterance from `offset`; an id that was not announced is announced by it."""
        target = self._find(utterance)
        if target is None and self.announce(utterance):
            target = self._find(utterance)
        samples = len(pcm) // SAMPLE_BYTES
        if target is None or target.complete:
            self.dropped_samples += samples
            return
        if self._backlog + offset - target.total + samples > QUEUE_LIMIT:
            self.dropped_samples += samples
        else:
            self._backlog += target.insert(offset, pcm)
        target.complete = final
        self._feed()
        self._finish_sent()

    def cut(self, up_to: int) -> None:
        """End every utterance up to and including this id, playing or waiting."""
        self._fence = max(self._fence, up_to)
        gone = [utterance for utterance in self._queue if utterance.id <= up_to]
        if not gone:
            return
        self._queue = deque(utterance for utterance in self._queue if utterance.id > up_to)
        self._drop_ring(gone)
        for utterance in gone:
            self._backlog -= utterance.total - utterance.position
            if utterance not in self._leaving:
                self._end(utterance, PlayoutState.CUT)
        self._starved_ms = 0
        self._arming.next_utterance()
        self._feed()
        self._finish_sent()
        self._arm()

    def complete_all(self) -> None:
        """No more audio will come: what is here plays to its end."""
        for utterance in self._queue:
            utterance.complete = True
        self._feed()
        self._finish_sent()

    def finish_words(self, borders: Callable[[Utterance], Sequence[int]]) -> list[int]:
        """No more audio will come: the first utterance that is not whole ends with the last word of it that is here,
        and none follows it. What the leg has already plays on.

        :param borders: samples at which the words of an utterance end, as far as that is known
        :returns: the utterances that do not come to their end
        """
        whole = next((n for n, utterance in enumerate(self._queue) if not utterance.complete), len(self._queue))
        short = list(self._queue)[whole:]
        for utterance in short[1:]:
            self._queue.remove(utterance)
            self._backlog -= utterance.total - utterance.position
            self._end(utterance, PlayoutState.CUT)
        if short:
            last, before = short[0], short[0].total
            last.end_at(max((end for end in borders(last) if last.fed <= end <= before), default=before))
            self._backlog -= before - last.total
            if last.total <= last.position:
                self._queue.remove(last)
                self._drop_ring([last])
                if last not in self._leaving:
                    self._end(last, PlayoutState.CUT)
        self._feed()
        self._finish_sent()
        return [utterance.id for utterance in short]

    def resume(self, position: int | None = None) -> bool:
        """Go on after a pause, from `position` samples or where it stopped. False when nothing was paused."""
        if not self.paused:
            return False
        self.paused = False
        head = self._queue[0]
        self._arming.resumed(self._now_ms)
        if position is not None and position < head.position:
            self._rewind(head, position)
        else:
            self._feed()  # what came meanwhile
        self._release()
        if not self.held:
            self._change(head, PlayoutState.PLAYING)
        return True

    # ------------------------------------------------------------ what the leg says

    def on_pause(self, utterance: int, position: int, at_ms: int) -> bool:
        """The fast VAD paused the leg. False, and the leg goes on, when that utterance may not be paused or is over."""
        self._now_ms = max(self._now_ms, at_ms)
        if self.paused:
            return False
        head = self.current
        if head is not None and head.id == utterance:
            self._move(head, position)
            self._finish_sent()
        if head is None or head is not self.current or head.id != utterance or not head.interruptible:
            self._release()
            return False
        self.paused = True
        self._arm()
        self._change(head, PlayoutState.PAUSED)
        return True

    def hold(self, held: bool) -> None:
        """The far end does not hear us, or does again: playout waits."""
        if held == self.held:
            return
        self.held = held
        if held:
            self._sink.pause()
        elif not self.paused:
            self._release()
        head = self.current
        if head is not None and head.fed and not self.paused:
            self._change(head, PlayoutState.PAUSED if held else PlayoutState.PLAYING)
        self._arm()

    def on_frame(self, frame: LegFrame) -> None:
        """A media tick: take over what was sent, top up the ring, report."""
        self._now_ms = frame.tick * FRAME_MS
        if self._leaving:
            self._settle(frame)
        if not self._queue:
            return
        waiting = self.paused or self.held
        # A frame that says paused while we are not was captured before the resume took effect: its position is old.
        moved = (waiting or not frame.paused) and self._follow(frame)
        if not moved and not waiting and self._queue:
            self._starve(self._queue[0], frame)
        if self._queue and not waiting:
            if self._unfed and self._queue[0].waiting < RING_LOW and self._in_ring() < RING_LOW:
                self._feed()
            if self._arming.rest_is_over(self._now_ms):
                self._arm()

    # ------------------------------------------------------------ position

    def _follow(self, frame: LegFrame) -> bool:
        head = self._queue[0]
        if frame.utterance != head.id:
            if self._find(frame.utterance) is None:
                return False
            # The leg is at a later one, so all before it were sent.
            while self._queue[0].id != frame.utterance:
                self._move(self._queue[0], self._queue[0].total)
                self._end_head(PlayoutState.FINISHED)
            head = self._queue[0]
        if self._stale_frames and self._stale(frame.position):
            return False
        return self._progress(head, frame.position)

    def _stale(self, position: int) -> bool:
        """Whether a frame after a rewind still tells the place where playout was paused."""
        self._stale_frames -= 1
        if position < self._stale_from:
            self._stale_frames = 0
        return self._stale_frames > 0

    def _progress(self, head: Utterance, position: int) -> bool:
        before = head.position
        if not self._move(head, position):
            return False
        self._starved_ms = 0
        sent = head.sent
        if head.position - before < FRAME_SAMPLES and not sent:
            head.late += FRAME_SAMPLES - (head.position - before)
        if sent:
            self._finish_sent()
        elif head.state is not PlayoutState.PLAYING and not self.paused:
            self._change(head, PlayoutState.PLAYING)
        elif self._now_ms - head.reported_ms >= REPORT_MS:
            self._tell(head)
        return True

    def _move(self, utterance: Utterance, position: int) -> bool:
        before = utterance.position
        moved = utterance.advance(position)
        self._backlog -= utterance.position - before
        return moved

    def _starve(self, head: Utterance, frame: LegFrame) -> None:
        if head.waiting:
            self._miss(frame)
            return
        if head.position:
            head.late += FRAME_SAMPLES
        self._starved_ms += FRAME_MS
        overtaken = len(self._queue) > 1 and self._queue[1].total > 0
        if self._starved_ms >= (OVERTAKEN_MS if overtaken else STARVED_MS):
            self.cut(head.id)

    def _miss(self, frame: LegFrame) -> None:
        """Feed again when the leg has lost what it was given: its media was opened anew."""
        self._missed_frames = 0 if frame.utterance else self._missed_frames + 1
        if self._missed_frames >= MISSED_FRAMES:
            self._missed_frames = 0
            self._forget_fed()
            self._feed()

    def _settle(self, frame: LegFrame) -> None:
        self._settle_frames -= 1
        last = self._leaving[-1].id
        for utterance in self._leaving:
            if frame.utterance == utterance.id and not frame.paused:
                utterance.advance(frame.position)
        if frame.utterance == 0 or frame.utterance > last or self._settle_frames <= 0:
            self._settled()

    def _settled(self) -> None:
        leaving, self._leaving = self._leaving, []
        for utterance in leaving:
            self._end(utterance, PlayoutState.CUT)

    # ------------------------------------------------------------ ring

    def _in_ring(self) -> int:
        return sum(utterance.waiting for utterance in self._queue)

    def _feed(self) -> None:
        """Offer the ring what comes next, up to RING_FILL samples."""
        if self.paused:
            return
        for utterance in self._queue:
            if not self._offer(utterance, RING_FILL - self._in_ring()):
                break
        self._unfed = self._backlog > self._in_ring()
        self._arm()

    def _offer(self, utterance: Utterance, room: int) -> bool:
        """Offer samples of one utterance. True when the leg has all of it, so that the next may follow."""
        take = min(room, utterance.total - utterance.fed)
        last = utterance.complete and utterance.fed + take == utterance.total
        if take > 0 or (last and not utterance.closed and utterance.total):
            taken = self._sink.play(utterance.id, utterance.fed, utterance.piece(take), final=last)
            utterance.fed += taken
            self._started = max(self._started, utterance.id)
            utterance.closed = last
        return utterance.complete and utterance.fed == utterance.total

    def _rewind(self, head: Utterance, position: int) -> None:
        self._empty_ring()
        before = head.position
        head.rewind(max(0, position))
        self._backlog += before - head.position
        self._stale_from, self._stale_frames = before, SETTLE_FRAMES
        self._feed()

    def _drop_ring(self, gone: list[Utterance]) -> None:
        """Empty the ring of what is cut; what comes after it is fed again."""
        fed = [utterance for utterance in gone if utterance.fed]
        if not fed:
            return
        self._empty_ring()
        if self.paused:
            self.paused = False
            self._release()
        elif not self.held:
            self._settled()
            self._leaving, self._settle_frames = fed, SETTLE_FRAMES

    def _empty_ring(self) -> None:
        self._sink.flush()
        if self.held:
            self._sink.pause()
        self._forget_fed()

    def _forget_fed(self) -> None:
        for utterance in self._queue:
            if utterance.waiting:
                utterance.rewind(utterance.position)

    def _release(self) -> None:
        if not self.held:
            self._sink.resume()

    # ------------------------------------------------------------ state

    def _find(self, utterance: int) -> Utterance | None:
        for waiting in self._queue:
            if waiting.id == utterance:
                return waiting
        return None

    def _finish_sent(self) -> None:
        while self._queue and self._queue[0].sent:
            self._end_head(PlayoutState.FINISHED)

    def _end_head(self, state: PlayoutState) -> None:
        utterance = self._queue.popleft()
        self._fence = max(self._fence, utterance.id)
        self._started = max(self._started, utterance.id)
        if self.paused:
            self.paused = False
            self._release()
        self._starved_ms = self._stale_frames = 0
        self._arming.next_utterance()
        self._end(utterance, state)
        self._arm()

    def _end(self, utterance: Utterance, state: PlayoutState) -> None:
        utterance.pcm = bytearray()
        self._change(utterance, state)

    def _change(self, utterance: Utterance, state: PlayoutState) -> None:
        utterance.state = state
        self._tell(utterance)

    def _tell(self, utterance: Utterance) -> None:
        utterance.reported_ms = self._now_ms
        self._report(Report(self._now_ms, utterance.id, utterance.position, utterance.state, utterance.underrun))

    def _arm(self) -> None:
        head = self.current
        playing = head is not None and head.fed > 0 and not self.paused and not self.held
        self._arming.set(playing and head is not None and head.interruptible, self._now_ms)
