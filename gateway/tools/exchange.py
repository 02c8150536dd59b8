"""One HTTP request of a tool, with its retries, and all that the record keeps of it."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from gateway.assistant.section import BackoffPlan
from gateway.errors import ParleyError

LARGEST_ANSWER = 1 << 20
"""Bytes. A tool's answer is read to a model; one that is larger is a mistake or an attack."""
KEPT = 16_000
"""Characters of request and answer that the record keeps."""
NO_RETRIES = BackoffPlan()


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """What is sent. `content` is the body as text; `timeout_seconds` is for each attempt, from connecting to the last
    byte."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    content: str = ""
    timeout_seconds: float = 20.0


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request and what came back. `status` is 0 and `error` a sentence's end when nothing did."""

    request: HttpRequest
    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    text: str = ""
    error: str = ""
    attempts: int = 1
    ms: int = 0

    @property
    def content_type(self) -> str:
        """Of the answer."""
        return self.headers.get("content-type", "")

    def entry(self) -> dict[str, Any]:
        """The entry `tool-request` of the journal, as far as HTTP is concerned."""
        shown = {
            "url": shown_url(self.request.url),
            "method": self.request.method,
            "status": self.status,
            "ms": self.ms,
            "attempts": self.attempts,
            "request": masked(self.request.content[:KEPT]),
            "response": masked(self.text[:KEPT]),
        }
        return {**shown, "error": self.error} if self.error else shown


_NAME = r"""[^"\\]*(?:password|secret|token|api[_-]?key|authorization)[^"\\]*\""""
_SECRET = re.compile(
    rf"""("{_NAME}\s*:\s*"|"key"\s*:\s*"{_NAME}\s*,\s*"value"\s*:\s*")(?:[^"\\]|\\.)*""", re.IGNORECASE
)
"""A text in JSON under a name that says that it is secret, as a property or as a static parameter."""


def masked(text: str) -> str:
    """JSON, or what is left of it, without the texts whose names say that they are secret."""
    return _SECRET.sub(r"\1***", text)


async def exchange(client: httpx.AsyncClient, request: HttpRequest, plan: BackoffPlan | None = None) -> Exchange:
    """Send a request, again as often as the plan has it: after what did not arrive, and after an answer that is not
    2xx."""
    plan = plan or NO_RETRIES
    began = time.monotonic()
    for attempt in range(1, plan.max_retries + 2):
        done = await _attempt(client, request)
        if attempt > plan.max_retries or 200 <= done.status < 300 or done.status in plan.excluded_status_codes:
            break
        await asyncio.sleep(delay_seconds(plan, attempt))
    ms = round((time.monotonic() - began) * 1000)
    return Exchange(request, done.status, done.headers, done.text, done.error, attempt, ms)


def delay_seconds(plan: BackoffPlan, attempt: int) -> float:
    """The wait after this attempt, counted from 1."""
    return plan.base_delay_seconds * (2 ** (attempt - 1) if plan.type == "exponential" else 1)


def longest_seconds(timeout_seconds: float, plan: BackoffPlan | None) -> float:
    """The longest that an exchange takes."""
    retries = plan.max_retries if plan else 0
    waits = sum(delay_seconds(plan, attempt) for attempt in range(1, retries + 1)) if plan else 0.0
    return timeout_seconds * (retries + 1) + waits


async def _attempt(client: httpx.AsyncClient, request: HttpRequest) -> Exchange:
    seconds = request.timeout_seconds
    try:
        async with asyncio.timeout(seconds):
            return await _send(client, request)
    except (TimeoutError, httpx.TimeoutException):
        return Exchange(request, error=f"did not answer within {seconds:g} s")
    except (httpx.InvalidURL, httpx.UnsupportedProtocol, ValueError, UnicodeError) as error:
        return Exchange(request, error=f"has no URL that can be called: {error}")
    except httpx.HTTPError as error:
        return Exchange(request, error=f"could not be reached: {error or type(error).__name__}")
    except ParleyError as error:
        return Exchange(request, error=f"was not called: {error}")


async def _send(client: httpx.AsyncClient, request: HttpRequest) -> Exchange:
    content = request.content.encode() if request.content else None
    async with client.stream(
        request.method, request.url, headers=dict(request.headers), content=content, timeout=request.timeout_seconds
    ) as response:
        body = bytearray()
        async for chunk in response.aiter_bytes():
            body += chunk
            if len(body) > LARGEST_ANSWER:
                return Exchange(
                    request,
                    response.status_code,
                    dict(response.headers),
                    _decoded(body[:KEPT], response),
                    f"answered with more than {LARGEST_ANSWER >> 20} MB",
                )
        return Exchange(request, response.status_code, dict(response.headers), _decoded(body, response))


def _decoded(body: bytes | bytearray, response: httpx.Response) -> str:
    try:
        return bytes(body).decode(response.charset_encoding or "utf-8", errors="replace")
    except LookupError:
        return bytes(body).decode("utf-8", errors="replace")


def shown_url(url: str) -> str:
    """A URL without what may be secret in it: password and query values."""
    try:
        parsed = httpx.URL(url)
    except (httpx.InvalidURL, ValueError):
        return url[:200]
    query = dict.fromkeys(parsed.params, "***")
    shown = parsed.copy_with(username=None, password=None) if parsed.userinfo else parsed
    bare = str(shown.copy_with(query=None))
    return f"{bare}?{'&'.join(f'{name}={value}' for name, value in query.items())}" if query else bare
