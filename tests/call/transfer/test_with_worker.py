"""A transfer through the worker itself: the agent who gets the caller back hears and answers again."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.settings import OutboundSettings
from tests.call.house import MemoryEndpoint
from tests.call.test_with_worker import hang_up, speech, telephone, turns
from tests.link.worker_double import until

pytestmark = [pytest.mark.models, pytest.mark.scenario("INV-16", peer="leg in memory", transport="none")]
DESTINATION = {"type": "sip", "sipUri": "sip:desk@h", "message": "", "transferPlan": {"sipVerb": "dial"}}
MODEL = {
    "provider": "tests.worker.fakes:EchoModel",
    "reply": "You said {text}.",
    "tool": "transferCall",
    "tools": [{"type": "transferCall", "destinations": [DESTINATION]}],
}
HEARD = {
    "provider": "tests.worker.fakes:ScriptedTranscriber",
    "texts": ["transferCall to the desk please", "are you still there"],
}


async def test_an_agent_whose_transfer_failed_says_why_and_goes_on_with_the_caller(tmp_path: Path) -> None:
    question = await speech("Could you tell me the time please?")
    outbound = OutboundSettings(direct=["h"])
    async with telephone(tmp_path, outbound=outbound, model=MODEL, transcriber=HEARD) as (phone, gateway):
        await until(lambda: gateway.calls)
        await turns(gateway, 1)
        phone.say(question)
        endpoint = gateway.endpoint
        assert isinstance(endpoint, MemoryEndpoint)
        await until(lambda: endpoint.dialled and endpoint.dialled[0].listener, 15)
        endpoint.dialled[0].end(486)
        await turns(gateway, 3)
        phone.say(question)
        await turns(gateway, 5)
        record = await hang_up(phone, gateway)
    said = [turn.text for turn in record.turns]
    assert "486" in said[-3]
    assert said[-2:] == ["are you still there", "You said are you still there."]
    assert record.tool_calls[0].error is not None
