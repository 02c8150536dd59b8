"""A call as a worker holds it: one session after the other, each with the assistant that has the call.

A handoff ends the session of one assistant and begins that of the next on the same call, from the journal so far: as
another worker does that takes the call over. The next assistant's providers are made and its transcriber is open before
anything is promised, so that the switch costs no more than a turn. Whatever the caller said that is no turn yet, the
next one hears from the audio that is kept here.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx
import structlog

from gateway.conversation.context_plan import ContextPlan
from gateway.conversation.events import HandoffRequested
from gateway.conversation.squad import Choice, member_shown
from gateway.errors import ParleyError, UnknownMember
from gateway.link.v1 import link_pb2 as pb
from gateway.media.audio import FRAME_BYTES, FRAME_MS
from gateway.providers.base import TranscriberStream
from gateway.providers.registry import Providers
from gateway.tools.port import Done
from gateway.worker.call_start import CallStart
from gateway.worker.clock import CallClock
from gateway.worker.consent import BEGIN
from gateway.worker.giving_back import NOTICED_MS, suitable_moment
from gateway.worker.journal import Durability, Send
from gateway.worker.opening import Opening, Resources
from gateway.worker.session import Session

MOST_HANDOFFS = 4
"""Without a word of the caller: assistants that send a caller to and fro must not do so for ever."""
MAKE_SECONDS = 10.0
KEPT_FRAMES = 1500
"""Of the caller's audio: 30 s. A turn without a pause that is longer has been transcribed in pieces."""

logger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Ready:
    """A member that may take the call over: everything that takes time is done."""

    resources: Resources
    stream: TranscriberStream


class HeldCall:
    """`run` holds the call to its end; `receive` takes the gateway's events meanwhile.

    :param first: the first opening of `start`, with its resources
    :param send: passes an event to the gateway, at once when urgent, else with the next tick
    """

    def __init__(
        self,
        start: CallStart,
        first: tuple[Opening, Resources],
        *,
        providers: Providers,
        client: httpx.AsyncClient,
        send: Send,
    ) -> None:
        self._start = start
        self._providers = providers
        self._client = client
        self._to_gateway = send
        self._clock = CallClock(first[0].at_ms)
        self._audio: deque[pb.CallerAudio] = deque(maxlen=KEPT_FRAMES)
        self._held = False
        self._given_back = False
        self._leaving: asyncio.Task[None] | None = None
        self._durability = Durability()
        self._mutes: dict[str, pb.GatewayEvent] = {}
        self._ready: Ready | None = None
        self._group: asyncio.TaskGroup | None = None
        self._resources = first[1]
        self._session = self._make_session(*first)

    async def run(self) -> None:
        """Hold the call until it ends.

        :raises ProviderError: the transcriber cannot be opened; the call was not accepted
        """
        stream = await self._resources.open_transcriber()
        self._send(pb.WorkerEvent(accepted=pb.Accepted()), True)
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                group.create_task(self._session.run(stream), name="session")
        finally:
            if self._ready is not None:
                await self._ready.stream.close()

    def receive(self, event: pb.GatewayEvent) -> None:
        """Take an event of this call. A fault ends the call here, never the stream that other calls share."""
        match event.WhichOneof("event"):
            case "audio":
                self._keep(event.audio)
            case "hold":
                self._held = event.hold.held
            case "control":
                self._remember_mute(event)
            case "give_back":
                self._give_back_soon()
                return
            case "kept":
                self._durability.told(event.kept.entries)
        self._session.receive(event)

    def _send(self, event: pb.WorkerEvent, urgent: bool) -> None:
        """Nothing follows what gave the call back."""
        if not self._given_back:
            self._to_gateway(event, urgent)

    def _give_back_soon(self) -> None:
        if self._leaving is None and self._group is not None:
            self._leaving = self._group.create_task(self._give_back(), name="give back")

    async def _give_back(self) -> None:
        """Let another worker have the call, at a moment that suits it."""
        if await suitable_moment(lambda: self._session, handing_over=lambda: self._ready is not None):
            between_turns = self._session.between_turns
            logger.info("call given back", call=self._start.call_id, between_turns=between_turns)
            self._session.leave()
            # who has just begun to speak is not noticed yet
            understood_ms = max(0, self._clock.now() - NOTICED_MS) if between_turns else 0
            self._send(pb.WorkerEvent(yielded=pb.Yielded(understood_ms=understood_ms)), True)
            self._given_back = True

    def _keep(self, audio: pb.CallerAudio) -> None:
        if len(audio.pcm) <= FRAME_BYTES:
            self._audio.append(audio)
            return
        for index in range(0, len(audio.pcm), FRAME_BYTES):
            at_ms = audio.at_ms + index // FRAME_BYTES * FRAME_MS
            self._audio.append(pb.CallerAudio(at_ms=at_ms, pcm=audio.pcm[index : index + FRAME_BYTES]))

    def _remember_mute(self, event: pb.GatewayEvent) -> None:
        """Who is muted stays muted when another assistant has the call."""
        for side in ("assistant", "customer"):
            if f'mute-{side}"' in event.control.json:
                self._mutes[side] = event
        if '-recording"' in event.control.json:
            if '"pause-recording"' in event.control.json:
                self._mutes["recording"] = event
            else:
                self._mutes.pop("recording", None)

    def _make_session(self, opening: Opening, resources: Resources) -> Session:
        return Session(
            opening,
            resources,
            send=self._send,
            clock=self._clock,
            keep=self._start.keep,
            durability=self._durability,
            hand_off=self.hand_off,
            leave=self._seat_next,
        )

    # ------------------------------------------------------------ handing over

    async def hand_off(self, destination: Mapping[str, Any], *, message: str = "", tool: str = "") -> Done:
        """Have another assistant take the call over, as soon as what is being said is over.

        :param destination: Vapi's, of type assistant or squad
        :param message: said before, by who has the call now
        :param tool: id of the tool call that asks for it
        """
        try:
            choice = Choice(0) if destination == BEGIN else self._start.squad.choose(destination)
            if refusal := self._refusal(choice):
                return Done(False, refusal)
            name = self._add(choice)
            ready = await self._prepare(choice.member)
        except UnknownMember as error:
            return Done(False, str(error))
        except (ParleyError, ValueError, TimeoutError) as error:
            name = self._start.squad.name(choice.member)
            logger.warning("handoff failed", call=self._start.call_id, to=name, error=str(error))
            why = str(error) or "its providers were not made in time."
            return Done(False, f"The assistant {name} cannot take the call: {why}")
        if self._ready is not None or not self._session.goes_on:
            await ready.stream.close()
            return Done(False, "The call is handed over already, or it ends.")
        self._ready = ready
        self._journal_handoff(destination, choice, tool)
        self._session.dispatch(HandoffRequested(self._clock.now(), message))
        return Done(True, f"{name} takes the call over.")

    def _refusal(self, choice: Choice) -> str:
        name = self._start.squad.name
        if self._ready is not None:
            return "The call is handed over already."
        if choice.member == self._session.member:
            return f"{name(choice.member)} has the call already."
        if self._session.handoffs >= MOST_HANDOFFS:
            return f"The call was handed over {MOST_HANDOFFS} times without a word of the caller: speak to the caller."
        return ""

    def _add(self, choice: Choice) -> str:
        """Make members of who stood in the destination."""
        self._start.squad.add(choice.added)
        return self._start.squad.name(choice.member)

    async def _prepare(self, member: int) -> Ready:
        """Make the providers of a member, and open its transcriber.

        :raises ParleyError, ValueError, TimeoutError: that cannot be done
        """
        async with asyncio.timeout(MAKE_SECONDS):
            resources = await asyncio.to_thread(self._make_resources, member)
        assert self._group is not None
        self._group.create_task(resources.prepare(), name="connections")
        return Ready(resources, await resources.open_transcriber())

    def _make_resources(self, member: int) -> Resources:
        return Resources.of(self._start.provisional(member), self._providers, self._client)

    def _journal_handoff(self, destination: Mapping[str, Any], choice: Choice, tool: str) -> None:
        plan, name = ContextPlan.of(destination), self._start.squad.name
        self._session.journal.write(
            "handoff",
            **{"from": name(self._session.member), "to": name(choice.member), "member": choice.member},
            mode=plan.mode,
            **({"messages": plan.messages} if plan.messages else {}),
            **({"tool": tool} if tool else {}),
            **({"members": [member_shown(member) for member in choice.added]} if choice.added else {}),
        )

    def _seat_next(self, unheard_ms: int) -> None:
        """The session of who had the call is over: the next assistant begins, now."""
        ready, self._ready = self._ready, None
        assert ready is not None
        assert self._group is not None
        latency = self._session.latency
        opening = self._start.opening(self._clock.now(), self._unheard(unheard_ms))
        self._session = self._make_session(opening, ready.resources)
        self._session.latency = latency
        if self._held:
            notice = pb.HoldNotice(at_ms=self._clock.now(), held=True)
            self._session.receive(pb.GatewayEvent(hold=notice))
        for mute in self._mutes.values():
            self._session.receive(mute)
        self._group.create_task(self._session.run(ready.stream), name="session")

    def _unheard(self, since_ms: int) -> pb.CallerAudio | None:
        frames = [audio for audio in self._audio if audio.at_ms + FRAME_MS > since_ms]
        if not frames:
            return None
        return pb.CallerAudio(at_ms=frames[0].at_ms, pcm=b"".join(frame.pcm for frame in frames))
