"""What the state machine of a call commands, carried out: of the leg, the playout and the conversation."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from gateway.call.admission import retry_seconds
from gateway.call.extension import EXTENSION_SECONDS, Key, dial_extension
from gateway.call.leg import Direction
from gateway.call.phrases import Phrase
from gateway.call.state import Command, Forwarded, NotForwarded, PlayedOut, State
from gateway.errors import LegError, NoWorker
from gateway.observe import metrics
from gateway.routing.redirection import contact_of

if TYPE_CHECKING:
    from gateway.call.session import Call

LEG_SECONDS = 5.0
"""For anything that is asked of the leg."""


class Commands:
    """Of one call.

    :param extension: dialled when somebody has answered, before the agent speaks
    :param fallback: Vapi's destination of a caller whom no worker takes, or none is left for
    """

    def __init__(self, call: Call, *, extension: Sequence[Key], fallback: Mapping[str, Any] | None) -> None:
        self._call = call
        self._extension = extension
        self._fallback = fallback

    async def carry_out(self, command: Command) -> None:
        """Do as the state machine says."""
        match command:
            case Command.ANSWER:
                await self.ask_leg(self._call.leg.answer(), only=Direction.INBOUND)
            case Command.OPEN:
                if self._extension:
                    self._call.spawn(self._open_behind_extension())
                else:
                    self._open_conversation()
            case Command.REFUSE:
                await self._refuse()
            case Command.APOLOGISE:
                # who is sent on then is not asked to call again
                sent_on = self._call.state is State.APOLOGISING
                self._say_last(Phrase.FORWARDING if sent_on else Phrase.APOLOGY, "apology")
            case Command.SAY_GOODBYE:
                self._say_last(Phrase.GOODBYE, "goodbye")
            case Command.AWAIT_PLAYOUT:
                self._call.spawn(self._tell_played_out())
            case Command.FORWARD:
                self._call.spawn(self._forward())
            case Command.HANG_UP:
                await self.take_statistics()
                await self.ask_leg(self._call.leg.hangup(self._call.machine.end_reason))
            case Command.FINISH:
                pass

    async def ask_leg(
        self, asking: Coroutine[Any, Any, None], *, only: Direction | None = None, seconds: float = LEG_SECONDS
    ) -> None:
        """A leg that cannot do it is about to end: its end or the state's deadline follows."""
        if only not in (None, self._call.leg.info.direction):
            asking.close()
            return
        try:
            async with asyncio.timeout(seconds):
                await asking
        except (LegError, TimeoutError) as error:
            self._call.log.warning("leg did not do it", detail=str(error) or "no answer in time")

    async def _open_behind_extension(self) -> None:
        await self.ask_leg(dial_extension(self._call.leg, self._extension), seconds=EXTENSION_SECONDS)
        if self._call.state is State.LIVE:
            self._open_conversation()

    def _open_conversation(self) -> None:
        self._call.journal.append(self._call.now_ms, "answered", {"at": self._call.books.time()})
        self._call.conversation.open(self._call.now_ms)
        self._call.opened.set()
        self._call.spawn(self._call.watch.run())
        if self._call.plan is not None and (announcement := self._call.plan.announcement):
            self._call.say(announcement.text, end_call_after=True, interruptible=False)

    async def _refuse(self) -> None:
        if self._call.leg.info.direction is Direction.OUTBOUND:
            await self.ask_leg(self._call.leg.hangup(self._call.machine.end_reason))
            return
        if (forwarded := self._call.forwarded) is not None:
            await self.ask_leg(self._call.leg.refuse(forwarded.status, reason=self._call.machine.end_reason))
            return
        metrics.CALLS_REFUSED.labels(NoWorker.reason).inc()
        if self._fallback:
            await self.ask_leg(self._call.leg.refuse(302, contact=contact_of(self._fallback, self._call.leg.info)))
            return
        await self.ask_leg(self._call.leg.refuse(NoWorker.status, retry_after=retry_seconds(), reason=NoWorker.reason))

    async def _forward(self) -> None:
        """The caller goes to the fallback as by every transfer."""
        assert self._fallback is not None
        ok, _ = await self._call.actions.forward(self._fallback, "nobody is left to talk with the caller")
        self._call.post(Forwarded() if ok else NotForwarded())

    def _say_last(self, phrase: Phrase, name: str) -> None:
        """Say this in place of what was being said; without the phrase the call just ends."""
        self._call.conversation.detach(self._call.now_ms, self._call.machine.end_reason)
        self._call.playout.cut(self._call.playout.highest)
        pcm = self._call.services.phrases.pcm(self._call.assistant, phrase)
        if pcm:
            self._call.conversation.say(self._call.playout.highest + 1, name, pcm)

    async def _tell_played_out(self) -> None:
        await self._call.quiet.wait()
        self._call.post(PlayedOut())

    async def take_statistics(self) -> None:
        """Ask the leg for its figures so far, which the record will hold."""
        try:
            async with asyncio.timeout(LEG_SECONDS):
                self._call.books.statistics = await self._call.leg.statistics() or self._call.books.statistics
        except (LegError, TimeoutError) as error:
            self._call.log.warning("no RTP figures", detail=str(error) or "no answer in time")
