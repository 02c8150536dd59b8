"""Whether a tool call is refused: Vapi's `rejectionPlan`. Pure.

All conditions of the plan have to hold. The model is told which did, so that it can do something about it.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from gateway.assistant.tool_plan import (
    GroupCondition,
    LiquidCondition,
    RegexCondition,
    RejectionCondition,
    RejectionPlan,
)
from gateway.conversation.endpointing_rules import Pattern, PatternError
from gateway.conversation.templates import render
from gateway.errors import ConfigError

RECENT = 50
"""Messages that a template sees."""

Messages = Sequence[Mapping[str, Any]]


def refusal(plan: RejectionPlan | None, messages: Messages, variables: Mapping[str, Any]) -> str:
    """Why a tool call is refused, for the model; empty when it is not.

    :param messages: the conversation as OpenAI's chat completions have it
    """
    if plan is None or not plan.conditions:
        return ""
    reasons = [_reason(condition, messages, variables) for condition in plan.conditions]
    return " and ".join(reasons) if all(reasons) else ""


def _reason(condition: RejectionCondition, messages: Messages, variables: Mapping[str, Any]) -> str:
    """What makes the condition hold; empty when it does not."""
    match condition:
        case RegexCondition():
            return _regex_reason(condition, messages)
        case LiquidCondition():
            return _liquid_reason(condition, messages, variables)
        case GroupCondition():
            reasons = [_reason(one, messages, variables) for one in condition.conditions]
            if condition.operator == "AND":
                return " and ".join(reasons) if reasons and all(reasons) else ""
            return next(filter(None, reasons), "")


def _regex_reason(condition: RegexCondition, messages: Messages) -> str:
    target = condition.target
    wanted = [
        text
        for message in messages
        if message.get("role") in ((target.role,) if target.role else ("user", "assistant"))
        and (text := str(message.get("content") or ""))
    ]
    try:
        text = wanted[target.position]
    except IndexError:
        text = ""  # nothing was said: no expression is found in that
    try:
        found = Pattern(condition.regex).matches(text)
    except PatternError:
        return ""
    if found == condition.negate:
        return ""
    which = f"the {'last ' if target.position == -1 else ''}message{f' of the {target.role}' if target.role else ''}"
    return f"{which} {'does not match' if condition.negate else 'matches'} /{condition.regex}/"


def _liquid_reason(condition: LiquidCondition, messages: Messages, variables: Mapping[str, Any]) -> str:
    known = {**variables, "messages": [dict(message) for message in messages[-RECENT:]]}
    try:
        result = render(condition.liquid, {"now": round(time.time() * 1000), **known}).strip()
    except ConfigError:
        return ""
    return "the condition of the tool holds" if result == "true" else ""
