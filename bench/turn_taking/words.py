"""Words beside words: what was heard of a text, and whether the beginning of an utterance was understood."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.commands.provider.word_errors import edit_distance, normalised
from gateway.providers.base import TranscriptHint
from gateway.providers.stt.embedded import embedded_recognisers
from gateway.providers.stt.segment import to_model_rate


def spoken_words(pcm: bytes, text: str) -> int:
    """How many words of `text` are in audio that holds its beginning: the beginning that is most like what Whisper
    recognises, and of several that are alike the shortest."""
    said = normalised(embedded_recognisers()["whisper"].recognise(to_model_rate(pcm), TranscriptHint()).text)
    wanted = normalised(text)
    return min(range(len(wanted) + 1), key=lambda count: edit_distance(wanted[:count], said))


def first_word_lost(words: str, understood: str) -> bool:
    """Nothing was understood in the place of the first word. A word that was misheard is not lost."""
    wanted, heard = normalised(words), normalised(understood)
    return not any(place == 0 and found is not None for place, found in aligned(wanted, heard))


def aligned(wanted: Sequence[str], heard: Sequence[str]) -> list[tuple[int | None, int | None]]:
    """Pairs of places that belong together at the least edit distance, None where a side has nothing."""
    places = range(len(heard) + 1)
    costs = [[edit_distance(wanted[:at], heard[:other]) for other in places] for at in range(len(wanted) + 1)]
    pairs: list[tuple[int | None, int | None]] = []
    at, other = len(wanted), len(heard)
    while at or other:
        cost = costs[at][other]
        if at and other and cost == costs[at - 1][other - 1] + (wanted[at - 1] != heard[other - 1]):
            at, other = at - 1, other - 1
            pairs.append((at, other))
        elif at and cost == costs[at - 1][other] + 1:
            at -= 1
            pairs.append((at, None))
        else:
            other -= 1
            pairs.append((None, other))
    return pairs[::-1]
