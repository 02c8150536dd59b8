"""What a session carries the turn machine's commands out with, while it runs: made together, closed together."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from gateway.conversation.context import Context
from gateway.conversation.latency import TurnLatency
from gateway.providers.base import ChatMessage, ChatRequest
from gateway.tools.squad_tools import with_destinations
from gateway.tools.toolbox import Toolbox
from gateway.worker.announcements import Announcements
from gateway.worker.consent import consent_tools
from gateway.worker.endpointing_callout import EndpointingCallout
from gateway.worker.hearing import Hearing
from gateway.worker.hooks import Hooked, Hooks, written
from gateway.worker.opening import Opening, Resources
from gateway.worker.output import OutputPort
from gateway.worker.replies import Replies, ReplyParts
from gateway.worker.tool_port import CallToolPort, surroundings
from gateway.worker.transfer_assistant import transfer_tools


class SessionPort(OutputPort, Hooked, Protocol):
    """The session, as its parts see it."""


@dataclass(frozen=True, slots=True)
class SessionParts:
    """Of one session."""

    hearing: Hearing
    tools: Toolbox
    replies: Replies
    hooks: Hooks
    endpointing: EndpointingCallout

    def stop(self) -> None:
        """The call is over: nothing of it goes on but tools."""
        self.replies.cancel()
        self.endpointing.close()

    async def close(self) -> None:
        """Wait for what may still go on. Hearing comes before the tools, which may take longer than the gateway
        listens: a transcriber counts until it is closed."""
        await self.hearing.close()
        await self.tools.close()
        await self.hooks.close()


def make_parts(
    session: SessionPort,
    opening: Opening,
    resources: Resources,
    *,
    hearing: Hearing,
    context: Context,
    tool_port: CallToolPort,
    announcements: Announcements,
    latency: TurnLatency | None,
    spawn: Callable[..., asyncio.Task[Any]],
) -> SessionParts:
    """The parts of a session whose assistant finds the call as `opening` tells.

    :param latency: of a turn that was taken before and has not been answered
    :param spawn: starts a task that the session owns
    """
    around = surroundings(opening, resources, tool_port)
    tools = Toolbox(
        [*with_destinations(transfer_tools(opening), opening.destinations), *consent_tools(opening)],
        around,
        spawn=spawn,
        known_ids=opening.tools,
    )
    replies = Replies(
        ReplyParts(opening, resources, context, tools, session.journal, session, spawn, announcements), latency=latency
    )
    hooks = Hooks(
        opening.assistant.hooks,
        session=session,
        around=around,
        goodbye=opening.plan.farewell or opening.plan.goodbye,
        ask=_asking(resources, context),
        spawn=spawn,
    )
    endpointing = EndpointingCallout(
        opening.assistant,
        call=opening.call,
        context=context,
        client=resources.client,
        port=session,
        spawn=spawn,
        note=session.journal.note,
    )
    return SessionParts(hearing, tools, replies, hooks, endpointing)


def _asking(resources: Resources, context: Context) -> Callable[[Sequence[ChatMessage]], Awaitable[str]]:
    """What the model says to messages behind the conversation."""

    async def ask(messages: Sequence[ChatMessage]) -> str:
        return await written(resources.model, ChatRequest([*context.messages(), *messages], context=resources.context))

    return ask
