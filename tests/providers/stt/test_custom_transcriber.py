"""A transcription server of the user's own: what it gets, and how its texts are waited for."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import numpy as np
import pytest
from pydantic import SecretStr

from gateway.assistant.section import Server
from gateway.errors import ProviderTimeout, ProviderUnavailable
from gateway.providers.credentials import Credential
from gateway.providers.stt.custom_transcriber import CustomRecogniser
from tests.providers.emulators.custom_transcriber import CustomTranscriberServer
from tests.providers.emulators.ear import ToneEar
from tests.providers.emulators.emulator import Wire
from tests.providers.emulators.fault import Fault, Kind
from tests.providers.emulators.tone_words import encode
from tests.providers.speech import silence
from tests.providers.stt.connections import connected, finals, say, until, until_flushed

LINES = ["hello please", "call back", "seven eight"]


def server(**options: Any) -> CustomTranscriberServer:
    return CustomTranscriberServer(ToneEar, **options)


def recogniser(emulator: CustomTranscriberServer, **more: Any) -> CustomRecogniser:
    settings = Server(url=f"{emulator.url}/transcribe", secret=emulator.key, **more)
    return CustomRecogniser(settings, Credential(provider="custom-transcriber"))


async def test_words_come_as_they_are_said_and_an_utterance_after_some_quiet() -> None:
    emulator = server()
    async with connected(emulator, lambda: recogniser(emulator)) as connection:
        await say(connection, silence(1000) + encode("hello please"))
        await connection.flush()
        await say(connection, silence(400))
        results = await until(connection, lambda result: result.final)
    assert [result.text for result in results] == ["hello", "hello please", "hello please"]
    assert [word.text for word in results[-1].words] == ["hello", "please"]
    assert results[-1].words[0].start_ms == 1000
    assert results[-1].words[-1].end_ms == pytest.approx(1440, abs=20)
    assert results[-1].flushed


async def test_the_server_is_told_what_comes_and_gets_the_caller_on_the_first_channel() -> None:
    emulator = server()
    async with connected(emulator, lambda: recogniser(emulator, headers={"X-Mine": "yes"})) as connection:
        await say(connection, encode("hello please") + silence(400))
        assert finals(await until(connection, lambda result: result.final)) == ["hello please"]
    seen = emulator.seen[0]
    assert json.loads(seen.messages[0]) == {
        "type": "start",
        "encoding": "linear16",
        "container": "raw",
        "sampleRate": 16000,
        "channels": 2,
    }
    assert (seen.path, seen.headers["x-vapi-secret"], seen.headers["x-mine"]) == ("/transcribe", emulator.key, "yes")
    assert not np.frombuffer(emulator.agent, "<i2").any()
    assert len(emulator.agent) == pytest.approx(880 * 32, abs=20 * 32), "all that was sent, at twice the rate"


async def test_a_server_that_tells_finals_alone_is_waited_for() -> None:
    emulator = server(partials=False)
    async with connected(emulator, lambda: recogniser(emulator)) as connection:
        await say(connection, encode("hello please"))
        await connection.flush()
        await say(connection, silence(400))
        assert finals(await until(connection, lambda result: result.flushed)) == ["hello please"]


async def test_a_text_that_does_not_become_final_is_taken_as_it_is_and_told_once() -> None:
    emulator = server(quiet_ms=500)
    async with connected(emulator, lambda: recogniser(emulator)) as connection:
        await say(connection, encode("hello please") + silence(100))
        assert finals(await until_flushed(connection)) == ["hello please"]
        await say(connection, silence(200) + encode("call back") + silence(600))
        assert finals(await until(connection, lambda result: result.final)) == ["call back"]


async def test_where_nothing_comes_nothing_was_said() -> None:
    emulator = server()
    async with connected(emulator, lambda: recogniser(emulator)) as connection:
        await say(connection, silence(500))
        assert [result.text for result in await until_flushed(connection)] == [""]


async def test_a_server_that_never_says_anything_is_given_up() -> None:
    emulator = server()
    emulator.fault = Fault(Kind.HANG_MID_STREAM, after=0)
    answers: list[str] = []
    with pytest.raises(ProviderTimeout, match="says nothing any more"):
        await ask_again_and_again(emulator, answers)
    assert answers == ["", "", ""]


async def ask_again_and_again(emulator: CustomTranscriberServer, answers: list[str]) -> None:
    async with connected(emulator, lambda: recogniser(emulator)) as connection:
        await say(connection, encode("hello please") + silence(400))
        while len(answers) < 5:
            answers += [result.text for result in await until_flushed(connection)]


@pytest.mark.parametrize("kind", [Kind.DUPLICATE, Kind.OUT_OF_ORDER, Kind.SLOW])
async def test_each_text_is_told_once(kind: Kind) -> None:
    emulator = server()
    emulator.fault = Fault(kind, seconds=0.01)
    heard: list[str] = []
    lines = LINES if kind is not Kind.OUT_OF_ORDER else [*LINES, "one two"]
    async with connected(emulator, lambda: recogniser(emulator)) as connection:
        for line in lines:
            await say(connection, encode(line) + silence(500))
        while len(heard) < len(lines):
            heard += finals(await until(connection, lambda result: result.final))
    assert heard == lines


async def test_what_the_server_complains_of_and_what_the_agent_says_is_passed_over() -> None:
    emulator = server()
    original = emulator._respond

    async def respond(wire: Wire, text: str, kind: str) -> None:
        await wire.send({"type": "error", "error": "a moment, please"})
        await wire.send({"type": "transcriber-response", "transcription": "from the agent", "channel": "assistant"})
        await wire.send({"type": "something new"})
        await original(wire, text, kind)

    emulator._respond = respond  # type: ignore[method-assign]
    async with connected(emulator, lambda: recogniser(emulator)) as connection:
        await say(connection, encode("hello please") + silence(400))
        results = await until(connection, lambda result: result.final)
    assert {result.text for result in results} == {"hello", "hello please"}


async def test_a_message_of_another_form_is_an_outage() -> None:
    emulator = server()

    async def respond(wire: Wire, text: str, kind: str) -> None:
        await wire.send({"type": "transcriber-response", "transcription": None})

    emulator._respond = respond  # type: ignore[method-assign]
    async with connected(emulator, lambda: recogniser(emulator)) as connection:
        await say(connection, encode("hello please"))
        with pytest.raises(ProviderUnavailable, match="transcription"):
            await asyncio.wait_for(until_flushed(connection), 5)


async def test_a_key_of_the_credential_is_the_secret_where_the_server_has_none() -> None:
    emulator = server()
    credential = Credential(provider="custom-transcriber", api_key=SecretStr(emulator.key))
    async with connected(emulator, lambda: CustomRecogniser(Server(url=emulator.ws_url), credential)):
        pass
    assert emulator.seen[0].headers["x-vapi-secret"] == emulator.key
