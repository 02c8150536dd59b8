"""What older versions of Vapi called otherwise: such assistants are read as if they were written today.

A field of today that is given, too, wins.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Body = dict[str, Any]

_MOVED: Mapping[str, tuple[str, ...]] = {
    "serverUrl": ("server", "url"),
    "serverUrlSecret": ("server", "secret"),
    "responseDelaySeconds": ("startSpeakingPlan", "waitSeconds"),
    "numWordsToInterruptAssistant": ("stopSpeakingPlan", "numWords"),
    "recordingEnabled": ("artifactPlan", "recordingEnabled"),
    "hipaaEnabled": ("compliancePlan", "hipaaEnabled"),
    "summaryPrompt": ("analysisPlan", "summaryPrompt"),
    "structuredDataPrompt": ("analysisPlan", "structuredDataPrompt"),
    "structuredDataSchema": ("analysisPlan", "structuredDataSchema"),
    "successEvaluationPrompt": ("analysisPlan", "successEvaluationPrompt"),
    "successEvaluationRubric": ("analysisPlan", "successEvaluationRubric"),
    "idleMessages": ("messagePlan", "idleMessages"),
    "silenceTimeoutMessage": ("messagePlan", "silenceTimeoutMessage"),
}
"""Top-level fields, and where they stand today."""

_ANALYSIS: Mapping[str, tuple[str, ...]] = {
    "structuredDataSchema": ("structuredDataPlan", "schema"),
    "successEvaluationRubric": ("successEvaluationPlan", "rubric"),
}
_PROMPTS: Mapping[str, str] = {
    "summaryPrompt": "summaryPlan",
    "structuredDataPrompt": "structuredDataPlan",
    "successEvaluationPrompt": "successEvaluationPlan",
}
_TIMEOUTS: Mapping[str, str] = {
    "summaryRequestTimeoutSeconds": "summaryPlan",
    "structuredDataRequestTimeoutSeconds": "structuredDataPlan",
    "successEvaluationRequestTimeoutSeconds": "successEvaluationPlan",
}

_PROVIDER_NAMES: Mapping[str, Mapping[str, str]] = {
    "voice": {"eleven-labs": "11labs", "elevenlabs": "11labs", "play-ht": "playht"},
    "model": {"deepseek": "deep-seek", "perplexity": "perplexity-ai", "together": "together-ai"},
    "transcriber": {"assemblyai": "assembly-ai", "assembly": "assembly-ai"},
}

_ENTITY = ("id", "orgId", "createdAt", "updatedAt", "latestVersion", "isServerUrlSecretSet", "parentId", "warnings")
"""What a client got from us or from Vapi, and sends back."""


def modern(body: Mapping[str, Any]) -> Body:
    """The assistant in today's fields; what is null is left out. `body` stays as it is."""
    current: Body = without_nulls(body)
    for name in _ENTITY:
        current.pop(name, None)
    for name, place in _MOVED.items():
        if name in current:
            _put(current, place, current.pop(name))
    if isinstance(plan := current.get("analysisPlan"), dict):
        _modernise_analysis(plan)
    if isinstance(model := current.get("model"), dict):
        _modernise_model(model)
    for part, names in _PROVIDER_NAMES.items():
        if isinstance(settings := current.get(part), dict) and isinstance(older := settings.get("provider"), str):
            settings["provider"] = names.get(older, older)
    _add_tools(current)
    return current


_FREE = frozenset({"metadata", "parameters", "schema", "body", "headers", "properties", "variableValues"})
"""What belongs to the user as it is."""


def without_nulls(value: Any, name: str = "") -> Any:
    """A copy without what is null, except where data of the user's own stands."""
    if name in _FREE:
        return value
    if isinstance(value, Mapping):
        return {key: without_nulls(inner, key) for key, inner in value.items() if inner is not None}
    if isinstance(value, list):
        return [without_nulls(inner) for inner in value]
    return value


def _put(body: Body, place: tuple[str, ...], value: Any) -> None:
    """Set a value that is not there yet; nothing when a part on the way is no object."""
    *parents, leaf = place
    for parent in parents:
        inner = body.setdefault(parent, {})
        if not isinstance(inner, dict):
            return
        body = inner
    body.setdefault(leaf, value)


def _modernise_analysis(plan: Body) -> None:
    for name, part in _PROMPTS.items():
        if prompt := plan.pop(name, None):
            transcript = {"role": "user", "content": "Here is the transcript:\n\n{{transcript}}\n\n"}
            _put(plan, (part, "messages"), [{"role": "system", "content": prompt}, transcript])
            if part == "structuredDataPlan":
                _put(plan, (part, "enabled"), True)
    for name, place in _ANALYSIS.items():
        if name in plan:
            _put(plan, place, plan.pop(name))
            if name == "structuredDataSchema":
                _put(plan, ("structuredDataPlan", "enabled"), True)
    for name, part in _TIMEOUTS.items():
        if name in plan:
            _put(plan, (part, "timeoutSeconds"), plan.pop(name))


def _modernise_model(model: Body) -> None:
    if isinstance(prompt := model.pop("systemPrompt", None), str) and prompt:
        messages = model.get("messages")
        model["messages"] = [{"role": "system", "content": prompt}, *(messages if isinstance(messages, list) else [])]
    if isinstance(functions := model.pop("functions", None), list):
        _extend_tools(model, [{"type": "function", **_function(one)} for one in functions if isinstance(one, dict)])


def _function(function: Body) -> Body:
    """A function as Vapi had it beside the model: it named its own server."""
    inner = {key: value for key, value in function.items() if key in ("name", "description", "parameters", "strict")}
    tool: Body = {"function": inner}
    if url := function.get("serverUrl"):
        tool["server"] = {"url": url, **({"secret": s} if (s := function.get("serverUrlSecret")) else {})}
    if "async" in function:
        tool["async"] = function["async"]
    return tool


def _add_tools(body: Body) -> None:
    """Switches and numbers that were tools in all but name."""
    model = body.get("model")
    if not isinstance(model, dict):
        return
    tools: list[Body] = []
    if body.pop("endCallFunctionEnabled", False) is True and not _has(model, "endCall"):
        tools.append({"type": "endCall"})
    if body.pop("dialKeypadFunctionEnabled", False) is True and not _has(model, "dtmf"):
        tools.append({"type": "dtmf"})
    numbers = body.pop("forwardingPhoneNumbers", None) or []
    if number := body.pop("forwardingPhoneNumber", None):
        numbers = [*numbers, number]
    if numbers and isinstance(numbers, list) and not _has(model, "transferCall"):
        tools.append({"type": "transferCall", "destinations": [_destination(number) for number in numbers]})
    if tools:
        _extend_tools(model, tools)


def _destination(number: Any) -> Any:
    """Numbers were texts first, then destinations."""
    return {"type": "number", **number} if isinstance(number, dict) else {"type": "number", "number": str(number)}


def _has(model: Body, kind: str) -> bool:
    tools = model.get("tools")
    return isinstance(tools, list) and any(isinstance(tool, dict) and tool.get("type") == kind for tool in tools)


def _extend_tools(model: Body, tools: list[Body]) -> None:
    given = model.get("tools", [])
    model["tools"] = [*(given if isinstance(given, list) else []), *tools]
