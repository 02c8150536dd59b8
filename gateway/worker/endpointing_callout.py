"""Asks the user's server how long to wait for the end of a turn: POST of Vapi's `call.endpointing.request`."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from typing import Any

import httpx
import structlog

from gateway.assistant.assistant import Assistant
from gateway.assistant.section import Server
from gateway.assistant.start_speaking_plan import CustomEndpointing
from gateway.conversation.commands import AskEndpointing
from gateway.conversation.context import Context
from gateway.conversation.events import EndpointingAnswered
from gateway.conversation.server_message import conversation, server_message
from gateway.worker.output import OutputPort

LONGEST_SECONDS = 1.5
"""A caller waits meanwhile: whatever the server's own timeout, an answer that takes longer is of no use."""
LARGEST_WAIT_SECONDS = 15.0

logger = structlog.get_logger(__name__)


class NoAnswer(Exception):
    """The server gave no answer that can be used; the text says why."""


class EndpointingCallout:
    """The questions of one call. Only the latest counts: a newer one ends it.

    :param spawn: starts a task that the session owns
    :param note: keeps something for the record of the call
    """

    def __init__(
        self,
        assistant: Assistant,
        *,
        call: Mapping[str, Any],
        context: Context,
        client: httpx.AsyncClient,
        port: OutputPort,
        spawn: Callable[..., asyncio.Task[None]],
        note: Callable[..., None],
    ) -> None:
        self._assistant = assistant
        self._server = _server(assistant)
        self._call = call
        self._context = context
        self._client = client
        self._port = port
        self._spawn = spawn
        self._note = note
        self._asking: asyncio.Task[None] | None = None

    def ask(self, question: AskEndpointing) -> None:
        """Ask; `EndpointingAnswered` follows, unless another question or `close` does before."""
        self.close()
        self._asking = self._spawn(self._ask(question), name=f"endpointing {question.question}")

    def close(self) -> None:
        """Nobody waits for an answer any more."""
        if self._asking is not None:
            self._asking.cancel()

    async def _ask(self, question: AskEndpointing) -> None:
        began = time.monotonic()
        wait_ms: int | None = None
        outcome: dict[str, Any]
        try:
            wait_ms = await self._answer(question)
            outcome = {"timeoutSeconds": wait_ms / 1000}
        except NoAnswer as error:
            outcome = {"error": str(error)}
            logger.warning("endpointing server failed", call=self._call["id"], error=str(error))
        self._note("endpointing-request", ms=round((time.monotonic() - began) * 1000), **outcome)
        self._port.dispatch(EndpointingAnswered(self._port.now(), question.question, wait_ms))

    async def _answer(self, question: AskEndpointing) -> int:
        server = self._server
        if server is None:
            raise NoAnswer("The assistant has no server to ask.")
        seconds = min(server.timeout_seconds, LONGEST_SECONDS)
        try:
            async with asyncio.timeout(seconds):
                response = await self._client.post(
                    server.url, json=self._body(question), headers=server.request_headers, timeout=seconds
                )
        except (TimeoutError, httpx.TimeoutException):
            raise NoAnswer(f"No answer from {server.url} within {seconds:g} s.") from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise NoAnswer(f"{server.url} could not be reached: {error or type(error).__name__}.") from None
        return read_wait_ms(response.status_code, response.text)

    def _body(self, question: AskEndpointing) -> dict[str, Any]:
        history = conversation(
            self._context,
            began_ms=round(time.time() * 1000) - self._port.now(),
            said=question.text,
            start_ms=question.start_ms,
            end_ms=question.end_ms,
        )
        return server_message(
            "call.endpointing.request", call=self._call, assistant={"name": self._assistant.name}, **history
        )


def read_wait_ms(status: int, body: str) -> int:
    """The wait in ms of an answer `{"timeoutSeconds": 0…15}`.

    :raises NoAnswer: it is none
    """
    if not 200 <= status < 300:
        raise NoAnswer(f"The server answered with the status {status}.")
    try:
        data = json.loads(body)
    except ValueError:
        raise NoAnswer("The server's answer is no JSON.") from None
    seconds = data.get("timeoutSeconds") if isinstance(data, dict) else None
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        raise NoAnswer("The server's answer has no number timeoutSeconds.")
    if not 0 <= seconds <= LARGEST_WAIT_SECONDS:
        raise NoAnswer(f"The server's timeoutSeconds is {seconds}, and not within 0 and {LARGEST_WAIT_SECONDS:g}.")
    return round(seconds * 1000)


def _server(assistant: Assistant) -> Server | None:
    plan = assistant.start_speaking_plan.smart
    own = plan.server if isinstance(plan, CustomEndpointing) else None
    return own or assistant.server
