"""A gateway with its control plane: legs in memory, real streams, scripted workers."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from gateway.assistant.call_plan import CallPlan, Member
from gateway.errors import CommandRefused, OnDoNotCallList
from gateway.plane.server import AttachedGateway, PlaneServer, serving_plane
from gateway.plane.v1 import plane_pb2 as pb
from gateway.settings import ApiSettings
from tests.call.house import House, greet, house, play
from tests.call.leg_double import MemoryLeg, inbound
from tests.link.worker_double import until

TOKEN = "between us"


def a_plan(call_id: str = "5f1e8f5e-0000-4000-8000-000000000001") -> CallPlan:
    body = {"model": {"provider": "dialogue"}, "firstMessage": "hello there", "unknownField": {"kept": True}}
    return CallPlan(
        organisation="acme",
        call={"id": call_id, "orgId": "acme", "type": "inboundPhoneCall"},
        members=[Member(name="desk", assistant_id="a-1", assistant=body)],
        variables={"account": "77"},
        credentials=[{"provider": "openai", "apiKey": "sk-secret"}],
    )


class Answers:
    """Implements `Answering`: `resolution` answers every call."""

    def __init__(self) -> None:
        self.events: list[pb.CallEvent] = []
        self.questions: list[dict[str, Any]] = []
        self.unwanted: set[tuple[str, str]] = set()
        self.resolution = pb.Resolution(refusal=pb.Refusal(status=404, reason="no-route"))

    async def append(self, events: Sequence[pb.CallEvent], gateway: str) -> None:
        self.events += events

    async def resolve(self, gateway: AttachedGateway, question: pb.Resolve) -> pb.Resolution:
        self.questions.append(json.loads(question.leg_json))
        return self.resolution

    async def explain(self, question: pb.Explain) -> pb.Explained:
        return pb.Explained(lines=[question.leg_json])

    async def authorize(self, question: pb.Authorize) -> bool:
        return True

    async def may_call(self, question: pb.MayCall) -> bool:
        return (question.destination, question.organisation) not in self.unwanted

    def kinds(self) -> list[str]:
        return [event.kind for event in self.events]


class Both:
    """A gateway and the control plane that it is attached to."""

    def __init__(self, house: House, server: PlaneServer, answers: Answers) -> None:
        self.house = house
        self.server = server
        self.answers = answers

    async def command(self, **command: Any) -> None:
        await self.server.choose().command(pb.Command(**command))


@asynccontextmanager
async def both(tmp_path: Path) -> AsyncIterator[Both]:
    answers = Answers()
    server = PlaneServer(answers, TOKEN)
    async with serving_plane(server, "127.0.0.1:0") as address:
        api = ApiSettings.model_validate({"address": address, "link_token": TOKEN})
        async with house(tmp_path, greet, api=api) as h:
            await until(lambda: h.gateway.plane and h.gateway.plane.attached)
            yield Both(h, server, answers)


async def test_a_call_that_no_route_takes_is_answered_as_the_control_plane_says(tmp_path: Path) -> None:
    async with both(tmp_path) as b:
        b.answers.resolution = pb.Resolution(plan_json=a_plan().model_dump_json(by_alias=True))
        leg = b.house.call(MemoryLeg(inbound(number="7001", headers={"X-Account": "77"})))
        await until(lambda: leg.answered)
        (question,) = b.answers.questions
        assert (question["number"], question["headers"]) == ("7001", {"X-Account": "77"})
        (start,) = [event.start for event in b.house.workers[0].got("start") if event.start.plan_json]
        told = CallPlan.model_validate_json(start.plan_json)
        assert told == a_plan()
        assert not start.assistant_json
        assert json.loads(start.variables_json)["account"] == "77"
        await play(leg, 20)
        leg.end()
        await until(lambda: "ended" in b.answers.kinds())
        first = json.loads(b.answers.events[0].json)
        assert first["plan"]["organisation"] == "acme"
        assert first["plan"]["members"] == [{"name": "desk", "assistantId": "a-1"}]
        assert "sk-secret" not in "".join(event.json for event in b.answers.events)
        record = await b.house.record()
        assert "sk-secret" not in record.model_dump_json()


async def test_a_call_that_nobody_answers_is_refused_with_the_status_of_the_control_plane(tmp_path: Path) -> None:
    async with both(tmp_path) as b:
        leg = b.house.call(MemoryLeg(inbound(number="7001")))
        await until(lambda: leg.refused)
        assert leg.refused == (404, None)
        assert not b.house.gateway.calls


async def test_a_caller_is_sent_on_to_where_somebody_answers(tmp_path: Path) -> None:
    async with both(tmp_path) as b:
        b.answers.resolution = pb.Resolution(destination_json=json.dumps({"type": "number", "number": "+1 555 0100"}))
        leg = b.house.call(MemoryLeg(inbound(number="7001", caller="sip:ann@pbx.example.com")))
        await until(lambda: leg.refused)
        assert leg.refused == (302, None)
        assert leg.redirected_to == "sip:+15550100@pbx.example.com"


async def test_nobody_is_dialled_whom_the_control_plane_has_on_a_list(tmp_path: Path) -> None:
    async with both(tmp_path) as b:
        b.answers.unwanted = {("200", ""), ("201", "acme")}
        with pytest.raises(OnDoNotCallList):
            await b.house.gateway.dial("200")
        plan = a_plan().model_dump_json(by_alias=True)
        with pytest.raises(CommandRefused, match="201 is on a do-not-call list") as refused:
            await b.command(dial=pb.Dial(plan_json=plan, destination="201"))
        assert refused.value.status == 403
        assert b.house.endpoint.dialled == []
        await b.house.gateway.dial("201")
        assert len(b.house.endpoint.dialled) == 1


async def test_without_its_control_plane_a_gateway_dials(tmp_path: Path) -> None:
    api = ApiSettings.model_validate({"address": "127.0.0.1:1", "link_token": TOKEN})
    async with house(tmp_path, greet, api=api) as h:
        await h.gateway.dial("200")
        assert len(h.endpoint.dialled) == 1


async def test_a_plan_that_cannot_be_used_refuses_the_call(tmp_path: Path) -> None:
    async with both(tmp_path) as b:
        plan = json.loads(a_plan().model_dump_json(by_alias=True))
        plan["members"][0]["assistant"]["maxDurationSeconds"] = "long"
        b.answers.resolution = pb.Resolution(plan_json=json.dumps(plan))
        leg = b.house.call(MemoryLeg(inbound(number="7001")))
        await until(lambda: leg.refused)
        assert leg.refused is not None
        assert leg.refused[0] == 503


async def test_without_a_control_plane_the_routes_still_work_and_other_calls_get_503(tmp_path: Path) -> None:
    api = ApiSettings.model_validate({"address": "127.0.0.1:9", "link_token": TOKEN})
    async with house(tmp_path, greet, api=api) as h:
        await h.live()
        leg = h.call(MemoryLeg(inbound(number="7001")))
        await until(lambda: leg.refused)
        assert leg.refused is not None
        assert leg.refused[0] == 503
        assert leg.refused[1]


async def test_the_control_plane_dials_and_hears_how_it_goes(tmp_path: Path) -> None:
    async with both(tmp_path) as b:
        plan_json = a_plan().model_dump_json(by_alias=True)
        await b.command(dial=pb.Dial(plan_json=plan_json, destination="sip:bob@h", caller="sip:us@h"))
        (leg,) = b.house.endpoint.dialled
        await until(lambda: leg.listener)
        assert leg.listener is not None
        leg.listener.on_ringing()
        leg.listener.on_answered()
        await until(lambda: "answered" in b.answers.kinds())
        await play(leg, 20)
        leg.end()
        await until(lambda: "ended" in b.answers.kinds())
        kinds = [kind for kind in b.answers.kinds() if kind in ("call", "ringing", "answered", "ended")]
        assert kinds == ["call", "ringing", "answered", "ended"]
        assert {event.call_id for event in b.answers.events} == {a_plan().call_id}
        await until(lambda: not list((tmp_path / "calls").glob("*.journal")))


async def test_a_dial_that_no_setting_allows_is_refused_before_anything_is_done(tmp_path: Path) -> None:
    async with both(tmp_path) as b:
        plan_json = a_plan().model_dump_json(by_alias=True)
        with pytest.raises(CommandRefused, match=r"outbound\.direct") as refusal:
            await b.command(dial=pb.Dial(plan_json=plan_json, destination="sip:bob@elsewhere"))
        assert refusal.value.status == 400
        assert not b.house.endpoint.dialled
        assert not b.answers.events


async def test_a_dial_that_is_told_twice_is_done_once(tmp_path: Path) -> None:
    async with both(tmp_path) as b:
        dial = pb.Dial(plan_json=a_plan().model_dump_json(by_alias=True), destination="sip:bob@h")
        await b.command(dial=dial)
        await b.command(dial=dial)
        assert len(b.house.endpoint.dialled) == 1


async def test_the_control_plane_ends_a_live_call(tmp_path: Path) -> None:
    async with both(tmp_path) as b:
        await b.house.live()
        (call_id,) = b.house.gateway.calls
        await until(lambda: b.server.gateway_of(call_id))
        await b.command(control=pb.Control(call_id=call_id, json='{"type": "end-call"}'))
        record = await b.house.record()
        assert record.end_reason == "manually-canceled"
        with pytest.raises(CommandRefused) as refusal:
            await b.command(control=pb.Control(call_id=call_id, json='{"type": "end-call"}'))
        assert refusal.value.status == 404
