"""What was said and done in a call, in both of Vapi's shapes, one entry more at a time.

`messages` have times, `openai` is what chat completions take: neighbours that one side said in pieces are one there.
The agent's text is what the caller heard of it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

AI: Final = "AI"
USER: Final = "User"


@dataclass(frozen=True, slots=True)
class Span:
    """When something was said: wall clock in ms, and seconds since the call was answered."""

    start_ms: int
    end_ms: int
    seconds: float

    def times(self) -> dict[str, Any]:
        """The fields of speech."""
        return {**self.moment(), "endTime": self.end_ms, "duration": self.end_ms - self.start_ms}

    def moment(self) -> dict[str, Any]:
        """The fields of what takes no time."""
        return {"time": self.start_ms, "secondsFromStart": self.seconds}


@dataclass(slots=True)
class Conversation:
    """Grows by whole messages; lists that were handed out are never changed in what they hold already."""

    messages: list[dict[str, Any]] = field(default_factory=list)
    openai: list[dict[str, Any]] = field(default_factory=list)
    _lines: list[tuple[bool, str]] = field(default_factory=list)

    def system(self, text: str, span: Span) -> None:
        """An assistant's prompt."""
        self.messages.append({"role": "system", "message": text, **span.moment()})
        self.openai.append({"role": "system", "content": text})

    def user(self, text: str, span: Span) -> None:
        """What the caller said."""
        self.messages.append({"role": "user", "message": text, **span.times()})
        self._said("user", text)

    def agent(self, heard: str, span: Span, who: Mapping[str, str]) -> None:
        """What the caller heard of the agent.

        :param who: assistantName and assistantId, as far as they are known
        """
        self.messages.append({"role": "bot", "message": heard, **span.times(), **who})
        self._said("assistant", heard)

    def added(self, role: str, text: str, span: Span) -> None:
        """A message that nobody spoke; `role` is system, user or assistant."""
        self.messages.append({"role": "bot" if role == "assistant" else role, "message": text, **span.moment()})
        self.openai.append({"role": role, "content": text})

    def tool_call(self, call: Mapping[str, Any], span: Span) -> None:
        """A tool is called; `call` is `{id, type, function: {name, arguments}}`."""
        self.messages.append({"role": "tool_calls", "message": "", "toolCalls": [call], **span.moment()})
        last = self.openai[-1] if self.openai else {}
        if last.get("role") == "assistant":
            self.openai[-1] = {**last, "tool_calls": [*last.get("tool_calls", ()), call]}
        else:
            self.openai.append({"role": "assistant", "content": "", "tool_calls": [call]})

    def tool_result(self, id_: str, name: str, result: str, span: Span) -> None:
        """A tool has answered."""
        self.messages.append(
            {"role": "tool_call_result", "toolCallId": id_, "name": name, "result": result, **span.moment()}
        )
        self.openai.insert(self._after_call(id_), {"role": "tool", "tool_call_id": id_, "content": result})

    def transcript(self, names: Mapping[str, Any]) -> str:
        """What was said, a line each.

        :param names: assistantName and userName of Vapi's transcriptPlan
        """
        agent, user = str(names.get("assistantName") or AI), str(names.get("userName") or USER)
        return "".join(f"{agent if by_agent else user}: {text}\n" for by_agent, text in self._lines)

    def _said(self, role: str, text: str) -> None:
        self._lines.append((role == "assistant", text))
        last = self.openai[-1] if self.openai else {}
        if last.get("role") == role and not last.get("tool_calls"):
            self.openai[-1] = {**last, "content": f"{last['content']} {text}".strip()}
        else:
            self.openai.append({"role": role, "content": text})

    def _after_call(self, id_: str) -> int:
        """Models want a result right behind its call, though something may have been said meanwhile."""
        for index in range(len(self.openai) - 1, -1, -1):
            calls: Sequence[Mapping[str, Any]] = self.openai[index].get("tool_calls", ())
            if any(call.get("id") == id_ for call in calls):
                index += 1
                while index < len(self.openai) and self.openai[index]["role"] == "tool":
                    index += 1
                return index
        return len(self.openai)


def tool_call(id_: str, name: str, arguments: Any) -> dict[str, Any]:
    """A tool call of a message: arguments as JSON text, as OpenAI has them."""
    text = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
    return {"id": id_, "type": "function", "function": {"name": name, "arguments": text}}
