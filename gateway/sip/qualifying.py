"""Asks gateways and registrars of trunks by OPTIONS whether they are there. On the owner thread."""

from __future__ import annotations

import time
from collections.abc import Callable

import structlog

from gateway.observe.metrics import TRUNK_GATEWAY_UP
from gateway.sip.account import TrunkAccount
from gateway.sip.probes import Asker
from gateway.sip.settings import SipSettings
from gateway.sip.trunk import gateway_uri, own_contact
from gateway.trunk.qualification import Qualification

log = structlog.get_logger(__name__)

Probe = Callable[[str, Asker, Callable[[int], None]], object]
"""(target, who asks, told the status of the answer)"""


class Qualifying:
    """:param probe: sends an OPTIONS to a URI, as one of ours, and tells the status of its answer"""

    def __init__(self, settings: SipSettings, probe: Probe) -> None:
        self._settings = settings
        self._probe = probe

    def poll(self, account: TrunkAccount, now: float) -> None:
        """Ask the gateways of a trunk that are due."""
        for name, qualification in account.qualifications.items():
            self._qualify(account, name, qualification, now)

    def ask(self, account: TrunkAccount, on_answer: Callable[[int], None]) -> None:
        """Ask the host that an account registers at."""
        if account.address is not None:
            self._probe(account.address, self._asker(account), on_answer)

    def _qualify(self, account: TrunkAccount, name: str, qualification: Qualification, now: float) -> None:
        before = qualification.reachable
        due = qualification.take(now)
        _tell(account.trunk.name, name, before, qualification)
        if not due:
            return
        gateway = next(one for one in account.trunk.gateways if one.name == name)

        def answered(status: int) -> None:
            before = qualification.reachable
            qualification.answered(status, now=time.monotonic())
            _tell(account.trunk.name, name, before, qualification)

        self._probe(gateway_uri(account.trunk, gateway), self._asker(account), answered)

    def _asker(self, account: TrunkAccount) -> Asker:
        trunk = account.trunk
        # who is known by a name asks as the host, which has no user (RFC 3261 section 19.1.1)
        identity = f"sip:{trunk.contact_host}" if trunk.contact_host else account.addresses.identity
        return Asker(identity, own_contact(self._settings, trunk), int(account.getId()))


def _tell(trunk: str, gateway: str, before: bool | None, now: Qualification) -> None:
    if now.reachable is not before and now.reachable is not None:
        TRUNK_GATEWAY_UP.labels(trunk, gateway).set(now.reachable)
        log.info("sip.gateway_reachable" if now.reachable else "sip.gateway_unreachable", trunk=trunk, gateway=gateway)
