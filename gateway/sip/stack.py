"""pjsua2's endpoint with its transports, codecs and accounts. Lives on the owner thread from first to last."""

from __future__ import annotations

import time
import weakref
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import structlog

from gateway.call.dialog import KeptDialog
from gateway.errors import SetupError
from gateway.media.audio import SAMPLE_RATE
from gateway.settings import Settings
from gateway.sip.account import OnInvite, SipAccount, TrunkAccount
from gateway.sip.alarm_clock import AlarmClock
from gateway.sip.bridge import CompiledLimits
from gateway.sip.challenges import Challenges
from gateway.sip.configuration import (
    LOCAL_ACCOUNTS,
    codec_priorities,
    endpoint_config,
)
from gateway.sip.dialogs import EarlierDialogs, OnEnded
from gateway.sip.headers import parse_message
from gateway.sip.library import be_quiet, error_text, guarded, pj
from gateway.sip.local_accounts import LocalAccounts
from gateway.sip.log_writer import StackLogWriter, log_level
from gateway.sip.mappings import Mappings
from gateway.sip.pjsip import Received
from gateway.sip.probes import Probes
from gateway.sip.relocation import Relocation
from gateway.sip.source import source_of
from gateway.sip.strangers import Strangers
from gateway.sip.stray_requests import StrayRequests
from gateway.sip.transports import Transports
from gateway.sip.trunk_accounts import TrunkAccounts
from gateway.sip.turnstile import MayEnter, OnRefused, Turnstile
from gateway.trunk.settings import TrunkSettings
from gateway.trunk.trust import Peer

log = structlog.get_logger(__name__)

_POLL_MS = 5
"""Longest wait of one poll, and so of a command."""
_CERTIFICATES_SECONDS = 10.0
"""Between two looks at whether a certificate was replaced."""
_NO_TRAFFIC = 3
"""PJSUA_DESTROY_NO_NETWORK: everybody was told good-bye before."""


class SipEndpointLibrary(pj.Endpoint):  # type: ignore[misc]
    """The library's endpoint, of which a process has one."""

    living: ClassVar[weakref.WeakSet[SipEndpointLibrary]] = weakref.WeakSet()

    def __init__(self, stack: Stack) -> None:
        super().__init__()
        self.living.add(self)
        self._stack = stack

    @guarded
    def onSelectAccount(self, prm: Any) -> None:  # noqa: N802
        prm.accountIndex = self._stack.account_for(str(prm.rdata.wholeMsg), source_of(prm.rdata))

    @guarded
    def onTransportState(self, prm: Any) -> None:  # noqa: N802
        if prm.state == pj.PJSIP_TP_STATE_DISCONNECTED:
            self._stack.trunks.connection_lost(int(prm.hnd))


class Stack:
    """Start, poll, stop. Every method is for the owner thread."""

    def __init__(
        self,
        settings: Settings,
        *,
        limits: CompiledLimits,
        on_invite: OnInvite,
        in_use: Callable[[TrunkAccount], bool],
        renew: Callable[[Callable[[Any], bool]], None],
        may_enter: MayEnter,
        on_refused: OnRefused,
    ) -> None:
        self._settings = settings
        self._limits = limits
        self._on_invite = on_invite
        self._library: Any = None
        self._local: LocalAccounts | None = None
        self._transports = Transports(settings.sip)
        self._certificates_at = 0.0
        self._received = Received(limits.packet_bytes)
        self._probes = Probes(self._received)
        self._challenges = Challenges(self._received)
        self.trunks = TrunkAccounts(
            settings,
            on_invite,
            in_use=in_use,
            probe=self._probes.send,
            transport=self._transports.of_trunk,
            challenges=self._challenges.take,
        )
        self._mappings = Mappings(self._probes, accounts=self.trunks.all)
        self._relocation = Relocation(
            settings.sip,
            hosts=self.trunks.addresses,
            accounts=self.trunks.all,
            renew=renew,
            begin=self.trunks.drop_connections,
        )
        self.malformed = 0
        self._strangers = Strangers(
            settings.sip.strangers, self._received, knows=lambda peer, line: self.trunks.trust.knows(peer, line=line)
        )
        self._turnstile = Turnstile(self._received, may_enter=may_enter, on_refused=on_refused)
        self._alarm_clock = AlarmClock()
        self.on_malformed: Callable[[], None] = lambda: None
        self.draining = False
        self.staffed: Callable[[], bool] = lambda: True
        """Whether a worker is there for calls; on the owner thread."""
        self._earlier = EarlierDialogs()
        self.stray_requests = StrayRequests(lambda: not self.draining and self.staffed())

    def start(self) -> None:
        """Bind and register.

        :raises SetupError: when a port is in use, an address is not ours, or the process has another endpoint
        """
        # a second endpoint would not fail, it would end the process
        if SipEndpointLibrary.living:
            raise SetupError("Another SIP endpoint runs in this process; close it before you start one.")
        try:
            self._start()
        except pj.Error as error:
            raise SetupError(f"The SIP stack did not start: {error_text(error)}.") from None

    def _start(self) -> None:
        be_quiet()
        self._library = SipEndpointLibrary(self)
        self._library.libCreate()
        writer = StackLogWriter(self._count_malformed)
        config = endpoint_config(
            self._settings, limits=self._limits, log_writer=writer, log_level=log_level(self._settings.log)
        )
        # libDestroy deletes the writer
        writer.__disown__()
        self._library.libInit(config)
        self.stray_requests.register()
        self._probes.register()
        self._challenges.register()
        self._strangers.register()
        self._turnstile.register()
        self._alarm_clock.set_up()
        self._library.audDevManager().setNullDev()
        self._transports.bind(self._library, self._settings.trunks)
        self._probes.address = self.address
        self._library.libStart()
        self._set_codecs()
        self._add_accounts()

    def poll(self) -> None:
        """Handle what came, or wait for it a few milliseconds."""
        self._library.libHandleEvents(_POLL_MS)
        self._turnstile.look()
        now = time.monotonic()
        self.trunks.poll(now)
        self._mappings.poll(now)
        self._relocation.poll(now)
        if now >= self._certificates_at:
            self._certificates_at = now + _CERTIFICATES_SECONDS
            self.reload_certificates()

    def stop(self) -> None:
        """Destroy everything; the calls must have been dropped."""
        self.trunks.shutdown()
        if self._local is not None:
            self._local.shutdown()
            self._local = None
        self._transports.close()
        self._alarm_clock.stop()
        library, self._library = self._library, None
        if library is not None:
            library.libDestroy(_NO_TRAFFIC)

    def wake(self) -> None:
        """End a wait of `poll`; for any thread."""
        self._alarm_clock.ring()

    @property
    def address(self) -> str:
        """host:port of the first transport, as others may reach it."""
        return self._transports.address

    def account(self, trunk: str | None, destination: str) -> SipAccount:
        """The account to call `destination` with. :raises KeyError: for a trunk that is not configured."""
        if trunk is not None:
            return self.trunks[trunk]
        assert self._local is not None
        return self._local.towards(destination)

    def end_dialog(self, dialog: KeptDialog, reason: str, on_ended: OnEnded) -> None:
        """Send BYE in a dialog of an earlier process. Of a trunk that is gone, without its credentials."""
        account: SipAccount | None = self.trunks.get(dialog.trunk) if dialog.trunk else None
        account = account or self.account(None, dialog.target)
        self._earlier.end(dialog, int(account.getId()), reason, on_ended)

    def account_for(self, message: str, source: str) -> int:
        """The stack's id of the account that a request belongs to.

        :param source: as `source_of` says
        """
        address, _, rest = source.rpartition(":")
        port, _, transport = rest.partition(";")
        name = self.trunk_of(message, Peer(address.strip("[]"), int(port), transport))
        if name is not None:
            return int(self.trunks[name].getId())
        assert self._local is not None
        return int(self._local.of_request(message, transport).getId())

    def trunk_of(self, message: str, peer: Peer) -> str | None:
        """The trunk that a request came by, None for that of nobody's."""
        return self.trunks.trunk_of(parse_message(message), peer)

    def reload_certificates(self) -> None:
        """Take certificates that were replaced on disk."""
        self._transports.reload()

    def set_trunks(self, trunks: Sequence[TrunkSettings]) -> None:
        """The trunks that there are now: those of the settings and `trunks`, of which none has a name of the former.

        :raises SetupError: when one is not usable, or there are more than the stack was built for
        """
        wanted = [*self._settings.trunks, *trunks]
        names = [trunk.name for trunk in wanted]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise SetupError(f"There are two trunks {twice[0]!r}; give each a name of its own.")
        if len(wanted) + LOCAL_ACCOUNTS > self._limits.accounts:
            most = self._limits.accounts - LOCAL_ACCOUNTS
            raise SetupError(f"The installed pjsua2 was built for {most} trunks, but {len(wanted)} are wanted.")
        self.trunks.set(wanted)

    @property
    def registered(self) -> bool:
        """Whether any trunk is registered."""
        return any(account.registration.state.registered for account in self.trunks.all())

    def _count_malformed(self) -> None:
        self.malformed += 1
        self.on_malformed()

    def _set_codecs(self) -> None:
        # opus decodes and encodes at the conference's own rate, so nothing is resampled
        opus = self._library.getCodecOpusConfig()
        opus.sample_rate, opus.channel_cnt = SAMPLE_RATE, 1
        self._library.setCodecOpusConfig(opus)
        available = [str(codec.codecId) for codec in self._library.codecEnum2()]
        for identifier, priority in codec_priorities(available, list(self._settings.sip.codecs)).items():
            self._library.codecSetPriority(identifier, priority)

    def _add_accounts(self) -> None:
        self._local = LocalAccounts(self._settings, self._on_invite, address=self.address)
        self.trunks.set(self._settings.trunks)
