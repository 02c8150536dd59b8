"""What a session bills. Wire format: `usage` of `response.done` and of
`conversation.item.input_audio_transcription.completed`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.providers.usage import Usage


def of_response(provider: str, model: str, usage: Mapping[str, Any]) -> Usage:
    """Tokens of a response: of text and of audio, both ways, and those of the prompt that were cached."""
    given, made = usage.get("input_token_details") or {}, usage.get("output_token_details") or {}
    cached = given.get("cached_tokens_details") or {}
    return Usage(
        "model",
        provider,
        model,
        prompt_tokens=usage.get("input_tokens") or 0,
        cached_prompt_tokens=given.get("cached_tokens") or 0,
        completion_tokens=usage.get("output_tokens") or 0,
        prompt_audio_tokens=given.get("audio_tokens") or 0,
        cached_prompt_audio_tokens=cached.get("audio_tokens") or 0,
        completion_audio_tokens=made.get("audio_tokens") or 0,
    )


def of_transcription(provider: str, model: str, usage: Mapping[str, Any]) -> Usage:
    """A transcript is billed by tokens or by seconds, as its model is."""
    if usage.get("type") == "duration":
        return Usage("transcriber", provider, model, seconds=float(usage.get("seconds") or 0))
    given = usage.get("input_token_details") or {}
    return Usage(
        "transcriber",
        provider,
        model,
        prompt_tokens=usage.get("input_tokens") or 0,
        completion_tokens=usage.get("output_tokens") or 0,
        prompt_audio_tokens=given.get("audio_tokens") or 0,
    )
