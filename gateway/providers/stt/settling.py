"""When all is told that was said, for providers that do not say so themselves. Pure: times are seconds of any clock."""

from __future__ import annotations

from dataclasses import dataclass, replace

from gateway.providers.stt.connection import Recognised


@dataclass(slots=True)
class Settling:
    """One connection's outstanding text.

    :param nothing_seconds: so long after the question, and nothing being outstanding, nothing was said
    :param patience_seconds: so long after the question a partial text is taken for the final one; None: never
    """

    nothing_seconds: float
    patience_seconds: float | None = None
    outstanding: Recognised | None = None
    """The partial result that waits for its final."""
    _asked_at: float | None = None
    _asked_ms: int = 0

    @property
    def deadline(self) -> float | None:
        """When `expire` is to be called, None for never."""
        wait = self.nothing_seconds if self.outstanding is None else self.patience_seconds
        return None if self._asked_at is None or wait is None else self._asked_at + wait

    def ask(self, now: float, sent_ms: int) -> None:
        """The text of all audio is wanted, of which there were `sent_ms`."""
        self._asked_at, self._asked_ms = now, sent_ms

    def partial(self, result: Recognised) -> Recognised:
        """A text that may change."""
        self.outstanding = result if result.text else None
        return result

    def final(self, result: Recognised) -> Recognised:
        """A text that will not change; if there was a question, this is its answer, and reaches as far."""
        self.outstanding = None
        if self._asked_at is None:
            return result
        self._asked_at = None
        return replace(result, end_ms=max(result.end_ms, self._asked_ms), flushed=True)

    def expire(self) -> Recognised:
        """The deadline is over: what is outstanding, or nothing, was all."""
        nothing = Recognised("", self._asked_ms, self._asked_ms, True)
        return self.final(replace(self.outstanding, final=True) if self.outstanding else nothing)
