"""Who answered a number before answers it while the control plane is away."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gateway.assistant.call_plan import Announcement, CallPlan, Member
from gateway.plane import kept_answers
from gateway.plane.kept_answers import FOLDER, KeptAnswers
from gateway.settings import ApiSettings
from gateway.store.entities import Kind
from gateway.store.secrets import Secrets
from tests.call.house import House, greet, house
from tests.call.leg_double import MemoryLeg, inbound
from tests.link.worker_double import until
from tests.peers.ports import LOOPBACK, free_port
from tests.plane.planned_house import TOKEN, planned_house

KEY = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
LEG: dict[str, Any] = {"called": "sip:7001@h", "number": "7001", "caller": "sip:+1555@c", "headers": {"X-Tier": "gold"}}


def caller(number: str, customer: str, **headers: str) -> MemoryLeg:
    called = f"sip:{number}@127.0.0.1"
    return MemoryLeg(inbound(called=called, number=number, caller=f"sip:{customer}@carrier.example", headers=headers))


def last_plan(h: House) -> CallPlan:
    starts = [event.start for event in h.workers[0].got("start") if event.start.plan_json]
    return CallPlan.model_validate_json(starts[-1].plan_json)


def plan(**changes: Any) -> CallPlan:
    known: dict[str, Any] = {
        "organisation": "org",
        "call": {"id": "before", "monitor": {"listenUrl": "ws://gw/before/listen"}},
        "members": [Member(name="desk", assistant={"firstMessage": "hello {{tier}}"})],
        "variables": {"tier": "gold", "Tier": "gold", "customer": {"number": "+1555"}, "shop": "north"},
        "phone_number": {"id": "n", "assistantId": "a"},
        "credentials": [{"provider": "openai", "apiKey": "sk-secret"}],
    }
    return CallPlan(**{**known, **changes})


@pytest.fixture
def kept(tmp_path: Path) -> KeptAnswers:
    return KeptAnswers(tmp_path, Secrets(KEY))


async def test_a_gateway_that_starts_without_control_plane_answers_whom_it_answered_before(tmp_path: Path) -> None:
    async with planned_house(tmp_path) as h:
        assistant = await h.make(
            Kind.ASSISTANT,
            {"name": "desk", "model": {"provider": "dialogue"}, "firstMessage": "hello {{account}}"},
        )
        await h.make(Kind.PHONE_NUMBER, {"provider": "vapi", "sipUri": "sip:7001@pbx", "assistantId": assistant})
        first = h.gateway.call(caller("7001", "+15551230000", **{"X-Account": "77"}))
        await until(lambda: first.answered)
    nobody = ApiSettings(address=f"{LOOPBACK}:{free_port()}", link_token=TOKEN)
    async with house(tmp_path / "gateway", greet, api=nobody) as alone:
        second = alone.call(caller("7001", "+15559990000", **{"X-Account": "78"}))
        await until(lambda: second.answered)
        told = last_plan(alone)
        assert told.members[0].assistant["firstMessage"] == "hello {{account}}"
        assert told.variables["account"] == "78"
        assert told.call["customer"]["number"] == told.variables["customer"]["number"] == "+15559990000"
        stranger = alone.call(caller("7002", "+15559990000"))
        await until(lambda: stranger.refused)
        assert stranger.refused is not None
        assert stranger.refused[0] == 503


def test_another_call_has_its_own_id_party_and_headers(kept: KeptAnswers) -> None:
    kept.keep(LEG, None, plan())
    found = kept.find({**LEG, "caller": "sip:+1666@c", "headers": {"X-Shoe": "9"}}, None, "after")
    assert found is not None
    assert found.call_id == "after"
    assert found.call["monitor"]["listenUrl"] == "ws://gw/after/listen"
    assert found.variables == {"shop": "north", "customer": found.call["customer"], "shoe": "9", "Shoe": "9"}
    assert found.call["customer"]["number"] == "+1666"
    assert found.credentials == plan().credentials


def test_nothing_secret_can_be_read_on_the_disk(kept: KeptAnswers, tmp_path: Path) -> None:
    kept.keep(LEG, None, plan())
    (file,) = (tmp_path / FOLDER).iterdir()
    assert "sk-secret" not in file.read_text()
    assert file.stat().st_mode & 0o077 == 0
    assert KeptAnswers(tmp_path, Secrets("A" * 43 + "=")).find(LEG, None, "after") is None


@pytest.mark.parametrize(
    "changes",
    [
        {"phone_number": {"id": "n", "server": {"url": "https://h"}}},
        {"announcement": Announcement(text="t", reason="r")},
    ],
)
def test_whom_a_server_names_is_asked_anew_for_each_call(kept: KeptAnswers, changes: dict[str, Any]) -> None:
    kept.keep(LEG, None, plan())
    kept.keep(LEG, None, plan(**changes))
    assert kept.find(LEG, None, "after") is None


def test_numbers_of_different_organisations_are_different(kept: KeptAnswers) -> None:
    kept.keep(LEG, "one", plan())
    assert kept.find(LEG, "other", "after") is None
    kept.forget(LEG, "one")
    assert kept.find(LEG, "one", "after") is None


def test_there_is_room_for_so_many_numbers_only(
    kept: KeptAnswers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept_answers, "MOST_NUMBERS", 2)
    for number in ("1", "2", "3"):
        kept.keep({**LEG, "number": number}, None, plan())
    assert len(list((tmp_path / FOLDER).iterdir())) == 2
