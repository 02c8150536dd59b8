"""What a call is analysed by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

_SPOKEN = ("user", "bot", "assistant")


@dataclass(frozen=True, slots=True)
class Material:
    """A call that is over. `messages` are those of its artifact, with Vapi's roles."""

    transcript: str
    ended_reason: str = ""
    system_prompt: str = ""
    messages: Sequence[Mapping[str, Any]] = field(default_factory=tuple)

    @classmethod
    def of(cls, call: Mapping[str, Any], assistant: Mapping[str, Any]) -> Material:
        """Of Vapi's Call, with its artifact, and the assistant that had it."""
        artifact, model = call.get("artifact") or {}, assistant.get("model") or {}
        system = [one for one in model.get("messages") or () if one.get("role") == "system"]
        return cls(
            transcript=str(artifact.get("transcript") or ""),
            ended_reason=str(call.get("endedReason") or ""),
            system_prompt="\n".join(str(one.get("content") or "") for one in system),
            messages=artifact.get("messages") or (),
        )

    @property
    def spoken(self) -> int:
        """How many messages caller and assistant said."""
        return sum(message.get("role") in _SPOKEN for message in self.messages)
