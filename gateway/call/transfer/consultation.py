"""A transfer assistant's conversation with the human, on the second leg, before the caller is there.

It is a call of its own to the worker that has it, with the same pauses and reports as the caller's. What is said goes
to the journal of the caller's call, by that call's clock.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from gateway.assistant.call_plan import CallPlan, Member
from gateway.call.conversation_link import ConversationLink, Loss
from gateway.call.leg import Leg, LegFrame
from gateway.call.pauses import Pauses
from gateway.call.placement import place
from gateway.call.quiet import Quiet
from gateway.call.transfer.decision import MICROPHONE, NOT_TAKEN, decision
from gateway.call.transfer.life import Declined, Event, Failed, Status
from gateway.errors import LegError, NoWorker
from gateway.link.v1 import link_pb2 as pb
from gateway.media.audio import FRAME_MS
from gateway.media.playout import Playout
from gateway.media.utterance import Report

if TYPE_CHECKING:
    from gateway.call.session import Call

SAID = frozenset({"caller-turn", "agent-turn", "tool-call", "tool-result"})
"""Entries of its journal that the caller's call keeps, as `transfer-talk`."""
LAST_WORDS_SECONDS = 20.0
"""For what was being said when the assistant decided."""
TRAILING_SECONDS = 0.3
"""After the end, for what the providers counted."""
DEAF_MS = 20_000
"""Without a packet from the human, who is not holding us."""
LOST = "The assistant that talked with the other side was lost."


@dataclass(frozen=True, slots=True)
class Talk:
    """The assistant as JSON, which may hold secrets, and its template variables."""

    assistant_json: str
    variables_json: str


class Consultation:
    """Implements what `ConversationLink` needs of a call. Times are ms of the second leg's clock.

    :param name: of this transfer in the journal
    :param tell: takes the decision, or that there will be none
    """

    def __init__(self, call: Call, leg: Leg, talk: Talk, *, name: str, tell: Callable[[Event], None]) -> None:
        self.leg = leg
        self.playout = Playout(leg, self._on_report)
        self.pauses = Pauses(self.playout)
        self.log = call.log.bind(transfer=name)
        self.now_ms = 0
        self._call = call
        self._talk = talk
        self._name = name
        self._tell = tell
        self._quiet = Quiet(lambda: self.playout.idle)
        self._link = ConversationLink(self)
        self._actions: set[str] = set()
        self._result = ""
        self._since_ms = 0
        self._speaking_ms: int | None = None
        self._open = False
        self._held = False
        self._deaf_ms = 0
        self._over = False

    # ------------------------------------------------------------ life

    async def prepare(self) -> bool:
        """Find a worker that is ready when the human answers; without one the transfer is told so."""
        try:
            asked = partial(self._link.ask, begun=False)
            self._link.take(await place(self._call.services.workers, self._link, self._start(), asked=asked))
        except NoWorker:
            self._tell(Failed("No worker is free for the assistant that is to talk with the other side."))
            return False
        return True

    def open(self) -> None:
        """The human is there: it begins."""
        self._since_ms = self._call.now_ms - self.now_ms
        self._open = True
        self._link.open(self.now_ms)

    async def close(self) -> None:
        """It is over, whoever ended it."""
        if self._over:
            return
        self._over = True
        self.playout.cut(self.playout.highest)
        self._link.end(self.now_ms, "transferred")
        try:
            await asyncio.sleep(TRAILING_SECONDS)
        finally:
            self._link.close()

    def _start(self) -> pb.StartCall:
        call_id = f"{self._call.id}-{self._name}"
        start = pb.StartCall(
            call_id=call_id,
            variables_json=self._talk.variables_json,
            direction=pb.DIRECTION_OUTBOUND,
            transfer_assistant=True,
        )
        if self._call.plan is None:
            start.assistant_json = self._talk.assistant_json
        else:
            start.plan_json = _planned(self._call.plan, json.loads(self._talk.assistant_json))
        return start

    # ------------------------------------------------------------ what the second leg tells

    def hear(self, frame: LegFrame) -> None:
        """A media tick of the human."""
        at_ms = self.now_ms = frame.tick * FRAME_MS
        self._link.frame(at_ms, frame.caller, frame.present)
        self.playout.on_frame(frame)
        self._link.sounded(at_ms, frame.agent)
        if self.pauses.pending is not None:
            self._link.check_pause(at_ms)
        self._quiet.tick()
        self._deaf_ms = 0 if frame.present or self._held or not self._open else self._deaf_ms + FRAME_MS
        if self._deaf_ms == DEAF_MS:
            self._tell(Declined(Status.FAILED, "No sound came from the other side.", MICROPHONE))

    def pause(self, utterance: int, position: int, onset_tick: int, tick: int) -> None:
        """The human speaks over the assistant."""
        self._link.pause(utterance, position, onset_tick * FRAME_MS, tick * FRAME_MS)

    def hold(self, held: bool) -> None:
        """The human puts us on hold, or comes back."""
        self._held = held
        self.playout.hold(held)
        self._link.hold(self.now_ms, "far end", held)

    # ------------------------------------------------------------ what the worker tells

    def learn(self, at_ms: int, kind: str, data: Mapping[str, Any]) -> None:
        """Keep what was said and what it cost; the rest of this conversation is nobody's business later."""
        if kind in SAID:
            if kind == "tool-result":
                self._result = str(data.get("result", ""))
            since = {"start_ms": self._speaking_ms} if kind == "agent-turn" and self._speaking_ms is not None else {}
            self._speaking_ms = None if since else self._speaking_ms
            told = {name: self._told(name, value) for name, value in {**since, **data}.items()}
            self._call.journal.append(self._since_ms + at_ms, "transfer-talk", {**told, "what": kind})
        elif kind == "speaking":
            self._speaking_ms = at_ms
        elif kind == "usage":
            self._call.journal.append(self._call.now_ms, "transfer-usage", {"of": self._name, **data})

    def _told(self, name: str, value: Any) -> Any:
        """Times are those of the caller's call there."""
        return value + self._since_ms if name in ("start_ms", "end_ms") and isinstance(value, int) else value

    def keep_events(self, lines: str) -> None:
        """None are asked for."""

    def act(self, action: pb.Action) -> None:
        """It decides, or presses keys; there is nothing else that it may do."""
        if action.action in self._actions or self._over:
            return
        self._actions.add(action.action)
        self._call.spawn(self._do(action))

    async def _do(self, action: pb.Action) -> None:
        ok, detail = False, "A transfer assistant can do nothing but talk, press keys, and decide about the transfer."
        match action.WhichOneof("act"):
            case "hangup":
                ok, detail = True, "The conversation ends."
                await self._decide(action.hangup)
            case "send_digits":
                ok, detail = await self._press(action.send_digits)
        self._link.send(pb.GatewayEvent(action_result=pb.ActionResult(action=action.action, ok=ok, detail=detail)))

    async def _decide(self, hangup: pb.Hangup) -> None:
        if hangup.after_playout:
            try:
                async with asyncio.timeout(LAST_WORDS_SECONDS):
                    await self._quiet.wait()
            except TimeoutError:
                self.log.info("last words of a transfer assistant cut short")
        self._tell(decision(hangup.reason, self._result if hangup.reason == NOT_TAKEN else ""))

    async def _press(self, keys: pb.SendDigits) -> tuple[bool, str]:
        try:
            await self.leg.send_digits(keys.digits, info=keys.info)
        except LegError as error:
            return False, str(error)
        return True, "The digits were sent."

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run something that waits as a task of the caller's call."""
        self._call.spawn(work)

    async def durable(self) -> bool:
        """Wait until the journal so far is on disk; false where the disk does not take it in time."""
        return await self._call.journal.durable()

    def lost(self, loss: Loss) -> None:
        """The conversation cannot go on."""
        self._link.fence()
        if not self._over:
            self._tell(Failed(LOST))

    def _on_report(self, report: Report) -> None:
        self._link.report(report)


def _planned(plan: CallPlan, assistant: dict[str, Any]) -> str:
    """The plan of the caller's call, with this assistant alone in it."""
    member = Member(name=str(assistant.get("name") or ""), assistant=assistant, trusted=plan.members[0].trusted)
    only = plan.model_copy(update={"members": [member], "squad": None, "variables": {}, "announcement": None})
    return only.model_dump_json(by_alias=True)
