"""Fillers: a few words that cover a slow model or tool."""

from __future__ import annotations

from dataclasses import dataclass

SILENT_MS = 2000
"""A turn is never silent for longer than 2.5 s: the voice has the rest."""
CHANCE_MS = 300
"""However late a turn was taken, the answer has its chance."""
HOLD = "One moment, please."
"""Said without fillers, too, when a model is silent for so long that it must have failed."""


@dataclass(frozen=True, slots=True)
class FillerPlan:
    """A phrase is said when nothing of the reply is heard `delay_ms` after the turn was taken; without phrases none."""

    delay_ms: int = 1000
    phrases: tuple[str, ...] = ("One moment, please.", "Just a second.", "Let me see.")


@dataclass(slots=True)
class Fillers:
    """Chooses the phrases of a call: never the same twice in a row, while there are others."""

    plan: FillerPlan
    last: str = ""
    last_turn: int = 0

    def due_ms(self, turn: int, now: int, asked_ms: int | None) -> int:
        """When a phrase is due if the reply to this turn stays silent from `now` on, ms of any clock.

        :param asked_ms: when the caller's words ended, or a phrase before the turn was taken; None when something was
            heard since
        """
        phrases = self.plan.phrases
        longest = max(self.plan.delay_ms, SILENT_MS) if phrases else SILENT_MS
        if asked_ms is None:
            return now + longest
        tiresome = len(phrases) == 1 and self.last == phrases[0] and turn - self.last_turn < 2
        covered = turn == self.last_turn
        usual = longest if tiresome or covered or not phrases else self.plan.delay_ms
        return min(now + usual, max(asked_ms + longest, now + CHANCE_MS))

    def choose(self, turn: int, *, tools: bool) -> str:
        """The phrase for a silence in the reply to this turn; empty when there is none to be said.

        :param tools: the silence is that of a tool, and says nothing about the model
        """
        phrases = self.plan.phrases
        if not phrases:
            return "" if tools else HOLD
        index = phrases.index(self.last) + 1 if self.last in phrases else 0
        self.last, self.last_turn = phrases[index % len(phrases)], turn
        return self.last
