"""Tools that act on the call."""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest

from gateway.assistant.section import Server
from gateway.tools.port import Done
from tests.tools.scene import Scene

DESK = {"type": "number", "number": "+15551234", "description": "for bills", "message": "I put you through."}
SALES = {"type": "sip", "sipUri": "sip:sales@pbx.test", "transferPlan": {"mode": "blind-transfer"}}


async def test_keys_are_pressed_with_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.tools.dtmf.PAUSE_SECONDS", 0)
    scene = Scene({"type": "dtmf", "sipInfoDtmfEnabled": True})
    outcome = await scene.use("dtmf", dtmf="1,23 #")
    assert outcome.ok
    assert scene.port.did == ["heard", ("digits", "1", True), ("digits", "23#", True)]


@pytest.mark.parametrize("keys", ["", "call home", "1" * 65, None])
async def test_what_is_no_key_is_not_pressed(keys: Any) -> None:
    scene = Scene({"type": "dtmf"})
    assert not (await scene.use("dtmf", dtmf=keys)).ok
    assert scene.port.did == []


async def test_voicemail_leaves_the_message_and_ends_the_call() -> None:
    scene = Scene({"type": "voicemail"}, voicemail_message="Call {{name}} back.", variables={"name": "Ada"})
    outcome = await scene.use("voicemail")
    assert (outcome.say, outcome.interruptible, outcome.ended_reason) == ("Call Ada back.", False, "voicemail")


async def test_a_sip_request_has_what_is_fixed_and_what_the_model_gives() -> None:
    headers = {"type": "object", "properties": {"X-Call": {"value": "{{call.id}}"}, "X-Intent": {"type": "string"}}}
    body = {"type": "object", "properties": {"mood": {"type": "string"}, "from": {"const": "parley"}}}
    scene = Scene(
        {"type": "sipRequest", "verb": "INFO", "headers": headers, "body": body}, variables={"call": {"id": "c1"}}
    )
    (definition,) = scene.toolbox.definitions
    assert definition.name == "sip_info"
    assert set(definition.parameters["properties"]) == {"X-Intent", "mood"}
    await scene.use("sip_info", **{"X-Intent": "pay", "mood": "good", "X-Call": "forged"})
    ((_, verb, sent, text),) = scene.port.did
    assert (verb, sent, json.loads(text)) == (
        "INFO",
        {"X-Call": "c1", "X-Intent": "pay"},
        {"mood": "good", "from": "parley"},
    )


async def test_a_text_message_goes_out_by_twilio() -> None:
    account = {"id": "c", "provider": "twilio", "accountSid": "AC1", "authToken": "secret"}
    scene = Scene({"type": "sms"}, credentials=[account], answer=lambda _: httpx.Response(201, json={"sid": "SM1"}))
    outcome = await scene.use("sms", message="Your code is 7.")
    (request,) = scene.requests
    assert outcome.ok
    assert str(request.url) == "https://api.twilio.com/2010-04-01/Accounts/AC1/Messages.json"
    assert base64.b64decode(request.headers["authorization"].split()[1]) == b"AC1:secret"
    assert parse_qs(request.content.decode()) == {
        "From": ["+15550002"],
        "To": ["+15550001"],
        "Body": ["Your code is 7."],
    }
    assert "secret" not in json.dumps(scene.kept)


async def test_without_an_account_no_text_message_is_sent_and_the_model_knows() -> None:
    outcome = await Scene({"type": "sms"}).use("sms", message="Hello")
    assert outcome.result == "No text message was sent: the organisation has no Twilio credential."


async def test_the_model_chooses_among_destinations() -> None:
    scene = Scene({"type": "transferCall", "destinations": [DESK, SALES]})
    (definition,) = scene.toolbox.definitions
    assert definition.parameters["properties"]["destination"]["enum"] == ["+15551234", "sip:sales@pbx.test"]
    assert "for bills" in definition.description
    outcome = await scene.use("transferCall", destination="SIP:sales@pbx.test")
    assert (outcome.ok, outcome.left) == (True, True)
    assert scene.port.did == [("say", "Transferring the call now."), "heard", ("transfer", SALES)]

    outcome = await scene.use("transferCall", destination="the moon")
    assert outcome.result == "Give one of these destinations: +15551234, sip:sales@pbx.test."


async def test_an_empty_message_is_silence() -> None:
    scene = Scene({"type": "transferCall", "destinations": [{**DESK, "message": ""}]})
    await scene.use("transferCall")
    assert scene.said == []


async def test_a_transfer_that_fails_goes_on_as_its_plan_has_it() -> None:
    for fallback, said, ended in (
        (None, "", ""),
        ({"message": "Nobody is there."}, "Nobody is there.", "call.in-progress.error-transfer-failed"),
        ({"message": "Let us go on.", "endCallEnabled": False}, "Let us go on.", ""),
    ):
        plan = {"mode": "blind-transfer", **({"fallbackPlan": fallback} if fallback else {})}
        scene = Scene({"type": "transferCall", "destinations": [{**DESK, "transferPlan": plan}]})
        scene.port.answer = Done(False, "They are busy.")
        outcome = await scene.use("transferCall")
        assert (outcome.ok, outcome.say, outcome.ended_reason, outcome.left) == (False, said, ended, False)
        assert outcome.result == "The call was not transferred: They are busy."


async def test_another_assistant_takes_over_without_a_word() -> None:
    destination = {"type": "assistant", "assistantName": "Billing"}
    scene = Scene({"type": "transferCall", "destinations": [destination]})
    assert (await scene.use("transferCall")).left
    assert scene.port.did == [("hand off", destination)], "the conversation waits for what is said"


async def test_the_server_is_asked_where_no_destination_is_set() -> None:
    answer = {"destination": {"type": "number", "number": "+15559"}, "message": {"content": "To the desk."}}
    scene = Scene(
        {"type": "transferCall"},
        server=Server(url="http://own.test/"),
        answer=lambda _: httpx.Response(200, json=answer),
    )
    outcome = await scene.use("transferCall", why="bill")
    message = json.loads(scene.requests[0].content)["message"]
    assert (message["type"], message["call"]["id"]) == ("transfer-destination-request", "call-1")
    assert outcome.left
    assert scene.said == ["To the desk."]
    assert scene.kept["parse"] == "destination"


@pytest.mark.parametrize(
    ("answer", "result"),
    [
        (httpx.Response(200, json={"error": "We are closed."}), "We are closed."),
        (httpx.Response(200, text="<html>"), "The call was not transferred: the server answered with the status 200"),
    ],
)
async def test_a_server_may_name_no_destination(answer: httpx.Response, result: str) -> None:
    scene = Scene({"type": "transferCall"}, server=Server(url="http://own.test/"), answer=lambda _: answer)
    outcome = await scene.use("transferCall")
    assert (outcome.ok, outcome.left) == (False, False)
    assert outcome.result.startswith(result)


async def test_a_handoff_is_described_and_done() -> None:
    billing = {"type": "assistant", "assistantName": "Billing Desk", "description": "about bills"}
    scene = Scene({"type": "handoff", "destinations": [billing], "defaultResult": "Over."})
    (definition,) = scene.toolbox.definitions
    assert definition.name == "handoff_to_Billing_Desk"
    outcome = await scene.use(definition.name, destination="Billing Desk")
    assert (outcome.result, outcome.left) == ("Over.", True)
    assert scene.port.did == [("hand off", billing)]


async def test_a_dynamic_handoff_asks_the_server_with_the_models_parameters() -> None:
    answer = {"destination": {"type": "assistant", "assistantId": "a1"}, "result": "To the desk."}
    tool = {
        "type": "handoff",
        "destinations": [{"type": "dynamic", "server": {"url": "http://own.test/"}}],
        "function": {"name": "go"},
    }
    scene = Scene(tool, answer=lambda _: httpx.Response(200, json=answer))
    outcome = await scene.use("go", destination="dynamic", mood="bad")
    message = json.loads(scene.requests[0].content)["message"]
    assert (message["type"], message["parameters"]["mood"]) == ("handoff-destination-request", "bad")
    assert outcome.result == "To the desk."
    assert scene.port.did[-1] == ("hand off", {"type": "assistant", "assistantId": "a1"})


async def test_tools_of_one_type_are_told_apart() -> None:
    scene = Scene({"type": "dtmf"}, {"type": "dtmf"}, {"type": "endCall", "function": {"name": "bye"}})
    assert [one.name for one in scene.toolbox.definitions] == ["dtmf", "dtmf_2", "bye"]


async def test_what_another_worker_began_is_asked_for_once_more_in_its_name_and_not_said_again() -> None:
    start = {"type": "request-start", "content": "One second."}
    scene = Scene(
        {"type": "transferCall", "destinations": [DESK], "messages": [start]},
        {"type": "dtmf"},
        {"type": "sipRequest", "verb": "INFO", "body": "on"},
    )
    assert (await scene.repeat("transferCall")).left
    assert (await scene.repeat("dtmf", dtmf="12w3")).ok
    assert (await scene.repeat("sip_info")).ok
    assert scene.said == []
    assert scene.port.askers == ["t"] * 4
