"""Vapi's settings for voicemail."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from gateway.assistant.assistant import Assistant
from gateway.conversation.plan import TurnPlan
from gateway.conversation.voicemail import VoicemailPlan


def plan(told: Assistant, *, outbound: bool = True) -> VoicemailPlan | None:
    return TurnPlan.of(told, str.upper, outbound=outbound).voicemail


def assistant(**fields: Any) -> Assistant:
    return Assistant.model_validate({"model": {"provider": "dialogue"}, **fields})


@pytest.mark.parametrize("fields", [{}, {"voicemailDetection": "off"}, {"voicemailDetection": False}])
def test_it_is_off_by_default_and_however_off_is_written(fields: dict[str, Any]) -> None:
    assert plan(assistant(**fields, voicemailMessage="Call back.")) is None


def test_the_settings_of_vapi_are_what_the_turn_machine_is_told() -> None:
    detection = {
        "provider": "google",
        "type": "transcript",
        "beepMaxAwaitSeconds": 12.5,
        "backoffPlan": {"startAtSeconds": 2, "frequencySeconds": 2.5, "maxRetries": 4},
    }
    told = assistant(voicemailDetection=detection, voicemailMessage="Call back.")
    assert plan(told, outbound=False) is None
    assert plan(told) == VoicemailPlan("CALL BACK.", False, 12_500, 12_000)
    again = Assistant.model_validate_json(told.model_dump_json(by_alias=True))
    assert again == told


@pytest.mark.parametrize(
    "detection",
    ["on", {"provider": "nobody"}, {"provider": "vapi", "beepMaxAwaitSeconds": 31}, {"provider": "vapi", "beep": 3}],
)
def test_what_vapi_does_not_take_is_refused(detection: object) -> None:
    with pytest.raises(ValidationError):
        assistant(voicemailDetection=detection)
