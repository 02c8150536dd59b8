"""Live control in a session: what somebody outside asks of the conversation."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

import structlog

from gateway.conversation.commands import CloseReply, SpeechKind
from gateway.conversation.context import Added
from gateway.conversation.events import AnswerRequested, Event, ListeningChanged, MuteChanged, SayRequested
from gateway.conversation.live_control import AddMessage, Control, ControlMessage, Handoff, Say, Transfer, read_control
from gateway.errors import InvalidControl
from gateway.tools.port import Done
from gateway.worker.journal import SessionJournal
from gateway.worker.tool_port import HandOff

logger = structlog.get_logger(__name__)

SAY_SECONDS = 60.0
"""For the words before a transfer, and what is being said before them."""

UNHEARD = (
    "The recording was paused and goes on now. Meanwhile the caller may have given something confidential, such as "
    "card data: it was not heard and is not in this conversation. Do not ask for it to be repeated; go on."
)

_ROLES = ("system", "user", "assistant")


class Controlled(Protocol):
    """The session, as live control sees it."""

    journal: SessionJournal

    def now(self) -> int:
        """Call clock, ms."""

    def dispatch(self, event: Event) -> None:
        """Tell the turn machine."""

    def hear_caller(self, heard: bool) -> None:
        """Whether the caller's audio is listened to."""

    @property
    def turn(self) -> int:
        """The last turn that was taken."""

    @property
    def first_message(self) -> str:
        """What the assistant says first."""


class LiveControl:
    """Carries out the messages for the conversation; those for the call itself stay at the gateway.

    :param send_on: has the gateway transfer the call
    :param spawn: starts a task that the session owns
    """

    def __init__(
        self,
        session: Controlled,
        *,
        hand_off: HandOff,
        send_on: Callable[[Mapping[str, Any]], Awaitable[Done]],
        spawn: Callable[..., Any],
    ) -> None:
        self._session = session
        self._send_on = send_on
        self._saying: list[asyncio.Future[None]] = []
        self._hand_off = hand_off
        self._spawn = spawn

    def take(self, text: str) -> None:
        """Do what a message asks. The gateway has read it, too, and refused what is not valid."""
        try:
            self._carry_out(read_control(json.loads(text)))
        except (InvalidControl, ValueError) as error:
            self._failed(str(error))

    def _carry_out(self, message: ControlMessage) -> None:
        session = self._session
        match message:
            case Say():
                session.dispatch(_say(session.now(), message))
            case AddMessage(message=added):
                role = added.role if added.role in _ROLES else "system"
                wanted = {"answer": True} if message.trigger_response_enabled else {}
                session.journal.record(Added(session.turn, role, added.text), **wanted)
                if message.trigger_response_enabled:
                    session.dispatch(AnswerRequested(session.now()))
            case Control(control="mute-assistant" | "unmute-assistant" as control):
                session.dispatch(MuteChanged(session.now(), control == "mute-assistant"))
            case Control(control="mute-customer" | "unmute-customer" as control):
                session.hear_caller(control == "unmute-customer")
            case Control(control="pause-recording"):
                session.dispatch(ListeningChanged(session.now(), False))
            case Control(control="resume-recording"):
                session.dispatch(ListeningChanged(session.now(), True))
                session.journal.record(Added(session.turn, "system", UNHEARD), answer=True)
                session.dispatch(AnswerRequested(session.now()))
            case Control(control="say-first-message"):
                session.dispatch(SayRequested(session.now(), session.first_message))
            case Handoff():
                self._spawn(self._hand_over(message), name="handoff by live control")
            case Transfer():
                self._spawn(self._transfer(message), name="transfer by live control")

    async def _hand_over(self, message: Handoff) -> None:
        done = await self._hand_off(message.destination.json_object, message=message.content)
        if not done.ok:
            self._failed(done.detail)

    async def _transfer(self, message: Transfer) -> None:
        destination = message.destination.json_object
        if message.content:
            await self._say_and_wait(message.content)
        done = await self._send_on(destination)
        if done.ok:
            return
        self._failed(done.detail)
        plan = destination.get("transferPlan")
        fallback = plan.get("fallbackPlan") if isinstance(plan, Mapping) else None
        text = str(fallback.get("message") or "") if isinstance(fallback, Mapping) else ""
        if text and isinstance(fallback, Mapping):
            ends = bool(fallback.get("endCallEnabled", True))
            self._session.dispatch(SayRequested(self._session.now(), text, ends))

    async def _say_and_wait(self, text: str) -> None:
        """Until it was heard, or cut."""
        said: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._saying.append(said)
        self._session.dispatch(SayRequested(self._session.now(), text, interruptible=False))
        try:
            async with asyncio.timeout(SAY_SECONDS):
                await said
        except TimeoutError:
            logger.info("transferred without the words before it")

    def closed(self, reply: CloseReply) -> None:
        """A reply is over."""
        if reply.kind is SpeechKind.SAY and self._saying:
            said = self._saying.pop(0)
            if not said.done():
                said.set_result(None)

    def _failed(self, why: str) -> None:
        logger.warning("live control failed", detail=why)
        self._session.journal.note("control-failed", detail=why)


def _say(now: int, say: Say) -> SayRequested:
    return SayRequested(
        now,
        say.content,
        say.end_call_after_spoken,
        interruptible=say.interruptions_enabled,
        at_once=say.interrupt_assistant_enabled,
    )
