"""What a scripted caller does, and when: says its lines one after the other, each when the far end has finished.

Pure: it is fed ticks and returns what to do. Times are ms of the call clock.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class ScriptRules:
    """When to speak and when to hang up, ms.

    :param delay_ms: the first line starts this long after answer whatever the far end says; None: as the others
    :param silence_ms: the far end counts as finished after this much silence
    :param patience_ms: a far end that says nothing at all is not waited for any longer
    :param linger_ms: hang up after the last line when the far end was silent this long; None: let the far end do it
    """

    delay_ms: int | None = None
    silence_ms: int = 800
    patience_ms: int = 10_000
    linger_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Said:
    """One line of the caller, ms of the call clock. `answered_ms` is the far end's first speech after it."""

    line: int
    started_ms: int
    ended_ms: int | None = None
    answered_ms: int | None = None

    @property
    def latency_ms(self) -> int | None:
        """End of the line to the far end's answer."""
        return None if self.ended_ms is None or self.answered_ms is None else self.answered_ms - self.ended_ms


@dataclass(frozen=True, slots=True)
class Speak:
    """Start to play a line."""

    line: int


@dataclass(frozen=True, slots=True)
class HangUp:
    """End the call."""


Action = Speak | HangUp | None


class SoftphoneScript:
    """The state of a scripted call.

    :param lengths_ms: how long each line lasts
    """

    def __init__(self, lengths_ms: Sequence[int], rules: ScriptRules | None = None) -> None:
        self._lengths_ms = list(lengths_ms)
        self._rules = rules or ScriptRules()
        self._said: list[Said] = []
        self._turn_began_ms = 0
        self._last_speech_ms: int | None = None
        """The far end's, since our turn to wait began."""

    @property
    def said(self) -> tuple[Said, ...]:
        """The lines said so far."""
        return tuple(self._said)

    def tick(self, now_ms: int, *, far_speech: bool) -> Action:
        """One tick of the call clock: what to do now."""
        if self._said and self._said[-1].ended_ms is None:
            self._finish_line(now_ms)
            return None
        if far_speech:
            self._hear(now_ms)
        if len(self._said) == len(self._lengths_ms):
            return HangUp() if self._may_hang_up(now_ms) else None
        return self._speak(now_ms) if self._may_speak(now_ms) else None

    def _finish_line(self, now_ms: int) -> None:
        line = self._said[-1]
        end_ms = line.started_ms + self._lengths_ms[line.line]
        if now_ms >= end_ms:
            self._said[-1] = replace(line, ended_ms=end_ms)
            self._turn_began_ms, self._last_speech_ms = now_ms, None

    def _hear(self, now_ms: int) -> None:
        self._last_speech_ms = now_ms
        if self._said and self._said[-1].answered_ms is None:
            self._said[-1] = replace(self._said[-1], answered_ms=now_ms)

    def _may_speak(self, now_ms: int) -> bool:
        if not self._said and self._rules.delay_ms is not None:
            return now_ms >= self._rules.delay_ms
        if self._last_speech_ms is None:
            return now_ms - self._turn_began_ms >= self._rules.patience_ms
        return now_ms - self._last_speech_ms >= self._rules.silence_ms

    def _may_hang_up(self, now_ms: int) -> bool:
        if self._rules.linger_ms is None:
            return False
        quiet_since = self._turn_began_ms if self._last_speech_ms is None else self._last_speech_ms
        wait_ms = self._rules.patience_ms if self._last_speech_ms is None else self._rules.linger_ms
        return now_ms - quiet_since >= wait_ms

    def _speak(self, now_ms: int) -> Speak:
        line = len(self._said)
        self._said.append(Said(line, now_ms))
        return Speak(line)
