"""What of a conversation waits when its worker is lost: keys, things to be said, and the silence of a caller."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gateway.conversation.commands import SpeechKind
from gateway.conversation.events import Pending

_SILENCE_HOOK = "customer.speech.timeout"
_FOR_SILENCE = (SpeechKind.REPROMPT, SpeechKind.COVER)
"""What is said because nobody speaks: the silence goes on behind it."""


@dataclass(slots=True)
class Waiting:
    """As `gateway.conversation.events.Started` has it. Reads the entries of a journal, oldest first."""

    keys: str = ""
    says: list[Pending] = field(default_factory=list)
    silent_ms: int = 0
    reprompts: int = 0
    reprompted_ms: int = 0

    def read(self, kind: str, data: Mapping[str, Any], at_ms: int) -> None:
        """One entry, of whatever kind; `at_ms` of the call clock."""
        match kind:
            case "key":
                self.keys += str(data["digit"])
            case "say":
                after, may_stop = bool(data.get("end_call_after")), bool(data.get("interruptible", True))
                self.says.append(Pending(str(data["text"]), after, may_stop))
            case "reply" if data.get("kind") == SpeechKind.SAY:
                del self.says[:1]
            case "caller-turn":
                self.keys, self.reprompts, self.silent_ms = "", 0, at_ms
            case "agent-turn":
                self._said(str(data.get("kind", "")), at_ms)
            case "note" if data.get("event") == "hook" and str(data.get("detail", "")).startswith(_SILENCE_HOOK):
                self.reprompts, self.reprompted_ms = self.reprompts + 1, at_ms

    def _said(self, kind: str, at_ms: int) -> None:
        if kind not in _FOR_SILENCE:
            self.silent_ms, self.reprompts = at_ms, 0
        elif kind == SpeechKind.REPROMPT:
            self.reprompts, self.reprompted_ms = self.reprompts + 1, at_ms
