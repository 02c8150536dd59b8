"""Asking a user's server who answers a call: Vapi's assistant-request.

The server answers with an assistant or a squad (by id or whole, with overrides), with a destination, or with an error
that is spoken to the caller. It has a deadline; what is wrong becomes an endedReason.
"""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx
import structlog

from gateway.errors import ParleyError
from gateway.plane.planning import Wanted
from gateway.plane.shelf import Body
from gateway.webhooks.signing import Signer

log = structlog.get_logger(__name__)

REQUEST_FAILED = "assistant-request-failed"
RETURNED_ERROR = "assistant-request-returned-error"
RETURNED_NOTHING = "assistant-request-returned-no-assistant"
RETURNED_INVALID = "assistant-request-returned-invalid-assistant"
RETURNED_DESTINATION = "assistant-request-returned-forwarding-phone-number"

MOST_SPOKEN = 1000


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: one of the three, or neither, with an endedReason and a sentence that says why."""

    wanted: Wanted | None = None
    destination: Body | None = None
    spoken: str | None = None
    reason: str = ""
    detail: str = ""


def request_body(call: Mapping[str, Any], phone_number: Mapping[str, Any] | None, time_ms: int) -> bytes:
    """The message that is posted."""
    message = {"type": "assistant-request", "timestamp": time_ms, "call": call}
    if phone_number:
        message["phoneNumber"] = {name: value for name, value in phone_number.items() if name not in _INNER}
    if call.get("customer"):
        message["customer"] = call["customer"]
    return json.dumps({"message": message}, ensure_ascii=False).encode()


_INNER = ("server", "serverUrl", "serverUrlSecret", "authentication", "credentialId", "hooks", "fallbackDestination")


def read_answer(status: int, content: bytes) -> Answer:
    """What a server's response means. Pure."""
    if not 200 <= status < 300:
        return Answer(reason=REQUEST_FAILED, detail=f"The server answered assistant-request with {status}.")
    try:
        read = json.loads(content)
    except ValueError:
        return Answer(reason=REQUEST_FAILED, detail="The server's answer to assistant-request is no JSON.")
    body = read.get("messageResponse", read) if isinstance(read, dict) else None
    if not isinstance(body, dict):
        return Answer(reason=REQUEST_FAILED, detail="The server's answer to assistant-request is no object.")
    if isinstance(body.get("destination"), dict):
        return Answer(destination=body["destination"], reason=RETURNED_DESTINATION)
    if body.get("error"):
        spoken = str(body["error"])[:MOST_SPOKEN]
        return Answer(spoken=spoken, reason=RETURNED_ERROR, detail=spoken)
    wanted = Wanted.of(body)
    if not wanted.anybody:
        return Answer(reason=RETURNED_NOTHING, detail="The server's answer names neither assistant nor squad.")
    return Answer(wanted=wanted)


async def ask_server(
    client: httpx.AsyncClient,
    signer: Signer,
    server: Mapping[str, Any],
    credential: Mapping[str, Any] | None,
    body: bytes,
    *,
    seconds: float,
) -> Answer:
    """Post the message and read what comes back within the deadline.

    :param client: past the egress guard
    """
    url = str(server.get("url"))
    message_id = str(uuid.uuid4())
    began = time.monotonic()
    try:
        async with asyncio.timeout(seconds):
            headers = await signer.headers(server, credential, body, message_id=message_id)
            headers = {"Content-Type": "application/json"} | headers
            response = await client.post(url, content=body, headers=headers, timeout=seconds)
            answer = read_answer(response.status_code, response.content)
    except TimeoutError:
        answer = Answer(reason=REQUEST_FAILED, detail=f"The server did not answer within {seconds:.1f} s.")
    except (httpx.HTTPError, httpx.InvalidURL, ParleyError) as error:
        answer = Answer(reason=REQUEST_FAILED, detail=f"The server could not be asked: {error or type(error).__name__}")
    log.info(
        "assistant requested",
        server=httpx.URL(url).host if url.startswith("http") else url,
        ms=round((time.monotonic() - began) * 1000),
        reason=answer.reason or "answered",
    )
    return answer
