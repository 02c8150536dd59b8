"""Gemini's streamGenerateContent with server-sent events.

Follows https://ai.google.dev/api/generate-content (GenerateContentResponse, FinishReason),
https://ai.google.dev/gemini-api/docs/thought-signatures, https://ai.google.dev/gemini-api/docs/troubleshooting (error
bodies) and the converters of the SDK `google-genai` (google/genai/models.py, `_GenerateContentParameters_to_mldev`).
"""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.providers.emulators.answers import Answer, Answering, Asked, Called, echo, words
from tests.providers.emulators.emulator import Emulator

_STATUS = {400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 429: "RESOURCE_EXHAUSTED", 500: "INTERNAL"}
_FINISH = {"complete": "STOP", "length": "MAX_TOKENS", "filtered": "SAFETY"}
_SCHEMA_KEYWORDS = frozenset(
    {
        *("type", "format", "title", "description", "nullable", "enum", "anyOf", "items", "minItems", "maxItems"),
        *("properties", "required", "minProperties", "maxProperties", "minimum", "maximum", "example", "default"),
        *("minLength", "maxLength", "pattern", "propertyOrdering"),
    }
)


class GeminiGenerate(Emulator):
    """:param answer: what the model says
    :param pace: seconds between two pieces
    :param block: refuses every prompt, for this reason
    """

    def __init__(
        self, answer: Answering = echo, *, key: str = "emulated-key", pace: float = 0.0, block: str | None = None
    ) -> None:
        super().__init__(key=key)
        self._answer = answer
        self._pace = pace
        self._block = block
        self.routes = [Route("/v1/models/{model}:streamGenerateContent", self._generate, methods=["POST"])]

    @property
    def api_url(self) -> str:
        """The base URL for clients."""
        return self.url

    def refusal(self, status: int) -> Any:
        """Google's error body; when to come again stands there, too."""
        error = {"code": status, "message": f"emulated {status}", "status": _STATUS.get(status, "INTERNAL")}
        retry = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "23s"}
        return {"error": {**error, **({"details": [retry]} if status == 429 else {})}}

    async def _generate(self, request: Request) -> Response:
        seen = await self.note(request)
        if seen.headers.get("x-goog-api-key") != self.key:
            error = {"code": 400, "message": "API key not valid. Please pass a valid API key."}
            return JSONResponse({"error": {**error, "status": "INVALID_ARGUMENT"}}, status_code=400)
        if (wrong := _wrong(seen.json, request.path_params["model"])) is not None:
            body = {"error": {"code": 400, "message": wrong, "status": "INVALID_ARGUMENT"}}
            return JSONResponse(body, status_code=400)
        assert seen.query == {"alt": "sse"}
        return await self.answer(self._events(seen.json), media_type="text/event-stream")

    async def _events(self, body: Mapping[str, Any]) -> AsyncIterator[bytes]:
        asked = _asked(body)
        if self._block:
            yield _sse({"promptFeedback": {"blockReason": self._block}, "usageMetadata": {"promptTokenCount": 1}})
            return
        for response in _responses(asked, self._answer(asked)):
            yield _sse(response)
            await asyncio.sleep(self._pace)


def _sse(response: Mapping[str, Any]) -> bytes:
    return f"data: {json.dumps(response)}\r\n\r\n".encode()


def _wrong(body: Mapping[str, Any], model: str) -> str | None:
    """What Google would complain about."""
    for tool in body.get("tools", ()):
        for declaration in tool["functionDeclarations"]:
            if (unknown := _unknown(declaration.get("parameters") or {})) is not None:
                return f'Invalid JSON payload received. Unknown name "{unknown}": Cannot find field.'
    contents = body["contents"]
    if contents[0]["role"] != "user":
        return "Please ensure that function call turn comes immediately after a user turn."
    for before, content in itertools.pairwise(contents):
        called = [part for part in before["parts"] if "functionCall" in part]
        answered = [part for part in content["parts"] if "functionResponse" in part]
        if len(called) != len(answered):
            return "the number of function response parts is not equal to that of function call parts."
        if called and model.startswith("gemini-3") and "thoughtSignature" not in called[0]:
            return "Function call is missing a thought_signature in functionCall parts."
    return None


def _unknown(schema: Mapping[str, Any]) -> str | None:
    """The first keyword that is not of Gemini's schema."""
    for keyword in schema:
        if keyword not in _SCHEMA_KEYWORDS:
            return keyword
    inside = [*schema.get("properties", {}).values(), *schema.get("anyOf", ()), *filter(None, [schema.get("items")])]
    return next((unknown for one in inside if (unknown := _unknown(one)) is not None), None)


def _asked(body: Mapping[str, Any]) -> Asked:
    system = [("system", part["text"]) for part in (body.get("systemInstruction") or {}).get("parts", ())]
    messages = [
        (
            {"model": "assistant"}.get(content["role"], content["role"]),
            " ".join(part.get("text") or json.dumps(part) for part in content["parts"]),
        )
        for content in body["contents"]
    ]
    names = [one["name"] for tool in body.get("tools", ()) for one in tool["functionDeclarations"]]
    return Asked([*system, *messages], names, body)


def _responses(asked: Asked, answer: Answer) -> Iterator[dict[str, Any]]:
    prompt = sum(words(text) for _, text in asked.messages)
    told = 0
    for part in _parts(answer):
        told += words(part.get("text", "")) if not part.get("thought") else 0
        yield _response([part], _usage(prompt, told, answer))
    yield _response([], _usage(prompt, told, answer), _FINISH[answer.finish])


def _parts(answer: Answer) -> Iterator[dict[str, Any]]:
    if answer.thoughts:
        yield {"text": answer.thoughts, "thought": True}
    for token in answer.tokens():
        yield {"text": token}
    for number, call in enumerate(answer.calls):
        signature = base64.b64encode(b"signed").decode()
        yield {"functionCall": _call(call), **({} if number else {"thoughtSignature": signature})}


def _call(call: Called) -> dict[str, Any]:
    return {"id": call.id, "name": call.name, "args": json.loads(call.arguments or "{}")}


def _response(parts: list[dict[str, Any]], usage: Mapping[str, Any], finish: str | None = None) -> dict[str, Any]:
    candidate: dict[str, Any] = {"index": 0, "content": {"parts": parts, "role": "model"}}
    if finish:
        candidate["finishReason"] = finish
    return {"candidates": [candidate], "usageMetadata": usage, "modelVersion": "emulated", "responseId": "emulated"}


def _usage(prompt: int, told: int, answer: Answer) -> dict[str, Any]:
    return {
        "promptTokenCount": prompt,
        "cachedContentTokenCount": answer.cached,
        "candidatesTokenCount": told,
        "thoughtsTokenCount": answer.reasoning,
        "totalTokenCount": prompt + told + answer.reasoning,
    }
