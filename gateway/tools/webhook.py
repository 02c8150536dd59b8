"""Asks a server of the user's: signed, with its own timeout and retries, and kept in the record."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.assistant.section import Server
from gateway.errors import ParleyError
from gateway.tools.exchange import Exchange, HttpRequest, exchange
from gateway.tools.kind import Surroundings, ToolUse
from gateway.tools.tool_calls import content


async def ask(server: Server, body: Mapping[str, Any], use: ToolUse, around: Surroundings) -> Exchange:
    """POST a message for a tool call. Never raises: what went wrong is in the exchange."""
    try:
        request = await webhook_request(server, body, use, around)
    except ParleyError as error:
        return Exchange(HttpRequest("POST", server.url), error=f"was not called: {error}")
    done = await exchange(around.client, request, server.backoff_plan)
    if done.status == 401:
        around.signer.refused(around.credential(server.credential_id))
    return done


async def webhook_request(server: Server, body: Mapping[str, Any], use: ToolUse, around: Surroundings) -> HttpRequest:
    """The request that `ask` sends.

    :raises ParleyError: it cannot be signed
    """
    text = content(body)
    written = {"url": server.url, "headers": server.headers, "secret": server.secret}
    credential = around.credential(server.credential_id)
    signed = await around.signer.headers(written, credential, text.encode(), message_id=use.key)
    headers = {"Content-Type": "application/json", **signed, "Idempotency-Key": use.key}
    return HttpRequest("POST", server.url, headers, text, server.timeout_seconds)


def keep(use: ToolUse, done: Exchange, how: str, around: Surroundings) -> None:
    """Put an exchange into the record.

    :param how: how the answer was understood
    """
    around.port.journal(
        "tool-request", {"id": use.call.id, "name": use.call.name, **done.entry(), "key": use.key, "parse": how}
    )
