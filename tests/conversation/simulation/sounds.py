"""What is really to be heard on the caller's side of a simulated line."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import StrEnum

REMEMBERED_MS = 90_000
"""Sounds are kept this long, for the transcriber."""


class Kind(StrEnum):
    STATEMENT = "statement"
    BACKCHANNEL = "backchannel"
    NOISE = "noise"
    ECHO = "echo"
    SIDE_TALK = "side talk"


@dataclass(frozen=True, slots=True)
class Word:
    text: str
    start_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True)
class Sound:
    """One stretch without a pause; noise has no words."""

    kind: Kind
    start_ms: int
    end_ms: int
    words: tuple[Word, ...] = ()


class Line:
    """The sounds of one caller, oldest first."""

    def __init__(self) -> None:
        self._sounds: deque[Sound] = deque()
        self.last_end_ms = 0
        """When the line fell, or will fall, silent."""

    def add(self, sound: Sound) -> None:
        """A sound that begins now; it may overlap with others."""
        self._sounds.append(sound)
        self.last_end_ms = max(self.last_end_ms, sound.end_ms)
        while self._sounds and self._sounds[0].end_ms < sound.start_ms - REMEMBERED_MS:
            self._sounds.popleft()

    def sounding(self, at_ms: int) -> bool:
        """Anything is to be heard."""
        return bool(self.at(at_ms))

    def at(self, at_ms: int) -> list[Sound]:
        """All that is to be heard."""
        return [sound for sound in self._sounds if sound.start_ms <= at_ms < sound.end_ms]

    def since(self, at_ms: int) -> list[Sound]:
        """All that was to be heard after then."""
        return [sound for sound in self._sounds if sound.end_ms > at_ms]

    def words(self, start_ms: int, end_ms: int) -> list[str]:
        """What a perfect recogniser makes of [start_ms, end_ms]: the words of which the larger part lies in it."""
        found = [
            word
            for sound in self._sounds
            if sound.end_ms > start_ms and sound.start_ms < end_ms
            for word in sound.words
            if start_ms <= (word.start_ms + word.end_ms) // 2 < end_ms
        ]
        return [word.text for word in sorted(found, key=lambda word: word.start_ms)]
