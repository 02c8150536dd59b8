"""Fillers: a few words that cover a slow model or tool."""

from __future__ import annotations

from dataclasses import dataclass

GAP_MS = 3000
"""Once the reply has said something of its own, silence is covered after this long."""


@dataclass(frozen=True, slots=True)
class FillerPlan:
    """A phrase is said when nothing of the reply is heard `delay_ms` after the turn was taken; without phrases none."""

    delay_ms: int = 1000
    phrases: tuple[str, ...] = ("One moment, please.", "Just a second.", "Let me see.")


@dataclass(slots=True)
class Fillers:
    """Chooses the phrases of a call: never the same twice in a row, and a single one not in neighbouring turns."""

    plan: FillerPlan
    last: str = ""
    last_turn: int = 0

    def choose(self, turn: int) -> str:
        """The phrase for a silence in the reply to this turn; empty when there is none to be said."""
        phrases = self.plan.phrases
        if not phrases:
            return ""
        if len(phrases) == 1 and self.last == phrases[0] and turn - self.last_turn < 2:
            return ""
        index = phrases.index(self.last) + 1 if self.last in phrases else 0
        self.last, self.last_turn = phrases[index % len(phrases)], turn
        return self.last
