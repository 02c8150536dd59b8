"""What a call used of its providers, in the units that they bill."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Stage = Literal["transcriber", "model", "voice"]


@dataclass(frozen=True, slots=True)
class Usage:
    """An amount that a provider bills. Only the amounts of its stage are filled.

    `provider` and `model` are as in the assistant. `seconds` of audio are a transcriber's, `characters` a voice's; a
    voice that bills time fills `seconds` too. `prompt_tokens` hold the cached ones, `completion_tokens` the reasoning.
    Tokens of audio have a price of their own: `…_audio_tokens` say how many of those above them are such.
    """

    stage: Stage
    provider: str
    model: str = ""
    seconds: float = 0.0
    characters: int = 0
    prompt_tokens: int = 0
    cached_prompt_tokens: int = 0
    completion_tokens: int = 0
    prompt_audio_tokens: int = 0
    cached_prompt_audio_tokens: int = 0
    completion_audio_tokens: int = 0


Meter = Callable[[Usage], None]
"""Is told each amount once, also those of requests that failed or were cancelled after the provider did the work."""


def unmetered(usage: Usage) -> None:
    """Nobody pays: outside of calls, and for what runs in this process."""
