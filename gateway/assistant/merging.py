"""Assistant overrides: what a call, a squad or a handoff changes of an assistant."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_PROVIDER_PARTS = ("model", "voice", "transcriber")
_OUTSIDE = ("variableValues", "tools:append")
_OLDER_NAMES: Mapping[str, str] = {"serverUrl": "server", "hipaaEnabled": "compliancePlan"}
"""Fields that older clients send in the place of a part of today's."""


def with_overrides(body: Mapping[str, Any], overrides: Mapping[str, Any] | None) -> dict[str, Any]:
    """An assistant as its overrides want it; neither argument is changed.

    Vapi's rules: a field of the overrides takes the place of the whole field, null takes it away, and the tools of
    `tools:append` come behind those of the model. A model, voice or transcriber without a `provider` changes only the
    settings that it names. `variableValues` are no part of an assistant and are left out.
    """
    merged = {key: value for key, value in body.items() if key not in _OUTSIDE}
    for older, part in _OLDER_NAMES.items():
        if overrides and older in overrides and part not in overrides:
            merged.pop(part, None)
    for key, value in (overrides or {}).items():
        if key in _OUTSIDE:
            continue
        if value is None:
            merged.pop(key, None)
        elif key in _PROVIDER_PARTS and _is_partial(value) and isinstance(merged.get(key), Mapping):
            merged[key] = {**merged[key], **value}
        else:
            merged[key] = value
    appended = [*_tools(body.get("tools:append")), *_tools((overrides or {}).get("tools:append"))]
    if appended:
        model = merged.get("model")
        before = dict(model) if isinstance(model, Mapping) else {}
        merged["model"] = {**before, "tools": [*_tools(before.get("tools")), *appended]}
    return merged


def _is_partial(value: object) -> bool:
    return isinstance(value, Mapping) and "provider" not in value


def _tools(value: object) -> list[Any]:
    return list(value) if isinstance(value, list) else []
