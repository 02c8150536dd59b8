"""A model's text stream, cut into clauses that a voice can speak.

A clause ends at the end of a sentence, at a line break, or, when it grew long, at a comma, semicolon, colon or dash. A
mark counts only when white space follows it, so numbers ("3.50", "10:30"), addresses and the end of what has come so
far are never cut; abbreviations and initials are none either. The first clause may be short, so that the voice can
begin. Joined by single spaces, the clauses are the text with its white space normalised.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

FIRST_SOFT = 40
"""Characters after which the first clause may end at a comma."""
SOFT = 120
HARD = 300
"""A clause of this length ends at any white space."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_ABBREVIATIONS = _words(
    """
    mr mrs ms dr prof st ave rd jr sr vs etc inc ltd co corp no nr approx dept est fig tel ext e.g i.e a.m p.m u.s u.k
    jan feb mar apr jun jul aug sep sept oct nov dec mon tue wed thu fri sat sun"""
)
_END = re.compile(r"""[.!?…]+["')\]]*\s|\n""")
_SOFT = re.compile("[,;:\u2013\u2014]\\s|\\s-\\s")
_SPACE = re.compile(r"\s+")
_MARKUP = re.compile(r"[*`#|<>]+|\b_+(?!\w)|(?<!\w)_+")


def speakable(text: str) -> str:
    """`text` without the marks that writers of text put into it and no voice can say."""
    return _SPACE.sub(" ", _MARKUP.sub("", text).replace("_", " ")).strip()


@dataclass(slots=True)
class ClauseSplitter:
    """Feed `push` with pieces of text; `flush` gives the rest."""

    _buffer: str = ""
    _count: int = 0

    def push(self, piece: str) -> list[str]:
        """Add text; returns the clauses that are complete now."""
        self._buffer += piece
        clauses = []
        while (end := self._border()) is not None:
            clause, self._buffer = self._buffer[:end], self._buffer[end:]
            clauses += self._normalised(clause)
        return clauses

    def flush(self) -> list[str]:
        """The text has ended; returns the last clause, if there is one."""
        clause, self._buffer = self._buffer, ""
        return self._normalised(clause)

    def _normalised(self, clause: str) -> list[str]:
        text = _SPACE.sub(" ", clause).strip()
        self._count += bool(text)
        return [text] if text else []

    def _border(self) -> int | None:
        for match in _END.finditer(self._buffer):
            if self._buffer[match.start()] == "\n" or not self._abbreviates(match.start()):
                return match.end()
        soft = SOFT if self._count else FIRST_SOFT
        for match in _SOFT.finditer(self._buffer, soft):
            return match.end()
        if len(self._buffer) > HARD:
            space = self._buffer.rfind(" ", 1, HARD)
            return space + 1 if space > 0 else None
        return None

    def _abbreviates(self, dot: int) -> bool:
        """The full stop at `dot` belongs to the word before it."""
        if self._buffer[dot] != ".":
            return False
        words = self._buffer[:dot].split()
        word = words[-1].lower().lstrip("(\"'") if words else ""
        lone_number = word.isdigit() and len(words) == 1
        return word in _ABBREVIATIONS or (len(word) == 1 and word.isalpha() and word != "i") or lone_number
