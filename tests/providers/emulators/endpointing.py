"""Utterances, for emulated transcribers that end them by themselves."""

from __future__ import annotations

import audioop
from collections.abc import Iterator

from gateway.media.audio import FRAME_BYTES, SAMPLE_BYTES
from tests.providers.emulators.ear import Ear, HeardWord

_LOUD = 300


class Endpointing:
    """What is heard, utterance by utterance; quiet of `quiet_ms` ends one. 8000 Hz mono s16le."""

    def __init__(self, ear: Ear, quiet_ms: int) -> None:
        self._ear = ear
        self._quiet_ms = quiet_ms
        self._loud_until_ms = 0
        self._before = 0
        self._told = 0

    def push(self, pcm: bytes) -> Iterator[None]:
        """The next audio; stops after every 20 ms, for a look at what is heard now."""
        for at in range(0, len(pcm), FRAME_BYTES):
            frame = pcm[at : at + FRAME_BYTES]
            self._ear.push(frame)
            if audioop.rms(frame, SAMPLE_BYTES) > _LOUD:
                self._loud_until_ms = self._ear.heard_ms
            yield

    @property
    def words(self) -> list[HeardWord]:
        """The words of the utterance so far."""
        return self._ear.words[self._before :]

    @property
    def text(self) -> str:
        """The same as a text."""
        return " ".join(word.text for word in self.words)

    @property
    def news(self) -> bool:
        """There are words that were not there at the last look."""
        before, self._told = self._told, len(self.words)
        return self._told > before

    @property
    def over(self) -> bool:
        """The utterance has ended."""
        return bool(self.words) and self._ear.heard_ms - self._loud_until_ms >= self._quiet_ms

    def next(self) -> None:
        """Begin another utterance."""
        self._before += len(self.words)
        self._told = 0
