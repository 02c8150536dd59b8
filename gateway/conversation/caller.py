"""The caller's side of the floor: who speaks, and the segments of the turn that is being made.

Speech is cut into segments, each transcribed as a whole. A pause shorter than `MERGE_GAP_MS` does not end a segment:
the longer span is asked for again under a new id and replaces it, because a recogniser does better with more context.
Nor does a pause in which the text has not come yet: one longer span costs less than two. Spans longer
than `LONGEST_SEGMENT_MS` are not merged: the cost of a long turn stays in proportion to its length.
"""

from __future__ import annotations

from bisect import insort
from dataclasses import dataclass, field

from gateway.conversation.keypad import KeypadPlan

PRE_ROLL_MS = 200
POST_ROLL_MS = 100
MERGE_GAP_MS = 1500
LONGEST_SEGMENT_MS = 8000
DRAFTS = 6
"""Transcriptions of a turn that are begun in a pause before the speech is known to be over."""
SAME_END_MS = 80
"""Two ends of speech this near are the same."""


@dataclass(slots=True)
class Segment:
    """A span of caller speech; `text` is None until its transcript has come. Keypad segments know it at once.
    `finished` is the transcriber's probability that the caller has finished with it."""

    id: int
    start_ms: int
    end_ms: int
    text: str | None = None
    keypad: bool = False
    finished: float | None = None


@dataclass(slots=True)
class CallerTurn:
    """Speech of the caller since the last turn was taken. `finished` is the probability by sound that the latest speech
    ended the turn, None while nobody has judged it. `rolled` is the latest segment that was closed while the caller
    spoke on. `end_ms` is the end of speech and keys, `spoken_ms` that of the latest speech: a worker that takes a call
    over hears it after keys that were pressed later."""

    speaking: bool = False
    start_ms: int = 0
    end_ms: int = 0
    spoken_ms: int = 0
    onset_ms: int = 0
    transcript_ms: int = 0
    finished: float | None = None
    rolled: int = 0
    segments: list[Segment] = field(default_factory=list)
    keypad: KeypadPlan = field(default_factory=KeypadPlan)
    _open_ms: int | None = None
    _replaces: Segment | None = None
    _draft: Segment | None = None
    _drafts: int = 0

    def speech_started(self, onset_ms: int) -> int | None:
        """The caller speaks since `onset_ms`; returns the pause in ms since the speech before, if there was any."""
        pause = onset_ms - self.end_ms if self.end_ms and not self.empty else None
        if self.empty:
            self.start_ms = onset_ms
        self.speaking, self.onset_ms, self.finished = True, onset_ms, None
        if self._open_ms is None:
            self._reopen(onset_ms)
        return pause

    def _reopen(self, onset_ms: int) -> None:
        """Begin a span at `onset_ms`, or go on with the last segment when the pause was short."""
        last = self.segments[-1] if self.segments else None
        if last is not None and self._goes_on(last, onset_ms):
            self._open_ms, self._replaces = last.start_ms, last
        else:
            self._open_ms, self._replaces = onset_ms, None

    def _goes_on(self, last: Segment, onset_ms: int) -> bool:
        """Speech at `onset_ms` belongs to the segment: it is near, or the segment's text has not come yet anyway."""
        near = onset_ms - self.end_ms < MERGE_GAP_MS or last.text is None
        return near and not last.keypad and onset_ms - last.start_ms < LONGEST_SEGMENT_MS

    def draft(self, number: int, end_ms: int) -> Segment | None:
        """The span up to a pause that may be the end of the speech, to be transcribed in that hope; None when the turn
        has had enough of these."""
        self._withdraw_draft(end_ms)
        if self._open_ms is None or self._drafts >= DRAFTS:
            return None
        self._drafts += 1
        self._draft = self.close_segment(number, end_ms)
        return self._draft

    def _withdraw_draft(self, end_ms: int) -> None:
        """Speech went on to `end_ms`: when that is more than the draft has, its span is open again."""
        draft, self._draft = self._draft, None
        if draft is None or draft not in self.segments:
            return
        if end_ms - draft.end_ms > SAME_END_MS:
            self._open_ms, self._replaces = draft.start_ms, draft

    def speech_ended(self, end_ms: int) -> None:
        """The caller fell silent at `end_ms`."""
        self._withdraw_draft(end_ms)
        self.speaking = False
        self.spoken_ms = max(end_ms, self.onset_ms)
        self.end_ms = max(self.end_ms, self.spoken_ms)

    @property
    def unrequested(self) -> bool:
        """There is speech that no segment covers."""
        return self._open_ms is not None

    def close_segment(self, number: int, end_ms: int) -> Segment:
        """Make the open span a segment that is to be transcribed."""
        start = self._open_ms if self._open_ms is not None else self.onset_ms
        segment = Segment(number, start, max(start, end_ms))
        if self._replaces is not None and self._replaces in self.segments:
            self.segments.remove(self._replaces)
            segment.end_ms = max(segment.end_ms, self._replaces.end_ms)
        # Keys that were pressed before this speech ended came after its beginning.
        insort(self.segments, segment, key=lambda one: one.start_ms)
        self._open_ms, self._replaces = None, None
        return segment

    def roll(self, number: int, at: int) -> Segment:
        """Close the segment of speech that goes on, and open the next one where it ends."""
        self._withdraw_draft(at)
        segment = self.close_segment(number, at)
        self._open_ms, self.onset_ms, self.rolled = at, at, segment.id
        return segment

    def judged(self, number: int, finished: float) -> bool:
        """The transcriber thinks anew about a segment; False when it is none of this turn, or has no text yet."""
        for segment in self.segments:
            if segment.id == number and segment.text is not None:
                segment.finished = finished
                return True
        return False

    def transcribed(self, number: int, text: str, at: int, finished: float | None = None) -> bool:
        """Keep the text of a segment; False when the segment is none of this turn."""
        for segment in self.segments:
            if segment.id == number:
                segment.text, segment.finished = text.strip(), finished
                self.transcript_ms = at
                return True
        return False

    def key(self, number: int, digit: str, at: int) -> None:
        """A digit from the keypad: part of the text, in its order."""
        if self.empty:
            self.start_ms = at
        last = self.segments[-1] if self.segments else None
        if last is not None and last.keypad:
            last.text, last.end_ms = (last.text or "") + digit, at
        else:
            self.segments.append(Segment(number, at, at, digit, keypad=True))
        self.end_ms, self.transcript_ms = max(self.end_ms, at), at

    @property
    def empty(self) -> bool:
        """Nothing belongs to a turn yet."""
        return not self.segments and self._open_ms is None

    @property
    def waiting(self) -> bool:
        """A transcript is missing."""
        return any(segment.text is None for segment in self.segments)

    @property
    def text(self) -> str:
        """The text so far; a delimiter that only ends keypad input is no part of it."""
        return " ".join(self.keypad.text(s.text) if s.keypad else s.text for s in self.segments if s.text)

    @property
    def keys(self) -> str:
        """The keys that the turn ends with, empty when it ends with speech."""
        last = self.segments[-1] if self.segments else None
        return last.text or "" if last is not None and last.keypad else ""

    @property
    def pressed(self) -> bool:
        """Keys are a part of the turn."""
        return any(segment.keypad for segment in self.segments)

    @property
    def finished_by_words(self) -> float | None:
        """The transcriber's probability that the turn is over, None when it does not tell."""
        return self.segments[-1].finished if self.segments else None

    def drop_open(self) -> None:
        """Forget speech that no segment covers: it was too short to be any."""
        self._open_ms, self._replaces = None, None

    @property
    def source(self) -> str:
        """speech, or keypad when the turn is nothing but keys."""
        return "keypad" if self.segments and all(segment.keypad for segment in self.segments) else "speech"

    def forget(self) -> None:
        """The turn was taken or dropped. Speech that goes on opens the next one."""
        self.segments.clear()
        self._open_ms, self._replaces, self._draft, self._drafts = None, None, None, 0
        if self.speaking:
            self._open_ms = self.start_ms = self.onset_ms
