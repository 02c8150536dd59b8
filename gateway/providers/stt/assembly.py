"""Puts the results of a streaming recogniser together into the texts of segments. Pure: no clock, no socket.

A recogniser sends text as it likes; the conversation asks for the text of spans. Each word goes to the first span that
asks for it, so that none is lost or doubled between two spans; a span that is asked for again with the same start gets
its words again. Times of audio are ms of the call clock; `now` is ms of any steady clock.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from gateway.providers.base import Transcript
from gateway.providers.stt.connection import Recognised, RecognisedWord

_BEFORE_MS, _AFTER_MS = 200, 200
"""Recognisers and voice activity detectors do not quite agree on when a word is spoken."""
_PATIENCE_MS = 600
"""For a flushed result, where other results tell already that the span was heard to its end."""
_GIVE_UP_MS = 30_000
_NEARLY_FLUSHED_MS = 20
"""Providers round."""
_HOLE_MS = 500
"""Some recognisers pass over silence."""
_NEARLY_MS = 200
"""What is told of the end of a turn is told of all audio up to a moment before."""
_LATE_MS = 10_000
"""Words that come after their span was answered go to the next one, if it begins within this time."""
_KEPT_MS = 180_000
_RUN_GAP_MS = 1_000
"""A pause that separates running speech from what was said before."""


@dataclass(slots=True)
class _Word:
    text: str
    start_ms: int
    end_ms: int
    result: Recognised
    taken_by: int | None = None
    """Start of the span that has it."""

    @property
    def middle_ms(self) -> float:
        return (self.start_ms + self.end_ms) / 2

    @property
    def earliest_ms(self) -> float:
        """Without a time of its own it may be anywhere in its result: before or behind a long silence."""
        return self.middle_ms if self.result.words else self.result.start_ms

    @property
    def latest_ms(self) -> float:
        """As `earliest_ms`."""
        return self.middle_ms if self.result.words else self.result.end_ms


@dataclass(slots=True)
class _Request:
    segment: int
    start_ms: int
    end_ms: int
    heard_ms: int
    """How far the audio went when it was asked for, which is what its flush covers."""
    asked_at: int

    @property
    def needs_ms(self) -> int:
        return min(self.end_ms, self.heard_ms)


_Ready = Callable[[_Request], bool]


@dataclass(slots=True)
class _Answered:
    """A span that has its text. What is final in [from_ms, until_ms) was in it as a partial already."""

    segment: int
    start_ms: int
    end_ms: int
    finished: float | None
    from_ms: int = 0
    until_ms: int = 0


@dataclass(slots=True)
class Assembly:
    """One call's results and spans."""

    final_until_ms: int = 0
    """How far the results are final."""
    _words: list[_Word] = field(default_factory=list)
    _partial: list[_Word] = field(default_factory=list)
    _partial_from_ms: int = 0
    _partial_until_ms: int = 0
    _requests: list[_Request] = field(default_factory=list)
    _flushes: list[int] = field(default_factory=list)
    """How far the audio of each went that may still be answered: also where the span has its text already."""
    _answered: list[_Answered] = field(default_factory=list)
    _finals: set[tuple[int, int, str]] = field(default_factory=set)
    _finished: tuple[int, float] | None = None

    # ------------------------------------------------------------ what happens

    def finish(self, segment: int, start_ms: int, end_ms: int, *, heard_ms: int, now: int) -> list[Transcript]:
        """The text of [start_ms, end_ms] is wanted; audio came up to `heard_ms`. Returns its text if it is known."""
        self._requests.append(_Request(segment, start_ms, end_ms, heard_ms, now))
        answers = self._settle(lambda request: self.final_until_ms >= request.needs_ms)
        if self.waits:
            self._flushes.append(heard_ms)
        return answers

    @property
    def waits(self) -> bool:
        """There is a span whose text is not complete: the recogniser is to be flushed."""
        return bool(self._requests)

    @property
    def idle(self) -> bool:
        """Nothing is being said or asked for."""
        return not self._requests and not self._partial

    def recognised(self, result: Recognised, now: int) -> list[Transcript]:
        """A result, with times of the call clock. Returns the texts of spans that it completes, and running text."""
        if result.finished is not None:
            self._finished = (result.end_ms, result.finished)
        if result.final:
            self._keep_final(result)
        elif result.end_ms > self.final_until_ms:
            words = [self._claimed(word) for word in _words_of(result)]
            self._partial = [word for word in words if self._still_partial(word)]
            self._partial_from_ms, self._partial_until_ms = result.start_ms, result.end_ms
        flushed = self._flushed(result) if result.flushed else set()
        answers = self._settle(
            lambda request: request.segment in flushed or self.final_until_ms >= request.needs_ms
        ) + self.time(now)
        if result.final or result.flushed:
            return answers + self._judged(result)
        return answers + (self._running(result) or self._judged(result))

    def time(self, now: int) -> list[Transcript]:
        """Texts that are as good as they will be at `now`."""
        return self._settle(
            lambda request: (
                (now >= request.asked_at + _PATIENCE_MS and self._known_until(request) >= request.needs_ms)
                or now >= request.asked_at + _GIVE_UP_MS
            )
        )

    def deadline(self, now: int) -> int | None:
        """When `time` is to be called at the latest, None for never."""
        times = [request.asked_at + wait for request in self._requests for wait in (_PATIENCE_MS, _GIVE_UP_MS)]
        return min((time for time in times if time > now), default=None)

    def restarted(self) -> None:
        """From `final_until_ms` on the audio is recognised once more."""
        self._partial, self._partial_until_ms = [], 0
        self._flushes.clear()

    # ------------------------------------------------------------ words

    def _keep_final(self, result: Recognised) -> None:
        key = (result.start_ms, result.end_ms, result.text)
        if key not in self._finals:
            self._finals.add(key)
            self._words += [self._claimed(word) for word in _words_of(result)]
            self._words.sort(key=lambda word: word.start_ms)
        self.final_until_ms = max(self.final_until_ms, result.end_ms)
        self._partial = [word for word in self._partial if self._still_partial(word)]
        self._forget(self.final_until_ms - _KEPT_MS)

    def _still_partial(self, word: _Word) -> bool:
        """No final result covers the word."""
        if word.result.start_ms >= self.final_until_ms:
            return True
        if not word.result.words or word.end_ms <= self.final_until_ms:
            return False
        # A final result may end within a word: then its words tell whether it has it.
        return word.middle_ms > self.final_until_ms or not any(
            word.start_ms < final.middle_ms < word.end_ms for final in self._words
        )

    def _claimed(self, word: _Word) -> _Word:
        """A word that was in a span's text as a partial is that span's."""
        for answered in self._answered:
            if answered.from_ms <= word.start_ms < answered.until_ms:
                word.taken_by = answered.start_ms
        return word

    def _forget(self, before_ms: int) -> None:
        self._words = [word for word in self._words if word.end_ms > before_ms]
        self._answered = [answered for answered in self._answered if answered.end_ms > before_ms]
        self._finals = {final for final in self._finals if final[1] > before_ms}
        self._flushes = [heard_ms for heard_ms in self._flushes if heard_ms > before_ms]

    # ------------------------------------------------------------ texts

    def _known_until(self, request: _Request) -> int:
        """How far the results have heard the span. A partial behind a hole tells that a final is still to come."""
        whole = self._partial_from_ms <= max(self.final_until_ms, request.start_ms) + _HOLE_MS
        return max(self.final_until_ms, self._partial_until_ms if whole else 0)

    def _flushed(self, result: Recognised) -> set[int]:
        """The spans that a flushed result answers: those that it reaches, or else those of the oldest flush, unless it
        is the answer to one before it, whose span had its text already."""
        reached = {one.segment for one in self._requests if one.needs_ms <= result.end_ms}
        oldest = min((one.heard_ms for one in self._requests), default=0)
        answered = max(
            (heard_ms for heard_ms in self._flushes if heard_ms <= result.end_ms + _NEARLY_FLUSHED_MS), default=oldest
        )
        self._flushes = [heard_ms for heard_ms in self._flushes if heard_ms > answered]
        if reached or answered < oldest:
            return reached
        return {one.segment for one in self._requests if one.heard_ms == oldest}

    def _settle(self, ready: _Ready) -> list[Transcript]:
        answers = [request for request in self._requests if ready(request)]
        self._requests = [request for request in self._requests if request not in answers]
        return [self._answer(request) for request in answers]

    def _answer(self, request: _Request) -> Transcript:
        words = [word for word in self._words if self._belongs(word, request)]
        partial = [word for word in self._partial if self._belongs(word, request)]
        for word in words + partial:
            word.taken_by = request.start_ms
        finished = self._finished_after(request)
        answered = _Answered(request.segment, request.start_ms, request.end_ms, finished)
        if partial:
            answered.from_ms, answered.until_ms = partial[0].start_ms, partial[-1].end_ms
        self._answered.append(answered)
        sure = [word.result.confidence for word in words + partial if word.result.confidence is not None]
        return Transcript(
            _text(words + partial),
            request.start_ms,
            request.end_ms,
            True,
            request.segment,
            sum(sure) / len(sure) if sure else None,
            finished=finished,
        )

    def _belongs(self, word: _Word, request: _Request) -> bool:
        if word.taken_by is not None and word.taken_by < request.start_ms:
            return False
        if word.earliest_ms > request.end_ms + _AFTER_MS:
            return False
        return word.latest_ms >= request.start_ms - _BEFORE_MS or self._late(word, request)

    def _late(self, word: _Word, request: _Request) -> bool:
        """The word came after its own span was answered, and nobody has it."""
        return word.taken_by is None and any(
            answered.start_ms - _BEFORE_MS <= word.middle_ms <= answered.end_ms + _AFTER_MS
            and answered.start_ms < request.start_ms <= answered.end_ms + _LATE_MS
            for answered in self._answered
        )

    def _finished_after(self, request: _Request) -> float | None:
        if self._finished is None or self._finished[0] < request.end_ms - _NEARLY_MS:
            return None
        return self._finished[1]

    def _judged(self, result: Recognised) -> list[Transcript]:
        """What is thought anew about the last span that was answered, as long as it has all words."""
        last = self._answered[-1] if self._answered else None
        if last is None or result.finished is None or result.finished == last.finished or result.end_ms < last.end_ms:
            return []
        if any(word.taken_by is None and word.end_ms > last.start_ms for word in (*self._words, *self._partial)):
            return []
        last.finished = result.finished
        return [Transcript("", last.start_ms, last.end_ms, False, last.segment, finished=result.finished)]

    def _running(self, result: Recognised) -> list[Transcript]:
        """The running speech that no span has yet."""
        words: list[_Word] = []
        for word in reversed(self._words + self._partial):
            if word.taken_by is not None or (words and words[-1].start_ms - word.end_ms > _RUN_GAP_MS):
                break
            words.append(word)
        if not words:
            return []
        words.reverse()
        text, start, end = _text(words), words[0].start_ms, max(words[-1].end_ms, result.end_ms)
        return [Transcript(text, start, end, False, stability=result.stability, finished=result.finished)]


def _words_of(result: Recognised) -> list[_Word]:
    """The words of a result. Where their times are not known they share the result's time by their lengths."""
    words: Sequence[RecognisedWord] = result.words or _spread(result)
    return [_Word(word.text, word.start_ms, word.end_ms, result) for word in words]


def _spread(result: Recognised) -> list[RecognisedWord]:
    texts = result.text.split()
    whole = sum(len(text) + 1 for text in texts)
    at, words = 0, []
    for text in texts:
        start, at = at, at + len(text) + 1
        span = result.end_ms - result.start_ms
        words.append(
            RecognisedWord(text, result.start_ms + span * start // whole, result.start_ms + span * at // whole)
        )
    return words


def _text(words: Sequence[_Word]) -> str:
    """A result that is there as a whole is written as the recogniser wrote it."""
    parts = []
    for _, group in groupby(words, key=lambda word: id(word.result)):
        some = list(group)
        result = some[0].result
        whole = len(some) == len(result.words or result.text.split())
        parts.append(result.text.strip() if whole else " ".join(word.text for word in some))
    return " ".join(part for part in parts if part)
