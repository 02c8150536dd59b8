"""Where a call was sent on, as its artifact tells: a row for each attempt, with what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from gateway.messages.conversation import Conversation, Span, tool_call

OUTCOMES: Final = frozenset({"connected", "no-answer", "busy", "voicemail", "failed", "completed", "cancelled"})
"""Vapi's; others are an attempt that goes on."""
FAILED: Final = OUTCOMES - {"connected", "completed"}


@dataclass(slots=True)
class Transfers:
    """Grows by an attempt, or by the outcome of the last one."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    _talks: list[Conversation] = field(default_factory=list)

    def tell(self, data: Mapping[str, Any]) -> None:
        """A `transfer` event's data: status, destination, mode, detail."""
        status = str(data.get("status", ""))
        destination = data.get("destination")
        last = self.rows[-1] if self.rows else None
        ends = last is not None and status == "completed" and last.get("status") == "connected"
        if last is None or ("status" in last and not ends) or (destination and destination != last["destination"]):
            last = {"destination": destination or {}}
            self.rows.append(last)
            self._talks.append(Conversation())
        last |= {name: str(data[name]) for name in ("mode", "detail") if data.get(name)}
        if status in OUTCOMES:
            last["status"] = status

    def talk(self, data: Mapping[str, Any], span: Span) -> None:
        """A `transfer-talk` event's data: what was said to the human of the last one, or by them, and which tools were
        used; `what` is the kind of the event that it would be in the caller's conversation."""
        if not self.rows:
            return
        talk, text = self._talks[-1], str(data.get("text", ""))
        heard = data.get("heard", text)
        name, id_ = str(data.get("name", "")), str(data.get("id", ""))
        match data.get("what"):
            case "agent-turn" if isinstance(heard, str) and heard:
                talk.agent(heard, span, {})
            case "caller-turn" if text:
                talk.user(text, span)
            case "tool-call":
                talk.tool_call(tool_call(id_, name, data.get("arguments")), span)
            case "tool-result":
                talk.tool_result(id_, name, str(data.get("result", "")), span)
        self.rows[-1] |= {"messages": talk.messages, "transcript": talk.transcript({})}
