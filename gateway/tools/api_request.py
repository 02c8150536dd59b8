"""apiRequest: one HTTP request of the user's own design. The response is the result.

Templates see the call's variables and what the model gave. A GET has what the model gave in its query, other methods
have it in a JSON body.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import httpx
import structlog

from gateway.assistant.tool import ApiRequestTool
from gateway.conversation.templates import render
from gateway.errors import ConfigError, ParleyError
from gateway.providers.base import ToolDefinition
from gateway.tools.definition import defined
from gateway.tools.exchange import Exchange, HttpRequest, exchange, longest_seconds
from gateway.tools.extraction import extracted
from gateway.tools.kind import Surroundings, ToolUse
from gateway.tools.outcome import ToolResult
from gateway.tools.schema import as_text, completed, joined, open_part
from gateway.tools.templates import static_values
from gateway.tools.tool_calls import content
from gateway.tools.tool_reply import NOTHING, text_of
from gateway.tools.webhook import keep

logger = structlog.get_logger(__name__)

_NAMED = re.compile(r"\{\{-?\s*([A-Za-z_]\w*)")


class ApiRequest:
    def __init__(self, tool: ApiRequestTool) -> None:
        self.tool = tool
        parameters = joined([open_part(tool.body), open_part(tool.headers)])
        self.definition = defined(
            ToolDefinition(tool.name or "api_request", tool.description, parameters), tool.function
        )

    @property
    def seconds(self) -> float:
        """All attempts together."""
        return longest_seconds(self.tool.timeout_seconds, self.tool.backoff_plan)

    @property
    def repeatable(self) -> bool:
        """A GET only reads."""
        return self.tool.method == "GET"

    async def run(self, use: ToolUse, around: Surroundings) -> ToolResult:
        """Send it."""
        try:
            request = await self.request(use, around)
        except ParleyError as error:
            return ToolResult(False, f"The request of the tool {use.name} was not sent: {error}")
        done = await exchange(around.client, request, self.tool.backoff_plan)
        result, how = self.read(use, done)
        keep(use, done, how, around)
        if result.ok:
            self._extract(done, around)
        return result

    async def request(self, use: ToolUse, around: Surroundings) -> HttpRequest:
        """What is sent.

        :raises ParleyError: a template is malformed, or the request cannot be signed
        """
        tool, variables = self.tool, {**around.port.variables, **use.arguments}
        url = _url(tool.url, around.port.variables, use.arguments)
        fixed = static_values(tool.parameters, variables)
        values = {**completed(tool.body, use.arguments, variables), **fixed}
        text = ""
        if tool.method == "GET":
            in_url = set(_NAMED.findall(tool.url))
            url = _with_query(url, {name: value for name, value in values.items() if name not in in_url})
        elif values or tool.body is not None:
            text = content(values)
        headers = {name: as_text(value) for name, value in completed(tool.headers, use.arguments, variables).items()}
        credential = around.credential(tool.credential_id)
        server = {"url": url, "headers": headers}
        signed = await around.signer.headers(server, credential, text.encode(), message_id=use.key, method=tool.method)
        usual = {"Content-Type": "application/json"} if text else {}
        names = {name.lower() for name in signed}
        kept = {name: value for name, value in usual.items() if name.lower() not in names}
        return HttpRequest(tool.method, url, {**kept, **signed, "Idempotency-Key": use.key}, text, tool.timeout_seconds)

    def read(self, use: ToolUse, done: Exchange) -> tuple[ToolResult, str]:
        """What the answer means, and in a few words how it was understood."""
        if done.error:
            logger.warning("tool failed", tool=use.name, error=done.error)
            return ToolResult(False, f"The request of the tool {use.name} {done.error}."), "no answer"
        text = text_of(done.text.strip())
        if 200 <= done.status < 300:
            return ToolResult(True, text or NOTHING), "response"
        return ToolResult(False, f"The server answered with the error {done.status}: {text[:500]}"), "error status"

    def _extract(self, done: Exchange, around: Surroundings) -> None:
        port = around.port
        try:
            values = extracted(self.tool.variable_extraction_plan, done.text, port.variables)
        except ConfigError as error:
            logger.warning("no variables extracted", error=str(error))
            return
        if values:
            port.set_variables(values)


def _url(template: str, variables: Mapping[str, Any], arguments: Mapping[str, Any]) -> str:
    """The URL with its templates filled in. What the model gives may come from the caller: it is escaped, and never
    says to whom the request goes.

    :raises ConfigError: the template is malformed, or what comes of it is no URL, or goes elsewhere
    """
    escapes = "url_encode" not in template
    texts = {name: as_text(value) for name, value in arguments.items()}
    given = {name: quote(text, safe="") if escapes else text for name, text in texts.items()}
    try:
        url = httpx.URL(render(template, {**variables, **given}))
        without = httpx.URL(render(template, {**variables, **dict.fromkeys(arguments, "0")}))
    except (httpx.InvalidURL, ValueError) as error:
        raise ConfigError(f"{template!r} gives no URL: {error}.") from error
    if (url.scheme, url.netloc) != (without.scheme, without.netloc):
        raise ConfigError("The model may not say to which server the request goes.")
    return str(url)


def _with_query(url: str, values: Mapping[str, Any]) -> str:
    parsed = httpx.URL(url)
    return str(parsed.copy_merge_params({name: as_text(value) for name, value in values.items()}) if values else parsed)
