"""The gateway: takes calls, gives each a task, and ends in good order."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import asynccontextmanager
from types import MappingProxyType
from typing import Any

import structlog

from gateway.assistant.assistant import Assistant
from gateway.assistant.call_plan import CallPlan
from gateway.call import endings
from gateway.call.admission import Occupancy, admission_of
from gateway.call.call_services import CallServices
from gateway.call.calls import Calls
from gateway.call.disk import DiskThread
from gateway.call.disk_watch import DiskWatch
from gateway.call.endpoint import Endpoint, EndpointMaker
from gateway.call.entrance import Entrance
from gateway.call.extension import extension_of, read_extension
from gateway.call.going_down import end_calls
from gateway.call.inbound import first_assistant
from gateway.call.leg import Leg
from gateway.call.orphans import Orphans
from gateway.call.outbound import Outbound, dialling_assistant
from gateway.call.outgoing import Begun, Outgoing
from gateway.call.phrases import SPARE_SPEAKER, Phrases
from gateway.call.prices import PriceBook
from gateway.call.progress import Stage
from gateway.call.reception import Reception
from gateway.call.refusals import Refusals
from gateway.call.reserve import Reserve
from gateway.call.session import Call
from gateway.call.state import EndNow
from gateway.call.strain_watch import StrainWatch
from gateway.call.told_trunks import ToldTrunks
from gateway.call.transfer.target import second_leg
from gateway.call.transfer.verb import Choice, usual_verb
from gateway.call.transfers import sip_headers
from gateway.carriers.audio_format import AudioFormat
from gateway.carriers.transports import Transports
from gateway.carriers.websocket_leg import WebSocketLeg
from gateway.egress.client import guarded_client
from gateway.errors import NotLive, ParleyError, PlaneAway
from gateway.gateway_id import gateway_id
from gateway.link.pool import WorkerPool
from gateway.plane.attachment import PlaneAttachment
from gateway.plane.commands import GatewayCommands
from gateway.plane.kept_answers import KeptAnswers
from gateway.plane.spool import Spool
from gateway.plane.token import link_token
from gateway.providers.tts.clip import LARGEST_BYTES
from gateway.recording.keeping import Keeping
from gateway.recording.key import recording_key
from gateway.settings import Settings
from gateway.store.secrets import Secrets

log = structlog.get_logger(__name__)

CONNECT_SECONDS = 50.0
"""For the client of a WebSocket call to come; the call would not wait much longer itself."""

_NO_HEADERS: Mapping[str, str] = MappingProxyType({})
_NO_VARIABLES: Mapping[str, str] = MappingProxyType({})


class Gateway:
    """All calls of this process.

    :param pool: started and closed by the gateway
    :param make_endpoint: for example `lambda on_leg: SipEndpoint(settings, loop=loop, on_leg=on_leg)`
    """

    def __init__(self, settings: Settings, *, pool: WorkerPool, make_endpoint: EndpointMaker) -> None:
        self.settings = settings
        self.pool = pool
        self._keeping = Keeping(settings.recording, settings.data_dir)
        self.records = Calls(
            settings.data_dir,
            PriceBook(settings.prices),
            keep_journals=settings.api.enabled,
            ended=self._keeping.ended,
            key=recording_key(settings) if settings.recording.sealed else None,
        )
        self.admission = admission_of(settings)
        self.refusals = Refusals()
        self._make_endpoint = make_endpoint
        self._endpoint: Endpoint | None = None
        self._disk = DiskThread(Reserve(self.records.directory / ".reserve", settings.disk.reserve_megabytes << 20))
        self.disk_watch = DiskWatch(
            self._disk,
            calls=lambda: self._calls.values(),
            strain=self.admission.strain,
            memory=settings.disk.memory_megabytes << 20,
        )
        self.phrases = Phrases(settings.data_dir / "phrases", self._disk)
        self.transports = Transports()
        self.plane = self._plane() if settings.api.enabled else None
        self.told_trunks = (
            ToldTrunks(settings.trunks, settings.data_dir, Secrets.of(settings)) if settings.api.enabled else None
        )
        self.kept_answers = KeptAnswers(settings.data_dir, Secrets.of(settings)) if settings.api.enabled else None
        self.services = CallServices(
            workers=pool,
            calls=self.records,
            disk=self._disk,
            phrases=self.phrases,
            recording=settings.recording,
            spool=self.plane.spool if self.plane else None,
            prices=settings.prices,
            rtp=settings.rtp,
            dial=self._dial_human,
            verb=self._transfer_verb,
            dials_on=self._dials_on,
            client=guarded_client(settings.egress.allow, max_response_bytes=LARGEST_BYTES),
        )
        self.outgoing = Outgoing(
            settings.outbound,
            lambda: (name for call in self._calls.values() for name in call.lines),
            may_call=self._may_call,
        )
        media = settings.media
        self.media_url = media.public_url or f"http://{media.host}:{media.port}"
        """Where others reach the media port, without a slash at the end."""
        self.reception = Reception(self)
        self._calls: dict[str, Call] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def calls(self) -> Mapping[str, Call]:
        """Live calls by id."""
        return MappingProxyType(self._calls)

    @property
    def endpoint(self) -> Endpoint:
        """Where calls come from. :raises ParleyError: before `start`."""
        if self._endpoint is None:
            raise ParleyError("The gateway has not been started.")
        return self._endpoint

    async def start(self, *, worker_seconds: float = 0) -> None:
        """Take calls.

        The endpoint opens first: far ends of an earlier gateway's calls are told at once, and who calls before a worker
        is there gets 503 and may go elsewhere.

        :param worker_seconds: how long to wait for a first worker
        :raises ParleyError: when the data directory cannot be written or the endpoint cannot start
        """
        self.records.prepare()
        orphans = Orphans(self.settings.data_dir, self.records.directory)
        await asyncio.to_thread(orphans.find)
        for record in await asyncio.to_thread(self.records.adopt_orphans):
            log.warning("call of an earlier gateway closed", call=record.id, reason=record.end_reason)
        self._disk.hold_reserve()
        self.own(self.disk_watch.run(), "disk")
        self.own(self._keeping.run(), "files of calls")
        self.pool.start()
        await self._open(orphans)
        if worker_seconds and not await self.pool.wait_ready(worker_seconds):
            log.warning("no worker is ready yet", waited_seconds=worker_seconds)
        speakers = [*self.settings.assistants.values(), *([SPARE_SPEAKER] if self.plane else [])]
        self.own(self.phrases.prepare(speakers, self.pool), "phrases")
        if self.plane is not None and self.settings.api.address:
            self.own(self.plane.run(self.settings.api.address), "control plane")

    async def _open(self, orphans: Orphans) -> None:
        self._endpoint = self._make_endpoint(self.reception.take)
        self._guard(self._endpoint)
        await self._endpoint.start()
        if self.told_trunks is not None:
            await self.told_trunks.attach(self._endpoint)
            if self.plane is not None:
                self.own(self.told_trunks.follow(self.plane), "status of trunks")
        self.own(orphans.end(self._endpoint), "calls of an earlier gateway")

    async def dial(
        self,
        destination: str,
        *,
        assistant: str | None = None,
        trunk: str | None = None,
        caller: str | None = None,
        variables: Mapping[str, str] = _NO_VARIABLES,
        ring_seconds: float | None = None,
        extension: str = "",
        anyway: bool = False,
    ) -> Call:
        """Call somebody and let an assistant speak. Returns at once; the call's progress tells how it goes.

        :param assistant: may be left out where only one is configured, as may `trunk`
        :param variables: template variables of this call
        :param ring_seconds: until nobody answers, None for the trunk's or the usual time
        :param extension: keys that are dialled when somebody has answered
        :param anyway: also who is on a do-not-call list
        :raises CallRefused: when there is no place
        :raises DialRefused: when no setting allows the call, or the trunk is not registered
        :raises LegError: when the destination cannot be called
        """
        self._begin_another()
        name = dialling_assistant(assistant, self.settings.assistants)
        keys = read_extension(extension)
        async with self.outgoing.call(
            self.endpoint, destination, trunk=trunk, caller=caller, organisation=None, anyway=anyway
        ) as begun:
            call = Call(
                begun.leg,
                call_id=str(uuid.uuid4()),
                assistant_name=name,
                assistant=self.settings.assistants[name],
                services=self.services,
                variables=variables,
                ring_seconds=ring_seconds or begun.ring_seconds,
                dialling=begun.dialling,
                extension=keys,
            )
            return self.begin(call)

    async def dial_plan(
        self, plan: CallPlan, destination: str, *, trunk: str | None, caller: str | None, ring_seconds: float
    ) -> Call:
        """Call somebody for the control plane; returns and raises as `dial`.

        :param ring_seconds: until an unanswered call is given up, 0 for the usual time
        :raises InvalidAssistant: the plan's first assistant cannot speak
        """
        if plan.call_id in self._calls:
            return self._calls[plan.call_id]
        self._begin_another()
        assistant = first_assistant(plan)
        async with self.outgoing.call(
            self.endpoint, destination, trunk=trunk, caller=caller, organisation=plan.organisation
        ) as begun:
            return self.take_plan(begun.leg, plan, assistant, begun=begun, ring_seconds=ring_seconds or None)

    def open_transport(self, plan: CallPlan, audio_format: AudioFormat) -> Call:
        """A call of the control plane that has no telephone: it begins when its client connects to the media port.

        :raises CallRefused: when there is no place
        :raises InvalidAssistant: the plan's first assistant cannot speak
        """
        if plan.call_id in self._calls:
            return self._calls[plan.call_id]
        self._begin_another()
        assistant = first_assistant(plan)
        leg = self.transports.open(plan.call_id, audio_format)
        call = self.take_plan(leg, plan, assistant)
        asyncio.get_running_loop().call_later(CONNECT_SECONDS, _give_up, leg, call)
        return call

    async def use_trunks(self, trunks_json: str) -> None:
        """The trunks of the control plane's credentials that there are from now on, beside those of the settings."""
        if self.told_trunks is not None:
            await self.told_trunks.take(trunks_json)

    def live_call(self, call_id: str) -> Call:
        """The live call with exactly this id. :raises NotLive: when there is none"""
        if call_id not in self._calls:
            raise NotLive(f"There is no live call {call_id}.")
        return self._calls[call_id]

    def call(self, call_id: str) -> Call:
        """The live call with this id, or whose id begins so.

        :raises NotLive: when there is none, or several begin like this
        """
        found = [call for name, call in self._calls.items() if name.startswith(call_id)]
        if call_id in self._calls or len(found) == 1:
            return self._calls.get(call_id) or found[0]
        if found:
            raise NotLive(f"{len(found)} live calls begin with {call_id}; name one in full.")
        raise NotLive(f"There is no live call {call_id}; `parley calls --live` lists them.")

    async def drain(self, limit_seconds: float) -> None:
        """Take no new calls and let those that are live end; by `limit_seconds` they have heard a goodbye and are hung
        up."""
        self.pool.go_down()
        self.admission.draining = True
        if self._endpoint is not None:
            self._endpoint.stop_accepting()
        log.info("draining", calls=len(self._calls), limit_seconds=limit_seconds)
        await end_calls(lambda: [*self._calls.values()], self._until_empty, limit_seconds)

    async def close(self) -> None:
        """End all calls now, then the endpoint, the workers and the disk thread."""
        await self.drain(0)
        # together: workers hold no calls any more, and each of the two may take a second
        closing = asyncio.create_task(self.pool.close(), name="end of workers")
        if self._endpoint is not None:
            await self._endpoint.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.transports.close()
        await closing
        if self.services.client is not None:
            await self.services.client.aclose()
        self._disk.close()

    def _guard(self, endpoint: Endpoint) -> None:
        """Let calls in only while those that are up are not hurt by them."""
        entrance = Entrance(
            self.admission,
            self.refusals,
            others=lambda: self.transports.count,
            workers=lambda: self.pool.links,
            routes=self.settings.routes,
        )
        endpoint.admit_by(entrance.admit, entrance.refused, lambda: self.pool.staffed)
        watch = StrainWatch(self.admission, calls=lambda: self.places, media_late_ms=endpoint.media_late_ms)
        self.own(watch.run(), "strain")

    # ------------------------------------------------------------ calls

    def _begin_another(self) -> None:
        """A call is to be made, or opened. :raises CallRefused: it is not the time"""
        self.admission.begin(Occupancy(self.places), asyncio.get_running_loop().time())

    @property
    def places(self) -> int:
        """In use."""
        return sum(len(call.lines) for call in self._calls.values()) + self.reception.resolving

    @asynccontextmanager
    async def _dial_human(self, destination: Mapping[str, Any], call: Call) -> AsyncIterator[Begun]:
        """The second leg of a transfer; raises as `dial`."""
        self.admission.admit(self.places)
        organisation = call.plan.organisation if call.plan else None
        wanted, trunk = second_leg(destination, call.leg.info, self.endpoint.trunks())
        caller = str(destination.get("callerId") or "") or None
        headers = sip_headers(destination.get("sipHeaders"))
        async with self.outgoing.call(
            self.endpoint, wanted, trunk=trunk, caller=caller, organisation=organisation, headers=headers
        ) as begun:
            yield begun

    async def _may_call(self, destination: str, organisation: str | None) -> bool:
        """Whether somebody is on no do-not-call list. Without a control plane nobody knows, and calls go on."""
        if self.plane is None:
            return True
        try:
            return await self.plane.may_call(destination, organisation or "")
        except PlaneAway as error:
            log.warning("do-not-call list not asked", reason=str(error))
            return True

    def _transfer_verb(self, destination: Mapping[str, Any], leg: Leg) -> Choice:
        outbound = Outbound(self.settings.outbound, self.endpoint.trunks())
        return usual_verb(destination, leg.info, leg.software, outbound)

    def _dials_on(self, leg: Leg) -> bool:
        trunk = self.endpoint.trunks().get(leg.info.trunk or "")
        return trunk is not None and trunk.redirect == "dial"

    def take_plan(
        self,
        leg: Leg,
        plan: CallPlan,
        assistant: Assistant,
        *,
        begun: Begun | None = None,
        ring_seconds: float | None = None,
        fallback: Mapping[str, Any] | None = None,
    ) -> Call:
        """Let a call that the control plane has planned live.

        :param fallback: where the caller goes when no worker is there, where the plan says nothing
        :param begun: how it was dialled, where we call
        """
        return self.begin(
            Call(
                leg,
                call_id=plan.call_id,
                assistant_name=plan.members[0].name or assistant.name,
                assistant=assistant,
                services=self.services,
                variables=plan.variables,
                plan=plan,
                ring_seconds=ring_seconds or (begun.ring_seconds if begun else None),
                fallback=fallback,
                dialling=begun.dialling if begun else None,
                extension=extension_of(plan) if begun else (),
            )
        )

    def _plane(self) -> PlaneAttachment:
        settings = self.settings
        attachment = PlaneAttachment(
            gateway=gateway_id(settings.data_dir),
            public_url=lambda: self.media_url,
            token=link_token(settings),
            spool=Spool(self.records.directory, self._disk),
        )
        attachment.obey(GatewayCommands(self))
        return attachment

    def begin(self, call: Call) -> Call:
        """Let a call live, as a task of the gateway's."""
        self._calls[call.id] = call
        self.own(self._live(call), call.id)
        return call

    async def _live(self, call: Call) -> None:
        try:
            await call.run()
        except Exception:  # a fault in one call ends that call, with its record
            log.exception("call failed", call=call.id)
            await call.leg.hangup("internal error")
        finally:
            call.progress.reach(Stage.ENDED, endings.FAULT)
            self.transports.discard(call.id)
            del self._calls[call.id]

    async def _until_empty(self, seconds: float) -> None:
        if tasks := [task for task in self._tasks if task.get_name() in self._calls]:
            await asyncio.wait(tasks, timeout=max(0.0, seconds))

    def own(self, work: Coroutine[Any, Any, None], name: str) -> None:
        """Run something as a task that ends with the gateway."""
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (fault := task.exception()):
            log.error("task failed", task=task.get_name(), exc_info=fault)


def _give_up(leg: WebSocketLeg, call: Call) -> None:
    if not leg.connected:
        call.post(EndNow(endings.TRANSPORT_NEVER_CONNECTED))
