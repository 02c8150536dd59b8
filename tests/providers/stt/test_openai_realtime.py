"""OpenAI's transcription sessions: what is sent, in what order results come, and what is billed."""

from __future__ import annotations

import json

import pytest

from gateway.errors import ProviderBadRequest
from gateway.providers.stt.connection import RecogniserConnection
from gateway.providers.stt.openai_realtime import OpenAiRealtimeRecogniser
from gateway.providers.usage import Usage
from tests.providers.emulators.ear import ScriptedEar, ToneEar
from tests.providers.emulators.emulator import running
from tests.providers.emulators.fault import Fault, Kind
from tests.providers.emulators.openai_realtime_transcription import OpenAiRealtimeTranscription
from tests.providers.emulators.tone_words import encode
from tests.providers.speech import silence
from tests.providers.stt.connections import connected, finals, say, until_flushed

TWO_LINES = ["hello there", "good bye"]


def emulator(lines: list[str]) -> OpenAiRealtimeTranscription:
    return OpenAiRealtimeTranscription(lambda: ScriptedEar(lines))


def recogniser(server: OpenAiRealtimeTranscription, model: str = "gpt-4o-transcribe") -> OpenAiRealtimeRecogniser:
    return OpenAiRealtimeRecogniser(server.api_url, server.key, model, "en")


async def say_two_lines(connection: RecogniserConnection) -> list[str]:
    heard = []
    for line in TWO_LINES:
        await say(connection, encode(line) + silence(100))
        heard += finals(await until_flushed(connection))
    return heard


async def test_committed_audio_comes_back_word_by_word_and_then_whole() -> None:
    server = emulator(["hello there"])
    async with connected(server, lambda: recogniser(server)) as connection:
        await say(connection, silence(1000) + encode("hello there") + silence(200))
        results = await until_flushed(connection)
    assert [result.text for result in results] == ["hello", "hello there", "hello there"]
    assert [result.final for result in results] == [False, False, True]
    final = results[-1]
    assert final.confidence == pytest.approx(0.905, abs=0.001)
    assert [(word.start_ms, word.end_ms) for word in final.words] == [(1000, 1200), (1240, 1440)]
    assert final.end_ms == 1000 + 480 + 200


async def test_the_session_is_set_up_for_the_telephone() -> None:
    server = emulator([])
    async with connected(server, lambda: recogniser(server)):
        pass
    update = json.loads(server.seen[0].messages[0])
    assert server.seen[0].query == {"intent": "transcription"}
    assert update["session"]["audio"]["input"] == {
        "format": {"type": "audio/pcmu"},
        "transcription": {"model": "gpt-4o-transcribe", "language": "en"},
        "turn_detection": None,
    }


async def test_silence_is_not_sent_and_has_no_text() -> None:
    server = emulator(["made up"])
    async with connected(server, lambda: recogniser(server)) as connection:
        await say(connection, silence(5000))
        assert [result.text for result in await until_flushed(connection)] == [""]
    kinds = [json.loads(message)["type"] for message in server.seen[0].messages]
    assert kinds == ["session.update", "input_audio_buffer.clear"]


async def test_a_word_that_is_shorter_than_the_server_takes_is_made_long_enough() -> None:
    server = emulator(["hm"])
    async with connected(server, lambda: recogniser(server)) as connection:
        await say(connection, encode("one", word_ms=20, gap_ms=0) + silence(60))
        assert finals(await until_flushed(connection)) == ["hm"]


async def test_who_is_asked_in_the_middle_of_a_word_tells_it_whole_later() -> None:
    server = OpenAiRealtimeTranscription(ToneEar)
    async with connected(server, lambda: recogniser(server)) as connection:
        await say(connection, silence(300) + encode("hello one") + encode("two")[:1600])
        (*_, glance) = await until_flushed(connection)
        assert (glance.text, glance.final, glance.flushed) == ("hello one", False, True)
        await say(connection, encode("two")[1600:] + encode("three") + silence(100))
        assert finals(await until_flushed(connection)) == ["hello one two three"]


async def test_what_was_said_before_a_pause_is_a_text_of_its_own() -> None:
    server = OpenAiRealtimeTranscription(ToneEar)
    async with connected(server, lambda: recogniser(server)) as connection:
        await say(connection, encode("one") + silence(600) + encode("two three") + silence(100))
        results = await until_flushed(connection)
    assert [(result.text, result.flushed) for result in results if result.final] == [
        ("one", False),
        ("two three", True),
    ]
    assert results[-1].words[0].start_ms == 840


async def test_tokens_are_billed_as_the_server_tells() -> None:
    server = emulator(TWO_LINES)
    async with connected(server, lambda: recogniser(server)) as connection:
        await say(connection, encode("hello there"))
        results = await until_flushed(connection)
    assert [result.usage for result in results if result.usage] == [
        Usage("transcriber", "openai", "gpt-4o-transcribe", prompt_tokens=5, completion_tokens=2)
    ]
    assert recogniser(server).traits.bills == "results"


@pytest.mark.parametrize("kind", [Kind.DUPLICATE, Kind.OUT_OF_ORDER, Kind.SLOW])
async def test_each_text_is_told_once_and_in_order(kind: Kind) -> None:
    server = emulator(TWO_LINES)
    server.fault = Fault(kind, seconds=0.02)
    async with connected(server, lambda: recogniser(server)) as connection:
        assert await say_two_lines(connection) == TWO_LINES


async def test_a_model_that_does_not_exist_is_refused_before_anything_is_said() -> None:
    server = emulator([])
    async with running(server):
        with pytest.raises(ProviderBadRequest, match="Model not found"):
            await recogniser(server, "gpt-5-hear").connect()
