"""What a model is asked about a call, as Vapi documents its own prompts, and Liquid templates of the user's."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from gateway.analysis.material import Material
from gateway.conversation.templates import render
from gateway.providers.base import ChatMessage

_TRANSCRIPT = "Here is the transcript:\n\n{{transcript}}\n\n"
_ENDED = "Here is the ended reason of the call:\n\n{{endedReason}}\n\n"
_MATERIAL = {"role": "user", "content": f"{_TRANSCRIPT}{_ENDED}"}

SUMMARY: Sequence[Mapping[str, str]] = (
    {
        "role": "system",
        "content": "You are an expert note-taker. You will be given a transcript of a call. Summarize the call in 2-3 "
        "sentences. DO NOT return anything except the summary.",
    },
    _MATERIAL,
)
STRUCTURED_DATA: Sequence[Mapping[str, str]] = (
    {
        "role": "system",
        "content": "You are an expert data extractor. You will be given a transcript of a call. Extract structured "
        "data per the JSON Schema. DO NOT return anything except the structured data.\n\nJSON Schema:\n{{schema}}\n\n"
        "Only respond with the JSON.",
    },
    _MATERIAL,
)
SUCCESS_EVALUATION: Sequence[Mapping[str, str]] = (
    {
        "role": "system",
        "content": "You are an expert call evaluator. You will be given a transcript of a call and the system prompt "
        "of the AI participant. Determine if the call was successful based on the objectives inferred from the system "
        "prompt. DO NOT return anything except the result.\n\nRubric:\n{{rubric}}\n\nOnly respond with the result.",
    },
    {"role": "user", "content": _TRANSCRIPT},
    {"role": "user", "content": f"Here was the system prompt of the call:\n\n{{{{systemPrompt}}}}\n\n{_ENDED}"},
)
STRUCTURED_OUTPUT: Sequence[Mapping[str, str]] = (
    {
        "role": "system",
        "content": "You are an expert data extractor. You will be given a transcript of a call. Extract "
        '"{{structuredOutput.name}}" ({{structuredOutput.description}}) per the JSON Schema. DO NOT return anything '
        "except the value.\n\nJSON Schema:\n{{structuredOutput.schema}}\n\nOnly respond with the JSON.",
    },
    _MATERIAL,
)

RUBRICS: Mapping[str, str] = {
    "NumericScale": "A scale of 1 to 10: respond with the number alone.",
    "DescriptiveScale": "A scale of Excellent, Good, Fair, Poor: respond with one of these words.",
    "Checklist": "A checklist of criteria and their status: respond with one line for each criterion.",
    "Matrix": "A grid that evaluates multiple criteria across different performance levels.",
    "PercentageScale": "A scale of 0% to 100%: respond with the percentage alone.",
    "LikertScale": "A scale of Strongly Agree, Agree, Neutral, Disagree, Strongly Disagree: respond with one of these.",
    "AutomaticRubric": "Break the evaluation down into several criteria, each with its own score.",
    "PassFail": "A simple 'true' if the call passed, 'false' if not.",
}


def prompt(
    messages: Sequence[Mapping[str, Any]], material: Material, variables: Mapping[str, Any] | None = None
) -> list[ChatMessage]:
    """The messages with their templates filled in.

    :raises ConfigError: a template is malformed
    """
    known = {
        "transcript": material.transcript,
        "systemPrompt": material.system_prompt,
        "endedReason": material.ended_reason,
        "messages": json.dumps(list(material.messages), ensure_ascii=False, default=str),
        **(variables or {}),
    }
    return [
        ChatMessage(str(message.get("role", "user")), render(str(message.get("content", "")), known))
        for message in messages
    ]
