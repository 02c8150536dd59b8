"""Asks the registrars that we are registered at by UDP where they see us. On the owner thread."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

import structlog

from gateway.sip.account import TrunkAccount
from gateway.sip.probes import Asker, Probes
from gateway.trunk.mapping import Mapping

log = structlog.get_logger(__name__)

_POLL_SECONDS = 0.2


class Mappings:
    """One for each registrar, by its URI: the accounts of one registrar share a socket. Where a registrar sees us at
    another address than before, all of them register again."""

    def __init__(self, probes: Probes, *, accounts: Callable[[], Iterable[TrunkAccount]]) -> None:
        self._probes = probes
        self._accounts = accounts
        self._mappings: dict[str, Mapping] = {}
        self._poll_at = 0.0

    def poll(self, now: float) -> None:
        """Ask what is due."""
        if now < self._poll_at:
            return
        self._poll_at = now + _POLL_SECONDS
        for account in self._accounts():
            wanted = account.trunk.transport == "udp" and account.trunk.keep_alive_seconds
            if wanted and account.registration.state.registered and account.address is not None:
                mapping = self._mappings.setdefault(account.addresses.registrar or "", Mapping())
                if mapping.take(now):
                    self._ask(mapping, account, account.address)

    def _ask(self, mapping: Mapping, account: TrunkAccount, address: str) -> None:
        def seen_at(seen: str) -> None:
            if mapping.answered(seen):
                log.info("sip.mapping_changed", trunk=account.trunk.name, seen=seen)
                _register_anew(account)

        asker = Asker(account.addresses.identity, account=int(account.getId()))
        self._probes.send(address, asker, lambda status: None, on_seen=seen_at)


def _register_anew(account: TrunkAccount) -> None:
    """All accounts of its registrar, in their turn."""
    for one in account.registrar.registrations.values():
        one.moved_away(now=time.monotonic())
    account.registrar.changed()
