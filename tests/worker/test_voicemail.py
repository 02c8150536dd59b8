"""Outbound calls over a real gRPC stream: a voicemail gets its message after the beep, a human the greeting."""

from __future__ import annotations

from typing import Any

import numpy as np

from gateway.link.v1 import link_pb2 as pb
from tests.worker.peer import PeerCall, attached, served
from tests.worker.test_conversation import answered, assistant

MESSAGE = "Please call the office."
VOICEMAIL = {"voicemailDetection": {"provider": "vapi"}, "voicemailMessage": MESSAGE}
OUTBOUND = {"direction": pb.DIRECTION_OUTBOUND}


def beep(ms: int = 400) -> bytes:
    wave = np.sin(2 * np.pi * 1000 * np.arange(ms * 8) / 8000) * 6000
    return wave.astype(np.int16).tobytes()


def hangups(call: PeerCall) -> list[Any]:
    return [action.hangup for action in call.of("action")]


def answerers(call: PeerCall) -> list[str]:
    return [note["detail"].split()[0] for note in call.journal("note") if note["event"] == "answered-by"]


async def test_a_voicemail_gets_its_message_after_the_beep(speech: bytes) -> None:
    plan = assistant(texts=["you have reached Joe, leave a message after the tone"], **VOICEMAIL)
    async with served() as (_, address), attached(address) as peer:
        call = await answered(peer, plan, **OUTBOUND)
        call.speak(bytes(8000))
        call.speak(speech)
        call.speak(bytes(8000))
        beep_end_ms = call.speak(beep())
        await call.until(lambda: hangups(call))
        (utterance,) = call.utterances.values()
        assert (utterance.text, utterance.interruptible) == (MESSAGE, False)
        assert beep_end_ms < call.first_audio_ms[utterance.turn] <= beep_end_ms + 1000
        assert [(one.reason, one.after_playout) for one in hangups(call)] == [("voicemail", True)]
        assert answerers(call) == ["machine"]
        assert [turn["kind"] for turn in call.journal("agent-turn")] == ["voicemail"]


async def test_a_human_is_greeted_after_his_hello(speech: bytes) -> None:
    plan = assistant(texts=["hello"], **VOICEMAIL)
    async with served() as (_, address), attached(address) as peer:
        call = await answered(peer, plan, **OUTBOUND)
        call.speak(bytes(8000))
        hello_end_ms = call.speak(speech)
        await call.until(lambda: call.journal("agent-turn"))
        (utterance,) = call.utterances.values()
        assert utterance.text == "Hello there."
        assert call.first_audio_ms[utterance.turn] > hello_end_ms
        assert answerers(call) == ["human"]
        assert [turn["text"] for turn in call.journal("caller-turn")] == ["hello"]


async def test_a_caller_is_greeted_at_once_whatever_is_said_about_voicemail() -> None:
    async with served() as (_, address), attached(address) as peer:
        call = await answered(peer, assistant(**VOICEMAIL))
        await call.until(lambda: call.of("utterance"))
        assert not answerers(call)
