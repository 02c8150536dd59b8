"""Which of OpenAI's interfaces a model is asked by, and where the key goes."""

from __future__ import annotations

import pytest
from pydantic import SecretStr

from gateway.providers.base import Transcriber, TranscriptHint
from gateway.providers.credentials import Credential
from gateway.providers.stt.openai import Options, make
from gateway.providers.stt.requests import RequestTranscriber
from tests.providers.emulators.ear import ScriptedEar
from tests.providers.emulators.emulator import running
from tests.providers.emulators.openai_audio import OpenAiAudio
from tests.providers.emulators.tone_words import encode

KEY = Credential(provider="openai", api_key=SecretStr("sk-secret"))


def made(**options: str) -> Transcriber:
    return make(Options.model_validate(options), KEY)


@pytest.mark.parametrize(
    ("options", "streaming"),
    [
        ({}, True),
        ({"model": "gpt-4o-mini-transcribe"}, True),
        ({"model": "whisper-1"}, False),
        ({"model": "gpt-4o-transcribe", "url": "http://127.0.0.1:8001/v1"}, False),
    ],
)
def test_the_gpt_4o_models_are_streamed_to(options: dict[str, str], streaming: bool) -> None:
    assert made(**options).capabilities.streaming is streaming


@pytest.mark.parametrize("beside", [False, True])
async def test_a_server_of_ones_own_gets_the_key_only_where_its_address_stands_beside_it(beside: bool) -> None:
    server = OpenAiAudio(lambda: ScriptedEar(["one two"]), key="sk-secret" if beside else "")
    async with running(server):
        credential = KEY.model_copy(update={"api_url": server.api_url}) if beside else KEY
        transcriber = make(Options(model="tiny.en", url=server.api_url), credential)
        assert isinstance(transcriber, RequestTranscriber)
        stream = await transcriber.open()
        stream.push(encode("one two"), 0)
        stream.finish(1, 0, 480, TranscriptHint())
        assert (await anext(stream)).text == "one two"
        await stream.close()
        await transcriber.close()
    assert ("sk-secret" in str(server.seen[0].headers)) is beside
