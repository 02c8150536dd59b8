"""Uninterruptible passages: `<uninterruptible>This call is recorded.</uninterruptible>` in a text that is spoken.

The mark is understood in messages and in what a model streams, however it is cut into pieces. It is never spoken and no
part of any transcript. A passage that is not closed lasts to the end of the text; a mark that closes nothing does
nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from gateway.conversation.clauses import USUAL, ClauseSplitter, Cutting

_NAME = "uninterruptible"
_MARK = re.compile(rf"<\s*(/?)\s*{_NAME}\b\s*>?", re.IGNORECASE)
"""A model may forget the last character."""
_LONGEST = 60
"""Characters of a mark that is not complete yet; anything longer is text."""
_LEADING = " \t\n,.;:!?\u2026"
"""What is left of a sentence's end behind a passage."""


@dataclass(frozen=True, slots=True)
class Passage:
    """A part of a text without marks."""

    text: str
    interruptible: bool = True


@dataclass(slots=True)
class PassageReader:
    """Feed `push` with pieces of text; `flush` gives what was held back."""

    _buffer: str = ""
    _inside: bool = False

    def push(self, piece: str) -> list[Passage]:
        """Add text; returns what is known to be text, in order."""
        text = self._buffer + piece
        start = _unfinished_mark(text)
        self._buffer = text[start:]
        return self._read(text[:start])

    def flush(self) -> list[Passage]:
        """The text has ended: a mark that was begun is none, and no text either."""
        text, self._buffer = self._buffer, ""
        return [] if _compact(text).startswith(("<u", "</u")) else self._read(text)

    def _read(self, text: str) -> list[Passage]:
        passages, start = [], 0
        for mark in _MARK.finditer(text):
            passages.append(Passage(text[start : mark.start()], not self._inside))
            self._inside, start = not mark[1], mark.end()
        passages.append(Passage(text[start:], not self._inside))
        return [passage for passage in passages if passage.text]


@dataclass(frozen=True, slots=True)
class Clause:
    """What the voice speaks in one go."""

    text: str
    interruptible: bool = True


@dataclass(slots=True)
class ClauseReader:
    """A text with passages, cut into clauses: a passage begins and ends a clause."""

    cutting: Cutting = USUAL
    _passages: PassageReader = field(default_factory=PassageReader)
    _splitter: ClauseSplitter = field(init=False)
    _interruptible: bool = True
    _border: bool = False

    def __post_init__(self) -> None:
        self._splitter = ClauseSplitter(self.cutting)

    def push(self, piece: str) -> list[Clause]:
        """Add text; returns the clauses that are complete now."""
        return self._clauses(self._passages.push(piece))

    def flush(self) -> list[Clause]:
        """The text has ended; returns the last clauses."""
        return self._clauses(self._passages.flush()) + self._marked(self._splitter.flush())

    def _clauses(self, passages: list[Passage]) -> list[Clause]:
        clauses: list[Clause] = []
        for passage in passages:
            if passage.interruptible != self._interruptible:
                clauses += self._marked(self._splitter.flush())
                self._interruptible, self._border = passage.interruptible, True
            text = passage.text.lstrip(_LEADING) if self._border else passage.text
            if text:
                self._border = False
                clauses += self._marked(self._splitter.push(text))
        return clauses

    def _marked(self, texts: list[str]) -> list[Clause]:
        return [Clause(text, self._interruptible) for text in texts]


def clauses(text: str, cutting: Cutting = USUAL) -> list[Clause]:
    """The clauses of a whole text."""
    reader = ClauseReader(cutting)
    return reader.push(text) + reader.flush()


def plain(text: str) -> str:
    """The text without marks."""
    reader = PassageReader()
    return "".join(passage.text for passage in reader.push(text) + reader.flush())


def marked(text: str) -> str:
    """The text as an uninterruptible passage."""
    return f"<{_NAME}>{text}</{_NAME}>"


def _unfinished_mark(text: str) -> int:
    """Where a mark begins that the end of the text cuts off; the text's length when there is none."""
    start = text.rfind("<")
    if start < 0 or ">" in text[start:] or len(text) - start > _LONGEST:
        return len(text)
    begun = _compact(text[start:])
    names = (f"<{_NAME}", f"</{_NAME}")
    return start if any(name.startswith(begun) for name in names) else len(text)


def _compact(text: str) -> str:
    return "".join(text.lower().split())
