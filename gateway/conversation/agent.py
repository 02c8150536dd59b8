"""The agent's side of the floor: one reply at a time, its utterances and how much of them was heard."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from gateway.conversation.clauses import speakable
from gateway.conversation.commands import SpeechKind
from gateway.conversation.heard import SpokenUtterance
from gateway.conversation.passages import Clause, clauses, marked


@dataclass(slots=True)
class AgentReply:
    """A reply or a fixed text that is being made or spoken. `answers` is the caller's text that it was made for.

    `fixed` is the text of one that is known from the start, which may be `protected` against interruptions. `filled`
    tells that a phrase for the silence in it is on its way."""

    id: int
    turn: int
    kind: SpeechKind
    answers: str = ""
    fixed: str = ""
    protected: bool = False
    committed: bool = False
    finished: bool = False
    expects: str = "anything"
    filled: bool = False
    utterances: dict[int, SpokenUtterance] = field(default_factory=dict)

    def queue(self, utterance: SpokenUtterance) -> None:
        """One more utterance went to the gateway."""
        self.utterances[utterance.id] = utterance
        self.filled = False

    @property
    def settled(self) -> bool:
        """Nothing that was queued will still be sent."""
        return all(utterance.settled for utterance in self.utterances.values())

    @property
    def interruptible(self) -> bool:
        """What plays now, or plays next, may be interrupted."""
        playing = self.playing
        return playing.interruptible if playing is not None else not self.protected

    @property
    def speaks(self) -> bool:
        """It has said something of its own."""
        return any(not utterance.filler for utterance in self.utterances.values())

    @property
    def only_filled(self) -> bool:
        """What was said last only covers the wait for more."""
        return bool(self.utterances) and list(self.utterances.values())[-1].filler

    @property
    def playing(self) -> SpokenUtterance | None:
        """What plays now, or plays next."""
        return next((utterance for utterance in self.utterances.values() if not utterance.settled), None)

    @property
    def last_utterance(self) -> int:
        """The highest id queued, 0 for none."""
        return max(self.utterances, default=0)

    @property
    def text(self) -> str:
        """All that was queued."""
        return " ".join(utterance.text for utterance in self.utterances.values() if utterance.text)

    @property
    def heard(self) -> str:
        """What the caller heard: a prefix of `text`, ending at a word border. Nothing counts after the first word that
        was not heard."""
        parts: list[str] = []
        for utterance in self.utterances.values():
            heard = utterance.heard
            if heard:
                parts.append(heard)
            if heard != utterance.text:
                break
        return " ".join(parts)

    @property
    def rest(self) -> str:
        """What the caller did not hear of the text, as far as it is known, passages marked."""
        if self.fixed:
            pieces = clauses(self.fixed)
        else:
            pieces = [Clause(u.text, u.interruptible) for u in self.utterances.values() if not u.filler]
        heard = sum(len(u.heard.split()) for u in self.utterances.values() if not u.filler)
        return " ".join(after(heard, pieces))


def after(heard: int, pieces: Sequence[Clause]) -> Iterator[str]:
    """The pieces without their first words, passages marked."""
    for piece in pieces:
        words = speakable(piece.text).split()
        if rest := " ".join(words[heard:]):
            yield rest if piece.interruptible else marked(rest)
        heard = max(0, heard - len(words))
