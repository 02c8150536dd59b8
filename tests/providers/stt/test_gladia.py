"""Gladia's live transcription: utterances, lost connections, and what is sent."""

from __future__ import annotations

import asyncio

import pytest
from pydantic import SecretStr

from gateway.errors import ProviderBadRequest, ProviderUnavailable
from gateway.providers.credentials import Credential
from gateway.providers.stt.connection import RecognisedWord
from gateway.providers.stt.gladia import GladiaRecogniser, Options
from tests.providers.emulators.ear import ScriptedEar
from tests.providers.emulators.fault import Fault, Kind
from tests.providers.emulators.gladia import Gladia
from tests.providers.emulators.tone_words import encode
from tests.providers.speech import silence
from tests.providers.stt.connections import connected, finals, say, until, until_flushed

LINES = ["hello there", "good bye", "so long"]


def emulator(*lines: str, confidence: float = 0.9) -> Gladia:
    return Gladia(lambda: ScriptedEar(lines, gap_ms=300), confidence=confidence)


def recogniser(server: Gladia, **options: object) -> GladiaRecogniser:
    credential = Credential(provider="gladia", api_key=SecretStr(server.key), api_url=server.url)
    return GladiaRecogniser(Options.model_validate(options), credential)


async def test_an_utterance_is_told_word_by_word_and_ends_with_a_short_silence() -> None:
    server = emulator("hello there")
    async with connected(server, lambda: recogniser(server, endpointing=0.1)) as connection:
        await say(connection, silence(200) + encode("hello there"))
        await connection.flush()
        await say(connection, silence(120))
        results = await until(connection, lambda result: result.final)
    assert [result.text for result in results] == ["hello", "hello there", "hello there"]
    assert results[-1].words == (RecognisedWord("hello", 200, 400), RecognisedWord("there", 400, 600))
    assert (results[-1].flushed, results[-1].end_ms) == (True, 680)


async def test_where_all_audio_is_acknowledged_and_nothing_comes_nothing_was_said() -> None:
    server = emulator("never said")
    async with connected(server, lambda: recogniser(server)) as connection:
        await say(connection, silence(500))
        assert [(one.text, one.flushed, one.end_ms) for one in await until_flushed(connection)] == [("", True, 0)]


async def test_an_utterance_that_does_not_end_is_told_as_far_as_it_is_known_and_not_again() -> None:
    server = emulator("hello there", "good bye")
    async with connected(server, lambda: recogniser(server)) as connection:
        await say(connection, encode("hello there", gap_ms=0))
        assert finals(await until_flushed(connection)) == ["hello there"]
        await say(connection, silence(400) + encode("good bye") + silence(200))
        assert finals(await until(connection, lambda result: result.final)) == ["good bye"]


@pytest.mark.parametrize("kind", [Kind.DUPLICATE, Kind.OUT_OF_ORDER, Kind.SLOW])
async def test_each_utterance_is_told_once_and_in_order(kind: Kind) -> None:
    server = emulator(*LINES)
    server.fault = Fault(kind, seconds=0.001)
    heard: list[str] = []
    async with connected(server, lambda: recogniser(server)) as connection:
        await say(connection, b"".join(encode("one two") + silence(500) for _ in LINES))
        while len(heard) < len(LINES):
            heard += finals(await until(connection, lambda result: result.final))
    assert heard == LINES


async def test_a_lost_connection_is_taken_up_again_and_no_word_is_lost() -> None:
    server = emulator(*LINES)
    server.fault = Fault(Kind.CUT, after=40, times=1)
    heard: list[str] = []
    async with connected(server, lambda: recogniser(server)) as connection:
        await say(connection, b"".join(encode("one two") + silence(500) for _ in LINES))
        while len(heard) < len(LINES):
            heard += finals(await until(connection, lambda result: result.final))
    assert heard == LINES
    assert [seen.path for seen in server.seen] == ["/v2/live"] * 3, "one session, two connections"
    assert server.seen[1].query == server.seen[2].query


async def test_a_connection_that_is_lost_for_good_takes_no_audio() -> None:
    server = emulator()
    server.fault = Fault(Kind.CUT, after=0)
    async with connected(server, lambda: recogniser(server)) as connection:
        await connection.send(silence(100))
        with pytest.raises(ProviderUnavailable, match="1011"):
            await asyncio.wait_for(until_flushed(connection), 5)
        with pytest.raises(ProviderUnavailable, match="1011"):
            await connection.send(silence(100))
    assert len(server.seen) == 1 + 3


async def test_what_is_not_sure_enough_has_no_text() -> None:
    server = emulator("mumble", confidence=0.3)
    async with connected(server, lambda: recogniser(server)) as connection:
        await say(connection, encode("one two") + silence(200))
        results = await until(connection, lambda result: result.final)
    assert results[-1].text == ""


async def test_settings_have_the_names_of_the_server() -> None:
    server = emulator()
    options = {
        "languageBehaviour": "automatic multiple languages",
        "languages": ["de", "en"],
        "region": "eu-west",
        "transcriptionHint": "Parley, Kiel",
        "customVocabularyEnabled": True,
        "customVocabularyConfig": {"vocabulary": [{"value": "Förde", "intensity": 0.7}]},
        "speechThreshold": 0.6,
        "audioEnhancer": True,
    }
    async with connected(server, lambda: recogniser(server, **options)):
        pass
    sent = server.seen[0].json
    assert server.seen[0].query == {"region": "eu-west"}
    assert sent["language_config"] == {"languages": ["de", "en"], "code_switching": True}
    assert sent["pre_processing"] == {"audio_enhancer": True, "speech_threshold": 0.6}
    assert sent["realtime_processing"]["custom_vocabulary_config"] == {
        "vocabulary": [{"value": "Förde", "intensity": 0.7}, "Parley", "Kiel"],
        "default_intensity": 0.5,
    }
    assert sent["model"] == "solaria-1"
    assert Options(prosody=True).unused == ["prosody"]


async def test_a_session_is_ended_so_that_it_is_not_billed_any_further() -> None:
    server = emulator()
    async with connected(server, lambda: recogniser(server)):
        pass
    assert server.seen[1].messages == ['{"type": "stop_recording"}']


async def test_audio_that_is_refused_is_an_error() -> None:
    server = emulator()
    original = server._tell
    server._tell = lambda wire, session, kind, **content: original(  # type: ignore[method-assign]
        wire, session, kind, **{**content, "acknowledged": False, "error": {"message": "bad chunk"}, "data": None}
    )
    async with connected(server, lambda: recogniser(server)) as connection:
        await connection.send(silence(100))
        with pytest.raises(ProviderBadRequest, match="bad chunk"):
            await asyncio.wait_for(until_flushed(connection), 5)
