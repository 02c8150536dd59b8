"""From samples sent to words heard.

The gateway counts the samples of each utterance that left in RTP. The voice tells when each word is spoken, or the
times are estimated from the text: then words share the utterance's length in proportion to their characters, and an
utterance whose length is not known yet is taken to run at `SAMPLES_PER_CHARACTER`.

What was heard is always a prefix of the text and ends at a word border. A word counts when it was sent whole; the last
`SLACK` samples of it may miss, because they are the fade and the silence that a voice leaves after a word.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass, field

from gateway.conversation.events import PlayoutState, WordSpan

SAMPLES_PER_CHARACTER = 533
"""15 characters a second at 8000 Hz: the pace of an unhurried voice."""
SLACK = 400
"""Samples (50 ms)."""

DRY = 1600
"""Samples (200 ms)."""

_WORD = re.compile(r"\S+")


@dataclass(slots=True)
class SpokenUtterance:
    """One utterance: its text, what the voice made of it, and how much of it was sent."""

    id: int
    text: str
    interruptible: bool = True
    filler: bool = False
    samples: int = 0
    complete: bool = False
    position: int = 0
    state: PlayoutState | None = None
    words: list[WordSpan] = field(default_factory=list)

    def voiced(self, samples: int, words: tuple[WordSpan, ...], *, final: bool, text: str = "") -> None:
        """The voice made audio up to `samples` in all, and says `text` behind what it said before."""
        if text:
            self.text = f"{self.text} {text}".strip()
        self.samples = max(self.samples, samples)
        self.words.extend(words)
        self.complete = self.complete or final

    def played(self, position: int, state: PlayoutState) -> None:
        """The gateway sent `position` samples. A final state stays."""
        if self.settled:
            return
        self.position = max(self.position, position)
        self.state = state

    @property
    def settled(self) -> bool:
        """No more of it will be sent."""
        return self.state in (PlayoutState.FINISHED, PlayoutState.CUT)

    @property
    def dry(self) -> bool:
        """All audio that the voice made so far has been sent, or nearly so: reports come every 100 ms."""
        return not self.complete and self.samples - self.position < DRY

    @property
    def heard(self) -> str:
        """The words that were sent whole; a prefix of `text`."""
        if self.state is PlayoutState.FINISHED:
            return self.text
        return heard_text(self.text, self.position, self.borders())

    def borders(self) -> list[tuple[int, int]]:
        """Start and end sample of each word of the text, in order, never falling."""
        words = list(_WORD.finditer(self.text))
        missing = len(words) - len(self.words)
        if not self.words or missing < 0 or (missing and self.complete):
            return estimate_borders(self.text, self.samples if self.complete else 0)
        measured = _rising([(word.start, word.end) for word in self.words])
        begin = measured[-1][1] - words[len(measured) - 1].end() * SAMPLES_PER_CHARACTER
        rest = words[len(measured) :]
        return measured + [
            (begin + m.start() * SAMPLES_PER_CHARACTER, begin + m.end() * SAMPLES_PER_CHARACTER) for m in rest
        ]

    def resume_from(self, position: int) -> int:
        """The word border to go on from after a pause at `position`: the start of the word that was being spoken."""
        starts = [start for start, _ in self.borders()]
        index = bisect_right(starts, position) - 1
        return min(starts[index], position) if index >= 0 else 0


def estimate_borders(text: str, samples: int) -> list[tuple[int, int]]:
    """Word times in samples from the text alone; `samples` is the whole length, 0 when unknown."""
    words = list(_WORD.finditer(text))
    if not words:
        return []
    length = samples or words[-1].end() * SAMPLES_PER_CHARACTER
    return [(m.start() * length // words[-1].end(), m.end() * length // words[-1].end()) for m in words]


def heard_text(text: str, position: int, borders: list[tuple[int, int]]) -> str:
    """The prefix of `text` whose words ended by `position` samples."""
    ends = [end for _, end in borders]
    count = bisect_right(ends, position + SLACK) if position > 0 else 0
    if not count:
        return ""
    words = list(_WORD.finditer(text))
    return text[: words[min(count, len(words)) - 1].end()]


def _rising(borders: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Word times as a voice reports them, made monotonic: a search needs that."""
    result, last = [], 0
    for start, end in borders:
        start = max(start, last)
        last = max(end, start)
        result.append((start, last))
    return result
