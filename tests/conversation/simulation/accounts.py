"""What the journal of a call tells at its end, however many workers wrote it: every word of both sides once."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from gateway.conversation.clauses import speakable
from gateway.conversation.fillers import HOLD, FillerPlan
from gateway.conversation.journal import Entry
from gateway.conversation.passages import clauses
from tests.conversation.simulation.caller import SYLLABLES

_NAME = re.compile(f"(?:{'|'.join(SYLLABLES)})+")
_PHRASES = Counter(" ".join((*FillerPlan().phrases, HOLD)).split())


def faults(journal: Sequence[Entry], sent: Callable[[int, str], int], words_off: int) -> Iterator[str]:
    """What is wrong with the journal, in words.

    :param sent: how many words of an utterance with this text really left
    """
    yield from _ill_told(journal, sent, words_off)
    yield from _twice_taken(entry.data for entry in journal if entry.kind == "caller-turn")
    yield from _ill_said(journal)


def _twice_taken(turns: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """A name stands in each sentence that was never said before."""
    names = Counter(word for turn in turns for word in turn["text"].split() if _NAME.fullmatch(word))
    yield from (f"the caller's {name!r} was taken {count} times" for name, count in names.items() if count > 1)


def _ill_told(journal: Iterable[Entry], sent: Callable[[int, str], int], words_off: int) -> Iterator[str]:
    """An agent turn tells of as many words as left since the one before it, whichever worker said them."""
    texts: dict[int, str] = {}
    for entry in journal:
        if entry.kind == "utterance":
            texts[entry.data["utterance"]] = entry.data["text"]
        elif entry.kind == "agent-turn":
            true, told = sum(sent(one, text) for one, text in texts.items()), len(entry.data["heard"].split())
            if abs(true - told) > words_off:
                yield f"{true} words of {list(texts.values())} left, the agent's turn tells of {told}"
            texts.clear()


def _ill_said(journal: Iterable[Entry]) -> Iterator[str]:
    """A reply that was heard to its end says all that was planned, and besides fillers nothing else."""
    planned: str | None = None
    for entry in journal:
        if entry.kind == "reply":
            planned = entry.data["text"]
        elif entry.kind in ("agent-turn", "caller-turn"):
            if entry.data.get("stopped") is False and planned is not None:
                yield from _differences(planned, entry.data["text"])
            planned = None


def _differences(planned: str, said: str) -> Iterator[str]:
    wanted = [word for piece in clauses(planned) for word in speakable(piece.text).split()]
    missing, extra, at = 0, Counter[str](), 0
    words = said.split()
    for word in wanted:
        found = next((n for n in range(at, len(words)) if words[n] == word), None)
        if found is None:
            missing += 1
        else:
            extra.update(words[at:found])
            at = found + 1
    extra.update(words[at:])
    repeated = sum(count for word, count in extra.items() if word not in _PHRASES)
    if missing or repeated:
        yield f"{planned!r} was to be said, and this was: {said!r}"
