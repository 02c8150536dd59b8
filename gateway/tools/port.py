"""What tools need of the conversation in which they run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from gateway.conversation.context import ToolCalled, ToolReturned


@dataclass(frozen=True, slots=True)
class Done:
    """How something went that was asked of the call; `detail` is one sentence for the model, `reason` Vapi's
    endedReason of a call that ends because it failed, where there is one."""

    ok: bool
    detail: str
    reason: str = ""


class ToolPort(Protocol):
    """The conversation, as its tools see it."""

    @property
    def variables(self) -> Mapping[str, Any]:
        """Template variables, nested."""

    def set_variables(self, values: Mapping[str, Any]) -> None:
        """Keep values for templates and the record."""

    def messages(self) -> Sequence[Mapping[str, Any]]:
        """The conversation so far as OpenAI's chat completions have it."""

    def now(self) -> int:
        """Call clock, ms."""

    def record(self, fact: ToolCalled | ToolReturned, **details: Any) -> None:
        """Keep a fact in context and journal."""

    def journal(self, kind: str, data: Mapping[str, Any]) -> None:
        """Keep an entry of the journal that is no fact of the context."""

    async def durable(self) -> bool:
        """Wait until what was recorded cannot be lost; False when that does not become certain in time."""

    def tool_started(self, tool: str, reply: int, timeout_ms: int, *, covered: bool) -> None:
        """A tool call of a reply runs, at most for this long; `covered`: nothing but its own messages is said
        meanwhile."""

    def tool_ended(self, tool: str, reply: int) -> None:
        """It has its result."""

    async def transfer(self, destination: Mapping[str, Any], *, tool: str) -> Done:
        """Send the caller on, when all that was said is heard. `destination` is Vapi's, of type number or sip; `tool`
        is the id of the tool call here and below: what it asks for is done once, also when the call is repeated."""

    async def hand_off(self, destination: Mapping[str, Any], *, tool: str) -> Done:
        """Give the conversation to another assistant. `destination` is Vapi's, of type assistant or squad, of a
        transferCall or a handoff tool; `tool` is the id of the tool call."""

    async def send_digits(self, digits: str, *, info: bool, tool: str) -> Done:
        """Press keys: by RFC 4733, or by SIP INFO."""

    async def pause_recording(self, *, paused: bool) -> Done:
        """Keep and hear nothing of what is confidential, or go on."""

    async def take_consent(self, *, granted: bool) -> Done:
        """The caller said whether the call may be recorded."""

    async def send_sip_request(self, verb: str, headers: Mapping[str, str], body: str, *, tool: str) -> Done:
        """Send INFO, MESSAGE or NOTIFY inside the dialog of the call."""


class Speaker(Protocol):
    """The reply that asked for a tool, as far as the tool speaks in it."""

    def say(self, text: str, *, interruptible: bool = True) -> None:
        """Say a text after what was said so far."""

    async def heard(self) -> None:
        """Wait until what was said so far is heard, or cut."""


class NoCall:
    """What a conversation without a telephone answers: a chat, or the try of a tool."""

    WHERE = "There is no telephone call here, so this was not done."

    async def transfer(self, destination: Mapping[str, Any], *, tool: str) -> Done:
        """Not here."""
        return Done(False, self.WHERE)

    async def send_digits(self, digits: str, *, info: bool, tool: str) -> Done:
        """Not here."""
        return Done(False, self.WHERE)

    async def pause_recording(self, *, paused: bool) -> Done:
        """Not here."""
        return Done(False, self.WHERE)

    async def take_consent(self, *, granted: bool) -> Done:
        """Not here."""
        return Done(False, self.WHERE)

    async def send_sip_request(self, verb: str, headers: Mapping[str, str], body: str, *, tool: str) -> Done:
        """Not here."""
        return Done(False, self.WHERE)
