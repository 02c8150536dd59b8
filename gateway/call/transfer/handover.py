"""One transfer in which we dial the human: carries out what `life` decides."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from gateway.call import endings
from gateway.call.dialling import Dialling
from gateway.call.extension import dial_extension, read_extension
from gateway.call.leg import Leg
from gateway.call.speech import speak, spoken_by
from gateway.call.state import EndNow
from gateway.call.transfer.consultation import Consultation, Talk
from gateway.call.transfer.decision import MAX_DURATION
from gateway.call.transfer.human import Human
from gateway.call.transfer.life import (
    ENDED,
    Accepted,
    CallerLeft,
    Command,
    DeadlinePassed,
    Event,
    Failed,
    Joined,
    Life,
    Referred,
    Refused,
    State,
    Status,
)
from gateway.call.transfer.plan import TransferPlan, shown_destination
from gateway.call.transfer.sounds import hold_music, ringing
from gateway.errors import LegError, NoWorker, ParleyError
from gateway.providers.tts.clip import fetched_clip

if TYPE_CHECKING:
    from gateway.call.session import Call

SPEECH_SECONDS = 20.0
"""For a worker to make what is said to the human."""
CLIP_SECONDS = 8.0
LEG_SECONDS = 5.0
FAREWELL_SECONDS = 0.5
"""For the worker to note the result of the tool, before its call ends."""
DECISION_GRACE_SECONDS = 30.0
"""Beyond the transfer assistant's limit: the worker ends its conversation in words, we only when it does not."""
MOST_SECONDS = 4 * 3600.0
"""How long caller and human may talk."""


class Handover:
    """One transfer of a call.

    :param destination: Vapi's, with its plan
    :param number: of this transfer in its call, from 1
    :param talk: the assistant that talks with the human before the caller does
    """

    def __init__(
        self,
        call: Call,
        destination: Mapping[str, Any],
        plan: TransferPlan,
        *,
        number: int = 1,
        talk: Talk | None = None,
    ) -> None:
        self._call = call
        self._destination = destination
        self._plan = plan
        self._loop = asyncio.get_running_loop()
        self._life = Life(
            self._loop.time(),
            plan.ring_seconds,
            plan.seconds if plan.assistant_seconds is None else plan.assistant_seconds + DECISION_GRACE_SECONDS,
            refer=plan.connects_by_refer and not plan.stays,
            stays=plan.stays,
            late=MAX_DURATION if talk is not None else "",
        )
        self._name = f"transfer-{number}"
        self._talk = talk
        self._consultation: Consultation | None = None
        self._ready: asyncio.Task[bool] | None = None
        self._events: asyncio.Queue[Event] = asyncio.Queue()
        self._outcome: asyncio.Future[tuple[bool, str]] = self._loop.create_future()
        self._human: Human | None = None
        self._sounds: list[asyncio.Task[bytes]] = []
        self._tasks: list[asyncio.Task[Any]] = []
        self._dialling: Dialling | None = None

    # ------------------------------------------------------------ for the call

    async def run(self) -> tuple[bool, str]:
        """How it went, for the agent: whether the caller is with the human, and one sentence."""
        self._call.spawn(self._live())
        return await self._outcome

    def post(self, event: Event) -> None:
        """Something happened."""
        self._events.put_nowait(event)

    @property
    def failure(self) -> str:
        """Vapi's endedReason of a call that ends because this failed; empty where none fits."""
        return self._life.reason

    def agent_away(self, away: bool) -> None:
        """Whether nobody is there that the caller could be given back to."""
        self._life.agent_lost = away

    def referred(self, ok: bool) -> None:
        """The caller's side said how the REFER with Replaces went."""
        self.post(Referred(ok))

    @property
    def leg(self) -> Leg | None:
        """The second leg, while it lives."""
        return self._human.leg if self._human is not None and not self._human.ended else None

    @property
    def status(self) -> Status | None:
        """How it went; None while that is open."""
        return self._life.status

    @property
    def goes_on(self) -> bool:
        """The caller may still get the human, or has them: losing the agent now is no loss yet."""
        return self._life.state not in ENDED

    def heard_with(self, agent: bytes) -> bytes:
        """What the caller heard in this tick, 320 bytes: the agent, and the human where they are connected."""
        if self._human is None or self._life.state not in (State.CONNECTED, State.HANDING_OVER) or self._plan.stays:
            return agent
        return self._human.mixed(agent)

    def end_reason(self, reason: str) -> str:
        """endedReason of the call, seen from here."""
        if reason != endings.CUSTOMER_ENDED:
            return reason
        if self._life.status in (Status.CONNECTED, Status.COMPLETED):
            return endings.FORWARDED
        if self._life.status is Status.CANCELLED:
            return endings.LEFT_BEFORE_WARM_TRANSFER if self._plan.warm else endings.LEFT_DURING_TRANSFER
        return endings.LEFT_AFTER_WARM_TRANSFER if self._plan.warm else reason

    # ------------------------------------------------------------ life

    async def _live(self) -> None:
        try:
            async with self._call.services.dial(self._destination, self._call) as begun:
                self._human = Human(begun.leg, self.post)
        except ParleyError as error:
            self._life.handle(Refused(Status.FAILED, str(error)), self._loop.time())
            self._tell_status()
            self._settle(False, str(error))
            self._call.handovers.returned()
            return
        leg, self._dialling = begun.leg, begun.dialling
        leg.keep_dialog(self._call.keep_dialog)
        if self._call.books.capture is not None:
            leg.capture(self._call.books.capture)
        self._tasks.append(self._loop.create_task(begun.dialling.run(self._attempted), name="second leg"))
        try:
            await self._prepare()
            while self._life.state not in ENDED:
                await self._handle(await self._next())
        finally:
            await self._end(leg)

    async def _end(self, leg: Leg) -> None:
        """Nobody is left on a line of ours, however it ended."""
        for command in self._life.handle(CallerLeft(), self._loop.time()):
            if command is Command.TELL:
                self._tell_status()
        for task in self._tasks:
            task.cancel()
        try:
            await leg.hangup("the transfer is over")
            self._settle(False, self._life.detail)
            self._call.handovers.returned()
        finally:
            if self._consultation is not None:
                await self._consultation.close()

    async def _next(self) -> Event:
        try:
            async with asyncio.timeout_at(self._life.deadline):
                return await self._events.get()
        except TimeoutError:
            return DeadlinePassed()

    async def _handle(self, event: Event) -> None:
        for command in self._life.handle(event, self._loop.time()):
            await self._carry_out(command)

    async def _carry_out(self, command: Command) -> None:
        assert self._human is not None
        match command:
            case Command.BRIEF:
                if self._dialling is not None:
                    self._dialling.answered()
                self._tell("answered", "", trunk=self._human.leg.info.trunk)
                self._call.spawn(self._brief(self._human))
            case Command.CONNECT:
                await self._connect(self._human)
            case Command.LEAVE:
                await self._leave(self._human)
            case Command.REFER:
                await self._refer(self._human)
            case Command.DROP_HUMAN:
                await self._human.leg.hangup("the transfer is over")
            case Command.DROP_CALLER:
                self._call.post(EndNow(endings.FORWARDED))
            case Command.TELL:
                self._tell_status()
            case Command.RETURN:
                await self._return()

    # ------------------------------------------------------------ the caller waits

    async def _prepare(self) -> None:
        """The agent rests, the caller hears something, and what the human will hear is made."""
        self._rest(True)
        plan = self._plan
        if self._talk is not None and self._human is not None:
            talk, leg = self._talk, self._human.leg
            self._consultation = Consultation(self._call, leg, talk, name=self._name, tell=self._consulted)
            self._ready = self._loop.create_task(self._consultation.prepare(), name="transfer assistant")
            self._tasks.append(self._ready)
        usual = hold_music() if plan.warm else ringing()
        if self._call.machine.answered:
            await self._play(await self._clip(plan.hold_url) or usual)
        self._sounds = [
            self._loop.create_task(
                self._speech("" if self._talk else plan.message, "message"), name="message of a transfer"
            ),
            self._loop.create_task(self._clip(plan.complete_url), name="sound of a transfer"),
            self._loop.create_task(self._speech(plan.introduction, "introduction"), name="introduction of a transfer"),
        ]
        self._tasks += self._sounds

    def _rest(self, rests: bool) -> None:
        """A caller who waits is not heard by the agent, as one on hold is not."""
        self._call.conversation.hold(self._call.now_ms, "transfer", rests)

    async def _play(self, pcm: bytes) -> None:
        """Who waits in silence is still not lost: without sound it goes on."""
        await self._try(lambda: self._call.leg.background(pcm), "no sound for who waits")

    async def _clip(self, url: str) -> bytes:
        client = self._call.services.client
        if not url or client is None:
            return b""
        try:
            async with asyncio.timeout(CLIP_SECONDS):
                return await fetched_clip(client, url)
        except (ParleyError, TimeoutError) as error:
            self._note("sound", str(error) or "it did not come in time")
            return b""

    async def _speech(self, text: str, what: str) -> bytes:
        """A text in the voice of who has the call; nothing when it cannot be made: the human then hears the caller."""
        if not text:
            return b""
        call = self._call
        start = spoken_by(call.assistant, text, call_id=f"{call.id}-transfer", plan=call.plan)
        try:
            used = partial(self._used, f"{self._name}-{what}")
            return await speak(call.services.workers, start, seconds=SPEECH_SECONDS, used=used)
        except (TimeoutError, NoWorker) as error:
            self._note("message", str(error) or "it was not made in time")
            return b""

    def _used(self, of: str, rows: Mapping[str, Any]) -> None:
        self._call.journal.append(self._call.now_ms, "transfer-usage", {"of": of, **rows})

    # ------------------------------------------------------------ the human is told

    async def _brief(self, human: Human) -> None:
        """What is said before the caller is there. Keys are heard meanwhile."""
        try:
            if keys := read_extension(str(self._destination.get("extension") or "")):
                await dial_extension(human.leg, keys)
            if self._consultation is not None and self._ready is not None:
                if await self._ready:
                    human.consultation = self._consultation
                    self._consultation.open()
                else:
                    self.post(Failed("No worker is free for the assistant that is to talk with the other side."))
                return
            if self._plan.waits_for_speech:
                await human.has_spoken()
            await self._say_message(human, await self._sounds[0])
            await human.say(await self._sounds[1])
            if not self._plan.accept_by_key:
                self.post(Accepted())
        except ParleyError as error:
            self.post(Failed(str(error)))

    async def _say_message(self, human: Human, sound: bytes) -> None:
        if not sound:
            return
        since_ms = self._call.now_ms
        await human.say(sound)
        talk = {"what": "agent-turn", "text": self._plan.message, "start_ms": since_ms}
        self._call.journal.append(self._call.now_ms, "transfer-talk", {**talk, "end_ms": self._call.now_ms})

    def _consulted(self, event: Event) -> None:
        """The transfer assistant has decided, or cannot."""
        if isinstance(event, Accepted) and self._human is not None:
            self._call.spawn(self._complete(self._human))
        else:
            self.post(event)

    async def _complete(self, human: Human) -> None:
        await human.talks_no_more()
        await human.say(await self._sounds[1])
        self.post(Accepted())

    # ------------------------------------------------------------ the two are together

    async def _connect(self, human: Human) -> None:
        self._call.spawn(human.talks_no_more())
        try:
            async with asyncio.timeout(LEG_SECONDS):
                await self._call.pick_up()
                await self._call.leg.background(b"")
                await self._call.leg.join(human.leg)
                if self._plan.stays:
                    await human.leg.hears_agent_of(self._call.leg, True)
        except (LegError, TimeoutError) as error:
            self.post(Failed(str(error) or "The two calls could not be connected."))
            return
        self.post(Joined())

    async def _leave(self, human: Human) -> None:
        """Who stays goes on in a conversation of three; else the agent's part is over."""
        if self._plan.introduction:
            self._call.spawn(self._introduce(human, self._sounds[2]))
        if self._plan.stays:
            self._rest(False)
            self._settle(True, "The other person is in the call now, and hears you, too.")
            return
        self._settle(True, self._life.detail)
        self._call.machine.go_on(self._loop.time() + MOST_SECONDS)
        self._call.spawn(self._let_go())

    async def _introduce(self, human: Human, sound: asyncio.Task[bytes]) -> None:
        """Both hear it: the caller hears for a moment what is played to the human."""
        leg = self._call.leg
        await self._try(lambda: leg.hears_agent_of(human.leg, True), "no introduction for the caller")
        await human.say(await sound)
        await self._try(lambda: leg.hears_agent_of(human.leg, False), "the introduction goes on")

    async def _let_go(self) -> None:
        await asyncio.sleep(FAREWELL_SECONDS)
        self._call.moves.end()
        self._call.conversation.end(self._call.now_ms, endings.FORWARDED)
        await asyncio.sleep(FAREWELL_SECONDS)
        self._call.conversation.close()

    async def _refer(self, human: Human) -> None:
        try:
            async with asyncio.timeout(LEG_SECONDS):
                await self._call.leg.transfer_to(human.leg)
        except (LegError, TimeoutError) as error:
            self._note("refer", str(error) or "no answer in time")
            self.post(Failed(""))

    async def _return(self) -> None:
        assert self._human is not None
        await self._play(b"")
        other = self._human.leg
        await self._try(lambda: self._call.leg.part(other), "the calls were not parted")
        self._rest(False)
        self._settle(False, self._life.detail)
        self._call.handovers.returned()

    # ------------------------------------------------------------ what is told

    def _attempted(self, attempt: Mapping[str, Any]) -> None:
        self._call.journal.append(self._call.now_ms, "dial-attempt", {**attempt, "transfer": True})

    def _settle(self, ok: bool, detail: str) -> None:
        if not self._outcome.done():
            self._outcome.set_result((ok, detail))

    def _tell_status(self) -> None:
        assert self._life.status is not None
        self._tell(self._life.status, self._life.detail)

    def _tell(self, status: str, detail: str, trunk: str | None = None) -> None:
        told = {name: value for name, value in (("detail", detail), ("trunk", trunk)) if value}
        entry = {
            "status": str(status),
            "destination": shown_destination(self._destination),
            "mode": self._plan.mode,
            **told,
        }
        self._call.journal.append(self._call.now_ms, "transfer", entry)

    def _note(self, what: str, why: str) -> None:
        self._call.journal.append(self._call.now_ms, "note", {"event": f"transfer-{what}", "detail": why})

    async def _try(self, asking: Callable[[], Awaitable[None]], else_noted: str) -> None:
        with suppress(TimeoutError):
            try:
                async with asyncio.timeout(LEG_SECONDS):
                    await asking()
            except LegError as error:
                self._note("leg", f"{else_noted}: {error}")
