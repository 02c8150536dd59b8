"""A live call as its tools see it."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence
from typing import Any, Protocol

from gateway.conversation.context import Context, ToolCalled, ToolReturned
from gateway.conversation.events import Event, ToolEnded, ToolStarted
from gateway.conversation.server_message import openai_messages
from gateway.link.v1 import link_pb2 as pb
from gateway.tools.kind import Surroundings
from gateway.tools.port import Done
from gateway.webhooks.signing import Signer
from gateway.worker.call_actions import CallActions
from gateway.worker.journal import SessionJournal
from gateway.worker.opening import Opening, Resources


class Conversation(Protocol):
    """The session, as tools see it."""

    def now(self) -> int:
        """Call clock, ms."""

    def dispatch(self, event: Event) -> None:
        """Tell the turn machine."""


class HandOff(Protocol):
    """Has another assistant take the call over."""

    def __call__(self, destination: Mapping[str, Any], *, message: str = "", tool: str = "") -> Awaitable[Done]:
        """`destination` is Vapi's; `message` is said before, `tool` is the tool call that asks for it."""


class TakeConsent(Protocol):
    """Does as the caller's answer wants."""

    def __call__(self, *, granted: bool) -> Awaitable[Done]:
        """Whether the call may be recorded."""


async def not_asked(*, granted: bool) -> Done:
    """Of an assistant that does not ask for consent."""
    return Done(False, "Nobody was asked.")


class CallToolPort:
    """Tools in a telephone call.

    :param variables: template variables of the call, nested; what tools find out is added to them
    """

    def __init__(
        self,
        session: Conversation,
        journal: SessionJournal,
        actions: CallActions,
        context: Context,
        variables: Mapping[str, Any],
        hand_off: HandOff,
        take_consent: TakeConsent = not_asked,
    ) -> None:
        self._take_consent = take_consent
        self._hand_off = hand_off
        self._session = session
        self._journal = journal
        self._actions = actions
        self._context = context
        self._variables = dict(variables)

    @property
    def variables(self) -> Mapping[str, Any]:
        """Template variables, nested."""
        return self._variables

    def set_variables(self, values: Mapping[str, Any]) -> None:
        """Keep values for templates and the record."""
        self._variables.update(values)
        self._journal.write("variable", values=dict(values))

    def messages(self) -> Sequence[Mapping[str, Any]]:
        """The conversation so far as OpenAI's chat completions have it."""
        return openai_messages(self._context.messages())

    def now(self) -> int:
        """Call clock, ms."""
        return self._session.now()

    def record(self, fact: ToolCalled | ToolReturned, **details: Any) -> None:
        """Keep a fact in context and journal."""
        self._journal.record(fact, **details)

    def journal(self, kind: str, data: Mapping[str, Any]) -> None:
        """Keep an entry of the journal."""
        self._journal.write(kind, **data)

    async def durable(self) -> bool:
        """Wait until what was recorded is on the gateway's disk; False when it does not get there in time."""
        return await self._journal.durable()

    def tool_started(self, tool: str, reply: int, timeout_ms: int, *, covered: bool) -> None:
        """A tool call of a reply runs."""
        self._session.dispatch(ToolStarted(self.now(), reply, tool, timeout_ms, covered))

    def tool_ended(self, tool: str, reply: int) -> None:
        """It has its result."""
        self._session.dispatch(ToolEnded(self.now(), reply, tool))

    async def transfer(self, destination: Mapping[str, Any], *, tool: str) -> Done:
        """Send the caller on, when all that was said is heard."""
        return await self._actions.transfer(destination, tool=tool)

    async def hand_off(self, destination: Mapping[str, Any], *, tool: str) -> Done:
        """Give the conversation to another assistant, when what is being said is over."""
        return await self._hand_off(destination, tool=tool)

    async def send_digits(self, digits: str, *, info: bool, tool: str) -> Done:
        """Press keys."""
        action = pb.Action(send_digits=pb.SendDigits(digits=digits, info=info))
        return await self._actions.perform(action, tool=tool)

    async def pause_recording(self, *, paused: bool) -> Done:
        """Keep and hear nothing of what is confidential, or go on."""
        return await self._actions.perform(pb.Action(pause_recording=pb.PauseRecording(paused=paused)))

    async def take_consent(self, *, granted: bool) -> Done:
        """The caller said whether the call may be recorded."""
        return await self._take_consent(granted=granted)

    async def send_sip_request(self, verb: str, headers: Mapping[str, str], body: str, *, tool: str) -> Done:
        """Send a request inside the dialog of the call."""
        request = pb.SipRequest(verb=verb, headers=dict(headers), body=body)
        return await self._actions.perform(pb.Action(sip_request=request), tool=tool)


def surroundings(opening: Opening, resources: Resources, port: CallToolPort) -> Surroundings:
    """What the tools and hooks of an assistant are given."""
    return Surroundings(
        port=port,
        client=resources.client,
        signer=Signer(resources.client),
        call=opening.call,
        assistant=opening.shown,
        server=opening.server,
        phone_number=opening.phone_number,
        voicemail_message=opening.assistant.voicemail_message,
        credentials=opening.credentials,
    )
