"""What the agent was saying when its worker was lost: what of it sounds still, and what is left to be said.

A gateway notes for each utterance that no turn tells of how much of it was sent, and where it will end (`playout`).
Without that, the voice is taken to have spoken without a pause since the first utterance was queued.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gateway.conversation.agent import after
from gateway.conversation.clauses import speakable
from gateway.conversation.commands import SpeechKind
from gateway.conversation.context import AgentSaid
from gateway.conversation.events import AdoptedUtterance, PlayoutState, WordSpan
from gateway.conversation.heard import SAMPLES_PER_CHARACTER, SpokenUtterance, estimate_borders, heard_text
from gateway.conversation.passages import Clause, clauses

_NOT_RESUMED = frozenset({SpeechKind.COVER.value})
"""It covers a wait, which begins anew: what sounds of it is heard, and no more is said."""


@dataclass(frozen=True, slots=True)
class Underway:
    """`adopted` are the utterances of the reply, as far as they are with the gateway; `rest` is what follows them,
    passages marked. `unfinished`: the model had not given all of it. `begun` tells of a reply that is over."""

    adopted: tuple[AdoptedUtterance, ...] = ()
    rest: str = ""
    unfinished: bool = False
    kind: SpeechKind = SpeechKind.CONTINUATION
    begun: AgentSaid | None = None

    @property
    def nothing(self) -> bool:
        """Nobody was speaking."""
        return not self.adopted and not self.rest and not self.unfinished and self.begun is None

    def said(self, turn: int) -> AgentSaid | None:
        """What the caller hears of it if nobody goes on with it."""
        return self.begun or _said(turn, self.adopted, self.rest)


class UnderwayReader:
    """Reads the entries since the last turn of either side, oldest first. Times are ms of the call clock."""

    def __init__(self) -> None:
        self._utterances: dict[int, tuple[int, Mapping[str, Any]]] = {}
        self._playout: dict[int, Mapping[str, Any]] = {}
        self._plan: Mapping[str, Any] | None = None
        self._cut: tuple[int, int] | None = None
        self._moved = False
        self._carried: frozenset[int] = frozenset()
        """Utterances of workers before the last one: what was missing of them it has said."""

    def clear(self) -> None:
        """A turn tells of all that was."""
        self._utterances.clear()
        self._playout.clear()
        self._moved, self._carried = False, frozenset()
        self._plan = self._cut = None

    def read(self, kind: str, data: Mapping[str, Any], at_ms: int) -> None:
        """An entry of kind `utterance`, `playout`, `reply` or `interruption`."""
        if self._moved and kind in ("utterance", "reply"):
            self._moved, self._carried = False, frozenset(self._utterances)
        match kind:
            case "utterance":
                number = int(data["utterance"])
                known_ms, known = self._utterances.get(number, (at_ms, {}))
                self._utterances[number] = known_ms, {**known, **data}
            case "playout":
                self._playout[int(data["utterance"])] = data
                self._moved = True
            case "reply":
                self._plan = data
            case "interruption":
                self._cut = int(data["utterance"]), at_ms

    def underway(self, turn: int, at_ms: int) -> Underway:
        """:param turn: the last one that was taken"""
        cut, cut_ms = self._cut or (0, at_ms)
        over = bool(self._utterances) and cut >= max(self._utterances)
        if not over:
            # what was cut alone left after its reply had been stopped
            self._utterances = {number: one for number, one in self._utterances.items() if number > cut}
        here = self._here(cut_ms if over else at_ms)
        here = [(one, one.text if one.utterance in self._carried else text) for one, text in here]
        turn = max((int(data.get("turn", turn)) for _, data in self._utterances.values()), default=turn)
        if over:
            return self._over(here, turn)
        adopted = _first_whole(here)
        known = self._plan is not None
        rest = self._rest(adopted)
        kind = SpeechKind(self._plan["kind"]) if self._plan is not None else SpeechKind.REPLY
        sounds = any(one.position < one.samples for one in adopted)
        resumed = kind.value not in _NOT_RESUMED
        if not sounds and (not resumed or (known and not rest)):
            return Underway(kind=kind, begun=_said(turn, adopted, rest))
        if not resumed:
            return Underway(adopted, kind=kind)
        return Underway(adopted, rest if known else "", unfinished=bool(self._utterances) and not known, kind=kind)

    def _over(self, here: list[tuple[AdoptedUtterance, str]], turn: int) -> Underway:
        heard = [self._heard(one, text) for one, text in here]
        text = " ".join(one.text for one in heard)
        parts = list[str]()
        for one in heard:
            parts.append(one.heard)
            if one.heard != one.text:
                break
        begun = " ".join(part for part in parts if part)
        return Underway(begun=AgentSaid(turn, text, begun, begun != text))

    def _rest(self, adopted: tuple[AdoptedUtterance, ...]) -> str:
        said = sum(len(one.text.split()) for one in adopted if not one.filler)
        if self._plan is not None:
            pieces = clauses(str(self._plan["text"]))
        else:
            texts = [data for _, data in sorted(self._utterances.values(), key=lambda one: one[1]["utterance"])]
            pieces = [Clause(one["text"], one.get("interruptible", True)) for one in texts if not one.get("filler")]
        return " ".join(after(said, pieces))

    # ------------------------------------------------------------ how much of it is with the gateway

    def _here(self, at_ms: int) -> list[tuple[AdoptedUtterance, str]]:
        """Each utterance as far as it is there, with all of its text."""
        if not self._playout:
            return self._estimated(at_ms)
        told = [self._told(number, data) for number, (_, data) in sorted(self._utterances.items())]
        return [one for one in told if one is not None]

    def _told(self, number: int, data: Mapping[str, Any]) -> tuple[AdoptedUtterance, str] | None:
        noted = self._playout.get(number)
        if noted is None:
            # the gateway forgets what it has told of, and has not seen what came last
            return None if number > max(self._playout) else (_whole(number, data), str(data["text"]))
        words = tuple(WordSpan(str(text), int(start), int(end)) for text, start, end in noted.get("words", ()))
        samples, position = int(noted["until"]), int(noted["position"])
        text = str(data["text"])
        if noted.get("complete"):
            return AdoptedUtterance(number, text, samples, position, *_marks(data), words), text
        part = self._part(text, words, samples)
        kept = tuple(word for word in words[: len(part.split())] if word.end <= samples)
        return AdoptedUtterance(number, part, samples, min(position, samples), *_marks(data), kept), text

    def _heard(self, one: AdoptedUtterance, text: str) -> SpokenUtterance:
        """The utterance with all its text, played up to where it was when it was cut."""
        spoken = SpokenUtterance(one.utterance, text, words=list(one.words), position=one.position)
        noted = self._playout.get(one.utterance)
        if one.text == text and (noted is None or noted.get("complete")):
            spoken.samples, spoken.complete = one.samples, True
            if one.position >= one.samples:
                spoken.played(one.position, PlayoutState.FINISHED)
        elif not one.words:
            spoken.samples, spoken.complete = round(len(text) * self._pace), noted is not None
        return spoken

    def _part(self, text: str, words: tuple[WordSpan, ...], samples: int) -> str:
        """The words that are whole in so many samples."""
        if words:
            return SpokenUtterance(0, text, words=list(words), position=samples).heard
        return heard_text(text, samples, estimate_borders(text, round(len(text) * self._pace)))

    @property
    def _pace(self) -> float:
        """Samples per character of this voice: what the gateway knows, else by what of it is whole."""
        known = next((float(one["pace"]) for one in reversed(self._playout.values()) if one.get("pace")), 0.0)
        if known:
            return known
        whole = [one for one in self._playout.values() if one.get("complete") and one["until"] and one["text"]]
        characters = sum(len(one["text"]) for one in whole)
        return sum(one["until"] for one in whole) / characters if characters else SAMPLES_PER_CHARACTER

    def _estimated(self, at_ms: int) -> list[tuple[AdoptedUtterance, str]]:
        """By the clock: what is over by then, and words of what is not."""
        begun_ms, result = 0, []
        for number, (queued_ms, data) in sorted(self._utterances.items()):
            begun_ms = max(begun_ms, queued_ms)
            text, position = str(data["text"]), max(0, at_ms - begun_ms) * 8
            samples = len(text) * SAMPLES_PER_CHARACTER
            part = _spoken(_whole(number, data), text, position).heard
            at = min(position, samples)
            result.append((AdoptedUtterance(number, part, at, at, *_marks(data)), text))
            begun_ms += samples // 8
        return result


def _marks(data: Mapping[str, Any]) -> tuple[bool, bool]:
    return bool(data.get("interruptible", True)), bool(data.get("filler", False))


def _whole(number: int, data: Mapping[str, Any]) -> AdoptedUtterance:
    samples = len(str(data["text"])) * SAMPLES_PER_CHARACTER
    return AdoptedUtterance(number, str(data["text"]), samples, samples, *_marks(data))


def _first_whole(here: list[tuple[AdoptedUtterance, str]]) -> tuple[AdoptedUtterance, ...]:
    """Up to the first of which something is missing, with what is there of it."""
    adopted = list[AdoptedUtterance]()
    for one, text in here:
        if one.text:
            adopted.append(one)
        if one.text != text and not one.filler:
            break
    return tuple(adopted)


def _spoken(one: AdoptedUtterance, text: str, position: int | None = None) -> SpokenUtterance:
    """The utterance with all its text, played up to `position`."""
    spoken = SpokenUtterance(one.utterance, text, words=list(one.words))
    spoken.position = one.position if position is None else position
    return spoken


def _said(turn: int, adopted: tuple[AdoptedUtterance, ...], rest: str) -> AgentSaid | None:
    heard = " ".join(one.text for one in adopted)
    if not heard:
        return None
    left = " ".join(speakable(piece.text) for piece in clauses(rest))
    return AgentSaid(turn, f"{heard} {left}".strip(), heard, bool(left))
