"""What servers and clients can follow of a conversation, over a real gRPC stream."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.worker.announcements import wanted
from tests.worker.catalogued import catalogue_fakes
from tests.worker.peer import PeerCall, attached, served
from tests.worker.test_conversation import assistant, greeted
from tests.worker.test_squad import begun, member, squad


@pytest.fixture(autouse=True)
def catalogued(monkeypatch: pytest.MonkeyPatch) -> None:
    catalogue_fakes(monkeypatch)


@pytest.mark.parametrize(
    ("messages", "call", "expected"),
    [
        ({}, "inboundPhoneCall", set()),
        ({}, "webCall", {"transcript", "model-output"}),
        ({"clientMessages": []}, "webCall", set()),
        ({"clientMessages": ["model-output"]}, "inboundPhoneCall", {"model-output"}),
        ({"serverMessages": ["transcript", "hang"]}, "inboundPhoneCall", {"transcript", "hang"}),
        ({"serverMessages": ['transcript[transcriptType="final"]']}, "inboundPhoneCall", set()),
    ],
)
def test_what_is_asked_for_is_told(messages: dict[str, Any], call: str, expected: set[str]) -> None:
    assert wanted(messages, {"type": call}) == expected


async def test_both_sides_of_every_turn_begin_and_end(speech: bytes) -> None:
    async with served() as (_, address), attached(address) as peer:
        call = await greeted(peer, assistant())
        call.speak(speech)
        await call.until(lambda: len(call.journal("agent-turn")) == 2)
        await call.until(lambda: len(call.journal("speech")) >= 6)
    told = [(entry["role"], entry["status"], entry["turn"]) for entry in call.journal("speech")]
    agent = [entry for entry in told if entry[0] == "assistant"]
    edges = (("started", 0), ("stopped", 0), ("started", 1), ("stopped", 1))
    assert agent == [("assistant", *edge) for edge in edges]
    caller = [status for role, status, _ in told if role == "user"]
    assert caller == ["started", "stopped"] * (len(caller) // 2)
    assert not call.journal("model-output")


async def test_the_model_and_the_voice_can_be_followed(speech: bytes) -> None:
    followed = member("Desk", serverMessages=["model-output", "assistant.speechStarted"])
    async with served() as (_, address), attached(address) as peer:
        call: PeerCall = await begun(peer.call(), squad(followed))
        call.speak(speech)
        await call.until(lambda: len(call.journal("agent-turn")) == 2)
    pieces = call.journal("model-output")
    assert "".join(piece["output"] for piece in pieces).strip() == "You said what time is it."
    assert {piece["turn"] for piece in pieces} == {1}, "what was prepared in vain is not told"
    greeting, *rest = call.journal("agent-speech")
    assert (greeting["source"], greeting["text"]) == ("force-say", "Desk is here.")
    assert (rest[-1]["source"], rest[-1]["text"], rest[-1]["turn"]) == ("model", "You said what time is it.", 1)
