"""A model that speaks by itself, over a real gRPC stream."""

from __future__ import annotations

from typing import Any

from gateway.link.v1 import link_pb2 as pb
from tests.worker.fakes import SpeakingModel
from tests.worker.peer import attached, served
from tests.worker.test_conversation import LONG, assistant, greeted
from tests.worker.test_resume import go_on


def speaking(reply: str, **fields: Any) -> dict[str, Any]:
    """An assistant whose model speaks by itself; its voice would fail on any word of a reply."""
    model = {"provider": "tests.worker.fakes:SpeakingModel", "reply": reply, **fields.pop("model", {})}
    return {**assistant(**fields), "model": model}


async def test_its_audio_and_words_are_the_reply(speech: bytes) -> None:
    async with served() as (_, address), attached(address) as peer:
        call = await greeted(peer, speaking("It is ten o'clock."))
        call.speak(speech)
        _, reply = await call.until(lambda: len(turns := call.journal("agent-turn")) == 2 and turns)

    assert (reply["text"], reply["heard"]) == ("It is ten o'clock.", "It is ten o'clock.")
    (spoken,) = [utterance for utterance in call.utterances.values() if utterance.turn]
    assert spoken.samples == spoken.position == 4 * 800
    assert [entry["text"] for entry in call.journal("utterance")] == ["Hello there.", "It", "It is ten o'clock."]
    assert SpeakingModel.heard["item 2"] == 4 * 800
    assert len(call.journal("latency")) == 1


async def test_a_cut_keeps_the_words_that_were_heard_and_tells_the_model_how_far_it_came(speech: bytes) -> None:
    async with served() as (_, address), attached(address) as peer:
        call = await greeted(peer, speaking(LONG, texts=["go ahead", "stop that please"]))
        call.speak(speech)
        await call.until(lambda: call.playing and call.playing.turn == 1 and call.playing.position > 4000)
        onset = call.now
        call.speak(speech)
        call.pause(onset_ms=onset)
        (verdict,) = await call.until(lambda: call.of("verdict"))
        assert verdict.decision == pb.Verdict.DECISION_CUT
        cut = (await call.until(lambda: len(turns := call.journal("agent-turn")) >= 2 and turns))[1]

    (spoken,) = [utterance for utterance in call.utterances.values() if utterance.turn == 1]
    assert cut["interrupted"]
    assert LONG.startswith(cut["heard"])
    assert abs(len(cut["heard"]) / len(LONG) - spoken.position / spoken.samples) < 0.1
    assert SpeakingModel.heard["item 2"] == spoken.position


async def test_the_next_worker_knows_the_words_that_came_after_the_beginning(speech: bytes) -> None:
    plan = speaking(LONG)
    async with served() as (_, first), served() as (_, second):
        async with attached(first) as peer:
            call = await greeted(peer, plan)
            call.speak(speech)
            await call.until(lambda: len(call.journal("utterance")) == 3 and call.playing and call.playing.position > 0)
        async with attached(second) as peer:
            successor = peer.call()
            go_on(call, successor, plan)
            (said,) = await successor.until(lambda: successor.journal("agent-turn"))
    assert said["heard"].split() == LONG.split()


async def test_a_phrase_that_it_speaks_ends_the_call(speech: bytes) -> None:
    async with served() as (_, address), attached(address) as peer:
        call = await greeted(peer, speaking("Thank you. Good bye!", endCallPhrases=["good bye"]))
        call.speak(speech)
        (action,) = await call.until(lambda: call.of("action"))
    assert action.hangup.reason == "assistant-said-end-call-phrase"
    assert call.texts() == ["Hello there.", "Thank"]
