"""Vapi's OpenAPI document, where it lies beside the checkout: what answers and webhooks must look like.

The document is not part of this repository; without it these checks are skipped. Its `pattern` values are JavaScript
literals (`/^…$/i`), and some of its enumerations of texts say that they are objects.
"""

from __future__ import annotations

import json
import lzma
import os
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError, best_match

_VARIABLE = "VAPI_OPENAPI"
_BESIDE = Path(__file__).parents[2].parent / "shared/reference/vapi-openapi.json.xz"
_MESSAGES = ("ServerMessage", "ClientMessage")
"""How schemas of messages begin. Some types that servers subscribe have a schema for clients only."""
UNLIKE_THE_DOCUMENT = {
    "model-output": ("output",),  # text, as the description of the field says
    "tool-calls": ("toolCallList.0.function.arguments", "toolWithToolCallList"),  # objects, as Vapi sends them
}
_LITERAL = re.compile(r"/(.*)/[a-z]*", re.DOTALL)


class Contract:
    """The schemas of the document, ready for a validator."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._paths = {_path_pattern(path): methods for path, methods in document["paths"].items()}
        self._definitions = {name: _ready(schema) for name, schema in document["components"]["schemas"].items()}

    def answer_faults(self, method: str, path: str, status: int, body: Any) -> list[str]:
        """What is wrong with an answer; nothing where the document does not describe it."""
        operation = self._operation(method.lower(), path)
        responses = operation.get("responses", {}) if operation else {}
        described = responses.get(str(status)) or (
            responses.get("200") or responses.get("201") if status < 300 else None
        )
        schema = ((described or {}).get("content") or {}).get("application/json", {}).get("schema")
        return self._faults(_ready(schema), body) if schema else []

    def message_faults(self, body: Any) -> list[str]:
        """What is wrong with the body of a webhook, by the schema of its message's type."""
        message = body.get("message") if isinstance(body, dict) else None
        kind = message.get("type") if isinstance(message, dict) else None
        schemas = [name for prefix in _MESSAGES for name in self._definitions if name.startswith(prefix)]
        found = [self.faults(name, message) for name in schemas if kind in self._types(name)]
        if not found:
            return [f"message.type: {kind!r} is no type of a message"]
        exempt = UNLIKE_THE_DOCUMENT.get(str(kind), ())
        return [] if [] in found else [f"{kind}: {one}" for one in found[0] if not one.startswith(exempt or "-")]

    def _types(self, schema: str) -> list[str]:
        kind = self._definitions[schema].get("properties", {}).get("type", {})
        return list(kind.get("enum", []))

    def faults(self, schema: str, value: Any) -> list[str]:
        """What is wrong with a value of a named schema."""
        return self._faults({"$ref": f"#/$defs/{schema}"}, value)

    def _operation(self, method: str, path: str) -> dict[str, Any] | None:
        fitting = [pattern for pattern in self._paths if pattern.fullmatch(path) and method in self._paths[pattern]]
        # /eval/run is a path of its own, though it looks like /eval/{id}.
        closest = min(fitting, key=lambda pattern: pattern.pattern.count("[^/]"), default=None)
        return self._paths[closest][method] if closest is not None else None

    def _faults(self, schema: dict[str, Any], value: Any) -> list[str]:
        validator = Draft202012Validator({**schema, "$defs": self._definitions})
        return [_sentence(error) for error in validator.iter_errors(value)]


def _sentence(error: ValidationError) -> str:
    deepest = best_match([error]) or error
    where = ".".join(str(part) for part in deepest.absolute_path) or "the body"
    return f"{where}: {deepest.message[:300]}"


def _path_pattern(path: str) -> re.Pattern[str]:
    """A path of the document; one without parameters is asked before one with."""
    return re.compile(re.sub(r"\\\{[^}]*\\\}", "[^/]+", re.escape(path)))


def _ready(schema: Any) -> Any:
    """OpenAPI 3.0 to JSON Schema: references, unions, nullable, patterns."""
    if isinstance(schema, list):
        return [_ready(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    ready = {name: _ready(value) for name, value in schema.items() if name not in ("example", "examples", "nullable")}
    if ready.get("type") == "array":
        ready.pop("enum", None)  # what it lists are the items
    if "oneOf" in ready:
        # Its unions overlap: a message of a call is told from another by its role, which no schema bounds.
        ready["anyOf"] = ready.pop("oneOf")
    if isinstance(reference := ready.get("$ref"), str):
        ready["$ref"] = reference.replace("#/components/schemas/", "#/$defs/")
    if isinstance(pattern := ready.get("pattern"), str) and (literal := _LITERAL.fullmatch(pattern)):
        ready["pattern"] = literal[1]
    if ready.get("type") == "object" and all(isinstance(value, str) for value in ready.get("enum", [{}])):
        # a slip of the document: transport.audioFormat.format
        ready["type"] = "string"
    if schema.get("nullable"):
        ready = {"anyOf": [{"type": "null"}, ready]}
    return ready


def is_here() -> bool:
    """Whether there is the document: for tests that have more to say than whether it is kept."""
    return _path().exists()


def _path() -> Path:
    return Path(os.environ.get(_VARIABLE, _BESIDE))


@cache
def contract() -> Contract:
    """The document's; a test without it is skipped."""
    path = _path()
    if not path.exists():
        pytest.skip(f"Vapi's OpenAPI document is not here; {_VARIABLE} may name it.")
    data = lzma.decompress(path.read_bytes()) if path.suffix == ".xz" else path.read_bytes()
    return Contract(json.loads(data))
