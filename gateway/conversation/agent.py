"""The agent's side of the floor: one reply at a time, its utterances and how much of them was heard."""

from __future__ import annotations

from dataclasses import dataclass, field

from gateway.conversation.commands import SpeechKind
from gateway.conversation.heard import SpokenUtterance


@dataclass(slots=True)
class AgentReply:
    """A reply or a fixed text that is being made or spoken. `answers` is the caller's text that it was made for.

    `protected` ones are fixed texts that may not be interrupted. `filled` tells that the silence in it is covered."""

    id: int
    turn: int
    kind: SpeechKind
    answers: str = ""
    protected: bool = False
    committed: bool = False
    finished: bool = False
    expects: str = "anything"
    filled: bool = False
    utterances: dict[int, SpokenUtterance] = field(default_factory=dict)

    def queue(self, utterance: SpokenUtterance) -> None:
        """One more utterance went to the gateway."""
        self.utterances[utterance.id] = utterance
        self.filled = utterance.filler

    @property
    def settled(self) -> bool:
        """Nothing that was queued will still be sent."""
        return all(utterance.settled for utterance in self.utterances.values())

    @property
    def interruptible(self) -> bool:
        """What plays now, or plays next, may be interrupted."""
        playing = next((u for u in self.utterances.values() if not u.settled), None)
        return playing.interruptible if playing is not None else not self.protected

    @property
    def speaks(self) -> bool:
        """It has said something of its own."""
        return any(not utterance.filler for utterance in self.utterances.values())

    @property
    def last_utterance(self) -> int:
        """The highest id queued, 0 for none."""
        return max(self.utterances, default=0)

    @property
    def text(self) -> str:
        """All that was queued."""
        return " ".join(utterance.text for utterance in self.utterances.values())

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
