from __future__ import annotations

import audioop
import json

import pytest

from gateway.assistant.tool import TransferCallTool
from gateway.call.leg import Direction, LegInfo
from gateway.call.transfer.plan import Verb, longest_seconds, read_plan
from gateway.call.transfer.sounds import hold_music, ringing
from gateway.call.transfer.target import second_leg
from gateway.trunk.settings import TrunkSettings
from tests.docs.pages import blocks

TRUNKS = {"pbx": TrunkSettings(name="pbx", registrar="pbx.example.com:5070", username="700")}


def test_the_example_of_the_documentation_is_a_tool_with_a_plan() -> None:
    (block,) = [block for block in blocks("json") if '"transferCall"' in block.text and "dialTimeout" in block.text]
    tool = TransferCallTool.model_validate(json.loads(block.text))
    destination = tool.destinations[0].json_object
    plan = read_plan(destination)
    assert plan.warm
    assert plan.dials
    assert (plan.ring_seconds, plan.message) == (25, "A caller asks for cakes.")
    assert longest_seconds(destination) > plan.ring_seconds + plan.seconds


@pytest.mark.parametrize(
    ("plan", "verb", "dials", "notes"),
    [
        ({}, None, False, 0),
        ({"sipVerb": "dial"}, Verb.DIAL, True, 0),
        ({"sipVerb": "bye"}, Verb.BYE, False, 0),
        ({"sipVerb": "invite"}, None, False, 1),
        ({"mode": "warm-transfer-twiml"}, None, False, 1),
        ({"mode": "warm-transfer-say-message"}, None, True, 0),
        ({"timeout": "long", "dialTimeout": -1, "message": {"contents": [{"text": "Hi."}]}}, None, False, 0),
    ],
)
def test_what_is_asked_for_and_what_of_it_is_not_done(
    plan: dict[str, object], verb: Verb | None, dials: bool, notes: int
) -> None:
    read = read_plan({"type": "number", "number": "1", "transferPlan": plan})
    assert (read.verb, read.dials, len(read.notes)) == (verb, dials, notes)
    assert read.seconds == read.ring_seconds == 60


@pytest.mark.parametrize(
    ("destination", "trunk", "dialled"),
    [
        ({"type": "number", "number": "2001"}, "pbx", ("2001", "pbx")),
        ({"type": "number", "number": "2001"}, None, ("2001", None)),
        ({"type": "sip", "sipUri": "sip:2001@PBX.example.com"}, "pbx", ("2001", "pbx")),
        ({"type": "sip", "sipUri": "sip:2001@other.example.com"}, "pbx", ("sip:2001@other.example.com", None)),
        ({"type": "sip", "sipUri": "sip:2001@h"}, "pbx", ("2001", "pbx")),
        ({"type": "sip", "sipUri": "sip:2001@pbx.example.com"}, None, ("sip:2001@pbx.example.com", None)),
    ],
)
def test_the_second_leg_goes_through_the_callers_own_trunk(
    destination: dict[str, object], trunk: str | None, dialled: tuple[str, str | None]
) -> None:
    info = LegInfo(Direction.INBOUND, "sip:ann@h", "sip:700@h", "700", trunk, "c", {})
    assert second_leg(destination, info, TRUNKS) == dialled


@pytest.mark.parametrize("sound", [hold_music(), ringing()], ids=["music", "ringing"])
def test_who_waits_hears_something_that_is_not_loud(sound: bytes) -> None:
    assert 200 < audioop.rms(sound, 2) < 4000
    assert audioop.max(sound, 2) < 20_000
