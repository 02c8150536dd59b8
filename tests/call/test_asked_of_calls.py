"""What workers and live control ask of a call: digits, requests, transfers, its end."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from gateway.call import endings
from gateway.errors import InvalidControl, NotLive
from gateway.link.v1 import link_pb2 as pb
from tests.call.house import GREETING, action, greet, house, to_call
from tests.link.worker_double import until


async def test_an_action_is_done_once_and_its_result_told(tmp_path: Path) -> None:
    async with house(tmp_path, greet) as h:
        leg = await h.live()
        digits = action("d1", send_digits=pb.SendDigits(digits="12#"))
        to_call(h.workers[0], digits, digits)
        await until(lambda: h.workers[0].got("action_result"))
        await asyncio.sleep(0.05)
        assert leg.digits == ["12#"]
        (result,) = h.workers[0].got("action_result")
        assert result.action_result == pb.ActionResult(action="d1", ok=True, detail="The digits were sent.")


async def test_a_request_goes_out_in_the_dialog_without_headers_that_are_not_the_users(tmp_path: Path) -> None:
    async with house(tmp_path, greet) as h:
        leg = await h.live()
        headers = {"X-Intent": "pay", "From": "sip:eve@h", "content-type": "text/csv"}
        request = pb.SipRequest(verb="INFO", headers=headers, body="a,b")
        to_call(h.workers[0], action("r1", sip_request=request))
        await until(lambda: h.workers[0].got("action_result"))
        assert leg.requests == [("INFO", {"X-Intent": "pay"}, "a,b", "text/csv")]
        (result,) = h.workers[0].got("action_result")
        assert (result.action_result.ok, result.action_result.detail) == (True, "The other side answered with 200 OK.")


@pytest.mark.parametrize(
    "request_", [pb.SipRequest(verb="BYE"), pb.SipRequest(verb="INFO", headers={"X: a\r\nVia": "b"})]
)
async def test_a_request_that_could_break_the_dialog_is_not_sent(tmp_path: Path, request_: pb.SipRequest) -> None:
    async with house(tmp_path, greet) as h:
        leg = await h.live()
        to_call(h.workers[0], action("r1", sip_request=request_))
        await until(lambda: h.workers[0].got("action_result"))
        assert not leg.requests
        assert not h.workers[0].got("action_result")[0].action_result.ok


async def test_a_transfer_waits_for_the_words_and_ends_the_call_when_it_went_well(tmp_path: Path) -> None:
    async with house(tmp_path, greet) as h:
        leg = await h.live()
        transfer = pb.Transfer(destination="sip:human@h", after_playout=True)
        to_call(h.workers[0], action("t1", transfer=transfer))
        async with asyncio.timeout(10):
            while not leg.transfers:
                leg.frame()
                await asyncio.sleep(0.002)
        assert leg.heard() == GREETING
        assert leg.listener
        leg.listener.on_transfer(True, "taken")
        assert (await h.record()).end_reason == endings.FORWARDED


async def test_a_transfer_that_fails_leaves_the_call_with_the_agent(tmp_path: Path) -> None:
    async with house(tmp_path, greet) as h:
        leg = await h.live()
        to_call(h.workers[0], action("t1", transfer=pb.Transfer(destination="sip:human@h")))
        await until(lambda: leg.transfers)
        assert leg.listener
        leg.listener.on_transfer(False, "603 Decline")
        await until(lambda: h.workers[0].got("action_result"))
        result = h.workers[0].got("action_result")[0].action_result
        assert (result.ok, result.detail) == (False, "603 Decline")
        assert leg.hung_up is None


async def test_a_transfer_tells_its_stages_and_what_of_it_is_not_done(tmp_path: Path) -> None:
    plan = {"mode": "warm-transfer-twiml"}
    target = {"type": "sip", "sipUri": "sip:human@h", "sipHeaders": {"X-Case": "42"}, "transferPlan": plan}
    async with house(tmp_path, greet) as h:
        leg = await h.live()
        transfer = pb.Transfer(destination="sip:human@h", destination_json=json.dumps(target))
        to_call(h.workers[0], action("t1", transfer=transfer))
        await until(lambda: leg.transfers)
        assert leg.transfer_headers == [{"X-Case": "42"}]
        assert leg.listener
        leg.listener.on_transfer(True, "taken")
        (call,) = h.gateway.calls.values()
        await h.record()
    requested, connected = [entry.data for entry in call.journal.entries if entry.kind == "transfer"]
    assert (requested["status"], requested["destination"], requested["mode"]) == ("requested", target, plan["mode"])
    twiml, verb = requested["notes"]
    assert "TwiML" in twiml
    assert verb == "The verb is refer: the caller came by no trunk that could be dialled by."
    assert connected["status"] == "connected"


@pytest.mark.scenario("INV-16", peer="leg in memory", transport="none")
async def test_a_transfer_whose_outcome_nobody_tells_is_given_up_and_a_late_success_ends_the_call(
    tmp_path: Path,
) -> None:
    target = {"type": "sip", "sipUri": "sip:human@h", "transferPlan": {"mode": "blind-transfer", "timeout": 1}}
    async with house(tmp_path, greet) as h:
        leg = await h.live()
        to_call(h.workers[0], action("t1", transfer=pb.Transfer(destination_json=json.dumps(target))))
        await until(lambda: h.workers[0].got("action_result"))
        assert not h.workers[0].got("action_result")[0].action_result.ok
        assert leg.transfers_given_up == 1
        assert leg.hung_up is None
        assert leg.listener
        leg.listener.on_transfer(True, "200 OK")
        assert (await h.record()).end_reason == endings.FORWARDED


# ---------------------------------------------------------------- live control


async def test_live_control_ends_a_call_and_passes_the_rest_to_the_worker(tmp_path: Path) -> None:
    async with house(tmp_path, greet) as h:
        await h.live()
        (call,) = h.gateway.calls.values()
        say = {"type": "say", "content": "Attention."}
        call.control(say)
        await until(lambda: h.workers[0].got("control"))
        assert json.loads(h.workers[0].got("control")[0].control.json) == say
        with pytest.raises(InvalidControl, match="content field required"):
            call.control({"type": "say"})
        call.control({"type": "end-call"})
        assert (await h.record()).end_reason == endings.MANUALLY_CANCELED
        with pytest.raises(NotLive):
            call.control(say)
    assert [entry.data["type"] for entry in call.journal.entries if entry.kind == "control"] == ["say", "end-call"]


async def test_a_transport_message_is_a_request_in_the_dialog(tmp_path: Path) -> None:
    async with house(tmp_path, greet) as h:
        leg = await h.live()
        (call,) = h.gateway.calls.values()
        sent = {"transport": "vapi.sip", "sipVerb": "INFO", "headers": {"X-Room": "7"}, "body": "hello"}
        call.control({"type": "send-transport-message", "message": sent})
        await until(lambda: leg.requests)
        assert leg.requests == [("INFO", {"X-Room": "7"}, "hello", "text/plain")]


# ---------------------------------------------------------------- failures
