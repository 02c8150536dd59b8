"""All checks, one after the other."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field

from gateway.call.leg import Leg
from gateway.control.client import ControlClient
from gateway.control.messages import TrunkReport
from gateway.doctor import machine, machine_probe, services, services_probe
from gateway.doctor.echo_call import judge_echo
from gateway.doctor.finding import Finding, Result, failed, ok, skipped
from gateway.doctor.inbound import judge_inbound
from gateway.doctor.registration import judge_registration
from gateway.doctor.stun import ask, judge_stun
from gateway.doctor.trunk_probe import examine_trunk
from gateway.errors import NoGateway, ParleyError, SetupError
from gateway.settings import Settings
from gateway.trunk.registration import RegistrationState
from gateway.trunk.settings import TrunkSettings


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to examine beside the usual. `settings_file` is told; `trunk` looks at one only; `call` is an echo's number
    or SIP URI; `wait` waits so many seconds for a call, 0 for none."""

    settings_file: str = ""
    trunk: str | None = None
    call: str | None = None
    wait: float = 0.0


@dataclass(frozen=True, slots=True)
class Begun:
    """A step begins; `title` is what is looked at."""

    title: str


@dataclass(slots=True)
class Examination:
    """One run.

    :param invite: told where to call, when a call is waited for
    """

    settings: Settings
    wanted: Wanted
    invite: Callable[[str], None]
    _reports: Sequence[TrunkReport] | None = None
    """Of the running gateway; None when none runs."""
    _calls: int = 0
    _ports: list[Finding] = field(default_factory=list)
    _native: bool = False

    async def run(self) -> AsyncIterator[Begun | Finding]:
        """Everything, as it goes. :raises ParleyError: when it cannot be done as wanted"""
        trunks = self._trunks()
        yield ok("settings", self.wanted.settings_file, "No mistakes.")
        await self._look_for_gateway()
        if self._gateway_runs and self.wanted.wait:
            raise SetupError("A gateway runs and takes every call itself; stop it, then wait for a call.")
        steps = [("this machine", self._machine), ("Parley's services", self._services)]
        for title, step in steps:
            yield Begun(title)
            for one in await step():
                yield one
        for trunk in trunks:
            yield Begun(f"trunk {trunk.name}")
            async for finding in examine_trunk(trunk, self.settings):
                yield finding
        async for told in self._on_the_line(trunks):
            yield told

    def _trunks(self) -> list[TrunkSettings]:
        chosen = [one for one in self.settings.trunks if self.wanted.trunk in (None, one.name)]
        if self.wanted.trunk is not None and not chosen:
            names = ", ".join(one.name for one in self.settings.trunks) or "none"
            raise SetupError(f"There is no trunk {self.wanted.trunk!r} in the settings; there are: {names}.")
        return chosen

    async def _look_for_gateway(self) -> None:
        def asked() -> tuple[list[TrunkReport], int]:
            with ControlClient(self.settings.data_dir) as gateway:
                return gateway.trunks(), len(gateway.live())

        try:
            self._reports, self._calls = await asyncio.to_thread(asked)
        except NoGateway:
            self._reports = None

    @property
    def _gateway_runs(self) -> bool:
        return self._reports is not None

    async def _machine(self) -> list[Finding]:
        settings = self.settings
        native = machine.judge_native(machine_probe.native_problem(settings))
        self._native = native.result is Result.OK
        runs = self._gateway_runs
        self._ports = [machine.judge_port(one, gateway_runs=runs) for one in machine_probe.sip_ports(settings)]
        free, error = machine_probe.disk(settings.data_dir)
        return [
            native,
            *self._ports,
            *(machine.judge_port(one, gateway_runs=runs) for one in machine_probe.http_ports(settings)),
            machine.judge_rtp(machine_probe.rtp(settings), gateway_calls=self._calls),
            machine.judge_descriptors(machine_probe.descriptors(), settings.capacity),
            machine.judge_disk(str(settings.data_dir), free, error),
            machine.judge_clock(machine_probe.clock_synchronised()),
        ]

    async def _services(self) -> list[Finding]:
        settings, found = self.settings, []
        if self._gateway_runs:
            found.append(services.judge_gateway(await services_probe.ready(settings)))
        found.append(services.judge_routes(len(settings.routes), api=settings.api.enabled))
        found.append(services.judge_models(await asyncio.to_thread(services_probe.models_missing)))
        for address in settings.worker.addresses:
            problem = await services_probe.connect(address)
            found.append(services.judge_connection("worker", address, problem, "Start `parley worker` there."))
        if settings.api.enabled and settings.api.address:
            problem = await services_probe.connect(settings.api.address)
            remedy = "Start `parley api` there; api.address names its api.link."
            found.append(services.judge_connection("control plane", settings.api.address, problem, remedy))
        elif settings.api.enabled:
            name = services_probe.database_name(settings)
            found.append(services.judge_store(name, await services_probe.database_problem(settings)))
        for url in services_probe.servers(settings, gateway_runs=self._gateway_runs):
            problem = await services_probe.reach(url)
            remedy = "Start the server, or correct its url; the firewall must let us out to it."
            found.append(services.judge_connection("server", url, problem, remedy))
        return [*found, *[judge_stun(server, await ask(server)) for server in settings.sip.stun]]

    # ---------------------------------------------------------------- registrations and calls

    async def _on_the_line(self, trunks: Sequence[TrunkSettings]) -> AsyncIterator[Begun | Finding]:
        if self._reports is not None:
            for report in self._reports:
                if self.wanted.trunk in (None, report.name):
                    yield judge_registration(report.label or report.name, _state(report))
        if not self._native:
            yield skipped("registration", "", "Without the native build nothing registers and nothing is called.")
            return
        own = self._reports is None
        if own and any(one.result is Result.FAILED for one in self._ports):
            yield skipped("registration", "", "The SIP port is not ours to use; see above.")
            return
        if (own and trunks) or self.wanted.call or self.wanted.wait:
            async for one in self._with_endpoint(trunks, own=own):
                yield one

    async def _with_endpoint(self, trunks: Sequence[TrunkSettings], *, own: bool) -> AsyncIterator[Begun | Finding]:
        from gateway.doctor.call_probe import call_echo
        from gateway.doctor.endpoint import beside, registrations, running

        settings = self.settings.model_copy(update={"trunks": list(trunks)})
        came: asyncio.Queue[Leg] = asyncio.Queue()
        async with running(settings if own else beside(settings), came.put_nowait) as endpoint:
            if own:
                yield Begun("registrations")
                states = await registrations(endpoint)
                for trunk in trunks:
                    yield judge_registration(trunk.name, states.get(trunk.name))
            if self.wanted.call:
                yield Begun(f"a call to {self.wanted.call}")
                for finding in judge_echo(await call_echo(endpoint, self.wanted.call, trunk=self._by(trunks))):
                    yield finding
            if self.wanted.wait:
                yield Begun("a call that comes")
                for finding in await self._inbound(endpoint.address, came):
                    yield finding

    def _by(self, trunks: Sequence[TrunkSettings]) -> str | None:
        """The trunk of the echo call; None for a SIP URI without one."""
        if self.wanted.trunk is None and self.wanted.call and ":" in self.wanted.call:
            return None
        if len(trunks) != 1:
            names = ", ".join(one.name for one in trunks) or "none in the settings"
            raise SetupError(f"Name the trunk to call through by --trunk; there are: {names}.")
        return trunks[0].name

    async def _inbound(self, address: str, came: asyncio.Queue[Leg]) -> list[Finding]:
        from gateway.doctor.waiting import take

        self.invite(address)
        try:
            async with asyncio.timeout(self.wanted.wait):
                leg = await came.get()
        except TimeoutError:
            return [
                failed(
                    "call", address, f"No call came within {self.wanted.wait:.0f} s.",
                    "Does the PBX send it here (its log, `pjsip set logger on`, `sofia global siptrace on`)? Is the"
                    " trunk registered, and does the firewall pass the SIP port?",
                )
            ]  # fmt: skip
        try:
            return list(judge_inbound(await take(leg, self.settings), self.settings.trunks))
        except ParleyError as error:
            return [failed("call", leg.info.source, str(error), "Look at the NAT and the address in Contact.")]


def _state(report: TrunkReport) -> RegistrationState | None:
    known = report.registration
    if known is None:
        return None
    return RegistrationState(known.registered, known.status, known.reason, known.granted_seconds, known.failures)
