"""The accounts of all trunks, which may come, change and go while calls are made. On the owner thread."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import structlog

from gateway.errors import ConfigError, SetupError
from gateway.gateway_id import gateway_id
from gateway.settings import Settings
from gateway.sip.account import OnInvite, TrunkAccount
from gateway.sip.configuration import trunk_account_config
from gateway.sip.flows import Flows
from gateway.sip.headers import SipMessage, parse_address, parse_uri
from gateway.sip.library import error_text, pj
from gateway.sip.lookup import HostName
from gateway.sip.qualifying import Probe, Qualifying
from gateway.sip.trunk import LINE_PARAMETER, TrunkAddresses, line_of, trunk_addresses
from gateway.sip.trunk_hosts import TrunkHosts, names_of, registrar_name
from gateway.trunk.registrar import Registrar
from gateway.trunk.settings import TrunkSettings
from gateway.trunk.state import TrunkState
from gateway.trunk.targets import Target
from gateway.trunk.trust import Peer, Trust, literal

log = structlog.get_logger(__name__)

_NOT_OF_THE_ACCOUNT = {
    *("trusted", "gateways", "allow", "qualify_seconds", "label", "organisation"),
    *("redirects", "ring_seconds", "max_calls", "calls_per_second"),
    *("leading_plus", "tech_prefix", "caller_id", "diversion"),
}
"""Fields that need no other account when they change."""
_POLL_SECONDS = 0.02
_LOOKUP_SECONDS = 10.0
"""After which a registrar whose address is not known counts as one that cannot be reached."""
_FAREWELL_SECONDS = 2.0
"""A new account waits so long for the old one's good-bye at the same registrar."""


class TrunkAccounts:
    """One account for each trunk, by the trunk's name.

    :param in_use: whether calls hold an account; it is kept until none does
    :param probe: sends an OPTIONS to a URI, as one of ours, and tells the status of its answer
    :param transport: the stack's id of the transport that a trunk must use
    :param challenges: how often a registrar asked for other credentials since it was asked last, by Call-ID
    """

    def __init__(
        self,
        settings: Settings,
        on_invite: OnInvite,
        *,
        in_use: Callable[[TrunkAccount], bool],
        probe: Probe,
        transport: Callable[[TrunkSettings], int],
        challenges: Callable[[str], int],
    ) -> None:
        self._settings = settings
        self._transport = transport
        self._challenges = challenges
        self._on_invite = on_invite
        self._in_use = in_use
        self._qualifying = Qualifying(settings.sip, probe)
        self._flows = Flows(probe)
        self._poll_at = 0.0
        self._registrars: dict[str, Registrar] = {}
        """By the URI that they are registered at."""
        self._hosts = TrunkHosts()
        self._accounts: dict[str, TrunkAccount] = {}
        self._leaving: list[TrunkAccount] = []
        self._trust = Trust([], lines={}, resolved={})

    def __len__(self) -> int:
        return len(self._accounts) + len(self._leaving)

    def __getitem__(self, name: str) -> TrunkAccount:
        return self._accounts[name]

    def get(self, name: str) -> TrunkAccount | None:
        """The account of a trunk."""
        return self._accounts.get(name)

    def settings(self) -> dict[str, TrunkSettings]:
        """The trunks by name; for any thread."""
        return {name: account.trunk for name, account in list(self._accounts.items())}

    def all(self) -> list[TrunkAccount]:
        """Those that leave included; for any thread."""
        return [*self._accounts.values(), *self._leaving]

    def set(self, trunks: Sequence[TrunkSettings]) -> None:
        """Make the accounts those of `trunks`: what is equal stays as it is, calls go on.

        :raises SetupError: when one is not usable; the others are made
        """
        wanted = {trunk.name: trunk for trunk in trunks}
        failures: list[str] = []
        for name in [name for name in self._accounts if name not in wanted]:
            self._leave(self._accounts.pop(name), silently=False)
        for trunk in wanted.values():
            try:
                self._put(trunk)
            except (pj.Error, ConfigError, SetupError) as error:
                failures.append(f"The trunk {trunk.name!r} is not usable: {error_text(error).rstrip('.')}.")
        self._trust_anew()
        if failures:
            raise SetupError(" ".join(failures))

    def poll(self, now: float) -> None:
        """Register what is due, ask who may be away, and let go of accounts that nothing holds."""
        if now < self._poll_at:
            return
        self._poll_at = now + _POLL_SECONDS
        for registrar in self._registrars.values():
            if (name := registrar.take(now)) is not None:
                self._accounts[name].register(now)
            if registrar.take_probe(now):
                self._ask_for(registrar)
        self._flows.poll(now)
        for account in self._accounts.values():
            account.look_at_the_clock(now)
            self._qualifying.poll(account, now)
        for account in [one for one in self._leaving if one.has_left(now) and not self._in_use(one)]:
            self._leaving.remove(account)
            account.shutdown()

    @property
    def trust(self) -> Trust:
        """Who may call by which trunk."""
        return self._trust

    def trunk_of(self, message: SipMessage, peer: Peer) -> str | None:
        """The trunk that a request came by, None for a stranger, and for what came unprotected to a trunk of TLS."""
        uri = parse_uri(message.request_uri)
        to = parse_uri(parse_address(message.first("to")).uri)
        line = uri.parameters.get(LINE_PARAMETER) if uri else None
        name = self._trust.trunk(peer, line=line, users={one.user for one in (uri, to) if one})
        unprotected = name is not None and peer.transport != "tls" and self._accounts[name].trunk.transport == "tls"
        return None if unprotected else name

    def addresses(self) -> dict[str, frozenset[str]]:
        """Literal addresses that each trunk is reached at, as far as they are known."""
        return {
            name: frozenset(
                [
                    *self._hosts.addresses(account.trunk),
                    *(one.host.strip("[]") for one in account.trunk.gateways if literal(one.host)),
                ]
            )
            for name, account in self._accounts.items()
        }

    def drop_connections(self) -> None:
        """Connections from an address that is no longer ours are of no use."""
        self._flows.drop()

    def hosts(self) -> frozenset[HostName]:
        """The names that must be looked up."""
        return frozenset(host for account in self._accounts.values() for host in names_of(account.trunk))

    def located(self, host: HostName, found: Sequence[Target], *, now: float) -> None:
        """A name was looked up; when nobody was found, what was known holds."""
        if not found:
            return
        self._hosts.located(host, found)
        for account in self._accounts.values():
            if registrar_name(account.trunk) == host:
                account.registrar.located(now=now)
        self._trust_anew()

    def connection_lost(self, connection: int) -> None:
        """A connection ended: trunks that use one register again.

        :param connection: the address of pjsip's transport
        """
        self._flows.closed(connection)
        for account in self._accounts.values():
            account.connection_lost()

    def unregister(self) -> None:
        """Tell every registrar that we are gone."""
        for account in self._accounts.values():
            account.unregister()

    def shutdown(self) -> None:
        """Let go of every account."""
        self._flows.close()
        for account in self.all():
            account.shutdown()
        self._accounts.clear()
        self._leaving.clear()

    def states(self) -> Mapping[str, TrunkState]:
        """What is known of each trunk; for any thread."""
        return {name: account.state() for name, account in list(self._accounts.items())}

    def _put(self, trunk: TrunkSettings) -> None:
        known = self._accounts.get(trunk.name)
        if known is not None and _same_account(known.trunk, trunk):
            known.change(trunk)
            return
        addresses = trunk_addresses(trunk)
        if known is not None:
            # one whose contact stays the same must not take back what the new one registers
            self._leave(self._accounts.pop(trunk.name), silently=known.addresses == addresses)
        account = self._account(trunk, addresses, not_before=self._start_of(trunk, known))
        account.open()
        self._accounts[trunk.name] = account
        if account.registers:
            account.registrar.add(trunk.name, account.registration)

    def _account(self, trunk: TrunkSettings, addresses: TrunkAddresses, *, not_before: float) -> TrunkAccount:
        registrar = self._registrars.setdefault(addresses.registrar or "", Registrar())
        targets = self._hosts.registrars(trunk)
        if targets is not None and not targets.known:
            not_before = time.monotonic() + _LOOKUP_SECONDS
        transport = self._transport(trunk)
        connected = trunk.transport != "udp" and addresses.registrar is not None
        instance = gateway_id(self._settings.data_dir) if connected else ""

        def config(route: str | None) -> Any:
            return trunk_account_config(
                self._settings, trunk, addresses, transport=transport, route=route, instance=instance
            )

        return TrunkAccount(
            trunk,
            addresses,
            self._on_invite,
            make_config=config,
            flows=self._flows,
            challenges=self._challenges,
            registrar=registrar,
            targets=targets,
            not_before=not_before,
        )

    def _ask_for(self, registrar: Registrar) -> None:
        account = next((self._accounts[name] for name in registrar.registrations), None)
        if account is not None:
            self._qualifying.ask(account, lambda status: registrar.probe_answered(now=time.monotonic()))

    @staticmethod
    def _start_of(trunk: TrunkSettings, before: TrunkAccount | None) -> float:
        at_the_same = before is not None and before.trunk.registrar == trunk.registrar
        return time.monotonic() + _FAREWELL_SECONDS if at_the_same else 0.0

    def _leave(self, account: TrunkAccount, *, silently: bool) -> None:
        account.leave(silently=silently, by=time.monotonic() + _FAREWELL_SECONDS)
        self._leaving.append(account)

    def _trust_anew(self) -> None:
        trunks = [account.trunk for account in self._accounts.values()]
        lines = {line_of(trunk): trunk.name for trunk in trunks if trunk.registrar is not None}
        self._trust = Trust(
            trunks, lines=lines, resolved={trunk.name: self._hosts.addresses(trunk) for trunk in trunks}
        )


def _same_account(old: TrunkSettings, new: TrunkSettings) -> bool:
    return old.model_dump(exclude=_NOT_OF_THE_ACCOUNT) == new.model_dump(exclude=_NOT_OF_THE_ACCOUNT)
