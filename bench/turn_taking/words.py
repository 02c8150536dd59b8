"""Words beside words: what was heard of a text, and whether the beginning of an utterance was understood."""

from __future__ import annotations

from collections.abc import Sequence

from bench.transcription import normalised
from gateway.providers.base import TranscriptHint
from gateway.providers.registry import embedded_recognisers
from gateway.providers.stt.segment import to_model_rate


def spoken_words(pcm: bytes, text: str) -> int:
    """How many words of `text` are in audio that holds its beginning, by Whisper: the place of the last word that is
    recognised as one of the text."""
    said = normalised(embedded_recognisers()["whisper"].recognise(to_model_rate(pcm), TranscriptHint()).text)
    pairs = aligned(normalised(text), said)
    return max((wanted + 1 for wanted, heard in pairs if heard is not None and wanted is not None), default=0)


def first_word_lost(words: str, understood: str) -> bool:
    """Nothing was understood in the place of the first word. A word that was misheard is not lost."""
    wanted, heard = normalised(words), normalised(understood)
    return not any(place == 0 and found is not None for place, found in aligned(wanted, heard, substitute=True))


def aligned(
    wanted: Sequence[str], heard: Sequence[str], *, substitute: bool = False
) -> list[tuple[int | None, int | None]]:
    """Pairs of places that belong together at the least edit distance, None where a side has nothing; two different
    words are a pair only with `substitute`."""
    costs = [[0] * (len(heard) + 1) for _ in range(len(wanted) + 1)]
    for at in range(len(wanted) + 1):
        for other in range(len(heard) + 1):
            costs[at][other] = _cost(costs, wanted, heard, at, other, substitute)
    pairs: list[tuple[int | None, int | None]] = []
    at, other = len(wanted), len(heard)
    while at or other:
        cost = costs[at][other]
        alike = at and other and (substitute or wanted[at - 1] == heard[other - 1])
        if alike and cost == costs[at - 1][other - 1] + (wanted[at - 1] != heard[other - 1]):
            at, other = at - 1, other - 1
            pairs.append((at, other))
        elif at and cost == costs[at - 1][other] + 1:
            at -= 1
            pairs.append((at, None))
        else:
            other -= 1
            pairs.append((None, other))
    return pairs[::-1]


def _cost(
    costs: list[list[int]], wanted: Sequence[str], heard: Sequence[str], at: int, other: int, substitute: bool
) -> int:
    if not at or not other:
        return at + other
    best = min(costs[at - 1][other], costs[at][other - 1]) + 1
    same = wanted[at - 1] == heard[other - 1]
    return min(best, costs[at - 1][other - 1] + (not same)) if same or substitute else best
