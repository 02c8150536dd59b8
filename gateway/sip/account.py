"""Accounts of the stack: the local one that takes any call, and one for each trunk. On the owner thread."""

from __future__ import annotations

import contextlib
import random
import re
import time
from collections.abc import Callable, Mapping
from typing import Any

import structlog
from prometheus_client import Gauge

from gateway.observe.metrics import REGISTRATION_UP, TRUNK_GATEWAY_UP
from gateway.sip.headers import parse_message
from gateway.sip.library import error_text, guarded, pj
from gateway.sip.source import source_of
from gateway.sip.trunk import TrunkAddresses
from gateway.trunk.backoff import is_refusal
from gateway.trunk.qualification import Qualification
from gateway.trunk.registrar import Registrar
from gateway.trunk.registration import Registration
from gateway.trunk.settings import TrunkSettings
from gateway.trunk.state import GatewayState, TrunkState

log = structlog.get_logger(__name__)

OnInvite = Callable[["SipAccount", int, str, str], None]
"""(account, the stack's call id, the INVITE's text, host:port that it came from)"""


class SipAccount(pj.Account):  # type: ignore[misc]
    """The local account, and the base of a trunk's."""

    trunk: TrunkSettings | None = None

    def __init__(self, on_invite: OnInvite) -> None:
        super().__init__()
        self._on_invite = on_invite

    @guarded
    def onIncomingCall(self, prm: Any) -> None:  # noqa: N802
        self._on_invite(self, int(prm.callId), str(prm.rdata.wholeMsg), source_of(prm.rdata))

    @guarded
    def onIncomingSubscribe(self, prm: Any) -> None:  # noqa: N802
        prm.code = 489
        prm.reason = "Bad Event"


class TrunkAccount(SipAccount):
    """A trunk's account: registers, and begins again after a failure as `Registration` says.

    :param registrar: the accounts that register where this one does
    :param not_before: when it may register first, seconds of the monotonic clock
    """

    def __init__(
        self,
        trunk: TrunkSettings,
        addresses: TrunkAddresses,
        on_invite: OnInvite,
        *,
        registrar: Registrar,
        not_before: float = 0.0,
    ) -> None:
        super().__init__(on_invite)
        self.trunk: TrunkSettings = trunk
        self.addresses = addresses
        self.registration = Registration(due_at=not_before)
        self.registrar = registrar
        self.qualifications = qualifications(trunk, {})
        self._sequence = 0
        self._closing = False
        self._gone_by = 0.0
        if addresses.registrar is not None:
            REGISTRATION_UP.labels(trunk.name).set(0)

    @property
    def registers(self) -> bool:
        """Whether it has a registrar."""
        return self.addresses.registrar is not None

    def state(self) -> TrunkState:
        """What is known of the trunk; for any thread."""
        registration = self.registration.state if self.registers else None
        gateways = {
            one.name: GatewayState(one.priority, one.weight, known.reachable, known.status)
            for one in self.trunk.gateways
            if (known := self.qualifications.get(one.name))
        }
        return TrunkState(self.trunk.label or self.trunk.name, registration, gateways)

    def change(self, trunk: TrunkSettings) -> None:
        """Other settings of the same account; what is known of gateways that stay is kept."""
        kept = self.qualifications if trunk.qualify_seconds == self.trunk.qualify_seconds else {}
        for gone in self.qualifications.keys() - {one.name for one in trunk.gateways}:
            _forget(TRUNK_GATEWAY_UP, self.trunk.name, gone)
        self.trunk = trunk
        self.qualifications = qualifications(trunk, kept)

    def register(self) -> None:
        """Send a REGISTER, as `Registration` has said that it is due."""
        try:
            self.setRegistration(True)
        except pj.Error as error:
            self._failed(503, error_text(error), "")

    def unregister(self) -> None:
        """Tell the registrar that we are gone; nothing is registered again."""
        self._closing = True
        if self.registration.state.registered:
            try:
                self.setRegistration(False)
            except pj.Error as error:
                log.warning("sip.unregister_failed", trunk=self.trunk.name, reason=error_text(error))

    def leave(self, *, silently: bool, by: float) -> None:
        """The trunk is no longer configured, or is another one; its calls go on.

        :param silently: without telling the registrar
        :param by: when the registrar's answer is no longer awaited, seconds of the monotonic clock
        """
        self._gone_by = by
        self.registrar.remove(self.trunk.name)
        _forget(REGISTRATION_UP, self.trunk.name)
        for gateway in self.qualifications:
            _forget(TRUNK_GATEWAY_UP, self.trunk.name, gateway)
        if silently:
            self._closing = True
            self.registration.state = Registration().state
        else:
            self.unregister()

    def has_left(self, now: float) -> bool:
        """Whether the registrar has answered our good-bye, or is no longer waited for."""
        return not self.registration.state.registered or now >= self._gone_by

    def connection_lost(self) -> None:
        """A connection to some registrar ended; ours when the trunk uses one."""
        if self.trunk.transport != "udp" and not self._closing:
            self.registration.lost(now=time.monotonic(), chance=random.random())  # noqa: S311  not a secret
            self.registrar.changed()

    @guarded
    def onRegState(self, prm: Any) -> None:  # noqa: N802
        status, reason = int(prm.code), str(prm.reason)
        if self._closing:
            self.registration.state = Registration().state
        elif 200 <= status < 300 and prm.expiration > 0:
            self._accepted(status, reason, int(prm.expiration), str(prm.rdata.wholeMsg))
        else:
            self._failed(status or 503, reason, str(prm.rdata.wholeMsg))

    def _accepted(self, status: int, reason: str, expires: int, response: str) -> None:
        now, chance = time.monotonic(), random.random()  # noqa: S311  not a secret
        if not self.registration.state.registered:
            log.info("sip.registered", trunk=self.trunk.name, expires_seconds=expires)
        self.registration.accepted(status, reason, expires, now=now, chance=chance)
        sequence = _number(parse_message(response).first("cseq")) or 0
        self.registrar.answered(now=now, requests=sequence - self._sequence if self._sequence else 2)
        self._sequence = sequence
        REGISTRATION_UP.labels(self.trunk.name).set(1)

    def _failed(self, status: int, reason: str, response: str) -> None:
        """:param response: the message, empty when none came"""
        now = time.monotonic()
        retry_after = _number(parse_message(response).first("retry-after"))
        delay = self.registration.failed(
            status,
            reason,
            now=now,
            chance=random.random(),  # noqa: S311  not a secret
            retry_after=retry_after,
        )
        if response:
            self.registrar.changed()
        else:
            self.registrar.unanswered(now=now)
        REGISTRATION_UP.labels(self.trunk.name).set(0)
        # a person must act when the registrar does not want us, and only then
        write = log.error if is_refusal(status) else log.warning
        write(
            "sip.registration_failed",
            trunk=self.trunk.name,
            status=status,
            reason=reason,
            retry_seconds=round(delay, 1),
        )


def qualifications(trunk: TrunkSettings, known: Mapping[str, Qualification]) -> dict[str, Qualification]:
    """One for each gateway that may be called, by its name; those that are known go on."""
    return {
        one.name: known.get(one.name) or Qualification(trunk.qualify_seconds) for one in trunk.gateways if one.outbound
    }


def _forget(gauge: Gauge, *labels: str) -> None:
    with contextlib.suppress(KeyError):
        gauge.remove(*labels)


def _number(text: str) -> int | None:
    match = re.match(r"\d+", text)
    return int(match[0]) if match else None
