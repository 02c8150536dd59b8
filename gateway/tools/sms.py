"""sms: a text message to the caller, through the organisation's Twilio account.

Follows https://www.twilio.com/docs/messaging/api/message-resource (Messages.json, form-encoded, basic authentication).
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

from gateway.assistant.tool import SmsTool
from gateway.providers.base import ToolDefinition
from gateway.tools.definition import defined
from gateway.tools.exchange import Exchange, HttpRequest, exchange
from gateway.tools.extraction import parsed
from gateway.tools.kind import Surroundings, ToolUse
from gateway.tools.outcome import ToolResult
from gateway.tools.webhook import keep

API = "https://api.twilio.com/2010-04-01"
LONGEST = 1600
"""Characters that Twilio takes."""
_USUAL = ToolDefinition(
    "sms",
    "Sends a text message to the person on the phone.",
    {
        "type": "object",
        "properties": {"message": {"type": "string", "description": "The text of the message."}},
        "required": ["message"],
    },
)


class Sms:
    seconds = 10.0
    repeatable = False

    def __init__(self, tool: SmsTool) -> None:
        self.tool = tool
        self.definition = defined(_USUAL, tool.function)

    async def run(self, use: ToolUse, around: Surroundings) -> ToolResult:
        """Send it. It is not sent twice: a request without an answer may have arrived."""
        text = str(use.arguments.get("message") or use.arguments.get("content") or "").strip()
        account = around.credential_of("twilio")
        number = around.phone_number or around.call.get("phoneNumber")
        sender, receiver = _number(number), _number(around.call.get("customer"))
        if not text:
            return ToolResult(False, "Give the text of the message.")
        if account is None:
            return ToolResult(False, "No text message was sent: the organisation has no Twilio credential.")
        if not sender or not receiver:
            return ToolResult(False, "No text message was sent: this call has no two telephone numbers.")
        done = await exchange(around.client, self._request(account, sender, receiver, text[:LONGEST]))
        keep(use, done, "Twilio's message", around)
        return _result(done)

    def _request(self, account: Mapping[str, Any], sender: str, receiver: str, text: str) -> HttpRequest:
        sid = str(account.get("accountSid", ""))
        user, secret = account.get("apiKey") or sid, account.get("apiSecret") or account.get("authToken") or ""
        login = base64.b64encode(f"{user}:{secret}".encode()).decode()
        headers = {"Authorization": f"Basic {login}", "Content-Type": "application/x-www-form-urlencoded"}
        body = urlencode({"From": sender, "To": receiver, "Body": text})
        return HttpRequest("POST", f"{API}/Accounts/{quote(sid, safe='')}/Messages.json", headers, body, self.seconds)


def _result(done: Exchange) -> ToolResult:
    if done.error:
        return ToolResult(False, f"Twilio {done.error}.")
    if 200 <= done.status < 300:
        return ToolResult(True, "The text message was sent.")
    told = parsed(done.text)
    why = told.get("message", "") if isinstance(told, Mapping) else ""
    return ToolResult(False, f"Twilio refused the text message ({done.status}): {why or done.text[:200]}")


def _number(party: Any) -> str:
    return str(party.get("number") or "") if isinstance(party, Mapping) else ""
