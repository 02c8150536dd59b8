"""What became of each end and each pause."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bench.turn_ends.calls import SpokenTurn
from bench.turn_ends.conversation import Heard


@dataclass(frozen=True, slots=True)
class Ending:
    """A true end of a turn. `wait_ms` is from its last speech sample to the decision; None when none came."""

    turn: SpokenTurn
    half: str
    noise: str
    wait_ms: int | None


@dataclass(frozen=True, slots=True)
class Pausing:
    """A pause inside a turn. It was cut off when a turn was taken in it, or later before the caller had finished.
    `text` is what the turn said then, else what was understood in the end."""

    turn: SpokenTurn
    half: str
    noise: str
    pause_ms: int
    wait_ms: int | None
    text: str

    @property
    def cut_off(self) -> bool:
        return self.wait_ms is not None


def judged(calls: Sequence[Heard]) -> tuple[list[Ending], list[Pausing], int]:
    """All ends and pauses of the calls, and how many turns were taken while the caller spoke on without a pause."""
    ends: list[Ending] = []
    pauses: list[Pausing] = []
    inside = 0
    for heard in calls:
        turns = heard.call.turns
        for turn, following in zip(turns, (*turns[1:], None), strict=True):
            until = following.start_ms if following is not None else 1 << 40
            taken = [(at, commit) for at, commit in heard.turns if turn.start_ms <= at < until]
            after = [at - turn.end_ms for at, _ in taken if at >= turn.end_ms]
            ends.append(Ending(turn, heard.call.half, heard.call.noise, after[0] if after else None))
            borders = [*(pause.start_ms for pause in turn.pauses), turn.end_ms]
            inside += sum(at < borders[0] for at, _ in taken)
            for pause, next_border in zip(turn.pauses, borders[1:], strict=True):
                cuts = [(at, commit.text) for at, commit in taken if pause.start_ms <= at < next_border]
                wait = cuts[0][0] - pause.start_ms if cuts else None
                text = cuts[0][1] if cuts else ""
                length = pause.end_ms - pause.start_ms
                pauses.append(Pausing(turn, heard.call.half, heard.call.noise, length, wait, text))
    return ends, pauses, inside
