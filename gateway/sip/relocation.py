"""Another address of this machine: what is registered and what calls were told is put right. On the owner thread."""

from __future__ import annotations

import socket
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

import structlog

from gateway.sip.account import TrunkAccount
from gateway.sip.settings import SipSettings, is_any, is_ipv6

log = structlog.get_logger(__name__)

LOOK_SECONDS = 1.5
_REGISTRATION_SECONDS = 2.0
"""How long calls of a trunk wait for its registration, which learns the address that they are told."""
_ANYWHERE = ("198.51.100.1", "2001:db8::1")
"""Documentation addresses (RFC 5737, RFC 3849): the way to them is the way to everybody else."""


class Sources:
    """The addresses that this machine calls from, by the host that is called. No socket inside."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}

    def look(self, found: Mapping[str, str]) -> frozenset[str]:
        """The hosts to which it is another than before; one to which there is no way now is missing in `found`."""
        moved = frozenset(host for host, source in found.items() if self._known.get(host, source) != source)
        self._known.update(found)
        return moved


def source_towards(host: str) -> str | None:
    """The address that a datagram to a literal address would come from, None when there is no way to it."""
    family = socket.AF_INET6 if is_ipv6(host) else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((host.strip("[]"), 9))
        except OSError:
            return None
        return str(probe.getsockname()[0])


class Relocation:
    """Looks at the addresses, and after a change has every trunk registered anew and every call told.

    :param hosts: literal addresses of each trunk
    :param accounts: the trunks' accounts
    :param renew: gives the calls of those accounts that are chosen new media sockets and a new Contact
    :param begin: called when the addresses are others, before anything else is done
    """

    def __init__(
        self,
        sip: SipSettings,
        *,
        hosts: Callable[[], Mapping[str, Collection[str]]],
        accounts: Callable[[], Iterable[TrunkAccount]],
        renew: Callable[[Callable[[Any], bool]], None],
        begin: Callable[[], None],
    ) -> None:
        # what is bound to one address does not move
        self._families = {is_ipv6(host) for host in sip.hosts if is_any(host)}
        self._hosts = hosts
        self._accounts = accounts
        self._renew = renew
        self._begin = begin
        self._sources = Sources()
        self._look_at = 0.0
        self._waiting: dict[str, float] = {}
        """Trunks whose calls wait for a registration, and since when."""

    def poll(self, now: float) -> None:
        """Look, and do what is due."""
        if now >= self._look_at and self._families:
            self._look_at = now + LOOK_SECONDS
            hosts = self._hosts()
            if moved := self._sources.look(self._found(hosts)):
                self._moved(hosts, moved, now)
        if self._waiting:
            self._renew_ready(now)

    def _found(self, hosts: Mapping[str, Collection[str]]) -> dict[str, str]:
        everybody = {host for known in hosts.values() for host in known}
        wanted = [host for host in (*everybody, *_ANYWHERE) if is_ipv6(host) in self._families]
        return {host: source for host in wanted if (source := source_towards(host))}

    def _moved(self, hosts: Mapping[str, Collection[str]], moved: frozenset[str], now: float) -> None:
        log.info("sip.address_changed", towards=sorted(moved))
        self._begin()
        far = not moved.isdisjoint(_ANYWHERE)
        accounts = [one for one in self._accounts() if not moved.isdisjoint(hosts.get(one.trunk.name) or _ANYWHERE)]
        for account in accounts:
            account.registration.moved_away(now=now)
            account.registrar.changed()
        self._waiting = {account.trunk.name: now for account in accounts if account.registers}
        self._renew(lambda one: far if one.trunk is None else one in accounts and one.trunk.name not in self._waiting)

    def _renew_ready(self, now: float) -> None:
        for account in self._accounts():
            since = self._waiting.get(account.trunk.name)
            if since is None:
                continue
            if account.registration.accepted_at > since or now >= since + _REGISTRATION_SECONDS:
                del self._waiting[account.trunk.name]
                self._renew(lambda one, account=account: one is account)  # type: ignore[misc]
