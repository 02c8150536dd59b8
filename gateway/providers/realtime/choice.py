"""What an assistant says of its speech-to-speech model: its settings, its voice, and who writes down what it hears."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import structlog

from gateway.assistant.assistant import Assistant

_TRANSCRIBER_OPTIONS = frozenset({"model", "language"})

logger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Choice:
    """:param options: of the model
    :param voice, transcriber, language: empty where the assistant does not say"""

    options: Mapping[str, Any]
    voice: str = ""
    transcriber: str = ""
    language: str = ""

    @classmethod
    def of(cls, assistant: Assistant) -> Choice:
        """Voice and transcriber count when they are OpenAI's: the session has no others."""
        voice, transcriber = assistant.voice, assistant.transcriber
        heard = transcriber.options if transcriber is not None and transcriber.provider == "openai" else {}
        unused = sorted(heard.keys() - _TRANSCRIBER_OPTIONS)
        if transcriber is not None and transcriber.provider != "openai":
            unused = ["provider"]
        if unused:
            logger.warning("settings without effect", stage="transcriber", provider="openai", settings=unused)
        return cls(
            assistant.model.options,
            str(voice.options.get("voiceId", "")) if voice.provider == "openai" else "",
            str(heard.get("model", "")),
            str(heard.get("language", "")),
        )
