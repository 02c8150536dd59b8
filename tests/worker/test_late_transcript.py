"""Calls whose transcriber hangs: a worker on a real gRPC stream, Deepgram's emulator over a real socket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from gateway.conversation.fillers import FillerPlan
from gateway.providers.credentials import Credential, Credentials
from gateway.providers.registry import Providers
from tests.providers.emulators.deepgram_listen import DeepgramListen
from tests.providers.emulators.ear import ScriptedEar
from tests.providers.emulators.emulator import running
from tests.providers.emulators.fault import Fault, Kind
from tests.worker.peer import GatewayPeer, PeerCall, attached, served
from tests.worker.test_conversation import assistant, greeted

WORDS = "please call back tomorrow"
SILENT_MS = 2_500
STAND_IN = {"fallbackPlan": {"transcribers": [{"provider": "deepgram", "model": "flux-general-en"}]}}


@asynccontextmanager
async def heard_by(server: DeepgramListen) -> AsyncIterator[GatewayPeer]:
    """A gateway attached to a worker for which Deepgram is the emulator."""
    async with running(server):
        credential = Credential.model_validate({"provider": "deepgram", "apiKey": server.key, "apiUrl": server.url})
        providers = Providers(Credentials([credential], environ={}))
        async with served(providers=providers) as (worker, address), attached(address) as peer:
            yield peer
            for call in peer.calls.values():
                call.end()
            await asyncio.wait_for(worker.idle.wait(), 10)
            await providers.close()


def plan(**transcriber: Any) -> dict[str, Any]:
    return assistant(transcriber={"provider": "deepgram", "model": "nova-3", **transcriber})


def silences(call: PeerCall, since_ms: int) -> list[int]:
    """What the caller hears nothing for, before each utterance after `since_ms`."""
    found = []
    begun = [entry.at_ms for entry in call.of("journal") if entry.kind == "utterance"]
    for at_ms, (_, utterance) in zip(begun, sorted(call.utterances.items()), strict=True):
        if at_ms > since_ms:
            found.append(at_ms - since_ms)
            since_ms = at_ms + utterance.samples // 8
    return found


async def answered(speech: bytes, **transcriber: Any) -> tuple[PeerCall, int]:
    """A call that is over: what its caller said first came to a transcriber that hangs, and was answered all the same.
    With when the caller had said it."""
    server = DeepgramListen(ear=lambda: ScriptedEar([WORDS]))
    server.fault = Fault(Kind.HANG_MID_STREAM, after=0, times=1)
    async with heard_by(server) as peer:
        call = await greeted(peer, plan(**transcriber))
        end_ms = call.speak(speech)
        await call.until(lambda: call.journal("agent-turn")[-1]["text"].startswith("You said"))
    assert [turn["text"].lower() for turn in call.journal("caller-turn")] == [WORDS]
    assert max(silences(call, end_ms)) <= SILENT_MS
    return call, end_ms


def kinds_of_turns(call: PeerCall) -> list[str]:
    return [turn["kind"] for turn in call.journal("agent-turn")]


async def test_a_transcriber_without_a_stand_in_is_tried_again_and_the_wait_is_covered(speech: bytes) -> None:
    call, end_ms = await answered(speech)
    _, *covers, _ = kinds_of_turns(call)
    assert set(covers) == {"cover"}
    *_, answer_ms = (entry.at_ms for entry in call.of("journal") if entry.kind == "utterance")
    assert answer_ms - end_ms > SILENT_MS, "without a cover it would have been silent for too long"


async def test_a_stand_in_answers_a_caller_whose_transcriber_hangs(speech: bytes) -> None:
    """So soon that the wait is covered on a slow machine only."""
    call, _ = await answered(speech, **STAND_IN)
    _, *covers, _ = kinds_of_turns(call)
    assert covers in ([], ["cover"])
    assert [note["event"] for note in call.journal("note")].count("transcriber-switched") == 1


async def test_a_transcriber_that_hangs_for_ever_ends_the_call_with_its_reason(speech: bytes) -> None:
    server = DeepgramListen(ear=lambda: ScriptedEar([WORDS]))
    server.fault = Fault(Kind.HANG_MID_STREAM, after=0)
    async with heard_by(server) as peer:
        call = await greeted(peer, plan())
        end_ms = call.speak(speech)
        (ending,) = await call.until(lambda: call.of("action"))
        assert ending.hangup.reason == "pipeline-error-deepgram-transcriber-failed"
        assert max(silences(call, end_ms)) <= SILENT_MS
        said = [utterance.text for utterance in sorted(call.utterances.values(), key=lambda one: one.id)]
        assert said[1:3] == list(FillerPlan().phrases[:2])
