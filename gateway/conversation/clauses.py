"""A model's text stream, cut into clauses that a voice can speak.

A clause ends at the end of a sentence, at a line break, or, when it grew long, at a comma, semicolon, colon or dash. A
mark counts only when white space follows it, so numbers ("3.50", "10:30"), addresses and the end of what has come so
far are never cut; abbreviations and initials are none either. The first clause may be short, so that the voice can
begin. Joined by single spaces, the clauses are the text with its white space normalised.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
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
_WITHOUT_SPACE = "\u3002\uff0c\u060c\u06d4\u0964\u0965"
"""Chinese, Arabic, Urdu and Devanagari full stops and commas."""
_SPACE = re.compile(r"\s+")
_MARKUP = re.compile(r"[*`#|<>]+|\b_+(?!\w)|(?<!\w)_+")


def speakable(text: str) -> str:
    """`text` without the marks that writers of text put into it and no voice can say."""
    return _SPACE.sub(" ", _MARKUP.sub("", text).replace("_", " ")).strip()


@dataclass(frozen=True, slots=True)
class Cutting:
    """Where an assistant wants its texts cut.

    :param whole: nowhere
    :param least: characters that a clause has before it ends
    :param marks: the only characters behind which it may end; empty for the rules above
    """

    whole: bool = False
    least: int = 0
    marks: tuple[str, ...] = ()

    @property
    def ends(self) -> re.Pattern[str] | None:
        """Where a clause may end by `marks`. Those of scripts that are written without spaces need none behind them."""
        if not self.marks:
            return None
        close = "".join(re.escape(mark) for mark in self.marks if mark in _WITHOUT_SPACE)
        spaced = "|".join(re.escape(mark) for mark in self.marks if mark not in _WITHOUT_SPACE)
        parts = [f"[{close}]+" if close else "", rf"""(?:{spaced})+["')\]]*\s""" if spaced else ""]
        return re.compile("|".join(filter(None, parts)))


USUAL = Cutting()


@dataclass(slots=True)
class ClauseSplitter:
    """Feed `push` with pieces of text; `flush` gives the rest."""

    cutting: Cutting = USUAL
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
        if self.cutting.whole:
            return None
        for end in self._ends():
            if len(self._buffer[:end].strip()) >= self.cutting.least:
                return end
        if len(self._buffer) > HARD:
            space = self._buffer.rfind(" ", 1, HARD)
            return space + 1 if space > 0 else None
        return None

    def _ends(self) -> Iterator[int]:
        """Where the first clause may end, in the order of preference."""
        wanted = self.cutting.ends
        for match in (wanted or _END).finditer(self._buffer):
            if self._buffer[match.start()] == "\n" or not self._abbreviates(match.start()):
                yield match.end()
        if wanted is None:
            soft = SOFT if self._count else FIRST_SOFT
            yield from (match.end() for match in _SOFT.finditer(self._buffer, soft))

    def _abbreviates(self, dot: int) -> bool:
        """The full stop at `dot` belongs to the word before it."""
        if self._buffer[dot] != ".":
            return False
        words = self._buffer[:dot].split()
        word = words[-1].lower().lstrip("(\"'") if words else ""
        lone_number = word.isdigit() and len(words) == 1
        return word in _ABBREVIATIONS or (len(word) == 1 and word.isalpha() and word != "i") or lone_number
