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
from gateway.sip.flows import Flows
from gateway.sip.headers import parse_message
from gateway.sip.library import error_text, guarded, pj
from gateway.sip.source import source_of
from gateway.sip.trunk import TrunkAddresses, target_route, target_uri
from gateway.trunk.backoff import is_refusal
from gateway.trunk.qualification import Qualification
from gateway.trunk.registrar import Registrar
from gateway.trunk.registration import Registration
from gateway.trunk.settings import TrunkSettings
from gateway.trunk.state import GatewayState, TrunkState
from gateway.trunk.targets import Target, Targets

log = structlog.get_logger(__name__)

_UNAVAILABLE = 503
_PATIENCE_SECONDS = 3.5
"""Four REGISTER requests over UDP."""
_NOWHERE = "<sip:127.0.0.1:9;lr;hide>"

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

    :param make_config: AccountConfig for a route, or for none
    :param flows: the connections that accounts are registered over
    :param challenges: how often the registrar asked for other credentials since it was asked last, by Call-ID
    :param registrar: the accounts that register where this one does
    :param targets: the hosts behind the registrar's name; None when it is an address
    :param not_before: when it may register first, seconds of the monotonic clock
    """

    def __init__(
        self,
        trunk: TrunkSettings,
        addresses: TrunkAddresses,
        on_invite: OnInvite,
        *,
        make_config: Callable[[str | None], Any],
        flows: Flows,
        challenges: Callable[[str], int],
        registrar: Registrar,
        targets: Targets | None = None,
        not_before: float = 0.0,
    ) -> None:
        super().__init__(on_invite)
        self.trunk: TrunkSettings = trunk
        self.addresses = addresses
        self.registration = Registration(due_at=not_before)
        self.registrar = registrar
        self._make_config = make_config
        self._flows = flows
        self._challenges = challenges
        self._targets = targets
        self._target: Target | None = None
        self._sent_at = 0.0
        self.qualifications = qualifications(trunk, {})
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
        now, label = time.monotonic(), self.trunk.label or self.trunk.name
        gateways = {
            one.name: GatewayState(one.priority, one.weight, known.reachable, known.status)
            for one in self.trunk.gateways
            if (known := self.qualifications.get(one.name))
        }
        if not self.registers:
            return TrunkState(label, None, gateways)
        one = self.registration
        return TrunkState(label, one.state, gateways, one.granted_seconds(now), one.next_try_seconds(now))

    def change(self, trunk: TrunkSettings) -> None:
        """Other settings of the same account; what is known of gateways that stay is kept."""
        kept = self.qualifications if trunk.qualify_seconds == self.trunk.qualify_seconds else {}
        for gone in self.qualifications.keys() - {one.name for one in trunk.gateways}:
            _forget(TRUNK_GATEWAY_UP, self.trunk.name, gone)
        self.trunk = trunk
        self.qualifications = qualifications(trunk, kept)

    @property
    def address(self) -> str | None:
        """The URI of the host that it registers at, None without one."""
        if self._targets is None:
            return self.addresses.registrar
        return target_uri(self._target, self.trunk.transport) if self._target else None

    def open(self) -> None:
        """Make it known to the stack."""
        self.create(self._make_config(None))

    def register(self, now: float) -> None:
        """Send a REGISTER, as `Registration` has said that it is due."""
        try:
            if not self._go_to_best(now):
                self._failed(_UNAVAILABLE, "its address is not known", answered=True)
                return
            self._sent_at = now
            self.setRegistration(True)
        except pj.Error as error:
            self._failed(_UNAVAILABLE, error_text(error), answered=False)

    def look_at_the_clock(self, now: float) -> None:
        """Where another host of the registrar can be tried, one that has not answered for some seconds is given up.

        A registration whose time is over is none.
        """
        if self.registration.is_held(now):
            # the stack would refresh by itself, beside those that wait their turn; without a registration it does not
            self.modify(self._make_config(_NOWHERE))
            self.modify(self._make_config(target_route(self._target, self.trunk.transport) if self._target else None))
        if self.registration.lapsed(now):
            REGISTRATION_UP.labels(self.trunk.name).set(0)
            log.warning("sip.registration_expired", trunk=self.trunk.name)
        if self._targets is None or self._target is None or self.registration.due_at is not None or self._closing:
            return
        if now - self._sent_at > _PATIENCE_SECONDS and self._targets.has_another(self._target, now=now):
            log.info("sip.registrar_host_given_up", trunk=self.trunk.name, host=self._target.address)
            self._targets.failed(self._target, now=now)
            self.registration.moved(now=now)
            self.registrar.changed()

    def _go_to_best(self, now: float) -> bool:
        if self._targets is None:
            return True
        target = self._targets.choose(self._target, now=now, chance=random.random)
        if target is not None and target != self._target:
            self._target = target
            # also lets go of a request that is on its way to another host
            self.modify(self._make_config(target_route(target, self.trunk.transport)))
        return target is not None

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
        self._flows.left(self)
        self.registrar.remove(self.trunk.name)
        _forget(REGISTRATION_UP, self.trunk.name)
        for gateway in self.qualifications:
            _forget(TRUNK_GATEWAY_UP, self.trunk.name, gateway)
        if silently:
            self._closing = True
            self.registration.state = Registration().state
            # without a registration the stack has none to take back
            self.modify(self._make_config(_NOWHERE))
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

    def flow_lost(self) -> None:
        """The connection to the registrar led nowhere and was closed."""
        if not self._closing:
            self.registration.flow_lost(now=time.monotonic())
            self.registrar.changed()

    @guarded
    def onRegState(self, prm: Any) -> None:  # noqa: N802
        status, reason = int(prm.code), str(prm.reason)
        if self._closing:
            self.registration.state = Registration().state
        elif 200 <= status < 300 and prm.expiration > 0:
            self._accepted(status, reason, int(prm.expiration), str(prm.rdata.wholeMsg))
            identity, seconds = self.addresses.identity, self.trunk.keep_alive_seconds
            self._flows.used(self, prm.rdata, identity=identity, seconds=seconds)
        else:
            response = str(prm.rdata.wholeMsg)
            retry_after = _number(parse_message(response).first("retry-after"))
            self._failed(status or _UNAVAILABLE, reason, answered=bool(response), retry_after=retry_after)

    def _accepted(self, status: int, reason: str, expires: int, response: str) -> None:
        now, chance = time.monotonic(), random.random()  # noqa: S311  not a secret
        if not self.registration.state.registered:
            log.info("sip.registered", trunk=self.trunk.name, expires_seconds=expires)
        self.registration.accepted(status, reason, expires, now=now, chance=chance)
        requests = 1 + self._challenges(parse_message(response).first("call-id"))
        self.registrar.answered(now=now, requests=requests, waited=now - self._sent_at)
        REGISTRATION_UP.labels(self.trunk.name).set(1)

    def _failed(self, status: int, reason: str, *, answered: bool, retry_after: int | None = None) -> None:
        now = time.monotonic()
        delay = self.registration.failed(
            status,
            reason,
            now=now,
            chance=random.random(),  # noqa: S311  not a secret
            retry_after=retry_after,
        )
        if self._tries_another(status, answered, now):
            self.registration.moved(now=now)
        if answered:
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

    def _tries_another(self, status: int, answered: bool, now: float) -> bool:
        if self._targets is None or self._target is None or (answered and status != _UNAVAILABLE):
            return False
        return self._targets.failed(self._target, now=now)


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
