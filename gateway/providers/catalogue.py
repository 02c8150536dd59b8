"""The providers that Parley brings, by stage, with Vapi's names.

Each is a module with two names: `Options`, a pydantic model of its settings beside `provider`, and
`make(options, credential)`, which makes the provider and asks no network. A module is imported when an assistant
names it, so a package that it needs may be missing otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gateway.providers.usage import Stage


@dataclass(frozen=True, slots=True)
class Entry:
    """A provider's place.

    :param extra: the optional dependencies that it needs (`pip install parley-gateway[extra]`), empty for none
    :param key: whether it needs a credential with a key
    :param defaults: settings that this name stands for, in Vapi's spelling
    :param embedded: runs in this process
    """

    module: str
    extra: str = ""
    key: bool = False
    defaults: Mapping[str, Any] = field(default_factory=dict)
    embedded: bool = False


def _compatible(url: str, *, key: bool = True, **defaults: Any) -> Entry:
    """A server that speaks OpenAI's chat completions."""
    return Entry("gateway.providers.llm.openai", extra="openai", key=key, defaults={"url": url, **defaults})


_STT, _LLM, _TTS = "gateway.providers.stt", "gateway.providers.llm", "gateway.providers.tts"

TRANSCRIBERS: Mapping[str, Entry] = {
    "embedded": Entry(f"{_STT}.embedded", embedded=True),
    "whisper": Entry(f"{_STT}.embedded", embedded=True, defaults={"model": "whisper"}),
    "moonshine": Entry(f"{_STT}.embedded", embedded=True, defaults={"model": "moonshine"}),
    "deepgram": Entry(f"{_STT}.deepgram", extra="deepgram", key=True),
    "openai": Entry(f"{_STT}.openai", extra="openai", key=True),
    "gladia": Entry(f"{_STT}.gladia", key=True),
    "assembly-ai": Entry(f"{_STT}.assembly_ai", key=True),
    "google": Entry(f"{_STT}.google", extra="google", key=True),
    "custom-transcriber": Entry(f"{_STT}.custom_transcriber"),
}

MODELS: Mapping[str, Entry] = {
    "dialogue": Entry(f"{_LLM}.dialogue", embedded=True),
    "openai": _compatible("https://api.openai.com/v1"),
    "anthropic": Entry(f"{_LLM}.anthropic", extra="anthropic", key=True),
    "google": Entry(f"{_LLM}.google", extra="google", key=True),
    "mistral": Entry(f"{_LLM}.mistral", extra="mistral", key=True),
    "groq": _compatible("https://api.groq.com/openai/v1"),
    "together-ai": _compatible("https://api.together.xyz/v1"),
    "openrouter": _compatible("https://openrouter.ai/api/v1"),
    "deepinfra": _compatible("https://api.deepinfra.com/v1/openai"),
    "cerebras": _compatible("https://api.cerebras.ai/v1"),
    "deep-seek": _compatible("https://api.deepseek.com/v1"),
    "perplexity-ai": _compatible("https://api.perplexity.ai", strictTurns=True),
    "xai": _compatible("https://api.x.ai/v1"),
    "ollama": _compatible("http://127.0.0.1:11434/v1", key=False),
    "vllm": _compatible("http://127.0.0.1:8000/v1", key=False),
    "custom-llm": Entry(f"{_LLM}.custom_llm", extra="openai"),
}

REALTIME = Entry("gateway.providers.realtime.openai", extra="openai", key=True)
"""Models that hear and speak by themselves; an assistant names one as its model."""

VOICES: Mapping[str, Entry] = {
    "hibari": Entry(f"{_TTS}.embedded", embedded=True),
    "piper": Entry(f"{_TTS}.piper", extra="piper", embedded=True),
    "11labs": Entry(f"{_TTS}.elevenlabs", key=True),
    "openai": Entry(f"{_TTS}.openai", extra="openai", key=True),
    "cartesia": Entry(f"{_TTS}.cartesia", extra="cartesia", key=True),
    "playht": Entry(f"{_TTS}.playht", key=True),
    "deepgram": Entry(f"{_TTS}.deepgram", extra="deepgram", key=True),
    "azure": Entry(f"{_TTS}.azure", key=True),
    "custom-voice": Entry(f"{_TTS}.custom_voice"),
}

BY_STAGE: Mapping[Stage, Mapping[str, Entry]] = {"transcriber": TRANSCRIBERS, "model": MODELS, "voice": VOICES}
