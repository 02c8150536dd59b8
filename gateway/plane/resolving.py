"""Who answers an inbound call: the called number's assistant or squad, else whom a server names, else the fallback."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import httpx
import structlog

from gateway.assistant.call_plan import Announcement, CallPlan, Forwarding, Member
from gateway.assistant.masking import without_secrets
from gateway.call.endings import CONCURRENCY_LIMIT, FORWARDED, PLANE_FAULT
from gateway.call.forwarding import NOBODY
from gateway.egress.client import guarded_client
from gateway.errors import ApiError, InvalidAssistant, NotFound, ParleyError, TooManyCalls
from gateway.plane.assistant_request import RETURNED_INVALID, Answer, ask_server, request_body
from gateway.plane.call_limits import CallLimits
from gateway.plane.call_request import with_urls
from gateway.plane.calling import now_ms
from gateway.plane.challenges import Challenges
from gateway.plane.inbound_call import inbound_call
from gateway.plane.intake import Intake
from gateway.plane.kept_plans import keep_plan
from gateway.plane.number_in_words import explained_number
from gateway.plane.plan_maker import CallFacts, PlanMaker
from gateway.plane.planning import UnknownName, Wanted
from gateway.plane.server import AttachedGateway
from gateway.plane.shelf import Body
from gateway.plane.unheld import unheld_call
from gateway.plane.v1 import plane_pb2 as pb
from gateway.settings import Settings
from gateway.store.calls import Calls
from gateway.store.clock import clock
from gateway.store.database import Database
from gateway.store.entities import Entity, Kind
from gateway.store.numbers import find_number, named_credential, owner_of_credential
from gateway.store.organisations import organisation
from gateway.store.secrets import Secrets
from gateway.webhooks.signing import Signer

log = structlog.get_logger(__name__)

NO_SUCH_NUMBER = "no-route"
NEITHER_SET = "call-start-error-neither-assistant-nor-server-set"
NOT_FOUND = "assistant-not-found"
NOT_VALID = "assistant-not-valid"
HOOK_SAID = "call.ringing.hook-executed-say"
HOOK_TRANSFERRED = "call.ringing.hook-executed-transfer"

ANYWHERE = ("*",)
"""Where the servers of the settings may be: they are the operator's own."""

_NOT_FOUND, _UNAVAILABLE = 404, 503


class Resolver:
    """Answers `Resolve` for all organisations.

    :param client: past the egress guard
    """

    def __init__(
        self,
        settings: Settings,
        database: Database,
        secrets: Secrets,
        client: httpx.AsyncClient,
        maker: PlanMaker,
        intake: Intake,
        limits: CallLimits,
    ) -> None:
        self._seconds = settings.api.assistant_request_seconds
        self._database = database
        self._secrets = secrets
        self._client = client
        self._signer = Signer(client)
        self._maker = maker
        self._intake = intake
        self._challenges = Challenges(secrets)
        self._limits = limits

    async def resolve(self, gateway: AttachedGateway, question: pb.Resolve) -> pb.Resolution:
        """The plan of the call, where its caller is sent on to, or why nobody answers."""
        leg = json.loads(question.leg_json)
        if question.route_json:
            number: Entity | None = self._routed(question.route_json, leg)
        else:
            number = await self._called(leg, question.organisation)
        if not question.authenticated and not question.route_json:
            async with self._database.reading() as session:
                if challenge := await self._challenges.of(session, leg, number):
                    return pb.Resolution(challenge=challenge)
        if number is None:
            return _refusal(_NOT_FOUND, NO_SUCH_NUMBER, f"Nobody has the number {leg.get('number')}.")
        facts = _facts(question.call_id, leg, number)
        facts = replace(facts, call=with_urls(facts.call, gateway.public_url, {}), dials=question.dials)
        try:
            return await self._answered(number.organisation_id, facts, gateway.name)
        except Exception:  # a fault in one call's resolution is told to its caller, the stream goes on
            log.exception("call not resolved", call=question.call_id)
            await self._end(number.organisation_id, facts, PLANE_FAULT, "A fault in the control plane.")
            return _refusal(_UNAVAILABLE, PLANE_FAULT, "a fault in the control plane")

    async def explain(self, question: pb.Explain) -> pb.Explained:
        """What would become of an inbound call, in words."""
        try:
            number = await self._called(json.loads(question.leg_json), question.organisation)
            if number is None:
                return pb.Explained(lines=["no  numbers of the API: nobody has this number"])
            async with self._database.reading() as session:
                owner = await organisation(session, number.organisation_id)
        except Exception:  # told to who asks, the stream goes on
            log.exception("number not explained")
            return pb.Explained(lines=["?   numbers of the API: a fault in the control plane"])
        lines = explained_number(number, owner.name, has_server=bool(owner.body.get("server")))
        return pb.Explained(lines=lines, answered=True)

    def _routed(self, route_json: str, leg: Mapping[str, Any]) -> Entity:
        """The number of a route of the settings, which has a server of the operator's and no id."""
        now = clock.now()
        body = {**json.loads(route_json), "number": str(leg.get("number") or "")}
        return Entity("", Kind.PHONE_NUMBER, self._database.default_organisation_id, now, now, body)

    async def _called(self, leg: Mapping[str, Any], owner: str) -> Entity | None:
        """The number that is called.

        :param owner: id or name of the organisation by whose trunk; empty for a trunk that all share, or none
        """
        async with self._database.reading() as session:
            try:
                owner = (await organisation(session, owner)).id if owner else ""
            except NotFound:
                log.error("a trunk is that of an organisation that is not there", organisation=owner)
                return None
            if named := named_credential(str(leg.get("called") or "")):
                of_credential = await owner_of_credential(session, named)
                if of_credential is None or owner not in ("", of_credential):
                    return None
                owner = of_credential
            for called in (leg.get("called"), leg.get("number")):
                if called and (found := await find_number(session, str(called), owner or None)) is not None:
                    return found
        return None

    async def _answered(self, organisation_id: str, facts: CallFacts, gateway: str) -> pb.Resolution:
        number = facts.phone_number or {}
        answer = ringing_hook(number, facts.call) or await self._who(organisation_id, facts)
        if answer.spoken or answer.wanted is not None:
            return await self._planned(organisation_id, facts, answer, gateway)
        destination = answer.destination or number.get("fallbackDestination")
        if not destination:
            await self._end(organisation_id, facts, answer.reason, answer.detail)
            return _refusal(_UNAVAILABLE, answer.reason, answer.detail)
        # who named a destination wanted it; a fallback is for want of anybody else
        reason = answer.reason if answer.destination else FORWARDED
        forwarding = Forwarding(
            destination=dict(destination), why=answer.detail or answer.reason, reason=reason, failure=answer.reason
        )
        return await self._sent_on(organisation_id, facts, forwarding, answer.detail, gateway)

    async def _sent_on(
        self, organisation_id: str, facts: CallFacts, forwarding: Forwarding, detail: str, gateway: str
    ) -> pb.Resolution:
        """By 302, which ends the call here; or by a call of the gateway's, which then has this one."""
        if not facts.dials:
            await self._end(organisation_id, facts, forwarding.failure, detail)
            return pb.Resolution(destination_json=json.dumps(forwarding.destination))
        plan = forwarded(organisation_id, facts, forwarding)
        try:
            return await self._kept(plan, gateway)
        except TooManyCalls as error:
            await self._end(organisation_id, facts, CONCURRENCY_LIMIT, str(error))
            return _refusal(_UNAVAILABLE, CONCURRENCY_LIMIT, str(error))

    async def _who(self, organisation_id: str, facts: CallFacts) -> Answer:
        """The number's own assistant or squad, else whom the server names."""
        number = facts.phone_number or {}
        own = Wanted.of(number)
        if own.anybody:
            return Answer(wanted=own)
        plan_server = number.get("server") or await self._organisation_server(organisation_id)
        if number.get("serverUrl") and not number.get("server"):
            plan_server = {"url": number["serverUrl"], "secret": number.get("serverUrlSecret")}
        if not plan_server or not plan_server.get("url"):
            return Answer(reason=NEITHER_SET, detail="The number has no assistant, no squad and no server.")
        credential = await self._maker.credential(organisation_id, plan_server.get("credentialId"))
        body = request_body(facts.call, number, now_ms())
        ask = partial(ask_server, signer=self._signer, server=plan_server, credential=credential, body=body)
        if not facts.trusted:
            return await ask(self._client, seconds=self._seconds)
        async with guarded_client(ANYWHERE) as client:
            return await ask(client, seconds=self._seconds)

    async def _organisation_server(self, organisation_id: str) -> Body | None:
        async with self._database.reading() as session:
            server = (await organisation(session, organisation_id)).body.get("server")
        return dict(server) if isinstance(server, Mapping) else None

    async def _planned(self, organisation_id: str, facts: CallFacts, answer: Answer, gateway: str) -> pb.Resolution:
        try:
            if answer.spoken:
                plan = announcement(organisation_id, facts, answer.spoken, answer.reason)
            else:
                assert answer.wanted is not None
                plan, _ = await self._maker.plan(organisation_id, answer.wanted, facts)
        except (ApiError, InvalidAssistant) as error:
            asked = answer.wanted is not None and not Wanted.of(facts.phone_number or {}).anybody
            reason = NOT_FOUND if isinstance(error, UnknownName) else RETURNED_INVALID if asked else NOT_VALID
            return await self._nobody(organisation_id, facts, reason, error, gateway)
        plan.call.update(without_secrets(_ids(answer.wanted)))
        try:
            return await self._kept(plan, gateway)
        except TooManyCalls as error:
            return await self._nobody(organisation_id, facts, CONCURRENCY_LIMIT, error, gateway)

    async def _kept(self, plan: CallPlan, gateway: str) -> pb.Resolution:
        """The plan, for a gateway, with the call's row. :raises TooManyCalls: the organisation has no place for it"""
        organisation_id = plan.organisation
        async with self._limits.place(organisation_id, plan.call_id), self._database.transaction() as session:
            await keep_plan(session, self._secrets, plan)
            await Calls(session, organisation_id).create(plan.call, id=plan.call_id, gateway=gateway)
        return pb.Resolution(plan_json=plan.model_dump_json(by_alias=True))

    async def _nobody(
        self, organisation_id: str, facts: CallFacts, reason: str, error: ParleyError, gateway: str
    ) -> pb.Resolution:
        """Who was to answer cannot: the fallback, where there is one."""
        destination = (facts.phone_number or {}).get("fallbackDestination")
        if destination:
            forwarding = Forwarding(destination=dict(destination), why=str(error).rstrip("."), failure=reason)
            return await self._sent_on(organisation_id, facts, forwarding, str(error), gateway)
        await self._end(organisation_id, facts, reason, str(error))
        return _refusal(_UNAVAILABLE, reason, str(error))

    async def _end(self, organisation_id: str, facts: CallFacts, reason: str, detail: str) -> None:
        """No gateway holds this call: what became of it is told from here."""
        plan = {
            "organisation": organisation_id,
            "call": facts.call,
            "members": [],
            "phoneNumber": {
                name: value
                for name, value in (facts.phone_number or {}).items()
                if name in ("id", "name", "number", "sipUri", "provider")
            },
        }
        try:
            await self._intake.append(unheld_call(facts.call, plan, reason, detail, now_ms()))
        except Exception:  # the caller is answered although the call cannot be kept
            log.exception("call not kept", call=facts.call["id"], reason=reason)


def ringing_hook(number: Mapping[str, Any], call: Mapping[str, Any]) -> Answer | None:
    """What the number's hooks do with a call that rings: say something, or send it on. Pure."""
    caller = str((call.get("customer") or {}).get("number") or "")
    for hook in number.get("hooks") or ():
        if not isinstance(hook, Mapping) or hook.get("on") != "call.ringing" or not _passes(hook, caller):
            continue
        for action in hook.get("do") or ():
            if action.get("type") == "say" and action.get("exact"):
                return Answer(spoken=str(action["exact"]), reason=HOOK_SAID)
            if action.get("type") == "transfer" and isinstance(action.get("destination"), Mapping):
                return Answer(destination=dict(action["destination"]), reason=HOOK_TRANSFERRED)
    return None


def _passes(hook: Mapping[str, Any], caller: str) -> bool:
    """All filters hold: `{type: startsWith, key: number, startsWith: […]}`, or `oneOf` with whole numbers."""
    for one in hook.get("filters") or ():
        beginnings, whole = one.get("startsWith"), one.get("oneOf")
        if isinstance(beginnings, list) and not caller.startswith(tuple(map(str, beginnings))):
            return False
        if isinstance(whole, list) and caller not in whole:
            return False
    return True


def forwarded(organisation_id: str, facts: CallFacts, forwarding: Forwarding) -> CallPlan:
    """A call that nobody of ours has: the gateway calls somebody else for the caller. Pure."""
    number = facts.phone_number or {}
    return CallPlan(
        organisation=organisation_id,
        call={**facts.call, "orgId": organisation_id},
        members=[Member(name=NOBODY.name, assistant=NOBODY.model_dump(by_alias=True, mode="json"))],
        phone_number=facts.phone_number,
        server=number.get("server"),
        forwarding=forwarding,
    )


def announcement(organisation_id: str, facts: CallFacts, text: str, reason: str) -> CallPlan:
    """A call that hears a text and ends. Pure."""
    assistant = {
        "name": "announcement",
        "model": {"provider": "dialogue"},
        "voice": {"provider": "hibari"},
        "transcriber": {"provider": "embedded"},
        "firstMessageMode": "assistant-waits-for-user",
    }
    return CallPlan(
        organisation=organisation_id,
        call={**facts.call, "orgId": organisation_id},
        members=[Member(name="announcement", assistant=assistant)],
        phone_number=facts.phone_number,
        server=(facts.phone_number or {}).get("server"),
        announcement=Announcement(text=text, reason=reason),
    )


def _facts(call_id: str, leg: Mapping[str, Any], number: Entity) -> CallFacts:
    call = inbound_call(call_id, leg, organisation=number.organisation_id, number_id=number.id)
    known = {**number.body, "id": number.id} if number.id else number.body
    return CallFacts(call, known, leg.get("headers") or {}, trusted=not number.id)


def _ids(wanted: Wanted | None) -> Body:
    """What the Call shows of who has it."""
    if wanted is None:
        return {}
    named = {
        "assistantId": wanted.assistant_id,
        "assistant": wanted.assistant,
        "squadId": wanted.squad_id,
        "squad": wanted.squad,
        "assistantOverrides": {name: value for one in wanted.overrides for name, value in one.items()},
    }
    return {name: value for name, value in named.items() if value}


def _refusal(status: int, reason: str, detail: str) -> pb.Resolution:
    return pb.Resolution(refusal=pb.Refusal(status=status, reason=reason, detail=detail))
