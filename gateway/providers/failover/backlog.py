"""What a transcriber that takes over in a call must hear and answer. Pure: times are ms of the call clock, `now` is
seconds of a steady clock."""

from __future__ import annotations

import audioop
from collections import deque
from dataclasses import dataclass

from gateway.media.audio import FRAME_BYTES, FRAME_MS, SAMPLE_BYTES
from gateway.providers.base import TranscriptHint
from gateway.providers.stt.history import AudioHistory

_LEAD_MS = 300
"""Heard before a span, so that its first word is whole."""
_UNASKED_MS = 25_000
"""Speech is asked for in pieces of 20 s at the latest."""
_GOES_ON_MS = 3_000
"""A span that was answered this long ago may still be asked for again, with what came after it."""
_LOUD = 100
"""Root mean square, of 32768, below which a frame is a quiet line: -50 dBFS."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request for the text of [start_ms, end_ms], made at `at`."""

    segment: int
    start_ms: int
    end_ms: int
    hint: TranscriptHint
    at: float


@dataclass(frozen=True, slots=True)
class Replay:
    """Audio from `start_ms` on, and what is to be asked about it, in this order: `settled` is answered already, and
    asked only so that its words are not given to another span."""

    start_ms: int
    pcm: bytes
    settled: tuple[Asked, ...]
    open: tuple[Asked, ...]


class Backlog:
    """The caller's latest audio, and the spans that were asked for."""

    def __init__(self) -> None:
        self._audio = AudioHistory()
        self._open: dict[int, Asked] = {}
        self._answered: deque[Asked] = deque(maxlen=8)

    @property
    def open(self) -> list[Asked]:
        """What has no answer yet, oldest first."""
        return list(self._open.values())

    def push(self, pcm: bytes, at_ms: int) -> None:
        """Caller audio."""
        self._audio.push(pcm, at_ms)

    def ask(self, asked: Asked) -> None:
        """A span's text is wanted."""
        self._open[asked.segment] = asked

    def answer(self, segment: int | None) -> Asked | None:
        """A final text came. Returns what it answers, None when that has its answer already."""
        asked = self._open.pop(segment, None) if segment is not None else None
        if asked is not None:
            self._answered.append(asked)
        return asked

    def replay(self) -> Replay:
        """For a transcriber that knows nothing of the call."""
        end_ms = self._audio.end_ms
        settled = self._settled(end_ms)
        starts = [asked.start_ms - _LEAD_MS for asked in (*settled, *self._open.values())]
        start_ms = max(0, self._audio.start_ms, min([*starts, self._unasked_from(end_ms)]))
        return Replay(start_ms, self._audio.cut(start_ms, end_ms), settled, tuple(self._open.values()))

    def _settled(self, end_ms: int) -> tuple[Asked, ...]:
        """The latest of the answered spans with the same start, as far as they may go on."""
        latest = {asked.start_ms: asked for asked in self._answered if asked.end_ms > end_ms - _GOES_ON_MS}
        return tuple(sorted(latest.values(), key=lambda asked: asked.start_ms))

    def _unasked_from(self, end_ms: int) -> int:
        """Where the first sound is that nobody asked about yet."""
        known = max((asked.end_ms for asked in (*self._answered, *self._open.values())), default=0)
        at_ms = max(known, self._audio.start_ms, end_ms - _UNASKED_MS)
        pcm = self._audio.cut(at_ms, end_ms)
        for at in range(0, len(pcm), FRAME_BYTES):
            if audioop.rms(pcm[at : at + FRAME_BYTES], SAMPLE_BYTES) >= _LOUD:
                return max(0, at_ms + at // FRAME_BYTES * FRAME_MS - _LEAD_MS)
        return end_ms
