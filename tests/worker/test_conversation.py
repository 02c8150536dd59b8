"""Whole conversations over a real gRPC stream, with providers that answer at once."""

from __future__ import annotations

from typing import Any

from tests.worker.peer import attached, served


def assistant(**fields: Any) -> dict[str, Any]:
    return {
        "firstMessage": "Hello there.",
        "transcriber": {"provider": "tests.worker.fakes:ScriptedTranscriber", "texts": ["what time is it"]},
        "model": {"provider": "tests.worker.fakes:EchoModel", "reply": "You said {text}."},
        "voice": {"provider": "tests.worker.fakes:ToneVoice", "word_ms": 100},
        **fields,
    }


async def test_a_call_is_greeted_heard_answered_and_ended(speech: bytes) -> None:
    async with served() as (worker, address), attached(address) as peer:
        call = peer.call()
        call.start(assistant())
        await call.until(lambda: call.of("accepted"))
        assert not call.of("utterance"), "nothing plays before the call is answered"
        call.answer()
        await call.until(lambda: call.journal("agent-turn"))
        end_ms = call.speak(speech)
        await call.until(lambda: len(call.journal("agent-turn")) == 2)

        assert call.texts() == ["Hello there.", "You said what time is it."]
        assert [turn["text"] for turn in call.journal("caller-turn")] == ["what time is it"]
        latency = call.journal("latency")[0]
        parts = sum(latency[part] for part in ("endpointing", "transcriber", "model", "voice"))
        assert abs(latency["speech_end_ms"] + parts - call.first_audio_ms[1]) < 100
        assert abs(latency["speech_end_ms"] - end_ms) < 300
        call.end()
        await call.until(lambda: worker.load().active_calls == 0)
