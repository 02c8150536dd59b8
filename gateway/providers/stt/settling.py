"""When all is told that was said, for providers that do not say so themselves. Pure: times are seconds of any clock."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace

from gateway.providers.stt.connection import Recognised

_STRIKES = 3
_DOUBT_MS, _DOUBT_IN_SPEECH_MS = 600, 300
_DOUBT_SECONDS = 2.0
"""Where there was sound for that long and no text for it, silence is no answer so soon: the provider may be late, or
hang. A transcriber that has a substitute is replaced before that."""


@dataclass(slots=True)
class Settling:
    """One connection's outstanding text.

    :param nothing_seconds: so long after a question, and nothing being outstanding, nothing was said
    :param patience_seconds: so long after a question a partial text is taken for the final one; None: never
    """

    nothing_seconds: float
    patience_seconds: float | None = None
    outstanding: Recognised | None = None
    """The partial result that waits for its final."""
    _doubtful: bool = False
    _asked: deque[tuple[float, int]] = field(default_factory=deque)
    """When, and how far the audio went, ms."""
    _final_ms: int = 0
    _silences: int = 0

    @property
    def deadline(self) -> float | None:
        """When `expire` is to be called, None for never."""
        wait = self.nothing_seconds if self.outstanding is None else self.patience_seconds
        if wait is not None and self._doubtful:
            wait = max(wait, _DOUBT_SECONDS)
        return self._asked[0][0] + wait if self._asked and wait is not None else None

    @property
    def asked_ms(self) -> int:
        """How far the audio went at the oldest question."""
        return self._asked[0][1] if self._asked else 0

    @property
    def mute(self) -> bool:
        """Question after question was answered by silence: the provider seems to hang."""
        return self._silences >= _STRIKES

    def ask(self, now: float, sent_ms: int, unexplained_ms: int = 0) -> None:
        """The text of all audio is wanted, of which there were `sent_ms`, among them `unexplained_ms` of sound for
        which there is no text."""
        self._asked.append((now, sent_ms))
        self._doubtful = unexplained_ms >= (_DOUBT_IN_SPEECH_MS if self.outstanding else _DOUBT_MS)

    def put_off(self, seconds: float) -> None:
        """The provider has not heard all yet: ask again later."""
        self._asked = deque((at + seconds, audio_ms) for at, audio_ms in self._asked)

    def partial(self, result: Recognised) -> Recognised:
        """A text that may change."""
        self._silences, self._doubtful = 0, False
        self.outstanding = result if result.text else None
        return result

    def final(self, result: Recognised) -> Recognised:
        """A text that will not change; if there were questions, this is their answer, and reaches as far."""
        self._silences, self._doubtful = 0, False
        self.outstanding = None
        if self._asked:
            result = replace(result, end_ms=max(result.end_ms, self._asked[-1][1]), flushed=True)
            self._asked.clear()
        self._final_ms = max(self._final_ms, result.end_ms)
        return result

    def expire(self) -> Recognised:
        """The deadline is over: what is outstanding was all; or nothing was said. That is not certain, so such an
        answer reaches no further than the text before it: the audio is heard again where a connection is replaced."""
        if self.outstanding is not None:
            return self.final(replace(self.outstanding, final=True))
        self._asked.popleft()
        self._silences += 1
        return Recognised("", self._final_ms, self._final_ms, True, flushed=True)
