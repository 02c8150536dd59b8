"""What a destination's `transferPlan` asks for, in Vapi's words and a few of our own. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from gateway.assistant.masking import without_secrets

BLIND = "blind-transfer"
WITH_SUMMARY_HEADER = "blind-transfer-add-summary-to-sip-header"
WAITING_FOR_OPERATOR = "warm-transfer-wait-for-operator-to-speak-first-and-then-say-"
SUMMARY_HEADER = "X-Transfer-Summary"
DEFAULT_SECONDS = 60.0
SPOKEN_SECONDS = 60.0
MARGIN_SECONDS = 30.0
_TWIML = "warm-transfer-twiml"
_EXPERIMENTAL = "warm-transfer-experimental"
ASSISTANT_SECONDS = 120.0
"""Vapi's, for how long a transfer assistant may talk."""


class Verb(StrEnum):
    """How the caller is sent on: the other side does it (`refer`), its dialplan goes on (`bye`), or we dial."""

    REFER = "refer"
    BYE = "bye"
    DIAL = "dial"


@dataclass(frozen=True, slots=True)
class TransferPlan:
    """`seconds` until the outcome of a REFER, or until the human takes the call; `ring_seconds` until somebody answers.

    `message` is said to the human before the caller is there, `introduction` to both. `waits_for_speech`: not before
    the human has spoken. `accept_by_key`: silence is no consent. `stays`: the agent stays with the two.
    `connects_by_refer`: the caller's side is asked to connect the two by itself. `verb` is None where none is named.
    `assistant_seconds`: how long an assistant of its own may talk with the human, None where there is none.
    """

    mode: str = BLIND
    verb: Verb | None = None
    seconds: float = DEFAULT_SECONDS
    ring_seconds: float = DEFAULT_SECONDS
    message: str = ""
    introduction: str = ""
    waits_for_speech: bool = False
    accept_by_key: bool = False
    stays: bool = False
    connects_by_refer: bool = False
    hold_url: str = ""
    complete_url: str = ""
    assistant_seconds: float | None = None
    notes: tuple[str, ...] = field(default=())

    @property
    def warm(self) -> bool:
        """The human is told something before the caller is there."""
        return self.mode.startswith("warm-transfer") and self.mode != _TWIML

    @property
    def dials(self) -> bool:
        """We dial the human ourselves."""
        return self.warm or self.verb is Verb.DIAL

    def by(self, verb: Verb, why: str) -> TransferPlan:
        """The plan, where it names no verb, with this one."""
        return replace(self, verb=verb, notes=(*self.notes, f"The verb is {verb}: {why}."))


def read_plan(destination: Mapping[str, Any]) -> TransferPlan:
    """The plan of Vapi's destination; what is malformed has its default."""
    given = destination.get("transferPlan")
    plan: Mapping[str, Any] = given if isinstance(given, Mapping) else {}
    mode, verb = str(plan.get("mode") or BLIND), str(plan.get("sipVerb") or "")
    notes = []
    if mode == _TWIML:
        notes.append("The transfer is a blind one: TwiML is for Twilio.")
    if verb and verb not in list(Verb):
        notes.append(f"There is no verb {verb}: that of the trunk is taken.")
    talks = isinstance(plan.get("transferAssistant"), Mapping)
    if talks and mode != _EXPERIMENTAL:
        notes.append(f"The transferAssistant does not talk: that is for the mode {_EXPERIMENTAL}.")
    return TransferPlan(
        mode=mode,
        verb=Verb(verb) if verb in list(Verb) else None,
        seconds=_seconds(plan.get("timeout")),
        ring_seconds=_seconds(plan.get("dialTimeout")),
        message=text_of(plan.get("message")),
        introduction=text_of(plan.get("introduction")),
        waits_for_speech=mode.startswith(WAITING_FOR_OPERATOR),
        accept_by_key=plan.get("acceptByKey") is True,
        stays=plan.get("agentStays") is True,
        connects_by_refer=plan.get("connectBy") == "refer",
        hold_url=str(plan.get("holdAudioUrl") or ""),
        complete_url=str(plan.get("transferCompleteAudioUrl") or ""),
        assistant_seconds=_assistant_seconds(plan["transferAssistant"]) if talks and mode == _EXPERIMENTAL else None,
        notes=tuple(notes),
    )


def longest_seconds(destination: Mapping[str, Any]) -> float:
    """The longest that a transfer takes until its agent is told how it went: what is being said before, ringing unless
    it is sure that we dial nobody, the human's decision, and some."""
    plan = read_plan(destination)
    rings = plan.dials or plan.verb is None
    decided = plan.seconds if plan.assistant_seconds is None else plan.assistant_seconds
    return SPOKEN_SECONDS + decided + (plan.ring_seconds if rings else 0.0) + MARGIN_SECONDS


def shown_destination(destination: Mapping[str, Any]) -> dict[str, Any]:
    """A destination as a journal keeps it: its transfer assistant without what opens a door."""
    plan = destination.get("transferPlan")
    if not isinstance(plan, Mapping) or "transferAssistant" not in plan:
        return dict(destination)
    return {**destination, "transferPlan": {**plan, "transferAssistant": without_secrets(plan["transferAssistant"])}}


def text_of(message: Any) -> str:
    """A message: a text, or Vapi's custom message with its contents."""
    if isinstance(message, Mapping):
        contents = message.get("contents")
        first = contents[0] if isinstance(contents, list) and contents else {}
        message = message.get("content") or (first.get("text") if isinstance(first, Mapping) else "")
    return str(message or "")


def _assistant_seconds(given: Mapping[str, Any]) -> float:
    value = given.get("maxDurationSeconds")
    return float(value) if isinstance(value, int | float) and 10 <= value <= 43200 else ASSISTANT_SECONDS


def _seconds(value: Any) -> float:
    return float(value) if isinstance(value, int | float) and 1 <= value <= 600 else DEFAULT_SECONDS
