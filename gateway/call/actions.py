"""What a worker asks of the call besides speech: hang up, transfer, digits. Each action is done once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any, Protocol

from gateway.call import endings
from gateway.call.leg import Leg
from gateway.call.state import EndAfterPlayout, EndNow, Event
from gateway.call.transfer.consultation import Talk
from gateway.call.transfer.plan import TransferPlan, Verb, read_plan, shown_destination
from gateway.call.transfer.verb import Choice
from gateway.call.transfers import Referral, read_destination, referral
from gateway.call.user_headers import HEADER_NAME, is_ours
from gateway.conversation.live_control import SendTransportMessage
from gateway.errors import LegError
from gateway.link.v1 import link_pb2 as pb

PLAYOUT_SECONDS = 60.0
"""How long a transfer waits for what is queued."""
DESTINATION_HEADER = "X-Transfer-Destination"
"""In a BYE that gives the caller back to the dialplan of the other side."""
PAUSED = "The recording is paused. Nothing that the caller says or presses is heard until it goes on."
VERBS = ("INFO", "MESSAGE", "NOTIFY")


class Dialled(Protocol):
    """A transfer that we dial ourselves: `gateway.call.transfer.handover.Handover`."""

    async def run(self) -> tuple[bool, str]:
        """Whether the caller is with the human, and one sentence."""

    @property
    def failure(self) -> str:
        """Vapi's endedReason of a call that ends because this one failed; empty where none fits."""

    def referred(self, ok: bool) -> None:
        """The caller's side said how its own REFER went."""


class Durable(Protocol):
    """The part of `Journal` that waits."""

    async def durable(self) -> object:
        """Wait until the disk has what was appended, but not for long."""


class Actions:
    """The actions of one call.

    :param played_out: waits until everything queued was sent
    :param end: tells the call's state machine that it must end
    :param reply: sends an ActionResult to the worker
    :param tell: appends an entry to the journal
    :param verb: how a destination is reached whose plan does not say it
    :param hand_over: makes a transfer that we dial ourselves, in which an assistant may talk with the human
    :param record: pauses or resumes the recording, for whom
    """

    def __init__(
        self,
        leg: Leg,
        journal: Durable,
        *,
        played_out: Callable[[], Awaitable[None]],
        end: Callable[[Event], None],
        reply: Callable[[pb.ActionResult], None],
        tell: Callable[[str, Mapping[str, Any]], None],
        verb: Callable[[Mapping[str, Any]], Choice],
        hand_over: Callable[[Mapping[str, Any], TransferPlan, Talk | None], Dialled],
        record: Callable[[str, str], bool],
    ) -> None:
        self._leg = leg
        self._journal = journal
        self._played_out = played_out
        self._end = end
        self._reply = reply
        self._tell_journal = tell
        self._verb = verb
        self._hand_over = hand_over
        self._record = record
        self._dialled: Dialled | None = None
        self._results: dict[str, pb.ActionResult | None] = {}
        """By the action's id; None while it is under way."""
        self._outcome: asyncio.Future[tuple[bool, str]] | None = None
        self._transferring = asyncio.Lock()
        self._arrived = False
        """The caller is with somebody else."""
        self._destination: Mapping[str, Any] = {}

    def admit(self, action: pb.Action) -> bool:
        """Whether it is to be done. One that was asked for before is not, whichever worker asks: who asks now is told
        how it went, as soon as that is known."""
        if action.action not in self._results:
            self._results[action.action] = None
            return True
        if (result := self._results[action.action]) is not None:
            self._reply(result)
        return False

    async def perform(self, action: pb.Action) -> None:
        """Do it, after the facts that led to it are on disk, and tell the worker how it went.

        A disk that takes nothing holds up no action: this gateway itself does it, and no other worker does it again,
        because it is given the journal of this gateway's memory."""
        await self._journal.durable()
        ok, detail = await self._do(action)
        reason = self._dialled.failure if self._dialled is not None and action.HasField("transfer") else ""
        result = pb.ActionResult(action=action.action, ok=ok, detail=detail, reason=reason)
        self._results[action.action] = result
        self._reply(result)

    def on_transfer(self, ok: bool, detail: str) -> None:
        """The leg knows how its transfer went."""
        if self._dialled is not None:
            self._dialled.referred(ok)
        elif self._outcome is not None and not self._outcome.done():
            self._outcome.set_result((ok, detail))
        elif ok and self._outcome is None:
            self._tell_late(detail)

    async def _do(self, action: pb.Action) -> tuple[bool, str]:
        match action.WhichOneof("act"):
            case "hangup":
                return self._hang_up(action.hangup)
            case "transfer":
                return await self._transfer(action.transfer)
            case "send_digits":
                return await self._send_digits(action.send_digits)
            case "sip_request":
                return await self._send_request(action.sip_request)
            case "pause_recording":
                return self._pause_recording(paused=action.pause_recording.paused)
        return False, "This gateway does not know that action."

    def _hang_up(self, hangup: pb.Hangup) -> tuple[bool, str]:
        reason = hangup.reason or endings.ASSISTANT_ENDED
        self._end(EndAfterPlayout(reason) if hangup.after_playout else EndNow(reason))
        return True, "The call ends."

    def _pause_recording(self, *, paused: bool) -> tuple[bool, str]:
        self._record("pause-recording" if paused else "resume-recording", "tool")
        return True, PAUSED if paused else "The recording goes on."

    async def _send_digits(self, send: pb.SendDigits) -> tuple[bool, str]:
        try:
            await self._leg.send_digits(send.digits, info=send.info)
        except LegError as error:
            return False, str(error)
        return True, "The digits were sent."

    async def send_message(self, message: SendTransportMessage) -> None:
        """Send what live control wants sent; the journal tells how it went."""
        request = pb.SipRequest(verb=message.verb, headers=message.headers, body=message.body)
        ok, detail = await self._send_request(request)
        self._tell_journal("note", {"event": "transport-message", "verb": message.verb, "ok": ok, "detail": detail})

    async def _send_request(self, request: pb.SipRequest) -> tuple[bool, str]:
        if request.verb not in VERBS:
            return False, f"A {request.verb} is not sent inside a call; {', '.join(VERBS)} are."
        if wrong := [name for name in request.headers if not HEADER_NAME.fullmatch(name)]:
            return False, f"{wrong[0]!r} is no name of a header."
        headers = {name: value for name, value in request.headers.items() if not is_ours(name)}
        written = next((value for name, value in request.headers.items() if name.lower() == "content-type"), "")
        kind = written or ("application/json" if request.body.startswith(("{", "[")) else "text/plain")
        try:
            status, reason = await self._leg.send_request(
                request.verb, headers, request.body, kind if request.body else ""
            )
        except LegError as error:
            return False, str(error)
        return status < 300, f"The other side answered with {status} {reason}."

    async def forward(self, destination: Mapping[str, Any], why: str, *, verb: Verb | None = None) -> tuple[bool, str]:
        """Send on a caller who has no agent, after a transfer that goes on; whether the caller arrived somewhere, and
        one sentence.

        :param destination: Vapi's
        :param why: for the journal, a clause
        :param verb: where there is no choice
        """
        async with self._transferring:
            if self._arrived:
                return True, "The call was transferred before."
            plan = self._plan(destination) if verb is None else replace(read_plan(destination), verb=verb)
            return await self._carry_out(destination, _without_agent(plan, why))

    async def _transfer(self, transfer: pb.Transfer) -> tuple[bool, str]:
        if self._transferring.locked():
            return False, "A transfer is going on already."
        async with self._transferring:
            try:
                destination = read_destination(transfer.destination_json, transfer.destination)
            except LegError as error:
                self._tell("failed", {"type": "number", "number": transfer.destination}, detail=str(error))
                return False, str(error)
            return await self._carry_out(
                destination, self._plan(destination), _talk_of(transfer), after_playout=transfer.after_playout
            )

    async def _carry_out(
        self,
        destination: Mapping[str, Any],
        plan: TransferPlan,
        talk: Talk | None = None,
        *,
        after_playout: bool = False,
    ) -> tuple[bool, str]:
        self._destination = destination
        self._outcome = asyncio.get_running_loop().create_future()
        try:
            if plan.dials:
                ok, detail = await self._dial(plan, talk, after_playout=after_playout)
                self._arrived = ok and not plan.stays
                return ok, detail
            ok, detail = await self._send_on(plan, self._outcome, after_playout=after_playout)
        except LegError as error:
            ok, detail = False, str(error)
        finally:
            self._outcome = None
        self._tell("connected" if ok else "failed", self._destination, detail=detail)
        if ok:
            self._arrived = True
            self._end(EndNow(endings.FORWARDED))
        return ok, detail

    def _plan(self, destination: Mapping[str, Any]) -> TransferPlan:
        plan = read_plan(destination)
        if plan.dials or plan.verb is not None:
            return plan
        choice = self._verb(destination)
        return plan.by(choice.verb, choice.why)

    async def _dial(self, plan: TransferPlan, talk: Talk | None, *, after_playout: bool) -> tuple[bool, str]:
        """The caller stays with us until it is connected to whom we dialled."""
        self._tell("requested", self._destination, mode=plan.mode, notes=list(plan.notes))
        if after_playout:
            await _within(PLAYOUT_SECONDS, self._played_out())
        self._dialled = self._hand_over(self._destination, plan, talk)
        return await self._dialled.run()

    async def _send_on(
        self, plan: TransferPlan, outcome: asyncio.Future[tuple[bool, str]], *, after_playout: bool
    ) -> tuple[bool, str]:
        """The other side connects the caller. :raises LegError: it cannot be asked to"""
        self._dialled = None
        refer = referral(self._destination, self._leg.info)
        self._tell("requested", self._destination, mode=plan.mode, uri=refer.uri, notes=list(plan.notes))
        if after_playout:
            await _within(PLAYOUT_SECONDS, self._played_out())
        if plan.verb is Verb.BYE:
            self._end(EndNow(endings.FORWARDED))
            await self._leg.hangup(endings.FORWARDED, {**refer.headers, DESTINATION_HEADER: refer.uri})
            return True, "The call was given back to the other side, which sends it on."
        return await self._refer(refer, outcome)

    async def _refer(self, refer: Referral, outcome: asyncio.Future[tuple[bool, str]]) -> tuple[bool, str]:
        """:raises LegError: it cannot be sent"""
        await self._leg.transfer(refer.uri, refer.headers)
        try:
            async with asyncio.timeout(refer.seconds):
                return await outcome
        except TimeoutError:
            await self._leg.give_up_transfer()
            return False, "The other side did not say how the transfer went."

    def _tell_late(self, detail: str) -> None:
        """A transfer that was given up has worked after all: the caller is elsewhere."""
        self._tell("connected", self._destination, detail=detail)
        self._end(EndNow(endings.FORWARDED))

    def _tell(self, status: str, destination: Mapping[str, Any], **details: Any) -> None:
        told = {name: value for name, value in details.items() if value}
        self._tell_journal("transfer", {"status": status, "destination": shown_destination(destination), **told})


def _without_agent(plan: TransferPlan, why: str) -> TransferPlan:
    """Nobody of ours talks with the human, or stays."""
    return replace(plan, stays=False, assistant_seconds=None, notes=(f"Forwarded: {why}.", *plan.notes))


def _talk_of(transfer: pb.Transfer) -> Talk | None:
    written = transfer.transfer_assistant_json
    return Talk(written, transfer.variables_json) if written else None


async def _within(seconds: float, waiting: Awaitable[None]) -> None:
    """Wait, but not for ever: what could not be said in that time stays unsaid."""
    try:
        async with asyncio.timeout(seconds):
            await waiting
    except TimeoutError:
        return
