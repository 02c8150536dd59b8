"""The fakes as providers that Parley brings: assistants of the control plane may name no others."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict

from gateway.providers.catalogue import BY_STAGE, Entry
from tests.worker import fakes

FAKES: dict[str, tuple[Any, str, Callable[..., object]]] = {
    "echo": ("model", "EchoModel", fakes.EchoModel),
    "scripted": ("transcriber", "ScriptedTranscriber", fakes.ScriptedTranscriber),
    "tone": ("voice", "ToneVoice", fakes.ToneVoice),
}


class AnyOptions(BaseModel):
    model_config = ConfigDict(extra="allow")


def catalogue_fakes(patch: pytest.MonkeyPatch) -> None:
    """Have the fakes in the catalogue as "echo", "scripted" and "tone"."""
    for name, (stage, _, make) in FAKES.items():
        module = ModuleType(f"tests.worker.catalogued_{name}")
        vars(module)["Options"] = AnyOptions
        vars(module)["make"] = lambda options, credential, make=make: make(**(options.model_extra or {}))
        patch.setitem(sys.modules, module.__name__, module)
        patch.setitem(BY_STAGE[stage], name, Entry(module.__name__, embedded=True))


def named(assistant: dict[str, Any]) -> dict[str, Any]:
    """An assistant with fakes, as the control plane sends it."""
    known = {f"tests.worker.fakes:{kind}": name for name, (_, kind, _) in FAKES.items()}
    parts = {part: {**assistant[part], "provider": known[assistant[part]["provider"]]} for part in _PARTS}
    return {**assistant, **parts}


_PARTS = ("transcriber", "model", "voice")
