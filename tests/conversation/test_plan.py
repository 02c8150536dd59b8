"""An assistant's settings, as the turn machine gets them."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.assistant.assistant import Assistant
from gateway.conversation.fillers import FillerPlan
from gateway.conversation.keypad import KeypadPlan
from gateway.conversation.plan import TurnPlan
from gateway.conversation.silence import Prompt, SilencePlan


def plan(**fields: Any) -> TurnPlan:
    """The plan of an assistant that went over the link; templates become upper case."""
    assistant = Assistant.model_validate({"model": {"provider": "x"}, **fields})
    again = Assistant.model_validate_json(assistant.model_dump_json(by_alias=True))
    return TurnPlan.of(again, str.upper)


def test_who_says_nothing_about_silence_gets_one_prompt_halfway() -> None:
    prompt = Prompt(10_000, ("Are you still there?",), begins_anew=True)
    assert plan(silenceTimeoutSeconds=20).silence == SilencePlan(20_000, "", (prompt,))


def test_idle_messages_have_the_defaults_that_they_have_elsewhere() -> None:
    assert plan(messagePlan={"idleMessages": ["Hi?", "There?"]}).silence.prompts == (
        Prompt(10_000, ("HI?", "THERE?"), 3),
    )


def test_a_message_plan_without_idle_messages_asks_nothing() -> None:
    silence = plan(messagePlan={"silenceTimeoutMessage": "Bye."}, endCallMessage="Farewell.").silence
    assert (silence.prompts, silence.message) == ((), "BYE.")


def test_before_the_end_for_silence_the_end_call_message_is_said() -> None:
    assert plan(endCallMessage="Farewell.").silence.message == "FAREWELL."


def test_hooks_take_the_place_of_the_prompt() -> None:
    say = {"type": "say", "exact": ["One.", "Two."]}
    more = {"type": "say", "exact": "And go."}
    end = {"type": "tool", "tool": {"type": "endCall"}}
    on = "customer.speech.timeout"
    hooks = [
        {"on": on, "do": [say, more], "options": {"timeoutSeconds": 5, "triggerResetMode": "onUserSpeech"}},
        {"on": on, "do": [end], "name": "give up"},
    ]
    assert plan(hooks=hooks).silence.prompts == (
        Prompt(5_000, ("ONE. AND GO.", "TWO. AND GO."), 3, begins_anew=True),
        Prompt(7_500, (), 3, ends_call=True),
    )


@pytest.mark.parametrize(
    ("settings", "keypad"),
    [
        ({}, KeypadPlan(True, 2000, "#")),
        ({"enabled": False}, KeypadPlan(False, 2000, "#")),
        ({"timeoutSeconds": 0.5, "delimiters": "*"}, KeypadPlan(True, 500, "*")),
        ({"delimiters": ["#", "*"]}, KeypadPlan(True, 2000, "#*")),
        ({"delimiters": ""}, KeypadPlan(True, 2000, "")),
        ({"delimiters": []}, KeypadPlan(True, 2000, "")),
    ],
)
def test_keypad_input(settings: dict[str, Any], keypad: KeypadPlan) -> None:
    assert plan(keypadInputPlan=settings).keypad == keypad


def test_fillers_without_doubles_and_none_when_switched_off() -> None:
    phrases = ["Hm.", "Well.", "Hm."]
    assert plan(fillerPlan={"delaySeconds": 0.5, "phrases": phrases}).fillers == FillerPlan(500, ("HM.", "WELL."))
    assert plan(fillerPlan={"enabled": False}).fillers.phrases == ()
