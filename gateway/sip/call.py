"""A dialog of the stack and its media, on the owner thread: pjsua2's callbacks turned into what a leg is told."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import structlog

from gateway.call.attempts import Failure
from gateway.call.leg import NO_HEADERS, LegInfo, MediaStatistics
from gateway.errors import LegError
from gateway.sip.bridge import MediaBridge
from gateway.sip.call_media import CallMedia
from gateway.sip.cause import status_by_cause
from gateway.sip.dialogs import read_dialog
from gateway.sip.headers import SipMessage, contacts_of, end_reason, header_text, parse_message, quoted, software_of
from gateway.sip.keypad import KEYS, KeyPath, key_of_info
from gateway.sip.leg import SipLeg
from gateway.sip.library import call_option, error_text, guarded, pj
from gateway.sip.media_thread import MediaThread
from gateway.sip.referral import ReferOutcome, Referral
from gateway.sip.requests import OnAnswer, SentRequests
from gateway.sip.sdp import offers_codec
from gateway.sip.source import source_of
from gateway.sip.wiring import Wiring

log = structlog.get_logger(__name__)

_OK, _REQUEST_TERMINATED, _NOT_ACCEPTABLE_HERE, _DECLINE = 200, 487, 488, 603
_REFRESHING = ("INVITE", "UPDATE")
"""Requests after which the target of a dialog may be another (RFC 3261 section 12.2)."""
_DTMF_BODY = "application/dtmf"
"""A body that is the key alone; the stack itself reads application/dtmf-relay."""


class SipCall(pj.Call):  # type: ignore[misc]
    """One call. `leg` is None for a call that is refused before anybody hears of it.

    :param answer_in_dialog: answers a request inside the dialog with 200, by its transaction and its data
    :param successor: makes the call that takes this one's place, of an INVITE with Replaces: its text and source; None
        refuses it
    :param on_gone: called once when the call is disconnected; must not drop the last reference at once
    :param on_media: told each port of ours that media come to, and the call's Call-ID
    """

    def __init__(
        self,
        account: Any,
        call_id: int | None = None,
        *,
        leg: SipLeg | None,
        media: MediaThread,
        bridge: MediaBridge,
        wiring: Wiring,
        codecs: Sequence[str],
        answer_in_dialog: Callable[[Any, Any], None],
        successor: Callable[[SipCall, str, str], SipCall | None],
        on_gone: Callable[[SipCall], None],
        on_media: Callable[[int, str], None],
    ) -> None:
        super().__init__(account, pj.PJSUA_INVALID_ID if call_id is None else call_id)
        self.account = account
        self.on_inherited: Callable[[], None] = lambda: None
        """Called when this call has taken another's place."""
        self._leg = leg
        self._media = CallMedia(self, media=media, bridge=bridge, wiring=wiring, on_media=on_media)
        self._make_successor = successor
        self._successor: SipCall | None = None
        self._codecs = codecs
        self._answer_in_dialog = answer_in_dialog
        self._on_gone = on_gone
        self._requests = SentRequests()
        self._ended_locally = False
        self._end_reason = ""
        self._answered = False
        self._referral = Referral()
        self._ended = False
        """The leg is told nothing more."""
        self._gone = False
        self._outbound = call_id is None
        self._redirection: SipMessage | None = None
        self.given_up = False
        """An inbound call whose caller gave up before the answer."""
        self.accepted = self._outbound
        """No caller waits for our answer any more."""

    @property
    def unheard(self) -> bool:
        """A call of ours that has no response: it cannot be cancelled before one comes (RFC 3261 section 9.1)."""
        return self._outbound and self._leg is not None and not self._leg.responded and not self._ended

    def let_go(self) -> SipLeg | None:
        """Nobody is told any more what becomes of this call; it ends as soon as it can. Returns the leg."""
        leg, self._leg = self._leg, None
        return leg

    @property
    def leg(self) -> SipLeg | None:
        """What the call layer has of it."""
        return self._leg

    # ---------------------------------------------------------------- commands

    def start(self, info: LegInfo, *, local_uri: str, target: str = "") -> None:
        """Send the INVITE. :raises LegError: when it cannot be sent.

        :param target: the Request-URI, where it is not the URI in To
        """
        option = call_option(headers=info.headers, local_uri=local_uri, signalling_id=info.signalling_id)
        option.txOption.targetUri = target
        self._do("call", self.makeCall, info.called, option)

    @property
    def over(self) -> bool:
        """Whether the call has ended, told or not."""
        return self._ended or not self.isActive()

    def ring(self) -> None:
        """180, unless the caller has given up."""
        if self.over:
            return
        self._do("ring", self.answer, call_option(status=180))

    def accept(self) -> None:
        """200."""
        if self.over:
            raise LegError("The caller has hung up.")
        self.accepted = True
        self._do("answer", self.answer, call_option(status=200))

    def refuse(
        self,
        status: int,
        *,
        retry_after: int | None,
        reason: str,
        contact: str = "",
        further: Sequence[tuple[str, str]] = (),
    ) -> None:
        """A final status other than 200, with the true reason in a Warning header (RFC 3261 section 20.43), and with
        302 where to call instead."""
        headers = {"Retry-After": str(retry_after)} if retry_after is not None else {}
        if contact:
            headers["Contact"] = f"<{header_text(contact)}>"
        if reason:
            headers["Warning"] = f"399 parley {quoted(reason)}"
        self._ended_locally = True
        self._do("refuse", self.answer, call_option(status=status, headers=headers, further=further))

    def end(self, reason: str, headers: Mapping[str, str] = NO_HEADERS) -> None:
        """BYE, CANCEL or 603, whichever the state asks for."""
        if self._ended:
            return
        self._media.keep_statistics()
        self._ended_locally = True
        self._end_reason = reason
        because = {"Reason": f"SIP;cause=200;text={quoted(reason)}"} if reason else {}
        self._do("hang up", self.hangup, call_option(headers={**because, **headers}))

    def transfer(self, destination: str, headers: Mapping[str, str]) -> None:
        """REFER (RFC 3515)."""
        self._do("transfer", self.xfer, destination, call_option(headers=headers))
        self._referral.sent()

    def transfer_to(self, other: SipCall, headers: Mapping[str, str]) -> None:
        """REFER with Replaces (RFC 3891)."""
        self._do("transfer", self.xferReplaces, other, call_option(headers=headers))
        self._referral.sent()

    def give_up_transfer(self) -> None:
        """Nobody waits for the outcome any more."""
        self._referral.give_up()

    def digits(self, digits: str) -> None:
        """Events or tones, as was planned. :raises LegError: for what is no digit, and when the far end takes none."""
        if not digits or set(digits.upper()) - set(KEYS):
            raise LegError(f"{digits!r} cannot be sent as digits; only 0-9, A-D, * and # can.")
        by_tones = self._leg is not None and self._leg.keys_go_by is KeyPath.TONES
        if not (by_tones and self._media.sends_tones(digits.upper())):
            self._do("send digits", self.dialDtmf, digits)

    def request(
        self, method: str, headers: Mapping[str, str], body: str, content_type: str, on_answer: OnAnswer
    ) -> None:
        """A request inside the dialog. :raises LegError: when it cannot be sent"""
        if self._ended or not self._answered:
            raise LegError(f"{method} can be sent during a call only.")
        sent = pj.CallSendRequestParam()
        sent.method = method
        for name, value in headers.items():
            header = pj.SipHeader()
            header.hName, header.hValue = name, header_text(value)
            sent.txOption.headers.append(header)
        sent.txOption.contentType, sent.txOption.msgBody = content_type, body
        self._requests.add(method, on_answer)
        try:
            self._do(f"send {method}", self.sendRequest, sent)
        except LegError:
            self._requests.withdraw(method)
            raise

    def renew(self) -> None:
        """re-INVITE with new media sockets and another Contact: this machine has another address."""
        if not self._answered or self._ended:
            return
        option = call_option()
        option.opt.flag = pj.PJSUA_CALL_REINIT_MEDIA | pj.PJSUA_CALL_UPDATE_CONTACT | pj.PJSUA_CALL_UPDATE_VIA
        try:
            self._do("tell our address", self.reinvite, option)
        except LegError as error:
            log.warning("sip.call_not_moved", reason=str(error))

    def statistics(self) -> MediaStatistics | None:
        """Figures of the stream as it stands, the last ones when it is gone."""
        self._media.keep_statistics()
        return self._media.statistics

    def _do(self, what: str, command: Callable[..., None], *arguments: Any) -> None:
        try:
            command(*arguments)
        except pj.Error as error:
            raise LegError(f"The SIP stack could not {what}: {error_text(error)}.") from None

    # ---------------------------------------------------------------- callbacks

    @guarded
    def onCallState(self, prm: Any) -> None:  # noqa: N802
        info = self.getInfo()
        if info.state in (pj.PJSIP_INV_STATE_CONNECTING, pj.PJSIP_INV_STATE_CONFIRMED):
            self._keep_dialog()
        if info.state == pj.PJSIP_INV_STATE_CONFIRMED and not self._answered:
            self._answered = True
            self._connect(info)
            self._tell(lambda listener: listener.on_answered())
        elif info.state == pj.PJSIP_INV_STATE_EARLY and info.role == pj.PJSIP_ROLE_UAC:
            self._tell(lambda listener: listener.on_ringing())
        elif info.state == pj.PJSIP_INV_STATE_DISCONNECTED:
            self._finish(info, _received(prm.e))

    @guarded
    def onCallMediaState(self, prm: Any) -> None:  # noqa: N802
        self._connect(self.getInfo())

    def _connect(self, info: Any) -> None:
        if self._leg is not None and info.state != pj.PJSIP_INV_STATE_DISCONNECTED:
            self._media.connect(info, self._leg)

    @guarded
    def onStreamCreated(self, prm: Any) -> None:  # noqa: N802
        self._media.stream_created()

    @guarded
    def onStreamDestroyed(self, prm: Any) -> None:  # noqa: N802
        self._media.stream_destroyed()

    @guarded
    def onCallTsxState(self, prm: Any) -> None:  # noqa: N802
        event = prm.e.body.tsxState
        transaction = event.tsx
        if self._answered and str(transaction.method) in _REFRESHING:
            self._keep_dialog()
        if transaction.role == pj.PJSIP_ROLE_UAC:
            if self._leg is not None and event.type == pj.PJSIP_EVENT_RX_MSG:
                self._leg.responded = True
                if not self._answered and str(transaction.method) == "INVITE":
                    self._leg.answered_by(software_of(parse_message(str(event.src.rdata.wholeMsg))))
            self._requests.changed(transaction)
            if str(transaction.method) == "BYE" and not self._ended_locally:
                self._give_up()
        if transaction.role != pj.PJSIP_ROLE_UAS or transaction.state != pj.PJSIP_TSX_STATE_TRYING:
            return
        method = str(transaction.method)
        if method == "OPTIONS":
            self._answer_in_dialog(transaction.pjTransaction, event.src.rdata.pjRxData)
        elif method == "INFO":
            self._take_info(transaction.pjTransaction, event.src.rdata)
        elif method == "BYE":
            self._end_reason = end_reason(parse_message(str(event.src.rdata.wholeMsg)).first("reason"))

    def _keep_dialog(self) -> None:
        if self._leg is not None and (dialog := read_dialog(self.getId(), self._leg.info.trunk)) is not None:
            self._leg.dialog_is(dialog)

    def _take_info(self, transaction: Any, request: Any) -> None:
        """A key by INFO in the form that the stack does not know."""
        text = str(request.wholeMsg)
        kind = parse_message(text).first("content-type").partition(";")[0].strip().lower()
        if kind != _DTMF_BODY:
            return
        self._answer_in_dialog(transaction, request.pjRxData)
        if key := key_of_info(text.replace("\r", "").partition("\n\n")[2]):
            self._tell_key(key, KeyPath.INFO)

    def _tell_key(self, key: str, path: KeyPath) -> None:
        if self._leg is not None and len(key) == 1 and key in KEYS:
            self._leg.tell_key(key, path)

    @guarded
    def onDtmfDigit(self, prm: Any) -> None:  # noqa: N802
        path = KeyPath.INFO if prm.method == pj.PJSUA_DTMF_METHOD_SIP_INFO else KeyPath.EVENT
        self._tell_key(str(prm.digit).upper(), path)

    @guarded
    def onCallTransferStatus(self, prm: Any) -> None:  # noqa: N802
        status, reason = int(prm.statusCode), str(prm.reason)
        self._tell_transfer(self._referral.notified(status, reason, final=bool(prm.finalNotify)))

    @guarded
    def onCallRxOffer(self, prm: Any) -> None:  # noqa: N802
        # the stack would answer 500, and the far end would think that we are broken
        if not offers_codec(str(prm.offer.wholeSdp), self._codecs):
            prm.statusCode = _NOT_ACCEPTABLE_HERE

    def onCallRedirected(self, prm: Any) -> int:  # noqa: N802
        # whom to call instead is for the call layer to decide
        self._keep_redirection(prm)
        return int(pj.PJSIP_REDIRECT_STOP)

    @guarded
    def _keep_redirection(self, prm: Any) -> None:
        # the stack will tell the end as 487
        self._redirection = self._redirection or _received(prm.e)

    @guarded
    def onCallTransferRequest(self, prm: Any) -> None:  # noqa: N802
        # the stack would place a call to wherever the far end says, at our cost
        prm.statusCode = _DECLINE

    @guarded
    def onCallReplaceRequest(self, prm: Any) -> None:  # noqa: N802
        prm.statusCode = _DECLINE
        if self._leg is None or not self._answered or self._ended or self._successor is not None:
            return
        # the library points at it until this call is deleted
        self._successor = self._make_successor(self, str(prm.rdata.wholeMsg), source_of(prm.rdata))
        if self._successor is not None:
            prm.newCall, prm.statusCode = self._successor, _OK

    @guarded
    def onCallReplaced(self, prm: Any) -> None:  # noqa: N802
        if self._successor is not None:
            self._successor.inherit(self)
            self._leg = None

    def inherit(self, before: SipCall) -> None:
        """Go on with the leg of the call whose place this one takes; its media come with the next media state."""
        self._leg = before._leg
        before._media.give_to(self._media)
        self._answered = True
        self.on_inherited()

    # ---------------------------------------------------------------- end

    def _give_up(self) -> None:
        """The stack says BYE by itself: no refresh came, no ACK, or no usable answer to our offer. Who has vanished
        does not answer it either, and the call need not wait 32 s for that."""
        self._ended_locally = True
        self._media.keep_statistics()
        self._end_leg(self.getInfo(), parse_message(""))

    def _finish(self, info: Any, last: SipMessage) -> None:
        if not self._gone:
            self._gone = True
            self._end_leg(info, last)
            self._on_gone(self)

    def _end_leg(self, info: Any, last: SipMessage) -> None:
        if self._ended:
            return
        self._ended = True
        self._media.close(self._leg)
        self._requests.give_up()
        self._tell_transfer(self._referral.call_ended(by_us=self._ended_locally))
        status, reason = int(info.lastStatusCode), str(info.lastReason)
        # CANCEL ends in 487, BYE in an early dialog in 200
        self.given_up = not (self._outbound or self._ended_locally) and status in (_OK, _REQUEST_TERMINATED)
        if self._leg is not None and self._outbound and not self._answered and not self._ended_locally:
            self._leg.tell_failed(_failure(status, reason, self._redirection or last))
        elif self._leg is not None:
            self._leg.tell_ended(
                status,
                self._end_reason or reason,
                by_remote=not self._ended_locally,
                statistics=self._media.statistics,
            )

    def abandon(self) -> None:
        """The stack goes down under a call that did not end in time."""
        if self._ended:
            return
        self._ended = True
        self._media.close(self._leg)
        self._requests.give_up()
        if self._leg is not None:
            self._leg.tell_ended(408, "not ended in time", by_remote=False, statistics=self._media.statistics)

    def _tell_transfer(self, outcome: ReferOutcome | None) -> None:
        if outcome is not None:
            self._tell(lambda listener: listener.on_transfer(outcome.ok, outcome.detail))

    def _tell(self, told: Callable[..., None]) -> None:
        if self._leg is not None:
            self._leg.tell(told)


def _received(event: Any) -> SipMessage:
    """The message that an event is about; an empty one for an event of our own, or of a timer."""
    if event.type != pj.PJSIP_EVENT_TSX_STATE or event.body.tsxState.type != pj.PJSIP_EVENT_RX_MSG:
        return parse_message("")
    return parse_message(str(event.body.tsxState.src.rdata.wholeMsg))


def _failure(status: int, reason: str, answer: SipMessage) -> Failure:
    if redirection := re.match(r"SIP/2\.0 (3\d\d) ?(.*)", answer.start_line):
        return Failure(int(redirection[1]), redirection[2], tuple(contacts_of(answer)))
    return Failure(status_by_cause(status, answer.first("reason")), reason)
