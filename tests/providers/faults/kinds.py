"""The kinds of providers in the matrix, each with one that stands in for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import SecretStr

from gateway.providers.credentials import Credential
from tests.providers.emulators.anthropic_messages import AnthropicMessages
from tests.providers.emulators.assembly_ai import AssemblyAi
from tests.providers.emulators.azure_speech import AzureSpeech
from tests.providers.emulators.cartesia import CartesiaEmulator
from tests.providers.emulators.deepgram_listen import DeepgramListen
from tests.providers.emulators.elevenlabs import ElevenLabsEmulator
from tests.providers.emulators.emulator import Emulator
from tests.providers.emulators.openai_audio import OpenAiAudio
from tests.providers.emulators.openai_chat import OpenAiChat
from tests.providers.emulators.openai_realtime import OpenAiRealtime
from tests.providers.emulators.openai_speech import OpenAiSpeech
from tests.providers.emulators.speaking import Speaking
from tests.providers.faults.caller import RecordedEar, Recordings
from tests.providers.faults.stages import GREETING, Answers

_FASTER = Speaking(chunk_ms=120, pace=1.5)
"""Speech comes while it is heard, so that a fault can begin then."""
_PIECE_SECONDS = 0.045
"""The same for those that send pieces of 69 ms."""
_TOKEN_SECONDS = 0.12


@dataclass(frozen=True, slots=True)
class World:
    """What the emulators of a trial have in common: what the caller says, and what models answer."""

    recordings: Recordings
    answers: Answers

    def ear(self) -> RecordedEar:
        return RecordedEar(self.recordings)

    def hear(self, pcm: bytes, begun: str) -> str:
        """What a session hears in committed audio, which may begin with what it heard before."""
        ear = self.ear()
        ear.push(pcm + bytes(16000))
        return " ".join(word.text for word in ear.words)


@dataclass(frozen=True, slots=True, eq=False)
class Provider:
    """:param settings: in an assistant
    :param path: what its address ends with, for clients"""

    name: str
    emulator: Callable[[World], Emulator]
    settings: Mapping[str, Any] = field(default_factory=dict)
    path: str = ""

    def credential(self, emulator: Emulator) -> Credential:
        """Access to its emulator."""
        return Credential(provider=self.name, api_key=SecretStr(emulator.key), api_url=f"{emulator.url}{self.path}")

    @property
    def plan(self) -> dict[str, Any]:
        return {"provider": self.name, **self.settings}


@dataclass(frozen=True, slots=True, eq=False)
class ProviderKind:
    """:param stage: its name in an assistant
    :param substitute: None where the stages of this process stand in
    :param estimates: where words end is reckoned: one may be heard twice or not when the voice is changed"""

    title: str
    stage: str
    first: Provider
    substitute: Provider | None
    estimates: bool = False
    web_socket: bool = False

    def assistant(self, trial: str, *, stand_in: bool) -> dict[str, Any]:
        """An assistant whose `stage` is this provider's."""
        fakes = stages(trial)
        plan = {"firstMessage": GREETING, **fakes, "stopSpeakingPlan": {"backoffSeconds": 0}}
        own = self.first.plan
        if stand_in:
            substitute = self.substitute.plan if self.substitute else fakes[self.stage]
            own["fallbackPlan"] = {f"{self.stage}s": [substitute]}
        return {**plan, self.stage: own}

    def providers(self, *, stand_in: bool) -> Sequence[Provider]:
        """Those that run on sockets."""
        return [self.first, self.substitute] if stand_in and self.substitute else [self.first]


def stages(trial: str) -> dict[str, dict[str, Any]]:
    """All three, in this process."""
    return {
        "transcriber": {"provider": "tests.providers.faults.stages:RecordedTranscriber"},
        "model": {"provider": "tests.providers.faults.stages:AnsweringModel", "trial": trial},
        "voice": {"provider": "tests.providers.faults.stages:ToneWordVoice"},
    }


DEEPGRAM = Provider("deepgram", lambda world: DeepgramListen(ear=world.ear), {"model": "nova-3"})
ASSEMBLY_AI = Provider("assembly-ai", lambda world: AssemblyAi(world.ear), {"formatTurns": False})
WHISPER = Provider("openai", lambda world: OpenAiAudio(world.ear), {"model": "whisper-1"}, "/v1")
OPENAI = Provider(
    "openai", lambda world: OpenAiChat(world.answers, pace=_TOKEN_SECONDS), {"model": "gpt-4.1-mini"}, "/v1"
)
ANTHROPIC = Provider("anthropic", lambda world: AnthropicMessages(world.answers), {"model": "claude-haiku-4-5"})
SPEECH = Provider("openai", lambda world: OpenAiSpeech(speaking=_FASTER), {"voiceId": "alloy"})
AZURE = Provider("azure", lambda world: AzureSpeech(speaking=_FASTER), {"voiceId": "emma"})
ELEVENLABS = Provider("11labs", lambda world: ElevenLabsEmulator(pace=_PIECE_SECONDS), {"voiceId": "sarah"})
CARTESIA = Provider(
    "cartesia",
    lambda world: CartesiaEmulator(pace=_PIECE_SECONDS),
    {"voiceId": "a0e99841-438c-4a64-b679-ae501e7d6091"},
)
REALTIME = Provider(
    "openai",
    lambda world: OpenAiRealtime(world.answers, world.hear, speaking=_FASTER),
    {"model": "gpt-realtime"},
    "/v1",
)

STREAMING_STT = ProviderKind("STT streaming", "transcriber", DEEPGRAM, ASSEMBLY_AI, web_socket=True)
SEGMENT_STT = ProviderKind("STT per segment", "transcriber", WHISPER, DEEPGRAM)
LLM = ProviderKind("LLM", "model", OPENAI, ANTHROPIC)
HTTP_TTS = ProviderKind("TTS HTTP", "voice", SPEECH, AZURE, estimates=True)
WEB_SOCKET_TTS = ProviderKind("TTS WebSocket", "voice", ELEVENLABS, CARTESIA, web_socket=True)
SPEECH_TO_SPEECH = ProviderKind("speech-to-speech", "model", REALTIME, None, estimates=True, web_socket=True)
KINDS = (STREAMING_STT, SEGMENT_STT, LLM, HTTP_TTS, WEB_SOCKET_TTS, SPEECH_TO_SPEECH)
