"""AssemblyAI's streaming: turns, what is sent, and whose key goes where."""

from __future__ import annotations

import asyncio
import json

import pytest
from pydantic import SecretStr

from gateway.errors import ProviderUnavailable
from gateway.providers.credentials import Credential
from gateway.providers.stt.assembly_ai import AssemblyAiRecogniser, Options
from gateway.providers.stt.connection import RecognisedWord
from tests.providers.emulators.assembly_ai import AssemblyAi
from tests.providers.emulators.ear import ScriptedEar
from tests.providers.emulators.emulator import running
from tests.providers.emulators.fault import Fault, Kind
from tests.providers.emulators.tone_words import encode
from tests.providers.speech import silence
from tests.providers.stt.connections import connected, eventually, finals, say, until, until_flushed


def emulator(*lines: str, confidence: float = 0.9) -> AssemblyAi:
    return AssemblyAi(lambda: ScriptedEar(lines, gap_ms=300), confidence=confidence)


def recogniser(server: AssemblyAi, **options: object) -> AssemblyAiRecogniser:
    credential = Credential(provider="assembly-ai", api_key=SecretStr(server.key), api_url=server.url)
    return AssemblyAiRecogniser(Options.model_validate(options), credential)


async def test_a_turn_is_told_word_by_word_and_ends_when_it_is_asked_to() -> None:
    server = emulator("hello there")
    async with connected(server, lambda: recogniser(server)) as connection:
        await say(connection, silence(200) + encode("hello there") + silence(100))
        results = await until_flushed(connection)
    assert [result.text for result in results] == ["hello", "hello there", "Hello there."]
    assert [result.final for result in results] == [False, False, True]
    final = results[-1]
    assert final.words == (RecognisedWord("Hello", 200, 400), RecognisedWord("there.", 400, 600))
    assert (final.start_ms, final.end_ms) == (200, 200 + 480 + 100), "it reaches to where it was asked for"
    assert final.confidence == pytest.approx(0.9)
    assert final.finished == 0.8


async def test_a_turn_may_end_by_itself() -> None:
    server = emulator("hello there")
    async with connected(server, lambda: recogniser(server, formatTurns=False)) as connection:
        await say(connection, encode("hello there") + silence(600))
        results = await until(connection, lambda result: result.final)
        assert (finals(results), results[-1].flushed) == (["hello there"], False)
        assert [result.text for result in await until_flushed(connection)] == [""], "there is no more to it"


@pytest.mark.parametrize("kind", [Kind.DUPLICATE, Kind.OUT_OF_ORDER, Kind.SLOW])
@pytest.mark.parametrize("formatted", [False, True])
async def test_each_turn_is_told_once_and_in_order(kind: Kind, formatted: bool) -> None:
    lines = ["hello there", "good bye", "so long", "and thanks"]
    server = emulator(*lines)
    server.fault = Fault(kind, seconds=0.02)
    heard: list[str] = []
    async with connected(server, lambda: recogniser(server, formatTurns=formatted)) as connection:
        await say(connection, b"".join(encode("one two") + silence(700) for _ in lines))
        while len(heard) < len(lines):
            heard += finals(await until(connection, lambda result: result.final))
    assert [text.lower().strip(".") for text in heard] == lines


async def test_what_is_not_sure_enough_has_no_text() -> None:
    server = emulator("mumble mumble", confidence=0.3)
    async with connected(server, lambda: recogniser(server)) as connection:
        await say(connection, encode("one two"))
        assert finals(await until_flushed(connection)) == []


async def test_audio_is_sent_in_messages_as_long_as_the_server_takes() -> None:
    server = emulator("hello there")
    async with connected(server, lambda: recogniser(server)) as connection:
        await say(connection, silence(100))
        await connection.send(silence(3000))
        await say(connection, silence(60))
        await until_flushed(connection)
    sizes = [len(message) for message in server.seen[0].messages if isinstance(message, bytes)]
    assert sizes == [480, 8000, 8000, 8000, 480]


async def test_a_session_is_ended_so_that_it_is_not_billed_any_further() -> None:
    server = emulator()
    async with connected(server, lambda: recogniser(server)):
        pass
    assert json.loads(server.seen[0].messages[-1]) == {"type": "Terminate"}
    assert recogniser(server).traits.bills == "connection"


async def test_settings_have_the_names_of_the_server() -> None:
    server = emulator()
    options = {
        "language": "multi",
        "minEndOfTurnSilenceWhenConfident": 160,
        "maxTurnSilence": 900,
        "endOfTurnConfidenceThreshold": 0.7,
        "keytermsPrompt": ["Parley"],
        "wordBoost": ["Kiel"],
        "formatTurns": False,
    }
    async with connected(server, lambda: recogniser(server, **options)):
        pass
    assert server.seen[0].query == {
        "sample_rate": "8000",
        "encoding": "pcm_mulaw",
        "speech_model": "universal-streaming-multilingual",
        "format_turns": "false",
        "min_turn_silence": "160",
        "max_turn_silence": "900",
        "end_of_turn_confidence_threshold": "0.7",
        "keyterms_prompt": '["Parley", "Kiel"]',
    }


def test_what_changes_nothing_is_told() -> None:
    options = Options.model_validate({"vadAssistedEndpointingEnabled": False, "endUtteranceSilenceThreshold": 700})
    assert options.unused == ["endUtteranceSilenceThreshold", "vadAssistedEndpointingEnabled"]


async def test_partials_can_be_switched_off() -> None:
    server = emulator("hello there")
    async with connected(server, lambda: recogniser(server, disablePartialTranscripts=True)) as connection:
        await say(connection, encode("hello there"))
        assert [result.text for result in await until_flushed(connection)] == ["Hello there."]


async def test_an_address_that_the_assistant_names_gets_no_key() -> None:
    server = emulator()
    credential = Credential(provider="assembly-ai", api_key=SecretStr(server.key))
    async with running(server):
        stranger = AssemblyAiRecogniser(Options(realtime_url=server.ws_url), credential)
        with pytest.raises(Exception, match="Unauthorized"):
            await stranger.connect()
        await eventually(lambda: server.open == 0)
    assert "authorization" not in server.seen[0].headers


async def test_a_message_of_another_form_is_an_outage() -> None:
    server = emulator("hello there")
    server._turn = lambda *_, **__: {"type": "Turn", "turn_order": "first"}  # type: ignore[method-assign]
    async with connected(server, lambda: recogniser(server)) as connection:
        await say(connection, encode("hello there"))
        with pytest.raises(ProviderUnavailable, match="turn_order"):
            await asyncio.wait_for(until_flushed(connection), 5)
