"""Accounts of the stack: the local one that takes any call, and one for each trunk. On the owner thread."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable
from typing import Any

import structlog

from gateway.observe.metrics import REGISTRATION_UP
from gateway.sip.headers import parse_message
from gateway.sip.library import error_text, guarded, pj
from gateway.sip.trunk import TrunkAddresses
from gateway.trunk.registration import Registration
from gateway.trunk.settings import TrunkSettings
from gateway.trunk.state import TrunkState

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
        self._on_invite(self, int(prm.callId), str(prm.rdata.wholeMsg), str(prm.rdata.srcAddress))

    @guarded
    def onIncomingSubscribe(self, prm: Any) -> None:  # noqa: N802
        prm.code = 489
        prm.reason = "Bad Event"


class TrunkAccount(SipAccount):
    """A trunk's account: registers, and begins again after a failure as `Registration` says.

    :param not_before: when it may register first, seconds of the monotonic clock
    """

    def __init__(
        self, trunk: TrunkSettings, addresses: TrunkAddresses, on_invite: OnInvite, *, not_before: float = 0.0
    ) -> None:
        super().__init__(on_invite)
        self.trunk: TrunkSettings = trunk
        self.addresses = addresses
        self.registration = Registration(due_at=not_before)
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
        return TrunkState(self.trunk.label or self.trunk.name, self.registration.state if self.registers else None)

    def poll(self, now: float) -> None:
        """Register when it is due. `now` is seconds of the monotonic clock."""
        if not self.registers or self._closing or not self.registration.take(now):
            return
        try:
            self.setRegistration(True)
        except pj.Error as error:
            self._failed(503, error_text(error), None)

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
        if self.trunk.transport == "tcp" and not self._closing:
            self.registration.lost(now=time.monotonic(), chance=random.random())  # noqa: S311  not a secret

    @guarded
    def onRegState(self, prm: Any) -> None:  # noqa: N802
        status, reason = int(prm.code), str(prm.reason)
        if self._closing:
            self.registration.state = Registration().state
            REGISTRATION_UP.labels(self.trunk.name).set(0)
        elif 200 <= status < 300 and prm.expiration > 0:
            self._accepted(status, reason, int(prm.expiration))
        else:
            self._failed(status or 503, reason, _retry_after(str(prm.rdata.wholeMsg)))

    def _accepted(self, status: int, reason: str, expires: int) -> None:
        if not self.registration.state.registered:
            log.info("sip.registered", trunk=self.trunk.name, expires_seconds=expires)
        self.registration.accepted(status, reason, expires, now=time.monotonic())
        REGISTRATION_UP.labels(self.trunk.name).set(1)

    def _failed(self, status: int, reason: str, retry_after: int | None) -> None:
        delay = self.registration.failed(
            status,
            reason,
            now=time.monotonic(),
            chance=random.random(),  # noqa: S311  not a secret
            retry_after=retry_after,
        )
        REGISTRATION_UP.labels(self.trunk.name).set(0)
        log.warning(
            "sip.registration_failed",
            trunk=self.trunk.name,
            status=status,
            reason=reason,
            retry_seconds=round(delay, 1),
        )


def _retry_after(message: str) -> int | None:
    match = re.match(r"\d+", parse_message(message).first("retry-after"))
    return int(match[0]) if match else None
