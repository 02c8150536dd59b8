"""Reads tools as users of Vapi's API send them, as leniently as assistants are read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gateway.assistant.reading import FieldWarning, read_assistant
from gateway.assistant.tool import TYPES, ToolBase
from gateway.errors import InvalidAssistant, InvalidTool

_PLACE = "model.tools.0."


@dataclass(frozen=True, slots=True)
class ReadTool:
    """A tool, None where it is of a type that is kept and not called, and what was passed over in reading it."""

    tool: ToolBase | None
    warnings: list[FieldWarning]


def read_tool(body: Mapping[str, Any]) -> ReadTool:
    """Read Vapi's JSON of a tool.

    :raises InvalidTool: with every problem and its path
    """
    known = {name: value for name, value in body.items() if name not in ("id", "orgId", "createdAt", "updatedAt")}
    try:
        read = read_assistant({"model": {"provider": "dialogue", "tools": [known]}})
    except InvalidAssistant as error:
        raise InvalidTool([problem.removeprefix(_PLACE) for problem in error.problems]) from None
    warnings = [
        FieldWarning(warning.path.removeprefix(_PLACE), warning.message)
        for warning in read.warnings
        if warning.path.startswith(_PLACE)
    ]
    tool = next(iter(read.assistant.model.tools), None)
    return ReadTool(tool, [*warnings, *_limits(body)])


def _limits(body: Mapping[str, Any]) -> list[FieldWarning]:
    """What a tool of the type needs, or cannot do here."""
    match body.get("type"):
        case "sms":
            return [FieldWarning("type", "sms is sent through the organisation's Twilio credential, and needs one")]
        case "voicemail" if body.get("beepDetectionEnabled"):
            return [FieldWarning("beepDetectionEnabled", "the tool speaks at once; voicemailDetection waits for beeps")]
        case "function" if not body.get("function"):
            return [FieldWarning("function", "a function without a name is not offered to the model")]
        case kind if kind is not None and kind not in TYPES:
            return []  # reading told that already
    return []
