"""What of the caller's audio goes into the session's input buffer, and when.

Audio goes up as it comes, so that none is left to be sent when the caller has finished. Only loud audio does, with a
moment before it: a caller who listens for a minute would be a minute of tokens. What was sent and is not wanted is
cleared. The buffer that is committed holds the span that was asked for; where it does not, it is filled again from
what is kept here.

Wire format: `input_audio_buffer.append`, `.clear` and `.commit`; a buffer of less than 100 ms cannot be committed.
"""

from __future__ import annotations

import audioop
import math
from dataclasses import dataclass

from gateway.media.audio import SAMPLE_BYTES, ms_to_samples, samples_to_ms
from gateway.providers.stt.history import AudioHistory

_LOUD_RMS = 200
"""Of 32768, some -44 dBFS. Softer speech is sent when it is asked for."""
_BEFORE_MS = 500
_QUIET_MS = 1200
"""Quiet after which nobody asked for the loud audio before it: it was noise."""
_EARLY_MS = 1000
"""Audio before the span that may be committed with it."""
_STEP_MS = 60
_LEAST_MS = 120


@dataclass(frozen=True, slots=True)
class Append:
    """Audio: 8000 Hz mono s16le."""

    pcm: bytes


@dataclass(frozen=True, slots=True)
class Clear:
    pass


@dataclass(frozen=True, slots=True)
class Commit:
    pass


Step = Append | Clear | Commit


class InputAudio:
    """One call's audio. Times are ms of the call clock."""

    def __init__(self) -> None:
        self._history = AudioHistory()
        self._now = 0
        self._loud_ms = -math.inf
        self._sent: tuple[int, int] | None = None
        """The span that is in the session's buffer."""
        self._committed = (0, 0)
        """The latest span that became an item."""

    def push(self, pcm: bytes, at_ms: int) -> list[Step]:
        """Audio came; returns what is to be done about it."""
        self._history.push(pcm, at_ms)
        self._now = at_ms + samples_to_ms(len(pcm) // SAMPLE_BYTES)
        if audioop.rms(pcm, SAMPLE_BYTES) >= _LOUD_RMS:
            self._loud_ms = self._now
        if self._sent is None:
            return self._append(max(self._committed[1], at_ms - _BEFORE_MS)) if self._loud_ms == self._now else []
        if self._now - self._loud_ms > _QUIET_MS:
            self._sent = None
            return [Clear()]
        return self._append(self._sent[0]) if self._now - self._sent[1] >= _STEP_MS else []

    def commit(self, start_ms: int, end_ms: int) -> list[Step]:
        """The span is wanted as an item of the conversation. Speech behind the latest item begins where that ends; a
        span that begins with it takes its place."""
        begun, ended = self._committed
        start_ms = max(start_ms, ended) if start_ms > begun else start_ms
        end_ms = min(end_ms, self._now)
        self._committed = (start_ms, end_ms)
        sent, self._sent = self._sent, None
        if sent is not None and start_ms - _EARLY_MS <= sent[0] <= start_ms:
            rest = self._history.cut(sent[1], end_ms)
            length = max(end_ms, sent[1]) - sent[0]
            return [*([Append(rest)] if rest else []), *_padding(length), Commit()]
        pcm = self._history.cut(start_ms, end_ms)
        length = samples_to_ms(len(pcm) // SAMPLE_BYTES)
        return [*([Clear()] if sent else []), Append(pcm), *_padding(length), Commit()]

    def lost(self) -> None:
        """The session's buffer is gone."""
        self._sent = None

    def _append(self, start_ms: int) -> list[Step]:
        begin = self._sent[1] if self._sent is not None else start_ms
        pcm = self._history.cut(begin, self._now)
        self._sent = (start_ms, self._now)
        return [Append(pcm)] if pcm else []


def _padding(length_ms: int) -> list[Step]:
    missing = _LEAST_MS - length_ms
    return [Append(bytes(ms_to_samples(missing) * SAMPLE_BYTES))] if missing > 0 else []
