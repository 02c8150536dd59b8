"""Reads what a tool server answers to `tool-calls`: `{"results": [{"toolCallId", "result"}]}`, and what servers send in
its place. Pure.

The entry with the call's id counts, or the only one. A result that is not text is passed on as JSON; an answer without
`results` is the result itself. An error status fails the call, unless the answer holds a result.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter, ValidationError

from gateway.assistant.tool_message import OutcomeMessage, RequestComplete, RequestFailed
from gateway.providers.base import ToolCall
from gateway.tools.outcome import ToolResult

LONGEST_RESULT = 50_000
"""Characters of a result that the model sees: more would push the conversation out of its context."""
NOTHING = "The server took the request and answered without content."

_IDS = ("toolCallId", "tool_call_id", "toolCallID", "id")
_MESSAGE: TypeAdapter[OutcomeMessage] = TypeAdapter(OutcomeMessage)


@dataclass(frozen=True, slots=True)
class Read:
    """A result, and in a few words how it was found in the answer: for the record."""

    result: ToolResult
    how: str


def read_reply(call: ToolCall, status: int, body: str, *, content_type: str = "") -> Read:
    """Read an answer. Whatever it is, there is a result: a failure says in one sentence what was wrong."""
    text = body.removeprefix("\ufeff").strip()
    data = _parsed(text)
    if isinstance(data, list) and len(data) == 1 and isinstance(data[0], Mapping) and "results" in data[0]:
        data = data[0]
    if isinstance(data, Mapping) and data.get("results") is not None:
        return _of_results(call, data["results"], error=data.get("error"))
    if isinstance(data, list) and data and all(isinstance(one, Mapping) and _id(one) == call.id for one in data[:1]):
        return _of_results(call, data, error=None)
    if data is None and _is_page(text, content_type):
        return _failed(call, f"answered with a web page instead of JSON (status {status})", "web page")
    if isinstance(data, Mapping) and ("result" in data or "error" in data) and (status < 400 or "result" in data):
        return _of_entry(data, "one result without a list")
    if status >= 400:
        return _failed(call, f"answered with the error {status}{_told(data, text)}", "error status")
    if not 200 <= status < 300:
        return _failed(call, f"answered with the status {status}, and not with a result", "no result")
    if not text:
        return Read(ToolResult(True, NOTHING), "empty")
    if data is None:
        return Read(ToolResult(True, _cut(text)), "plain text")
    return Read(ToolResult(True, text_of(data)), "any JSON")


def _parsed(text: str) -> Any:
    """The JSON of a text, line breaks inside of its texts or not; also of JSON that was put into a JSON text."""
    try:
        data = json.loads(text, strict=False)
        if isinstance(data, str) and data.lstrip().startswith(("{", "[")):
            return json.loads(data, strict=False)
    except (ValueError, RecursionError):
        return None
    return data


def _of_results(call: ToolCall, results: Any, *, error: Any) -> Read:
    if isinstance(results, Mapping):
        results = _listed(call, results)
    if not isinstance(results, Sequence) or isinstance(results, str):
        return Read(ToolResult(True, text_of(results)), "results that are the result")
    if not results and error:
        return Read(ToolResult(False, text_of(error)), "error")
    for entry in results:
        if isinstance(entry, Mapping) and _id(entry) == call.id:
            return _of_entry(entry, "result by its id")
    unnamed = [entry for entry in results if not isinstance(entry, Mapping) or not _id(entry)]
    if len(results) == 1:
        return _of_entry(results[0], "the only result" if unnamed else "the only result, of another id")
    named = [entry for entry in unnamed if isinstance(entry, Mapping) and entry.get("name") == call.name]
    if len(named) == 1:
        return _of_entry(named[0], "result by its name")
    return _failed(call, f"gave no result with the id {call.id}, among {len(results)}", "no result of that id")


def _listed(call: ToolCall, results: Mapping[str, Any]) -> Any:
    """Results that are an object: of one call, by id, or the result itself."""
    if "result" in results or "error" in results:
        return [results]
    if call.id in results:
        value = results[call.id]
        value = value if isinstance(value, Mapping) and {"result", "error"} & set(value) else {"result": value}
        return [{**value, "toolCallId": call.id}]
    return [{"result": dict(results)}]


def _of_entry(entry: Any, how: str) -> Read:
    if not isinstance(entry, Mapping):
        return Read(ToolResult(True, text_of(entry)), how)
    if "result" in entry and entry["result"] is not None:
        return Read(ToolResult(True, text_of(entry["result"]), _message(entry, RequestComplete)), how)
    if entry.get("error"):
        return Read(ToolResult(False, text_of(entry["error"]), _message(entry, RequestFailed)), how)
    if message := _message(entry, RequestComplete):
        return Read(ToolResult(True, message.content or NOTHING, message), how)
    rest = {name: value for name, value in entry.items() if name not in _IDS}
    return Read(ToolResult(True, text_of(rest if set(rest) - {"name", "result", "error"} else None)), how)


def _message(entry: Mapping[str, Any], usual: type[RequestComplete | RequestFailed]) -> OutcomeMessage | None:
    """What the server wants said, where it can be understood."""
    written = entry.get("message")
    kind = usual.model_fields["type"].annotation.__args__[0]  # type: ignore[union-attr]  # the Literal's value
    if isinstance(written, str) and written:
        written = {"content": written}
    if not isinstance(written, Mapping):
        return None
    try:
        return _MESSAGE.validate_python({"type": kind, **written})
    except ValidationError:
        return None


def _id(entry: Mapping[str, Any]) -> str:
    return next((str(entry[name]) for name in _IDS if entry.get(name)), "")


def _is_page(text: str, content_type: str) -> bool:
    return "html" in content_type.lower() or text[:200].lstrip().lower().startswith(
        ("<!doctype", "<html", "<head", "<?xml")
    )


def _told(data: Any, text: str) -> str:
    """What an error's answer says of it, after a colon."""
    if isinstance(data, Mapping):
        data = next((data[name] for name in ("message", "error", "detail") if data.get(name)), data)
    told = text_of(data) if data is not None else text
    return f": {told[:500]}" if told else ""


def _failed(call: ToolCall, what: str, how: str) -> Read:
    return Read(ToolResult(False, f"The tool {call.name} {what}."), how)


def text_of(value: Any) -> str:
    """A value as text for the model."""
    return _cut(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_RESULT else f"{text[:LONGEST_RESULT]} … (cut, {len(text)} characters in all)"
