"""What one caller heard, by the packets that came: words, silences, gaps. Pure; times are ns of the wall clock."""

from __future__ import annotations

import audioop
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from gateway.chaos.tones import OTHER, PAUSE_MS, heard_number, passage

LEAST_PACKETS = 4
"""Of a word that counts as heard: half of its sound."""
FRAME_MS = 20.0
AFTER_NS = 4_000_000_000
"""For how long after its end a fault answers for what callers hear."""


@dataclass(frozen=True, slots=True)
class Packet:
    """PCMU of 20 ms, and when the kernel had it."""

    at_ns: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class Word:
    """From its first loud packet to its last."""

    number: int
    start_ns: int
    end_ns: int


@dataclass(slots=True)
class Heard:
    """One call at the caller's end.

    `asked_ns` are the ends of the caller's phrases, one for each turn that it took.
    """

    words_each: int
    packets: list[Packet] = field(default_factory=list)
    asked_ns: list[int] = field(default_factory=list)
    began_ns: int = 0
    ended_ns: int = 0
    refused: int = 0
    """Status of a call that was not taken; 0 for one that was."""
    dropped: bool = False
    """The far end hung up."""
    unanswered: int = 0
    """Turns whose answer did not come, or not to its end."""
    held_up: bool = False
    """The caller could not speak in time: this machine was busy. Words that are missing may be due to it."""

    _words: list[Word] = field(default_factory=list)
    _judged: int = 0
    """Packets that `_words` are of."""

    def words(self) -> list[Word]:
        """What was said, word by word."""
        if self._judged != len(self.packets):
            self._words, self._judged = self._told_apart(), len(self.packets)
        return self._words

    def _told_apart(self) -> list[Word]:
        found: list[Word] = []
        run: list[Packet] = []
        current: int | None = None
        for packet in [*self.packets, Packet(0, b"")]:
            number = heard_number(np.frombuffer(audioop.ulaw2lin(packet.payload, 2), dtype=np.int16))
            if number != current:
                if current is not None and len(run) >= LEAST_PACKETS:
                    found.append(Word(current, run[0].at_ns, run[-1].at_ns))
                run, current = [], number
            run.append(packet)
        return found


@dataclass(frozen=True, slots=True)
class Judged:
    """Words of the passages that were missing, and those that came again; comfort and apologies are `others`."""

    missing: Sequence[int]
    repeated: Sequence[int]
    others: int


@dataclass(frozen=True, slots=True)
class Effect:
    """What a fault did to those who were on the telephone, ms: the longest silence between two words of a passage, the
    longest wait for the first word of an answer, the longest gap between packets. None: there was no such moment."""

    calls: int
    silence_ms: float | None
    answer_ms: float | None
    gap_ms: float | None


def judged(heard: Heard) -> Judged:
    """Words of a call that was taken. After the last turn without an answer nothing more is expected."""
    numbers = [word.number for word in heard.words()]
    turns = 1 + len(heard.asked_ns)
    expected = [number for turn in range(turns) for number in passage(turn, heard.words_each)]
    counted = Counter(numbers)
    repeated = [number for number in expected for _ in range(counted[number] - 1)]
    missing = [] if heard.dropped else [number for number in expected if not counted[number]]
    return Judged(missing, repeated, sum(number >= OTHER for number in numbers))


def effect(calls: Sequence[Heard], start_ns: int, end_ns: int) -> Effect:
    """Of a fault that lasted from `start_ns` to `end_ns`."""
    until = end_ns + AFTER_NS
    present = [one for one in calls if one.packets and one.began_ns < start_ns < one.ended_ns]
    silences = [ms for one in present for ms in _silences(one, start_ns, until)]
    answers = [ms for one in present for ms in answer_delays(one, start_ns, until)]
    gaps = [ms for one in present for ms in _gaps(one, start_ns, until)]
    return Effect(len(present), max(silences, default=None), max(answers, default=None), max(gaps, default=None))


def _silences(heard: Heard, start_ns: int, until_ns: int) -> list[float]:
    """Beyond the voice's own pauses, within a passage."""
    return [
        max(0.0, (after.start_ns - before.end_ns) / 1e6 - FRAME_MS - PAUSE_MS)
        for before, after in pairwise(heard.words())
        if after.start_ns > start_ns and before.end_ns < until_ns and not _asked_between(heard, before, after)
    ]


def _asked_between(heard: Heard, before: Word, after: Word) -> bool:
    return any(before.end_ns < asked < after.start_ns for asked in heard.asked_ns)


def answer_delays(heard: Heard, start_ns: int, until_ns: int) -> list[float]:
    """From the end of the caller's phrase to the first word, comfort included, of those that a fault could delay."""
    words = heard.words()
    delays = []
    for asked in heard.asked_ns:
        first = next((word.start_ns for word in words if word.start_ns > asked), None)
        if first is not None and first > start_ns and asked < until_ns:
            delays.append((first - asked) / 1e6)
    return delays


def _gaps(heard: Heard, start_ns: int, until_ns: int) -> list[float]:
    times = [packet.at_ns for packet in heard.packets]
    return [(after - before) / 1e6 for before, after in pairwise(times) if after > start_ns and before < until_ns]
