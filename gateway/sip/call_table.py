"""The stack's live calls by key, on the owner thread: holds them until they are disconnected, makes their legs."""

from __future__ import annotations

import asyncio
import itertools
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import structlog

from gateway.call.admission import retry_seconds
from gateway.call.leg import Direction, LegInfo, MediaStatistics
from gateway.errors import CallRefused, Draining, LegError, OverCapacity
from gateway.observe.metrics import CALLS_REFUSED
from gateway.recording.packet import PacketSink
from gateway.sip.account import SipAccount
from gateway.sip.bridge import MediaBridge
from gateway.sip.call import SipCall
from gateway.sip.capture.tap import Tap
from gateway.sip.headers import SipMessage, called_address, kept_headers, parse_message, user_part
from gateway.sip.identity import caller_of
from gateway.sip.leg import SipLeg
from gateway.sip.media_thread import MediaThread
from gateway.sip.owner_thread import OwnerThread
from gateway.sip.replacing import may_replace, replaced_info
from gateway.sip.requests import OnAnswer
from gateway.sip.wiring import Wiring
from gateway.trunk.settings import TrunkSettings

log = structlog.get_logger(__name__)


class CallTable:
    """Implements `gateway.sip.leg.Dialogs`.

    :param on_leg: called on the event loop's thread with each new inbound leg
    :param account_for: the stack's id of the account that a request belongs to, by its text and source
    :param tap: collects what calls send and receive; None where nothing of it is kept
    """

    def __init__(
        self,
        *,
        capacity: int,
        codecs: Sequence[str],
        owner: OwnerThread,
        media: MediaThread,
        bridge: MediaBridge,
        loop: asyncio.AbstractEventLoop,
        on_leg: Callable[[SipLeg], None],
        answer_in_dialog: Callable[[Any, Any], None],
        account_for: Callable[[str, str], int],
        tap: Tap | None = None,
    ) -> None:
        self._capacity = capacity
        self._codecs = codecs
        self._owner = owner
        self._media = media
        self._bridge = bridge
        self._loop = loop
        self._on_leg = on_leg
        self._answer_in_dialog = answer_in_dialog
        self._account_for = account_for
        self._tap = tap
        self._wiring = Wiring(bridge)
        # the stack drops a call whose object is collected: these references keep them
        self._calls: dict[int, SipCall] = {}
        self._leaving: dict[int, SipCall] = {}
        """Refused or ended: they take no place, and are held until the stack is done with them."""
        self._outlived: list[SipCall] = []
        """Ended, and another call has their place in the stack already."""
        self._keys = itertools.count(1)
        self.accepting = True

    def __len__(self) -> int:
        return len(self._calls) + len(self._leaving)

    @property
    def places(self) -> int:
        """That calls take; those that leave take none."""
        return len(self._calls)

    @property
    def unanswered(self) -> int:
        """Calls that came and were not answered yet."""
        return sum(not call.accepted for call in self._calls.values())

    # ---------------------------------------------------------------- new calls

    def invited(self, account: SipAccount, call_id: int, text: str, source: str) -> None:
        """An INVITE came: refuse it when there is no place, else tell the call layer. The stack's 100 has gone out; it
        does not ring before somebody takes the call, who may yet ask the caller for a password."""
        if not self.accepting:
            self._turn_away(account, call_id, Draining, "this gateway is going down")
            return
        if len(self._calls) >= self._capacity:
            self._turn_away(account, call_id, OverCapacity, "all places are taken")
            return
        message = parse_message(text)
        key = next(self._keys)
        leg = self._make_leg(inbound_info(message, account.trunk, source), key)
        call = self._make_call(account, key, leg, call_id)
        log.info("sip.invited", sip_call_id=leg.info.signalling_id, number=leg.info.number, trunk=leg.info.trunk)
        # later: the stack may yet refuse it itself, as with 422 where the session timer is too short
        self._owner.post(lambda: self._tell_of(call, leg))

    def _tell_of(self, call: SipCall, leg: SipLeg) -> None:
        # one that its caller gave up in the same moment was a call, too, and has its record
        if not call.over or call.given_up:
            self._loop.call_soon_threadsafe(self._on_leg, leg)

    def make_leg(self, *, destination: str, caller: str, trunk: str | None, headers: Mapping[str, str]) -> SipLeg:
        """The leg of an outbound call that `dial` will start; for any thread."""
        info = outbound_info(destination=destination, caller=caller, trunk=trunk, headers=headers)
        return self._make_leg(info, next(self._keys))

    def dial(self, leg: SipLeg, account: SipAccount, *, local_uri: str, target: str = "") -> None:
        """Send an INVITE of an outbound leg; a failure ends the leg.

        :param target: the Request-URI, where it is not the leg's destination
        """
        if leg.given_up:
            leg.tell_ended(487, "hung up between two attempts", by_remote=False, statistics=None)
            return
        if len(self._calls) >= self._capacity:
            leg.tell_ended(503, "all places are taken", by_remote=False, statistics=None)
            return
        call = self._make_call(account, leg.key, leg, None)
        try:
            call.start(leg.info, local_uri=local_uri, target=target)
        except LegError as error:
            self._gone(call)
            leg.tell_ended(400, str(error), by_remote=False, statistics=None)

    def withdraw(self, key: int) -> None:
        """Nobody waits for an outbound leg any longer: end its call, if it has one."""
        if key in self._calls:
            self.hangup(key, "given up while it was dialled", {})

    def uses(self, account: SipAccount) -> bool:
        """Whether a call is an account's."""
        return any(call.account is account for call in (*self._calls.values(), *self._leaving.values()))

    def _make_leg(self, info: LegInfo, key: int) -> SipLeg:
        return SipLeg(info, key=key, dialogs=self, owner=self._owner, bridge=self._bridge, loop=self._loop)

    def _make_call(self, account: Any, key: int, leg: SipLeg | None, call_id: int | None) -> SipCall:
        call = SipCall(
            account,
            call_id,
            leg=leg,
            media=self._media,
            bridge=self._bridge,
            wiring=self._wiring,
            codecs=self._codecs,
            answer_in_dialog=self._answer_in_dialog,
            successor=self._succeed,
            on_gone=self._gone,
            on_media=self._media_at,
        )
        (self._calls if leg else self._leaving)[key] = call
        return call

    def _succeed(self, before: SipCall, text: str, source: str) -> SipCall | None:
        """The call of an INVITE with Replaces, which goes on with the leg of the one before; None refuses it."""
        leg = before.leg
        same = leg is not None and self._account_for(text, source) == int(before.account.getId())
        contact = str(before.getInfo().remoteContact)
        if leg is None or not may_replace(leg.info, same_account=same, contact=contact, source=source):
            return None
        call = self._make_call(before.account, next(self._keys), None, None)
        call.on_inherited = lambda: self._inherited(before, call, leg, parse_message(text))
        return call

    def _inherited(self, before: SipCall, call: SipCall, leg: SipLeg, message: SipMessage) -> None:
        # an object that is dropped hangs up whatever call has its place in the stack by then
        self._outlived = [one for one in (*self._outlived, call) if one.isActive()]
        self._leaving = {key: one for key, one in self._leaving.items() if one is not call}
        self._leaving[next(self._keys)] = before
        self._calls[leg.key] = call
        leg.replaced_by(replaced_info(leg.info, message))
        log.info("sip.replaced", before=leg.info.signalling_id, party=message.first("from"))

    def _turn_away(self, account: SipAccount, call_id: int, cause: type[CallRefused], reason: str) -> None:
        CALLS_REFUSED.labels(cause.reason).inc()
        call = self._make_call(account, next(self._keys), None, call_id)
        call.refuse(cause.status, retry_after=retry_seconds(), reason=reason)

    def _gone(self, call: SipCall) -> None:
        key = next((key for key, one in self._calls.items() if one is call), None)
        if key is not None:
            self._leaving[key] = self._calls.pop(key)
        # later: this is called from inside the call
        self._owner.post(lambda: self._forget(call))

    def _forget(self, call: SipCall) -> None:
        # an object that is dropped hangs up whatever call has its place in the stack by then
        self._outlived = [one for one in (*self._outlived, call) if one.isActive()]
        self._leaving = {key: one for key, one in self._leaving.items() if one is not call}

    def _media_at(self, port: int, signalling_id: str) -> None:
        if self._tap is not None:
            self._tap.media(port, signalling_id)

    # ---------------------------------------------------------------- commands

    def follow(self, signalling_id: str, sink: PacketSink) -> None:
        """A sink gets what a dialog sends and receives; for any thread."""
        if self._tap is not None:
            self._tap.follow(signalling_id, sink)

    def ring(self, key: int) -> None:
        """180."""
        self._get(key).ring()

    def answer(self, key: int) -> None:
        """200."""
        self._get(key).accept()

    def refuse(
        self,
        key: int,
        status: int,
        *,
        retry_after: int | None,
        reason: str,
        contact: str,
        headers: Sequence[tuple[str, str]] = (),
    ) -> None:
        """A final status."""
        self._get(key).refuse(status, retry_after=retry_after, reason=reason, contact=contact, further=headers)

    def hangup(self, key: int, reason: str, headers: Mapping[str, str]) -> None:
        """BYE or CANCEL. What cannot be cancelled yet is over for the leg, and cancelled when it can be."""
        call = self._get(key)
        if call.unheard and (leg := self._let_go(key)) is not None:
            leg.tell_ended(408, "no response", by_remote=False, statistics=None)
        call.end(reason, headers)

    def give_up(self, key: int) -> bool:
        """Cancel an attempt that had no response; the leg goes another way."""
        call = self._get(key)
        if not call.unheard:
            return False
        # first: the stack may tell its end at once
        self._let_go(key)
        call.end("")
        return True

    def _let_go(self, key: int) -> SipLeg | None:
        call = self._leaving[next(self._keys)] = self._calls.pop(key)
        return call.let_go()

    def transfer(self, key: int, destination: str, headers: Mapping[str, str]) -> None:
        """REFER."""
        self._get(key).transfer(destination, headers)

    def transfer_to(self, key: int, other: int, headers: Mapping[str, str]) -> None:
        """REFER with Replaces."""
        self._get(key).transfer_to(self._get(other), headers)

    def give_up_transfer(self, key: int) -> None:
        """Its outcome is waited for no longer."""
        self._get(key).give_up_transfer()

    def join(self, key: int, other: int) -> None:
        """Both hear each other."""
        self._wiring.join(key, other)

    def part(self, key: int, other: int) -> None:
        """They do not any more."""
        self._wiring.part(key, other)

    def share(self, of: int, to: int, on: bool) -> None:
        """Whether `to` takes part in the conversation of `of` with its agent."""
        self._wiring.share(of, to, on)

    def background(self, key: int, pcm: bytes) -> None:
        """Sound beside all else."""
        self._get(key)
        self._wiring.background(key, pcm)

    def send_digits(self, key: int, digits: str) -> None:
        """RFC 4733."""
        self._get(key).digits(digits)

    def request(
        self, key: int, method: str, headers: Mapping[str, str], body: str, content_type: str, on_answer: OnAnswer
    ) -> None:
        """INFO, MESSAGE or NOTIFY inside the dialog."""
        self._get(key).request(method, headers, body, content_type, on_answer)

    def statistics(self, key: int) -> MediaStatistics | None:
        """Figures so far."""
        return self._get(key).statistics()

    def renew(self, of: Callable[[Any], bool]) -> None:
        """The calls of the accounts that `of` chooses are told our address anew."""
        for call in [call for call in self._calls.values() if of(call.account)]:
            call.renew()

    def hang_up_all(self, reason: str) -> None:
        """End every call."""
        for call in list(self._calls.values()):
            try:
                call.end(reason)
            except LegError as error:
                log.warning("sip.hangup_failed", reason=str(error))

    def drop_all(self) -> None:
        """Let go of every call, disconnected or not: the stack is about to be destroyed."""
        for call in self._calls.values():
            call.abandon()
        self._calls.clear()
        self._leaving.clear()
        self._outlived.clear()

    def _get(self, key: int) -> SipCall:
        call = self._calls.get(key)
        if call is None:
            raise LegError("The call has ended.")
        return call


def outbound_info(*, destination: str, caller: str, trunk: str | None, headers: Mapping[str, str]) -> LegInfo:
    """What is known of an attempt to call somebody."""
    return LegInfo(
        direction=Direction.OUTBOUND,
        caller=caller,
        called=destination,
        number=user_part(destination),
        trunk=trunk,
        signalling_id=uuid.uuid4().hex,
        headers=dict(headers),
    )


def inbound_info(message: SipMessage, trunk: TrunkSettings | None, source: str) -> LegInfo:
    """What is known of a caller.

    :param source: as `source_of` says
    """
    called = called_address(message, trunk.username if trunk else "")
    caller = caller_of(message, trusted=trunk is not None and trunk.trusted)
    return LegInfo(
        direction=Direction.INBOUND,
        caller=caller.uri,
        called=called,
        number=user_part(called),
        trunk=trunk.name if trunk else None,
        signalling_id=message.first("call-id"),
        headers=kept_headers(message, private=caller.identity is not None and caller.identity.private),
        display_name=caller.name,
        identity=caller.identity,
        diverted_by=caller.diverted_by,
        source=source,
        authorization=tuple(message.all("authorization")),
    )
