"""The stages of a conversation, under the short names of the command line."""

from __future__ import annotations

from enum import StrEnum


class StageName(StrEnum):
    """As the command line has them."""

    STT = "stt"
    LLM = "llm"
    TTS = "tts"
