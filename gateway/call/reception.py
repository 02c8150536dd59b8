"""What becomes of an inbound leg: a route or the control plane takes it, sends it on, or it is refused."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import structlog

from gateway.assistant.assistant import Assistant
from gateway.assistant.call_plan import CallPlan, Forwarding
from gateway.call.admission import retry_seconds
from gateway.call.door import Door
from gateway.call.forwarding import NOBODY
from gateway.call.inbound import first_assistant, resolved
from gateway.call.leg import Leg
from gateway.call.limits import OrganisationLimits
from gateway.call.session import Call
from gateway.errors import CallRefused, InvalidAssistant, NoRoute, Unresolved
from gateway.routing.decision import Decision, decide
from gateway.routing.redirection import contact_of
from gateway.routing.settings import RouteSettings
from gateway.trunk.settings import TrunkSettings

if TYPE_CHECKING:
    from gateway.call.gateway import Gateway

log = structlog.get_logger(__name__)

REFUSE_SECONDS = 5.0
UNAVAILABLE = 503


class Reception:
    """Of a gateway's inbound legs."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._door = Door()
        api = gateway.settings.api
        self._limits = OrganisationLimits(api.organisation_calls, api.organisation_calls_per_second)
        self.resolving = 0
        """Calls of which the control plane is asked: each has a place already."""

    def take(self, leg: Leg) -> None:
        """An inbound leg: route it, admit it, give it a task; or refuse it."""
        route: RouteSettings | None = None
        try:
            self._gateway.outgoing.admit_inbound(self._gateway.endpoint.trunks().get(leg.info.trunk or ""))
            foreign = self._gateway.told_trunks is not None and self._gateway.told_trunks.is_told(leg.info.trunk)
            decision = decide(leg.info, self._gateway.settings.routes, datetime.now(UTC), foreign=foreign)
            route = decision.route
            self._follow(leg, decision)
        except NoRoute as refusal:
            self._gateway.own(self._resolve(leg) if self._gateway.plane else self._refuse(leg, refusal), "resolve")
        except CallRefused as refusal:
            self._gateway.own(self._refuse(leg, refusal, _fallback(route)), "refuse")

    def _follow(self, leg: Leg, decision: Decision) -> None:
        """Do as a route says. :raises CallRefused: when that is not possible"""
        route = decision.route
        if route.destination is not None:
            self._send_on(leg, route.destination.shown(), "the route has a destination")
        elif decision.assistant is not None:
            self._gateway.admission.admit(self._gateway.places)
            self._admit_to_organisation(leg)
            name = decision.assistant
            call = Call(
                leg,
                call_id=str(uuid.uuid4()),
                assistant_name=name,
                assistant=self._assistant(name),
                services=self._gateway.services,
                fallback=_fallback(route),
            )
            self._gateway.begin(call)
        else:
            self._gateway.own(self._resolve(leg, route), "resolve")

    def _admit_to_organisation(self, leg: Leg) -> None:
        """The owner of the trunk has a place for the call; the control plane sees to those that it plans itself.
        :raises OverLimit: it has none"""
        trunks = self._gateway.endpoint.trunks()
        owner = _owner(trunks, leg.info.trunk)
        if owner is None:
            return
        live = [
            call.plan.organisation if call.plan else _owner(trunks, call.leg.info.trunk)
            for call in self._gateway.calls.values()
        ]
        self._limits.admit(owner, live, asyncio.get_running_loop().time())

    def _assistant(self, name: str) -> Assistant:
        try:
            return self._gateway.settings.assistants[name]
        except KeyError:
            raise NoRoute(f"The route names assistant {name!r}, which is not configured; add it.") from None

    async def _resolve(self, leg: Leg, route: RouteSettings | None = None) -> None:
        """No route takes this call, or its route asks a server: the control plane may know who does. It does
        not ring before that."""
        assert self._gateway.plane is not None
        call_id = str(uuid.uuid4())
        self.resolving += 1
        try:
            self._gateway.admission.admit(self._gateway.places - 1)
            seconds = self._gateway.settings.api.assistant_request_seconds
            owner = self._gateway.told_trunks.owner(leg.info.trunk) if self._gateway.told_trunks else None
            answer = await resolved(
                self._gateway.plane,
                call_id,
                leg.info,
                seconds,
                door=self._door,
                owner=owner,
                route=route,
                kept=self._gateway.kept_answers,
                dials=self._gateway.services.dials_on(leg),
            )
            if isinstance(answer, CallPlan):
                self._gateway.take_plan(leg, answer, first_assistant(answer), fallback=_fallback(route))
            else:
                await self._redirect(leg, answer)
        except CallRefused as refusal:
            await self._refuse(leg, refusal, _fallback(route))
        except InvalidAssistant as error:
            invalid = Unresolved(str(error), status=503, reason="assistant-not-valid")
            await self._refuse(leg, invalid, _fallback(route))
        finally:
            self.resolving -= 1

    def _send_on(self, leg: Leg, destination: Mapping[str, Any], why: str) -> None:
        """The caller gets to somebody else: told by 302, or by a call of ours where the trunk wants that.
        :raises CallRefused: when there is no place for it"""
        if not self._gateway.services.dials_on(leg):
            self._gateway.own(self._redirect(leg, destination), "redirect")
            return
        self._gateway.admission.admit(self._gateway.places)
        self._admit_to_organisation(leg)
        call = Call(
            leg,
            call_id=str(uuid.uuid4()),
            assistant_name=NOBODY.name,
            assistant=NOBODY,
            services=self._gateway.services,
            forwarding=Forwarding(destination=dict(destination), why=why),
        )
        self._gateway.begin(call)

    async def _redirect(self, leg: Leg, destination: Mapping[str, Any]) -> None:
        """Nobody answers here: the caller's own side is told where to call instead."""
        contact = contact_of(destination, leg.info)
        log.info("call redirected", caller=leg.info.caller, number=leg.info.number, contact=contact)
        async with asyncio.timeout(REFUSE_SECONDS):
            await leg.refuse(302, contact=contact)

    async def _refuse(self, leg: Leg, refusal: CallRefused, fallback: Mapping[str, str] | None = None) -> None:
        self._gateway.refusals.add(refusal, caller=leg.info.caller, number=leg.info.number)
        if fallback is not None:
            with suppress(CallRefused):
                self._send_on(leg, fallback, str(refusal).rstrip("."))
                return
        retry_after = retry_seconds() if refusal.status == UNAVAILABLE else refusal.retry_after
        async with asyncio.timeout(REFUSE_SECONDS):
            await leg.refuse(refusal.status, retry_after=retry_after, reason=refusal.reason, headers=refusal.headers)


def _owner(trunks: Mapping[str, TrunkSettings], name: str | None) -> str | None:
    trunk = trunks.get(name or "")
    return trunk.organisation if trunk else None


def _fallback(route: RouteSettings | None) -> Mapping[str, str] | None:
    """Where the callers of a route go when nobody can take them, as Vapi's destination."""
    return route.fallback.shown() if route and route.fallback else None
