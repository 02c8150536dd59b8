"""The worked example of docs/adding-a-provider.md: its file and its line, put in their places, are a provider."""

from __future__ import annotations

import io
import json
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soxr
import yaml
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

import gateway.providers.tts
from gateway.assistant.assistant import Assistant
from gateway.commands.provider.listing import listed
from gateway.commands.provider.names import StageName
from gateway.errors import ConfigError, ProviderBadRequest, ProviderUnavailable
from gateway.providers import catalogue
from gateway.providers.base import CallContext
from gateway.providers.credentials import Credential, Credentials
from gateway.providers.registry import Providers
from gateway.providers.usage import UsageBook
from tests.docs.pages import blocks
from tests.providers.emulators.emulator import Emulator, running
from tests.providers.emulators.tone_words import decode, encode

(FILE,) = blocks("python", "provider")
(LINE,) = blocks("python", "entry")
(ASSISTANT,) = blocks("json provider")


class OpenTtsServer(Emulator):
    """OpenTTS's GET /api/tts, after the README of github.com/synesthesiam/opentts: a WAV file, here of tone words."""

    def __init__(self) -> None:
        super().__init__(key="")
        self.routes = [Route("/api/tts", self._speak)]

    async def _speak(self, request: Request) -> Response:
        seen = await self.note(request)
        if seen.query["voice"] != "larynx:harvard-glow_tts":
            return PlainTextResponse("No such voice", status_code=400)
        samples = np.frombuffer(encode(seen.query["text"].split()), "<i2")
        file = io.BytesIO()
        with wave.open(file, "wb") as sound:
            sound.setnchannels(1)
            sound.setsampwidth(2)
            sound.setframerate(22050)
            sound.writeframes(soxr.resample(samples, 8000, 22050).astype("<i2").tobytes())
        return Response(file.getvalue(), media_type="audio/wav")


@pytest.fixture(autouse=True)
def in_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file among the voices, the line in the catalogue."""
    (tmp_path / "opentts.py").write_text(FILE.text)
    monkeypatch.setattr(gateway.providers.tts, "__path__", [*gateway.providers.tts.__path__, str(tmp_path)])
    for name, entry in eval(f"{{{LINE.text}}}", dict(vars(catalogue))).items():
        monkeypatch.setitem(catalogue.BY_STAGE["voice"], name, entry)


def reaching(server: OpenTtsServer) -> Providers:
    return Providers(Credentials([Credential(provider="opentts", api_url=server.url)], environ={}))


def voice_of(providers: Providers, **changes: Any) -> Any:
    read = json.loads(ASSISTANT.text)
    read["voice"] |= changes
    return providers.voice(Assistant.model_validate(read).voice)


async def test_the_assistant_of_the_page_speaks_with_it_and_is_billed() -> None:
    server, book = OpenTtsServer(), UsageBook()
    async with running(server):
        providers = reaching(server)
        chunks = [c async for c in voice_of(providers).speak("one two three", CallContext(meter=book.add))]
        await providers.close()
    assert [word for word, _, _ in decode(b"".join(chunk.pcm for chunk in chunks))] == ["one", "two", "three"]
    assert book.rows() == [
        {"stage": "voice", "provider": "opentts", "model": "larynx:harvard-glow_tts", "characters": 13}
    ]


async def test_what_goes_wrong_is_an_error_of_providers() -> None:
    server = OpenTtsServer()
    async with running(server):
        providers = reaching(server)
        with pytest.raises(ProviderBadRequest, match="nobody of opentts answered 400: No such voice"):
            _ = [chunk async for chunk in voice_of(providers, voiceId="nobody").speak("one")]
    with pytest.raises(ProviderUnavailable):
        _ = [chunk async for chunk in voice_of(providers).speak("one")]
    with pytest.raises(ConfigError, match="speed is wrong"):
        voice_of(providers, speed=2)
    await providers.close()


def test_the_commands_know_it() -> None:
    (found,) = [one for one in listed(StageName.TTS, Credentials(environ={})) if one.provider == "opentts"]
    assert found.ready


def test_it_is_one_file_of_a_page_and_one_line() -> None:
    assert len(FILE.text.splitlines()) <= 60
    assert len(LINE.text.splitlines()) == 1
    assert yaml.safe_load(ASSISTANT.text)["voice"]["provider"] == "opentts"
