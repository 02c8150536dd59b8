"""The assistant that talks with whom a call is transferred to: Vapi's `transferAssistant` as one that a worker can be
given, with what it is to know of the conversation."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from gateway.assistant.assistant import Assistant
from gateway.assistant.reading import read_assistant
from gateway.assistant.tool import ToolBase, TransferCallTool, TransferCancelTool, TransferSuccessfulTool
from gateway.errors import InvalidAssistant
from gateway.worker.opening import Opening

USUAL_NAME = "transfer-assistant"
USUAL_SECONDS = 120
PROMPT = (
    "You are on the telephone with somebody to whom a caller is about to be transferred; the caller does not hear you. "
    "Say in a sentence who calls and why, answer what you are asked about that, and talk about nothing else. "
    "As soon as a person agrees to take the call, use transferSuccessful. When the person does not want it, or when "
    "you hear a machine, use transferCancel and say why."
)
CONVERSATION = "\n\nWhat the caller (User) and the caller's agent (AI) said until now:\n{{conversation}}"
_INHERITED = ("voice", "transcriber", "startSpeakingPlan", "stopSpeakingPlan", "server", "credentialIds")
_SUMMARY = re.compile(r"\{[{%][^}]*\bsummary\b")
_DECIDING = (TransferSuccessfulTool, TransferCancelTool)


@dataclass(frozen=True, slots=True)
class TransferTalk:
    """The assistant as JSON, which may hold secrets, and its template variables; empty where nobody talks."""

    assistant_json: str = ""
    variables_json: str = ""


def wants_summary(given: Any) -> bool:
    """Whether a text of it names the summary, which takes a model to write."""
    return _SUMMARY.search(json.dumps(given, ensure_ascii=False)) is not None


def transfer_talk(
    plan: Mapping[str, Any], opening: Opening, variables: Mapping[str, Any], conversation: str
) -> TransferTalk:
    """Who talks, for the transferPlan of a destination that names a transferAssistant.

    :param opening: of who has the call: what the transferAssistant does not say itself is as it is there
    :param conversation: what it is to know of what was said
    :raises InvalidAssistant: it cannot be used
    """
    given: Mapping[str, Any] = plan["transferAssistant"]
    base = opening.assistant.model_dump(mode="json", by_alias=True, exclude_unset=True)
    wanted = {
        "name": USUAL_NAME,
        "maxDurationSeconds": USUAL_SECONDS,
        **{name: base[name] for name in _INHERITED if name in base},
        **{name: value for name, value in given.items() if value is not None},
    }
    wanted["name"] = str(wanted["name"])[:40]
    wanted["model"] = _instructed(given.get("model"), knows=bool(conversation))
    if "firstMessageMode" not in wanted and not wanted.get("firstMessage"):
        wanted["firstMessageMode"] = "assistant-waits-for-user"
    assistant = _read(wanted, trusted=opening.trusted and _is_own(given, opening.assistant))
    known = {**variables, "conversation": conversation}
    return TransferTalk(
        assistant.model_dump_json(by_alias=True, exclude_unset=True), json.dumps(known, ensure_ascii=False, default=str)
    )


def transfer_tools(opening: Opening) -> Sequence[ToolBase]:
    """The tools of an assistant: both that decide about a transfer where it is a transfer assistant, else neither."""
    tools = opening.assistant.model.tools
    if not opening.decides_transfer:
        return [tool for tool in tools if not isinstance(tool, _DECIDING)]
    missing = [kind() for kind in _DECIDING if not any(isinstance(tool, kind) for tool in tools)]
    return [*tools, *missing]


def _instructed(given: Any, *, knows: bool) -> dict[str, Any]:
    """The model, which begins with a system message."""
    model: dict[str, Any] = dict(given) if isinstance(given, Mapping) else {}
    written = model.get("messages")
    messages = [dict(one) for one in written if isinstance(one, Mapping)] if isinstance(written, list) else []
    if not messages or messages[0].get("role") != "system":
        messages.insert(0, {"role": "system", "content": PROMPT})
    if knows:
        messages[0]["content"] = f"{messages[0].get('content') or ''}{CONVERSATION}"
    return {**model, "messages": messages}


def _is_own(given: Mapping[str, Any], assistant: Assistant) -> bool:
    """Whether it stands in the assistant itself: what a server answers, or live control sends, is not the operator's
    word."""
    plans = [
        one.json_object.get("transferPlan")
        for tool in assistant.model.tools
        if isinstance(tool, TransferCallTool)
        for one in tool.destinations
    ]
    return any(isinstance(plan, Mapping) and plan.get("transferAssistant") == given for plan in plans)


def _read(wanted: Mapping[str, Any], *, trusted: bool) -> Assistant:
    if not trusted:
        return read_assistant(wanted).assistant
    names = {field.alias or name for name, field in Assistant.model_fields.items()}
    try:
        return Assistant.model_validate({name: value for name, value in wanted.items() if name in names})
    except ValidationError as error:
        problems = error.errors(include_input=False, include_url=False)
        raise InvalidAssistant([f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in problems]) from None
