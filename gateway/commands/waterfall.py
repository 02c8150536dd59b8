"""Where the time of each turn went, as bars: one character of a bar is the same time in every turn."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.text import Text

from gateway.call.latency import ALL_PARTS
from gateway.call.record import Latency

BAR_WIDTH = 48
"""Characters of the longest turn."""
_LOOK: Mapping[str, tuple[str, str]] = {
    "jitter_buffer": ("b", "cyan"),
    "endpointing": ("e", "yellow"),
    "transcriber": ("t", "magenta"),
    "model": ("m", "blue"),
    "voice": ("v", "green"),
    "playout": ("p", "red"),
}
"""Letter and colour of each part."""


def waterfall(turns: Sequence[Latency]) -> Iterator[Text]:
    """A heading, a line for each turn that was answered, and a summary; nothing when there is none."""
    answered = [turn for turn in turns if turn.total is not None]
    if not answered:
        return
    longest = max(_total(turn) for turn in answered)
    ms_per_character = max(longest / BAR_WIDTH, 1.0)
    yield Text.assemble("where the time went, ms: ", *_legend())
    for turn in answered:
        bar = _bar(turn, ms_per_character)
        bar.pad_right(BAR_WIDTH - len(bar))
        yield Text.assemble(f"turn {turn.turn:<3} {_total(turn):5.0f}  ", bar, "  ", _figures(turn))
    yield Text(_sentence(summary(answered)))


def summary(turns: Sequence[Latency]) -> dict[str, Any]:
    """p50 and p95 (nearest rank) of the whole and of each part in ms, and how often each part was the largest."""
    answered = [turn for turn in turns if turn.total is not None]
    largest = Counter(_largest(turn) for turn in answered)
    figures = {
        name: {"p50": _rank(values, 0.5), "p95": _rank(values, 0.95)}
        for name in (*ALL_PARTS, "total")
        if (values := [float(getattr(turn, name)) for turn in answered if getattr(turn, name) is not None])
    }
    return {"turns": len(answered), "ms": figures, "largest": dict(largest.most_common())}


def part_name(part: str) -> str:
    """As a reader says it."""
    return part.replace("_", " ")


def _total(turn: Latency) -> float:
    return turn.total or 0.0


def _parts(turn: Latency) -> dict[str, float]:
    return {part: float(getattr(turn, part) or 0) for part in ALL_PARTS}


def _largest(turn: Latency) -> str:
    parts = _parts(turn)
    return max(parts, key=lambda part: parts[part])


def _legend() -> Iterator[Text]:
    for index, (part, (letter, colour)) in enumerate(_LOOK.items()):
        yield Text(f"{', ' if index else ''}{letter} ")
        yield Text(part_name(part), style=colour)
    yield Text("; capitals and * are the largest part")


def _bar(turn: Latency, ms_per_character: float) -> Text:
    """Each part ends where the time up to its end falls, so that roundings do not add up."""
    bar, end_ms, largest = Text(), 0.0, _largest(turn)
    for part, ms in _parts(turn).items():
        end_ms += ms
        letter, colour = _LOOK[part]
        length = round(end_ms / ms_per_character) - len(bar)
        bar.append((letter.upper() if part == largest else letter) * length, style=colour)
    return bar


def _figures(turn: Latency) -> Text:
    largest = _largest(turn)
    figures = Text()
    for part, ms in _parts(turn).items():
        figures.append(" + " if figures else "")
        figures.append(f"{part_name(part)} {ms:.0f}{'*' if part == largest else ''}", style=_LOOK[part][1])
    return figures


def _sentence(figures: Mapping[str, Any]) -> str:
    count, (part, times) = figures["turns"], next(iter(figures["largest"].items()))
    total, of_part = figures["ms"]["total"], figures["ms"][part]
    turns = "1 turn" if count == 1 else f"{count} turns"
    return (
        f"{turns}: p50 {total['p50']:.0f} ms, p95 {total['p95']:.0f} ms; "
        f"largest in {times} of {count}: {part_name(part)} (p50 {of_part['p50']:.0f} ms)"
    )


def _rank(values: Sequence[float], share: float) -> float:
    return sorted(values)[math.ceil(share * len(values)) - 1]
