"""What comes of a tool call."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.assistant.tool_message import OutcomeMessage
from gateway.providers.base import ToolCall


@dataclass(frozen=True, slots=True)
class ToolResult:
    """How a tool went. `text` is what the model sees, an error's sentence when not `ok`.

    `message` is what the tool's server wants said. `ended_reason`: the call ends with that, after what is said.
    `say` is what the tool itself says, and nothing interrupts it. `left`: the conversation is with somebody else now.
    `wordless`: the call ends without a goodbye.
    """

    ok: bool
    text: str
    message: OutcomeMessage | None = None
    say: str = ""
    ended_reason: str = ""
    left: bool = False
    wordless: bool = False


@dataclass(frozen=True, slots=True)
class ToolOutcome:
    """A tool call, its result, and how the reply goes on: `say` is said instead of asking the model, `hint` is a
    system message for the model's answer. `spoken`: something was said before the result, or nothing is to be said."""

    call: ToolCall
    ok: bool
    result: str
    say: str = ""
    interruptible: bool = True
    hint: str = ""
    ended_reason: str = ""
    left: bool = False
    spoken: bool = False
