"""Calls that the control plane begins and resolves, through its store and a real gateway."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from gateway.assistant.call_plan import Announcement, CallPlan
from gateway.control.explaining import explained
from gateway.control.messages import RouteQuestion
from gateway.errors import BadRequest, Unavailable, Unprocessable
from gateway.observe.http import serving
from gateway.plane.call_request import asked_calls
from gateway.plane.calling import call_seed
from gateway.routing.settings import RouteSettings
from gateway.store.calls import Calls
from gateway.store.entities import Kind
from gateway.store.events import events_after
from gateway.store.listing import ListQuery
from gateway.store.organisations import create_organisation
from gateway.store.secrets import Secrets
from tests.call.house import play
from tests.call.leg_double import MemoryLeg, inbound
from tests.link.worker_double import until
from tests.plane.planned_house import PlannedHouse, control_plane, planned_house
from tests.routing.digest_caller import authorization

ASSISTANT = {"name": "desk", "model": {"provider": "dialogue"}, "firstMessage": "hello there"}
BOB = {"sipUri": "sip:bob@h"}
SLOW_SOCKET = {"provider": "vapi.websocket", "audioFormat": {"sampleRate": 1}}


@pytest.fixture
async def h(tmp_path: Path) -> AsyncIterator[PlannedHouse]:
    async with planned_house(tmp_path) as opened:
        yield opened


def plan_of(h: PlannedHouse) -> CallPlan:
    """What the worker was told of the last planned call."""
    starts = [event.start for event in h.gateway.workers[0].got("start") if event.start.plan_json]
    return CallPlan.model_validate_json(starts[-1].plan_json)


# ---------------------------------------------------------------- POST /call


async def test_a_call_is_dialled_and_its_events_are_kept(h: PlannedHouse) -> None:
    assistant = await h.make(Kind.ASSISTANT, ASSISTANT)
    call = await h.create({"assistantId": assistant, "customer": BOB, "name": "reminder"})
    assert (call["type"], call["status"], call["orgId"]) == ("outboundPhoneCall", "queued", h.organisation)
    assert call["monitor"]["controlUrl"].endswith(f"/call/{call['id']}/control")
    (leg,) = h.gateway.endpoint.dialled
    assert leg.info.called == "sip:bob@h"
    await until(lambda: leg.listener)
    assert leg.listener is not None
    leg.listener.on_answered()
    await play(leg, 20)
    leg.end()
    await h.until_kind(call["id"], "ended")
    kinds = [event.kind for event in await h.events(call["id"])]
    assert (kinds[0], kinds[-1]) == ("call", "ended")
    assert plan_of(h).members[0].assistant["firstMessage"] == "hello there"


async def test_a_call_goes_through_the_trunk_that_the_numbers_credential_is_named_after(h: PlannedHouse) -> None:
    credential = await h.make(Kind.CREDENTIAL, {"provider": "byo-sip-trunk", "name": "office", "gateways": []})
    number = await h.make(
        Kind.PHONE_NUMBER, {"provider": "byo-phone-number", "number": "+15550100", "credentialId": credential}
    )
    body = {"assistant": ASSISTANT, "phoneNumberId": number, "customer": {"number": "+15551234567"}}
    await h.create(body)
    (leg,) = h.gateway.endpoint.dialled
    assert (leg.info.called, leg.info.trunk, leg.info.caller) == ("+15551234567", "office", "+15550100")


async def test_an_idempotency_key_makes_a_request_once(h: PlannedHouse) -> None:
    body = {"assistant": ASSISTANT, "customer": BOB}
    first = await h.create(body, "k")
    again = await h.create(body, "k")
    assert first["id"] == again["id"]
    assert len(h.gateway.endpoint.dialled) == 1
    with pytest.raises(Unprocessable):
        await h.create({**body, "name": "another"}, "k")


def test_whoever_knows_organisation_and_idempotency_key_cannot_tell_the_calls_id() -> None:
    ids = [
        asked_calls({}, organisation="o", seed=call_seed(Secrets(Fernet.generate_key()), "o", "k"), web=True)[0].id
        for _ in range(2)
    ]
    assert ids[0] != ids[1]


async def test_a_batch_tells_each_customers_call_or_error(h: PlannedHouse) -> None:
    customers = [BOB, {"number": "12"}, {"sipUri": "sip:eve@h", "assistantOverrides": {"firstMessage": "hi Eve"}}]
    answer = await h.create({"assistant": ASSISTANT, "customers": customers})
    assert [one["customer"] for one in answer["results"]] == [customers[0], customers[2]]
    (error,) = answer["errors"]
    assert error["customer"] == customers[1]
    assert "E.164" in error["error"]
    await until(lambda: sum(bool(event.start.plan_json) for event in h.gateway.workers[0].got("start")) == 2)
    greetings = {
        CallPlan.model_validate_json(event.start.plan_json).members[0].assistant["firstMessage"]
        for event in h.gateway.workers[0].got("start")
        if event.start.plan_json
    }
    assert greetings == {"hello there", "hi Eve"}


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({"assistantId": "?", "customer": BOB}, "assistantId names no assistant"),
        ({"customer": BOB}, "assistantId, assistant, squadId"),
        ({"assistant": ASSISTANT}, "customer must be set"),
        ({"assistant": ASSISTANT, "customer": {"number": "hello"}}, r"E\.164"),
        ({"assistant": ASSISTANT, "customer": BOB, "phoneNumberId": "?"}, "phoneNumberId names no"),
        ({"assistant": ASSISTANT, "customer": {"sipUri": "sip:bob@elsewhere"}}, r"outbound\.direct"),
        ({"assistant": ASSISTANT, "customer": BOB, "schedulePlan": {"earliestAt": "soon"}}, "schedulePlan"),
        ({"assistant": ASSISTANT, "transport": SLOW_SOCKET}, "3000"),
    ],
)
async def test_what_is_wrong_refuses_the_request_and_leaves_nothing(
    h: PlannedHouse, body: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(BadRequest, match=sentence):
        await h.create(body)
    assert not h.gateway.endpoint.dialled
    async with h.database.reading() as session:
        assert not await Calls(session, h.organisation).list(ListQuery())


async def test_without_a_gateway_nothing_begins(tmp_path: Path) -> None:
    async with control_plane(tmp_path) as (planned, _):
        with pytest.raises(Unavailable):
            await planned.create({"assistant": ASSISTANT, "customer": BOB})


async def test_another_organisations_assistant_is_not_found(h: PlannedHouse) -> None:
    async with h.database.transaction() as session:
        other = (await create_organisation(session, "other")).id
    assistant = await h.make(Kind.ASSISTANT, ASSISTANT, other)
    with pytest.raises(BadRequest, match="names no assistant"):
        await h.create({"assistantId": assistant, "customer": BOB})


async def test_the_settings_assistants_are_known_by_name_and_trusted(tmp_path: Path) -> None:
    async with planned_house(tmp_path, assistants={"demo": {"model": {"provider": "dialogue"}}}) as h:
        await h.create({"assistantId": "demo", "customer": BOB})
        await until(lambda: any(event.start.plan_json for event in h.gateway.workers[0].got("start")))
        assert plan_of(h).members[0].trusted


async def test_what_a_caller_of_the_api_calls_trusted_is_not(h: PlannedHouse) -> None:
    assistant = await h.make(Kind.ASSISTANT, {**ASSISTANT, "trusted": True})
    await h.create({"assistantId": assistant, "customer": BOB})
    await until(lambda: any(event.start.plan_json for event in h.gateway.workers[0].got("start")))
    assert not plan_of(h).members[0].trusted


async def test_a_call_shows_no_secrets_of_the_assistant_that_came_with_it(h: PlannedHouse) -> None:
    server = {"url": "https://a.example", "secret": "s3cret"}
    key = {"provider": "openai", "apiKey": "s3cret"}
    call = await h.create({"assistant": {**ASSISTANT, "server": server, "credentials": [key]}, "customer": BOB})
    assert call["assistant"] == {**ASSISTANT, "server": {"url": "https://a.example"}}
    await until(lambda: any(event.start.plan_json for event in h.gateway.workers[0].got("start")))
    plan = plan_of(h)
    assert (plan.members[0].assistant["server"], plan.credentials) == (server, [key])
    assert "s3cret" not in json.dumps(plan.call)


@pytest.mark.parametrize("squad", [1, "a", [1]])
async def test_a_squad_that_is_no_object_is_refused(h: PlannedHouse, squad: Any) -> None:
    with pytest.raises(BadRequest, match="squad must be an object"):
        await h.create({"squad": squad, "customer": BOB})


async def test_a_scheduled_call_begins_at_its_time(h: PlannedHouse) -> None:
    at = datetime.now(UTC) + timedelta(seconds=0.5)
    call = await h.create({"assistant": ASSISTANT, "customer": BOB, "schedulePlan": {"earliestAt": at.isoformat()}})
    assert call["status"] == "scheduled"
    assert not h.gateway.endpoint.dialled
    await until(lambda: h.gateway.endpoint.dialled, 10)
    await h.until_kind(call["id"], "call")


async def test_a_call_without_a_telephone_waits_for_its_socket(h: PlannedHouse) -> None:
    call = await h.create({"assistant": ASSISTANT, "transport": {"provider": "vapi.websocket"}})
    assert call["type"] == "vapi.websocketCall"
    assert call["transport"]["websocketCallUrl"].startswith("ws://")
    assert h.gateway.gateway.transports.claim(call["id"])
    web = await h.create({"assistant": ASSISTANT}, web=True)
    assert (web["type"], web["webCallUrl"]) == ("webCall", web["transport"]["websocketCallUrl"])


async def test_a_live_call_is_ended(h: PlannedHouse) -> None:
    call = await h.create({"assistant": ASSISTANT, "customer": BOB})
    await h.plane.end_call(call["id"])
    ended = await h.until_kind(call["id"], "ended")
    assert json.loads(ended.data)["reason"] == "manually-canceled"


# ---------------------------------------------------------------- inbound


async def number(h: PlannedHouse, **fields: Any) -> str:
    return await h.make(Kind.PHONE_NUMBER, {"provider": "vapi", "sipUri": "sip:7001@pbx.example.com", **fields})


def caller(**changes: object) -> MemoryLeg:
    called = {"called": "sip:7001@127.0.0.1", "number": "7001", "caller": "sip:+15551230000@carrier.example"}
    return MemoryLeg(inbound(**{**called, **changes}))


async def test_a_number_is_answered_by_its_assistant_with_the_headers_as_variables(h: PlannedHouse) -> None:
    body = {**ASSISTANT, "firstMessage": "hello {{Account}}"}
    await number(h, assistantId=await h.make(Kind.ASSISTANT, body), name="hotline")
    leg = h.gateway.call(caller(headers={"X-account": "77"}))
    await until(lambda: leg.answered)
    plan = plan_of(h)
    assert plan.variables["Account"] == "77"
    assert plan.variables["phoneNumber"]["name"] == "hotline"
    assert plan.call["customer"]["number"] == "+15551230000"
    async with h.database.reading() as session:
        row = await Calls(session, h.organisation).get(plan.call_id)
    assert (row.status, row.phone_number_id, row.customer_number) == (
        "ringing",
        plan.call["phoneNumberId"],
        "+15551230000",
    )


async def test_a_number_that_is_nobodys_gets_404(h: PlannedHouse) -> None:
    leg = h.gateway.call(caller())
    await until(lambda: leg.refused)
    assert leg.refused == (404, None)


async def test_a_number_without_assistant_and_server_is_refused_and_told(h: PlannedHouse) -> None:
    await number(h)
    leg = h.gateway.call(caller())
    await until(lambda: leg.refused)
    assert leg.refused in [(503, seconds) for seconds in range(5, 31)]
    async with h.database.reading() as session:
        events = await events_after(session, h.organisation, 0)
    assert [event.kind for event in events] == ["call", "ended"]
    assert json.loads(events[-1].data)["reason"] == "call-start-error-neither-assistant-nor-server-set"


async def test_a_number_with_a_password_is_answered_when_the_caller_has_said_it(h: PlannedHouse) -> None:
    secret = Secrets.of(h.settings).sealed({"authentication": {"username": "ann", "password": "open sesame"}})
    await number(h, assistantId=await h.make(Kind.ASSISTANT, ASSISTANT), **secret)
    asked = h.gateway.call(caller(source="192.0.2.1:5060;udp"))
    await until(lambda: asked.refused)
    assert asked.refused == (401, None)
    challenge = asked.refusal_headers[0][1]
    said = authorization(challenge, uri="sip:7001@127.0.0.1")
    wrong = h.gateway.call(caller(source="192.0.2.1:5060;udp", authorization=(said.replace('="ann"', '="eve"'),)))
    await until(lambda: wrong.refused)
    assert wrong.refused == (401, None)
    async with h.database.reading() as session:
        assert not await Calls(session, h.organisation).list(ListQuery())
    assert not [event for event in h.gateway.workers[0].got("start") if event.start.plan_json]
    taken = h.gateway.call(caller(source="192.0.2.1:5062;udp", authorization=(said,)))
    await until(lambda: taken.answered)
    assert "sesame" not in plan_of(h).model_dump_json()


async def test_while_any_address_has_a_password_nobody_learns_which_addresses_there_are(h: PlannedHouse) -> None:
    secret = Secrets.of(h.settings).sealed({"authentication": {"username": "ann", "password": "open sesame"}})
    await number(h, **secret)
    challenges = []
    for called in ("7001", "7002"):
        leg = h.gateway.call(caller(called=f"sip:{called}@127.0.0.1", number=called, source="192.0.2.1:5060;udp"))
        await until(lambda leg=leg: leg.refused)  # type: ignore[misc]
        assert leg.refused == (401, None)
        challenges.append([value.partition("nonce=")[0] for _, value in leg.refusal_headers])
    assert challenges[0] == challenges[1]
    by_trunk = h.gateway.call(caller(called="sip:7002@127.0.0.1", number="7002", trunk="office"))
    await until(lambda: by_trunk.refused)
    assert by_trunk.refused == (404, None)


async def test_a_ringing_hook_sends_the_caller_on(h: PlannedHouse) -> None:
    destination = {"type": "sip", "sipUri": "sip:night@pbx.example.com"}
    filters = [{"type": "startsWith", "key": "number", "startsWith": ["+1555"]}]
    hook = {"on": "call.ringing", "filters": filters, "do": [{"type": "transfer", "destination": destination}]}
    await number(h, hooks=[hook], assistantId=await h.make(Kind.ASSISTANT, ASSISTANT))
    leg = h.gateway.call(caller())
    await until(lambda: leg.refused)
    assert (leg.refused, leg.redirected_to) == ((302, None), "sip:night@pbx.example.com")
    other = h.gateway.call(caller(caller="sip:+4930111@carrier.example"))
    await until(lambda: other.answered)


# ---------------------------------------------------------------- assistant-request


class Server:
    """A user's server: `reply` answers each assistant-request, `asked` keeps them."""

    def __init__(self) -> None:
        self.reply: Any = {}
        self.status = 200
        self.seconds = 0.0
        self.asked: list[dict[str, Any]] = []
        self.secrets: list[str] = []
        self.port = 0

    async def answer(self, request: Request) -> JSONResponse:
        self.asked.append(await request.json())
        self.secrets.append(request.headers.get("X-Vapi-Secret", ""))
        await asyncio.sleep(self.seconds)
        return JSONResponse(self.reply, status_code=self.status)

    @property
    def fields(self) -> dict[str, Any]:
        """Of a number that this server answers for."""
        return {"server": {"url": f"http://127.0.0.1:{self.port}/", "secret": "open sesame"}}


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    made = Server()
    app = FastAPI()
    app.add_api_route("/", made.answer, methods=["POST"])
    async with serving(app, host="127.0.0.1", port=0, purpose="a user's server") as made.port:
        yield made


@pytest.fixture
async def asking(tmp_path: Path) -> AsyncIterator[PlannedHouse]:
    """A control plane that may ask servers on this machine."""
    async with planned_house(tmp_path, egress={"allow": ["127.0.0.1"]}) as opened:
        yield opened


async def reasons(h: PlannedHouse) -> list[str]:
    """Why calls ended, as far as they have."""
    async with h.database.reading() as session:
        events = await events_after(session, h.organisation, 0)
    return [json.loads(event.data)["reason"] for event in events if event.kind == "ended"]


async def test_a_server_names_who_answers(asking: PlannedHouse, server: Server) -> None:
    await number(asking, **server.fields)
    server.reply = {"assistant": ASSISTANT, "assistantOverrides": {"variableValues": {"tier": "gold"}}}
    leg = asking.gateway.call(caller())
    await until(lambda: leg.answered)
    (asked,) = server.asked
    message = asked["message"]
    assert message["type"] == "assistant-request"
    assert message["call"]["customer"]["number"] == "+15551230000"
    assert "server" not in message["phoneNumber"]
    assert server.secrets == ["open sesame"]
    assert plan_of(asking).variables["tier"] == "gold"


async def test_a_server_of_a_route_names_who_answers_wherever_it_is(tmp_path: Path, server: Server) -> None:
    fields = {"number": "80*", "server": server.fields["server"], "fallback": {"sip_uri": "sip:queue@pbx"}}
    async with planned_house(tmp_path, routes=[RouteSettings.model_validate(fields)]) as h:
        server.reply = {"assistant": {**ASSISTANT, "firstMessage": "hello {{account}}"}}
        leg = h.gateway.call(caller(number="800", headers={"X-Account": "77"}))
        await until(lambda: leg.answered)
        assert server.secrets == ["open sesame"]
        assert server.asked[0]["message"]["phoneNumber"]["number"] == "800"
        assert plan_of(h).variables["account"] == "77"
        server.reply = {}
        refused = h.gateway.call(caller(number="801"))
        await until(lambda: refused.refused)
        assert (refused.refused, refused.redirected_to) == ((302, None), "sip:queue@pbx")


async def test_whose_a_number_is_can_be_asked_without_calling_it(h: PlannedHouse) -> None:
    assistant = await h.make(Kind.ASSISTANT, ASSISTANT)
    await number(h, assistantId=assistant, fallbackDestination={"type": "number", "number": "100"})
    question = RouteQuestion(called="sip:7001@127.0.0.1", number="7001")
    answer = await explained(h.gateway.gateway, question)
    assert answer.answered
    assert answer.lines[-1] == f"=> assistant {assistant}, else sent on to 100"
    unknown = await explained(h.gateway.gateway, RouteQuestion(called="sip:7002@127.0.0.1", number="7002"))
    assert not unknown.answered
    assert not h.gateway.gateway.calls


async def test_a_server_that_returns_an_error_has_it_spoken(asking: PlannedHouse, server: Server) -> None:
    await number(asking, **server.fields)
    server.reply = {"error": "We are closed today."}
    leg = asking.gateway.call(caller())
    await until(lambda: leg.answered)
    plan = plan_of(asking)
    assert plan.announcement == Announcement(text="We are closed today.", reason="assistant-request-returned-error")
    await until(lambda: asking.gateway.workers[0].got("say"))
    (say,) = [event.say for event in asking.gateway.workers[0].got("say")]
    assert (say.text, say.end_call_after, say.uninterruptible) == ("We are closed today.", True, True)


@pytest.mark.parametrize(
    ("reply", "status", "seconds", "reason"),
    [
        ({}, 200, 0.0, "assistant-request-returned-no-assistant"),
        ({"assistantId": "?"}, 200, 0.0, "assistant-not-found"),
        ({"assistant": {"maxDurationSeconds": "x"}}, 200, 0.0, "assistant-request-returned-invalid-assistant"),
        ({"assistant": ASSISTANT}, 500, 0.0, "assistant-request-failed"),
        ({"assistant": ASSISTANT}, 200, 5.0, "assistant-request-failed"),
    ],
)
async def test_when_the_server_fails_the_fallback_destination_is_called(
    asking: PlannedHouse, server: Server, reply: Any, status: int, seconds: float, reason: str
) -> None:
    fallback = {"type": "number", "number": "+15559990000"}
    await number(asking, **server.fields, fallbackDestination=fallback)
    server.reply, server.status, server.seconds = reply, status, seconds
    leg = asking.gateway.call(caller())
    await until(lambda: leg.refused)
    assert (leg.refused, leg.redirected_to) == ((302, None), "sip:+15559990000@carrier.example")
    assert await reasons(asking) == [reason]


@dataclass
class Dialling:
    """A trunk whose callers are called on, and the caller of the number that has nobody."""

    h: PlannedHouse
    leg: MemoryLeg

    async def end_reason(self) -> str:
        """Of the call that is live now, once it has ended."""
        (call_id,) = self.h.gateway.gateway.calls
        ended = await self.h.until_kind(call_id, "ended")
        return str(json.loads(ended.data)["reason"])

    @property
    def human(self) -> MemoryLeg:
        (leg,) = self.h.gateway.endpoint.dialled
        return leg


async def called_on(h: PlannedHouse, **fields: Any) -> Dialling:
    """Until they ring."""
    await number(h, **fields)
    known = h.gateway.endpoint.known
    known["office"] = known["office"].model_copy(update={"redirect": "dial"})
    scene = Dialling(h, h.gateway.call(caller(trunk="office")))
    await until(lambda: h.gateway.endpoint.dialled and scene.human.listener)
    return scene


async def test_by_a_trunk_that_wants_it_the_gateway_calls_the_fallback_destination(h: PlannedHouse) -> None:
    scene = await called_on(h, fallbackDestination={"type": "sip", "sipUri": "sip:queue@h"})
    assert not scene.leg.answered
    assert scene.human.info.called == "sip:queue@h"
    assert scene.human.listener is not None
    scene.human.listener.on_answered()
    await until(lambda: scene.leg.joined == [scene.human])
    scene.human.end()
    assert await scene.end_reason() == "assistant-forwarded-call"


async def test_a_destination_that_the_server_names_and_that_is_busy_is_told_so(
    asking: PlannedHouse, server: Server
) -> None:
    server.reply = {"destination": {"type": "sip", "sipUri": "sip:queue@h"}}
    scene = await called_on(asking, **server.fields)
    scene.human.end(486)
    assert await scene.end_reason() == "call.forwarding.operator-busy"
    assert scene.leg.refused == (486, None)


async def test_a_server_on_a_private_address_is_not_asked(h: PlannedHouse, server: Server) -> None:
    await number(h, **server.fields)
    leg = h.gateway.call(caller())
    await until(lambda: leg.refused)
    assert not server.asked
    assert await reasons(h) == ["assistant-request-failed"]
