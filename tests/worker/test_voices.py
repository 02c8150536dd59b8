"""Calls whose voice is a provider's: a worker on a real gRPC stream, the voices' servers over real sockets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from gateway.providers.credentials import Credential
from gateway.providers.registry import Providers
from gateway.settings import Settings
from tests.providers.emulators.azure_speech import AzureSpeech
from tests.providers.emulators.custom_voice import CustomVoiceServer
from tests.providers.emulators.elevenlabs import ElevenLabsEmulator
from tests.providers.emulators.emulator import Emulator, running
from tests.providers.emulators.fault import Fault, Kind
from tests.providers.emulators.openai_speech import OpenAiSpeech
from tests.providers.emulators.speaking import Speaking
from tests.providers.emulators.tone_words import hear
from tests.worker.peer import GatewayPeer, PeerCall, attached, served

SENTENCE = "seven black paper lemon green river three north"
UNHURRIED = Speaking(word_ms=360, chunk_ms=120, pace=4)
"""The pace at which words without times are reckoned before a voice has been heard."""
VOICES: dict[str, dict[str, Any]] = {
    "openai": {"voiceId": "alloy"},
    "azure": {"voiceId": "emma"},
    "custom-voice": {"server": {"url": "http://overridden"}},
    "11labs": {"voiceId": "sarah"},
}


def emulators() -> dict[str, Emulator]:
    return {
        "openai": OpenAiSpeech(speaking=UNHURRIED),
        "azure": AzureSpeech(speaking=UNHURRIED),
        "custom-voice": CustomVoiceServer(speaking=UNHURRIED),
        "11labs": ElevenLabsEmulator(pace=0.017),
    }


def assistant(first: str, second: str) -> dict[str, Any]:
    """It greets with the sentence, by the first voice, for which the second stands in."""
    fallback = {"fallbackPlan": {"voices": [{"provider": second, **VOICES[second]}]}}
    model = {"provider": "tests.worker.fakes:EchoModel"}
    return {"firstMessage": SENTENCE, "voice": {"provider": first, **VOICES[first], **fallback}, "model": model}


@asynccontextmanager
async def placed(servers: dict[str, Emulator], data_dir: Path) -> AsyncIterator[GatewayPeer]:
    """A gateway attached to a worker that speaks by these servers. Afterwards nothing is left."""
    before = asyncio.all_tasks()
    credentials = [
        Credential.model_validate({"provider": name, "apiKey": server.key, "apiUrl": server.url})
        for name, server in servers.items()
    ]
    providers = Providers.of(Settings(credentials=credentials, data_dir=data_dir))
    async with served(providers=providers) as (worker, address), attached(address) as peer:
        yield peer
        for call in peer.calls.values():
            call.end()
        await asyncio.wait_for(worker.idle.wait(), 10)
        await providers.close()
    assert [server.open for server in servers.values()] == [0] * len(servers)
    if left := asyncio.all_tasks() - before:  # gRPC's own may take a moment
        await asyncio.wait(left, timeout=2)
    assert not [task for task in left if not task.done()]


async def greeted(peer: GatewayPeer, first: str, second: str) -> PeerCall:
    """A call whose caller has heard the greeting."""
    call = peer.call()
    call.start(assistant(first, second))
    await call.until(lambda: call.of("accepted"))
    call.answer()
    await call.until(lambda: call.journal("agent-turn"))
    return call


def words(call: PeerCall) -> list[str]:
    """The words in the audio that the gateway got, of either voice's length."""
    pcm = bytes(next(iter(call.utterances.values())).pcm)
    return [word.text for word in hear(pcm) if word.end_ms - word.start_ms > 185]


@pytest.mark.parametrize(
    ("first", "second"), [("openai", "azure"), ("azure", "custom-voice"), ("custom-voice", "openai")]
)
@pytest.mark.parametrize("kind", [Kind.CUT, Kind.HANG_MID_STREAM, Kind.SERVER_ERROR])
async def test_a_voice_that_fails_is_heard_to_the_end_in_another(
    tmp_path: Path, first: str, second: str, kind: Kind
) -> None:
    servers = {name: server for name, server in emulators().items() if name in (first, second)}
    async with running(servers[first]), running(servers[second]), placed(servers, tmp_path) as peer:
        servers[first].fault = Fault(kind, after=11)
        call = await greeted(peer, first, second)
        assert words(call) == SENTENCE.split()
        assert call.journal("agent-turn")[0]["heard"] == SENTENCE
        assert len(call.utterances) == 1


async def test_words_have_their_times_also_behind_the_change_of_voice(tmp_path: Path) -> None:
    servers = {name: server for name, server in emulators().items() if name in ("11labs", "azure")}
    async with running(servers["11labs"]), running(servers["azure"]), placed(servers, tmp_path) as peer:
        servers["11labs"].fault = Fault(Kind.CUT, after=14)
        call = await greeted(peer, "11labs", "azure")
        known = [word for told in call.of("words") for word in told.words]
        assert [word.text for word in known] == SENTENCE.split()
        tones = hear(bytes(next(iter(call.utterances.values())).pcm))
        assert [abs(word.start / 8 - tone.start_ms) < 60 for word, tone in zip(known, tones, strict=True)] == [True] * 8


async def test_the_greeting_of_the_second_call_asks_no_provider(tmp_path: Path) -> None:
    servers = {name: server for name, server in emulators().items() if name in ("openai", "azure")}
    async with running(servers["openai"]), running(servers["azure"]), placed(servers, tmp_path) as peer:
        calls = [await greeted(peer, "azure", "openai") for _ in range(2)]
        assert [words(call) for call in calls] == [SENTENCE.split()] * 2
        assert len([seen for seen in servers["azure"].seen if seen.body]) == 1
