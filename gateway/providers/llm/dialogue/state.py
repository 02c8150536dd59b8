"""Where a dialogue stands, and what the engine says next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class DialogueState:
    """`intent` is the one in work or last served, `slots` its values. `waiting` is the slot that was asked for,
    `confirming` that its value was read back. `attempts` counts answers without the slot, `misses` what was not
    understood, `turn` the caller's turns. `said` is the last answer in full."""

    turn: int = 0
    intent: str | None = None
    slots: Mapping[str, str] = field(default_factory=dict)
    waiting: str | None = None
    confirming: bool = False
    attempts: int = 0
    misses: int = 0
    said: str = ""


@dataclass(frozen=True, slots=True)
class Action:
    """A tool to call."""

    name: str
    arguments: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answer:
    """What to say and do. `expects` as in TranscriptHint."""

    text: str = ""
    action: Action | None = None
    expects: str = "anything"
