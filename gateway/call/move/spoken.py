"""What a worker has announced that it says, and how far it got: for the worker after it. Pure.

An entry of kind `playout` tells of one utterance, positions in samples: `utterance`, `text`, `turn`, `interruptible`,
`filler`, `position` (sent by now), `until` (where it will end, or ended), `complete` (that is the end of all its text),
`words`, a list of [text, start, end], as far as the voice told them, and `pace`, samples per character of what was
heard whole in the call so far, 0 when nothing was: a voice that tells no word times is measured by it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gateway.link.v1 import link_pb2 as pb
from gateway.media.utterance import PlayoutState, Report, Utterance

_ENDED = frozenset({PlayoutState.FINISHED, PlayoutState.CUT})


@dataclass(slots=True)
class Spoken:
    """One utterance."""

    utterance: int
    text: str = ""
    turn: int = 0
    interruptible: bool = True
    filler: bool = False
    words: list[tuple[str, int, int]] = field(default_factory=list)
    position: int = 0
    state: PlayoutState = PlayoutState.QUEUED
    short: bool = False
    """The worker that said it was lost before all of it was here."""

    def entry(self, waiting: Utterance | None, pace: float) -> dict[str, Any]:
        """:param waiting: it in the playout, None when it is over or never came there"""
        position = waiting.position if waiting is not None else self.position
        ended = self.state is PlayoutState.FINISHED
        return {
            "utterance": self.utterance,
            "text": self.text,
            "turn": self.turn,
            "interruptible": self.interruptible,
            "filler": self.filler,
            "position": position,
            "until": waiting.total if waiting is not None else position,
            "complete": not self.short and (waiting.complete if waiting is not None else ended),
            "words": [list(word) for word in self.words],
            "pace": round(pace, 1),
        }


class SpokenSoFar:
    """The utterances that no turn of the journal tells of yet."""

    def __init__(self) -> None:
        self._known: dict[int, Spoken] = {}
        self._whole_samples = self._whole_characters = 0

    def journalled(self, data: Mapping[str, Any]) -> None:
        """An entry of kind `utterance`; a second one of the same has more text."""
        number = data.get("utterance")
        if isinstance(number, int):
            self._find(number).text = str(data.get("text") or "")

    def announced(self, utterance: pb.Utterance) -> None:
        """It may be heard from here on."""
        spoken = self._find(utterance.utterance)
        spoken.text = spoken.text or utterance.text
        spoken.turn, spoken.interruptible = utterance.turn, utterance.interruptible
        spoken.filler = utterance.filler

    def timed(self, words: pb.Words) -> None:
        """When its words are spoken."""
        if (spoken := self._known.get(words.utterance)) is not None:
            spoken.words.extend((word.text, word.start, word.end) for word in words.words)

    def played(self, report: Report) -> None:
        """How far it got."""
        if (spoken := self._known.get(report.utterance)) is not None:
            if report.state is PlayoutState.FINISHED and spoken.state not in _ENDED and not spoken.short:
                self._measure(spoken.text, report.position)
            spoken.position, spoken.state = report.position, report.state

    def turn_told(self) -> None:
        """The journal tells what was heard of those that are over."""
        self._known = {number: spoken for number, spoken in self._known.items() if spoken.state not in _ENDED}

    def borders(self, utterance: Utterance) -> Sequence[int]:
        """Where its words end, as far as that is known."""
        spoken = self._known.get(utterance.id)
        return [end for _, _, end in spoken.words] if spoken is not None else []

    def cut_short(self, utterances: Iterable[int]) -> None:
        """No more will come of these."""
        for number in utterances:
            if (spoken := self._known.get(number)) is not None:
                spoken.short = True

    def unsaid(self, queue: Iterable[Utterance]) -> bool:
        """Whether the caller waits for the rest of something, besides what waits in the playout."""
        waiting = {utterance.id for utterance in queue}
        return any(
            not one.filler and (one.short or (one.state is PlayoutState.QUEUED and one.utterance not in waiting))
            for one in self._known.values()
        )

    def entries(self, queue: Iterable[Utterance]) -> list[dict[str, Any]]:
        """The data of a `playout` entry for each, in order.

        :param queue: what waits in the playout, or sounds
        """
        waiting = {utterance.id: utterance for utterance in queue}
        samples, characters = self._whole_samples, self._whole_characters
        for one in waiting.values():
            if one.complete and one.total and (known := self._known.get(one.id)) is not None and not known.short:
                samples, characters = samples + one.total, characters + len(known.text) + 1
        pace = samples / characters if characters else 0.0
        return [self._known[number].entry(waiting.get(number), pace) for number in sorted(self._known)]

    def _measure(self, text: str, samples: int) -> None:
        """So long is this text with this voice."""
        if text:
            self._whole_samples += samples
            self._whole_characters += len(text) + 1  # for the silence behind it

    def _find(self, number: int) -> Spoken:
        return self._known.setdefault(number, Spoken(number))
