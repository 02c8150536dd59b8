"""The SIP endpoint of a process: what the call layer and the command line use of this package."""

from __future__ import annotations

import asyncio
import atexit
import random
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from types import MappingProxyType

import structlog

from gateway.call.admission import retry_seconds
from gateway.call.dialling import Dialled
from gateway.call.dialog import KeptDialog
from gateway.call.entrance import Arrival
from gateway.call.leg import Leg
from gateway.call.strain import Measure
from gateway.errors import CallRefused, LegError, Overloaded, ParleyError, SetupError
from gateway.observe.metrics import SIP_MALFORMED
from gateway.settings import Settings
from gateway.sip.arrival import SipArrival
from gateway.sip.bridge import MediaBridge, limits
from gateway.sip.call_table import CallTable, outbound_info
from gateway.sip.capture.ring import Ring
from gateway.sip.capture.tap import Tap
from gateway.sip.configuration import check_limits
from gateway.sip.dialled import Way, direct_way, trunk_way
from gateway.sip.leg import SipLeg
from gateway.sip.locator import Locator
from gateway.sip.lookup import HostName, kinds_of
from gateway.sip.media_ports import offers, pair_is_free
from gateway.sip.media_thread import MediaThread
from gateway.sip.owner_thread import OwnerThread
from gateway.sip.stack import Stack
from gateway.trunk.registration import RegistrationState
from gateway.trunk.settings import TrunkSettings
from gateway.trunk.state import TrunkState
from gateway.trunk.targets import Target
from gateway.trunk.trust import Peer

log = structlog.get_logger(__name__)

_START_SECONDS = 10.0
_STEP_SECONDS = 0.02
_GOODBYE_SECONDS = 1.0
"""For BYE and un-REGISTER each; with the destruction of the stack `close` stays within 3 s."""
_DESTROY_SECONDS = 2.0
_TRANSACTION_SECONDS = 100.0
"""RFC 3261 gives each of them 32 s; a challenge begins another."""

_NO_HEADERS: Mapping[str, str] = MappingProxyType({})


class SipEndpoint:
    """Binds, registers, takes calls and makes them. A process has one at a time; it may be closed and another started.

    :param on_leg: called on the event loop's thread with each inbound leg, which rings when it is told to
    """

    def __init__(self, settings: Settings, *, loop: asyncio.AbstractEventLoop, on_leg: Callable[[Leg], None]) -> None:
        self._settings = settings
        compiled = limits()
        check_limits(settings, compiled)
        self._bridge = MediaBridge(capacity=settings.capacity)
        self._media = MediaThread(bridge=self._bridge, loop=loop)
        self._stack = Stack(
            settings,
            limits=compiled,
            on_invite=lambda *invite: self._calls.invited(*invite),
            in_use=lambda account: self._calls.uses(account),
            renew=lambda chosen: self._calls.renew(chosen),
            may_enter=self._may_enter,
            on_refused=self._turned_away,
        )
        self._admit: Callable[[Arrival], None] = lambda arrival: None
        self._tell_refused: Callable[[CallRefused, Arrival], None] = lambda refusal, arrival: None
        self._stack.on_malformed = SIP_MALFORMED.inc
        kept = settings.recording
        self._ring = Ring() if kept.signalling or kept.packets else None
        self._tap = Tap(self._ring) if self._ring is not None else None
        self._owner = OwnerThread(name="parley-sip", poll=self._poll, wake=self._stack.wake)
        self._started = False
        self._locator = Locator(self._located, kinds_of(settings.sip.hosts))
        self._calls = CallTable(
            capacity=settings.capacity,
            codecs=settings.sip.codecs,
            owner=self._owner,
            media=self._media,
            bridge=self._bridge,
            loop=loop,
            on_leg=on_leg,
            answer_in_dialog=self._stack.stray_requests.answer_in_dialog,
            account_for=self._stack.account_for,
            tap=self._tap,
        )

    async def start(self) -> None:
        """Bind the transports and begin to register.

        :raises SetupError: when a port is in use; one sentence that names it
        """
        self._owner.start()
        # a thread inside the library while the interpreter is torn down aborts the process
        atexit.register(self._tear_down)
        try:
            await self._owner.run(self._boot, timeout=_START_SECONDS)
        except ParleyError:
            await self._destroy()
            raise
        except TimeoutError as error:
            raise SetupError("The SIP stack did not start within 10 s; its log tells why.") from error
        self._media.start()
        if self._tap is not None:
            self._tap.start()
        if self._tap is not None and self._settings.recording.capture_keys:
            log.warning("captures hold keys: whoever has one can decrypt the call and try passwords")
        await self._look_up_hosts()
        log.info("sip.started", address=self._stack.address, trunks=[trunk.name for trunk in self._settings.trunks])

    async def dial(
        self,
        destination: str,
        *,
        trunk: str | None = None,
        gateway: str | None = None,
        caller: str | None = None,
        headers: Mapping[str, str] = _NO_HEADERS,
    ) -> SipLeg:
        """Call a SIP URI, or a number through a trunk. Returns at once; the outcome comes to the leg's listener.

        :param gateway: one of the trunk's, as `trunk_states` names it; default: the best that it has
        :param caller: user part or SIP URI for the From header
        :raises LegError: when the destination is no address, or the trunk or gateway is not configured
        """
        way = self._way(destination, trunk, gateway, caller)
        leg = self._calls.make_leg(
            destination=way.to, caller=way.caller, trunk=trunk, headers={**way.headers, **headers}
        )
        await self._place(leg, lambda: self._dial(leg, trunk, way))
        return leg

    async def redial(
        self, leg: Dialled, destination: str, *, trunk: str | None, gateway: str | None, caller: str | None
    ) -> None:
        """Send another INVITE for a leg that `dial` gave and that nobody answered; its last one has failed.

        :raises LegError: as `dial`; the leg is as it was
        """
        assert isinstance(leg, SipLeg)
        way = self._way(destination, trunk, gateway, caller)
        sent = {**leg.info.headers, **way.headers}
        leg.next_attempt(outbound_info(destination=way.to, caller=way.caller, trunk=trunk, headers=sent))
        await self._place(leg, lambda: self._dial(leg, trunk, way))

    async def _place(self, leg: SipLeg, dial: Callable[[], None]) -> None:
        try:
            await self._owner.run(dial, timeout=_START_SECONDS)
        except (TimeoutError, asyncio.CancelledError) as error:
            # what the owner thread has begun goes on: nobody would have the call
            self._owner.post(lambda: self._calls.withdraw(leg.key))
            if isinstance(error, TimeoutError):
                raise LegError("The SIP stack did not answer in time; its log tells why.") from error
            raise

    async def set_trunks(self, trunks: Sequence[TrunkSettings]) -> None:
        """The trunks that there are from now on, beside those of the settings. One that is equal to what it was is not
        touched; one that is gone takes no new calls, and lives on in those that it has.

        :raises SetupError: when one is not usable; the others are
        """
        wanted = list(trunks)
        try:
            await self._owner.run(lambda: self._stack.set_trunks(wanted), timeout=_START_SECONDS)
        finally:
            await self._look_up_hosts()

    async def end_dialog(self, dialog: KeptDialog, reason: str) -> int:
        """Send BYE in a dialog that an earlier process left, with the credentials of its trunk; returns the final
        status, 408 when nobody answered, which takes 32 s.

        :raises LegError: when it cannot be sent
        """
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[int] = loop.create_future()

        def settle(status: int) -> None:
            if not answer.done():
                answer.set_result(status)

        def on_ended(status: int) -> None:
            with suppress(RuntimeError):  # the loop is closed: nobody waits
                loop.call_soon_threadsafe(settle, status)

        try:
            await self._owner.run(lambda: self._stack.end_dialog(dialog, reason, on_ended), timeout=_START_SECONDS)
            async with asyncio.timeout(_TRANSACTION_SECONDS):
                return await answer
        except TimeoutError as error:
            raise LegError("The SIP stack did not answer in time; its log tells why.") from error

    def trunk_states(self) -> Mapping[str, TrunkState]:
        """What is known of each trunk, by its name."""
        return self._stack.trunks.states()

    def trunks(self) -> Mapping[str, TrunkSettings]:
        """The trunks that there are now, by name."""
        return self._stack.trunks.settings()

    def admit_by(
        self,
        admit: Callable[[Arrival], None],
        refused: Callable[[CallRefused, Arrival], None],
        staffed: Callable[[], bool] = lambda: True,
    ) -> None:
        """Who decides about each INVITE that begins a call, before anything is made for it, and is told of those that
        were refused; and whether a worker is there at all: OPTIONS is 503 while none is. All are called on the owner
        thread."""
        self._admit, self._tell_refused, self._stack.staffed = admit, refused, staffed

    def media_late_ms(self) -> float:
        """How late the media clock was at worst since the last time this was asked."""
        return self._media.clock_late_ms()

    def _may_enter(self, text: str, peer: Peer) -> None:
        self._admit(self._arrival(text, peer))
        hosts, ports = self._settings.sip.hosts, self._settings.rtp.ports
        if not offers(text) and not any(pair_is_free(host, ports) for host in hosts):
            refusal = Overloaded("No port of rtp.ports is free for another call.", reason=Measure.RTP_PORTS)
            refusal.retry_after = retry_seconds()
            raise refusal

    def _turned_away(self, refusal: CallRefused, text: str, peer: Peer) -> None:
        self._tell_refused(refusal, self._arrival(text, peer))

    def _arrival(self, text: str, peer: Peer) -> SipArrival:
        return SipArrival(text, peer, self._stack, self._calls)

    def stop_accepting(self) -> None:
        """Drain: new calls get 503 with Retry-After, those that are live go on."""
        self._calls.accepting = False
        self._stack.draining = True

    async def _look_up_hosts(self) -> None:
        self._locator.watch(await self._owner.run(self._stack.trunks.hosts, timeout=_START_SECONDS))

    def _located(self, host: HostName, found: Sequence[Target]) -> None:
        self._owner.post(lambda: self._stack.trunks.located(host, found, now=time.monotonic()))

    async def close(self) -> None:
        """End all calls, unregister, and destroy the stack, within 3 s; harmless when it is closed."""
        self.stop_accepting()
        await self._locator.close()
        if self._started:
            await self._owner.run(lambda: self._calls.hang_up_all("gateway stops"), timeout=_GOODBYE_SECONDS)
            await self._until(lambda: not len(self._calls))
            await self._owner.run(self._stack.trunks.unregister, timeout=_GOODBYE_SECONDS)
            await self._until(lambda: not self._stack.registered)
        await self._destroy()

    @property
    def address(self) -> str:
        """host:port where this endpoint takes calls, as others may reach it."""
        return self._stack.address

    def registrations(self) -> Mapping[str, RegistrationState]:
        """What the registrar said last, of each trunk that has one."""
        return {
            name: state.registration for name, state in self.trunk_states().items() if state.registration is not None
        }

    def reload_certificates(self) -> None:
        """Take certificates and keys that were replaced on disk; calls go on."""
        if self._started:
            self._owner.post(self._stack.reload_certificates)

    @property
    def heartbeats(self) -> Mapping[str, int]:
        """CLOCK_MONOTONIC at which each thread of this endpoint was last seen to run. The media thread sees the media
        clock."""
        return {
            "SIP thread": self._owner.heartbeat_ns,
            "media thread": self._media.heartbeat_ns,
            "media clock": self._media.clock_heartbeat_ns,
        }

    @property
    def live_calls(self) -> int:
        """Dialogs of the stack, those that are being refused included."""
        return len(self._calls)

    @property
    def malformed_datagrams(self) -> int:
        """Datagrams on the signalling port that were no SIP message."""
        return self._stack.malformed

    def _boot(self) -> None:
        # the poll must not touch a stack that is half made
        self._stack.start()
        if self._ring is not None:
            self._ring.start()
        self._started = True

    def _poll(self) -> None:
        if self._started:
            self._stack.poll()
        else:
            time.sleep(_STEP_SECONDS / 10)

    def _dial(self, leg: SipLeg, trunk: str | None, way: Way) -> None:
        account = self._stack.account(trunk, way.target or way.to)
        self._calls.dial(leg, account, local_uri=way.caller, target=way.target)

    def _way(self, destination: str, trunk: str | None, gateway: str | None, caller: str | None) -> Way:
        if trunk is None:
            return direct_way(destination, caller, domain=self._stack.address)
        account = self._stack.trunks.get(trunk)
        if account is None:
            raise LegError(f"No trunk {trunk!r} is configured; name it under trunks.")
        return trunk_way(
            destination,
            caller,
            trunk=account.trunk,
            gateway=gateway,
            states=account.state().gateways,
            chance=random.random,
        )

    async def _until(self, reached: Callable[[], bool]) -> None:
        for _ in range(int(_GOODBYE_SECONDS / _STEP_SECONDS)):
            if reached():
                return
            await asyncio.sleep(_STEP_SECONDS)

    async def _destroy(self) -> None:
        await asyncio.to_thread(self._tear_down)

    def _tear_down(self) -> None:
        atexit.unregister(self._tear_down)
        self._media.stop(1.0)
        if self._tap is not None:
            self._tap.stop(1.0)
        self._started = False
        self._owner.post(self._calls.drop_all)
        self._owner.post(self._stack.stop)
        if not self._owner.stop(_DESTROY_SECONDS):
            log.error("sip.stop_overdue", seconds=_DESTROY_SECONDS)
