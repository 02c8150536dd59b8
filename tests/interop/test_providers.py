"""Every provider in a real call: a softphone, the product as a process, and the providers' servers as emulators.

Each call has a transcriber, a model and a voice of its own, so that a handful of calls goes through all of them. The
caller's voice is not ours; the agent's is made of tones, so that what the caller heard can be read back word by word.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.interop.conversation import CapturedCall, in_call
from tests.interop.product import Product, ProductPlan, running_product
from tests.interop.providers import fake_assistant
from tests.interop.tool_server import ToolServer
from tests.peers import speech
from tests.peers.rtp import decode
from tests.peers.softphone import SoftphonePlan
from tests.providers.emulators.answers import Answer, Asked, Called
from tests.providers.emulators.anthropic_messages import AnthropicMessages
from tests.providers.emulators.assembly_ai import AssemblyAi
from tests.providers.emulators.azure_speech import AzureSpeech
from tests.providers.emulators.cartesia import CartesiaEmulator
from tests.providers.emulators.custom_transcriber import CustomTranscriberServer
from tests.providers.emulators.custom_voice import CustomVoiceServer
from tests.providers.emulators.deepgram_listen import DeepgramListen
from tests.providers.emulators.deepgram_speak import DeepgramSpeakEmulator
from tests.providers.emulators.ear import ScriptedEar
from tests.providers.emulators.elevenlabs import ElevenLabsEmulator
from tests.providers.emulators.emulator import Emulator, running
from tests.providers.emulators.gemini_audio import GeminiAudio
from tests.providers.emulators.gemini_generate import GeminiGenerate
from tests.providers.emulators.gladia import Gladia
from tests.providers.emulators.host import Host
from tests.providers.emulators.mistral_chat import MistralChat
from tests.providers.emulators.openai_audio import OpenAiAudio
from tests.providers.emulators.openai_chat import OpenAiChat
from tests.providers.emulators.openai_realtime_transcription import OpenAiRealtimeTranscription
from tests.providers.emulators.openai_speech import OpenAiSpeech
from tests.providers.emulators.playht import PlayHTEmulator
from tests.providers.emulators.tone_words import decode as words_in

QUESTION = "where is my order"
GREETING = "hello thank you"
REPLY = "yes order number four eight two one today"
TOOL = "lookup_order"
RESULT = "order four eight two one leaves today"
BILLED_BY_TOKENS = {"gpt-4o-mini-transcribe", "gemini-2.5-flash"}
NUMBERS = ["nova", "flux", "realtime-transcription", "whisper", "gladia", "assembly", "gemini", "custom"]
AT_ONCE = 3
TONES = {"custom-voice", "11labs", "openai", "cartesia", "playht", "deepgram", "azure"}

pytestmark = [pytest.mark.models, pytest.mark.timeout(240)]


def answer(asked: Asked) -> Answer:
    """Looks the order up where it has a tool for that, and says what came of it; no to all that it did not expect."""
    if RESULT in asked.messages[-1][1]:
        return Answer(REPLY)
    if QUESTION not in asked.messages[-1][1].lower():
        return Answer("no order")
    return Answer(calls=[Called(TOOL)]) if TOOL in asked.tools else Answer(REPLY)


def ear() -> ScriptedEar:
    """Hears the question in every stretch of speech: a segment may be asked for more than once."""
    return ScriptedEar([QUESTION] * 20)


def hosts() -> dict[str, Emulator]:
    """The providers' servers, by the name of the credential that leads there."""
    openai = Host(OpenAiRealtimeTranscription(ear), OpenAiAudio(ear), OpenAiChat(answer), under={"/v1": OpenAiSpeech()})
    return {
        "deepgram": Host(DeepgramListen(ear=ear), DeepgramSpeakEmulator()),
        "openai": openai,
        "gladia": Gladia(ear),
        "assembly-ai": AssemblyAi(ear),
        "google": Host(GeminiAudio(ear), GeminiGenerate(answer)),
        "custom-transcriber": CustomTranscriberServer(ear),
        "anthropic": AnthropicMessages(answer),
        "mistral": MistralChat(answer),
        "groq": OpenAiChat(answer),
        "custom-llm": OpenAiChat(answer),
        "11labs": ElevenLabsEmulator(),
        "cartesia": CartesiaEmulator(),
        "playht": PlayHTEmulator(),
        "azure": AzureSpeech(),
        "custom-voice": CustomVoiceServer(),
    }


@dataclass(frozen=True, slots=True)
class Row:
    """What a call goes through. `tool`: the model is to use one."""

    number: str
    transcriber: Mapping[str, Any]
    model: Mapping[str, Any]
    voice: Mapping[str, Any]
    tool: bool = False


def rows(served: Mapping[str, Emulator]) -> list[Row]:
    """The calls."""
    listening = {"url": served["custom-transcriber"].ws_url, "secret": served["custom-transcriber"].key}
    speaking = {"url": served["custom-voice"].url, "secret": served["custom-voice"].key}
    custom = {"provider": "custom-llm", "model": "mine", "url": f"{served['custom-llm'].url}/v1"}
    return [
        Row(
            "nova",
            {"provider": "deepgram", "model": "nova-3"},
            {"provider": "openai", "model": "gpt-4.1-mini"},
            {"provider": "11labs", "voiceId": "sarah"},
            tool=True,
        ),
        Row(
            "flux",
            {"provider": "deepgram", "model": "flux-general-en"},
            {"provider": "anthropic", "model": "claude-haiku-4-5"},
            {"provider": "openai", "voiceId": "alloy"},
            tool=True,
        ),
        Row(
            "realtime-transcription",
            {"provider": "openai", "model": "gpt-4o-mini-transcribe"},
            {"provider": "google", "model": "gemini-2.5-flash"},
            {"provider": "cartesia", "voiceId": "a0e99841-438c-4a64-b679-ae501e7d6091"},
            tool=True,
        ),
        Row(
            "whisper",
            {"provider": "openai", "model": "whisper-1"},
            {"provider": "mistral", "model": "mistral-small-latest"},
            {"provider": "playht", "voiceId": "jennifer"},
            tool=True,
        ),
        Row(
            "gladia",
            {"provider": "gladia"},
            {"provider": "groq", "model": "llama-3.3-70b-versatile"},
            {"provider": "deepgram", "voiceId": "thalia"},
        ),
        Row("assembly", {"provider": "assembly-ai"}, custom, {"provider": "azure", "voiceId": "andrew"}),
        Row(
            "gemini",
            {"provider": "google", "model": "gemini-2.5-flash"},
            custom,
            {"provider": "custom-voice", "server": speaking},
        ),
        Row(
            "custom",
            {"provider": "custom-transcriber", "server": listening},
            {"provider": "openai", "model": "gpt-4.1-mini"},
            {"provider": "piper"},
        ),
    ]


def assistant(row: Row, tool_url: str) -> dict[str, Any]:
    function = {"type": "function", "function": {"name": TOOL, "description": "Finds it."}, "server": {"url": tool_url}}
    model = {**row.model, "tools": [function] if row.tool else []}
    parts = {"transcriber": dict(row.transcriber), "model": model, "voice": dict(row.voice)}
    return {**fake_assistant(first_message=GREETING), **parts}


@asynccontextmanager
async def serving(emulators: Sequence[Emulator]) -> AsyncIterator[None]:
    async with AsyncExitStack() as stack:
        for emulator in emulators:
            await stack.enter_async_context(running(emulator))
        yield


@dataclass(frozen=True, slots=True)
class Held:
    """The calls that were held, by number, and what was left at the providers after them."""

    calls: Mapping[str, tuple[Row, CapturedCall, dict[str, Any]]]
    tool_calls: int
    left_open: Mapping[str, int]


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> Held:
    return asyncio.run(_hold(tmp_path_factory.mktemp("providers")))


async def _hold(folder: Path) -> Held:
    question = speech.write_wav(folder / "question.wav", speech.synthetic("Where is my order?", "slt"))
    served = hosts()
    with ToolServer(lambda *_: RESULT).serving() as tools:
        async with serving(list(served.values())):
            planned = rows(served)
            plan = ProductPlan(folder / "parley", fake_assistant(), changes=_settings(served, planned, tools.url))
            async with running_product(plan) as product:
                room = asyncio.Semaphore(AT_ONCE)

                async def call(row: Row) -> tuple[Row, CapturedCall, dict[str, Any]]:
                    async with room:
                        return await _call(product, folder / row.number, question, row)

                calls = dict(zip(NUMBERS, await asyncio.gather(*map(call, planned)), strict=True))
        left = {name: emulator.open for name, emulator in served.items() if emulator.open}
        return Held(calls, len(tools.calls(TOOL)), left)


def _settings(served: Mapping[str, Emulator], planned: Sequence[Row], tool_url: str) -> dict[str, Any]:
    under_v1 = {"openai", "groq"}
    credentials = [
        {"provider": name, "apiKey": one.key, "apiUrl": f"{one.url}/v1" if name in under_v1 else one.url}
        for name, one in served.items()
        if not name.startswith("custom-")
    ]
    credentials += [{"provider": "custom-llm", "apiKey": served["custom-llm"].key}]
    next(one for one in credentials if one["provider"] == "playht")["userId"] = "emulated-user"
    return {
        "assistants": {row.number: assistant(row, tool_url) for row in planned},
        "routes": [{"assistant": row.number, "number": row.number} for row in planned],
        "credentials": credentials,
    }


async def _call(product: Product, folder: Path, question: Path, row: Row) -> tuple[Row, CapturedCall, dict[str, Any]]:
    async with in_call(SoftphonePlan(folder), f"sip:{row.number}@{product.address}") as call:
        await call.phone.far_end_spoke()
        await call.phone.say(question)
        await call.phone.far_end_spoke()
    (record,) = await product.wait_for_records(1, number=row.number)
    return row, call, record


def plain(text: str) -> str:
    """The words alone: some transcribers write sentences."""
    return text.lower().strip(".?")


@pytest.mark.parametrize("number", NUMBERS)
def test_the_caller_is_understood_and_hears_the_answer(held: Held, number: str) -> None:
    row, call, record = held.calls[number]
    assert record["end_reason"] == "customer-ended-call", record["failure"]
    assert [(turn["role"], plain(turn.get("heard") or turn["text"])) for turn in record["turns"]] == [
        ("agent", GREETING),
        ("caller", QUESTION),
        ("agent", REPLY),
    ]
    if row.voice["provider"] in TONES:
        assert " ".join(word for word, _, _ in words_in(decode(call.agent).pcm())) == f"{GREETING} {REPLY}"


@pytest.mark.parametrize("number", NUMBERS)
def test_the_record_names_what_each_provider_did_for_the_call(held: Held, number: str) -> None:
    row, _, record = held.calls[number]
    costs = {cost["type"]: cost for cost in record["costs"]}
    assert costs["transcriber"]["transcriber"]["provider"] == row.transcriber["provider"]
    assert costs["model"]["model"]["provider"] == row.model["provider"]
    assert costs["voice"]["voice"]["provider"] == row.voice["provider"]
    assert (costs["transcriber"]["minutes"] > 0) == (row.transcriber.get("model") not in BILLED_BY_TOKENS)
    assert costs["model"]["promptTokens"] > 0
    assert costs["model"]["completionTokens"] > 0
    (latency,) = record["latency"]
    assert latency["total"] > 0


def test_a_tool_is_asked_once_by_each_model_that_has_it(held: Held) -> None:
    using = [record for row, _, record in held.calls.values() if row.tool]
    assert [[call["name"] for call in record["tool_calls"]] for record in using] == [[TOOL]] * 4
    assert held.tool_calls == 4


def test_no_connection_is_left_at_a_provider(held: Held) -> None:
    assert held.left_open == {}


def test_no_key_is_written_down(held: Held) -> None:
    assert "emulated-key" not in json.dumps([record for _, _, record in held.calls.values()])
