"""What docs/server-messages.md shows is sent."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from typing import Any

from gateway.messages.message import SERVER_DEFAULT
from gateway.messages.view import CallView
from gateway.webhooks.signing import signed_headers
from tests.docs.pages import ROOT, Block, blocks
from tests.docs.test_examples import each
from tests.messages.journals import CALL_ID, ORGANISATION, Journal, whole_call
from tests.messages.test_view import follow

PAGE = (ROOT / "docs" / "server-messages.md").read_text()
TABLE = dict(re.findall(r"^\| `([\w.-]+)` ?(●?) \|", PAGE, re.MULTILINE))
_ELSEWHERE = {"transfer-destination-request", "handoff-destination-request", "function-call"}
"""Requests of a worker, and an older name."""


def told() -> list[dict[str, Any]]:
    """Every message of a call with everything, and of one that is sent on."""
    sent_on = Journal()
    sent_on.opened("outbound")
    sent_on.add("ringing")
    sent_on.add("answered")
    sent_on.assistant(previous="Front desk")
    sent_on.add("transfer", 100, status="requested", destination={"type": "number", "number": "+15550199"})
    sent_on.add("ended", 200, reason="assistant-forwarded-call")
    journals = (whole_call(), sent_on)
    return [
        dict(body)
        for journal in journals
        for _, body in follow(CallView({"id": CALL_ID, "orgId": ORGANISATION}), journal.events)
    ]


@each("json message")
def test_the_messages_are_such_as_are_sent(block: Block) -> None:
    shown = json.loads(block.text)
    assert any(all(body.get(name) == value for name, value in shown.items()) for body in told())


def test_every_type_is_in_the_table_and_marked_when_it_is_sent_by_default() -> None:
    sent = {body["type"] for body in told()} - {"tool-calls-result"}
    assert sent <= TABLE.keys()
    assert {name for name, mark in TABLE.items() if mark} == SERVER_DEFAULT - _ELSEWHERE


def test_the_check_of_a_signature_holds() -> None:
    (block,) = blocks("python", "signature")
    names: dict[str, Any] = {"hashlib": hashlib, "hmac": hmac}
    exec(block.text, names)
    plan = {"type": "hmac", "secretKey": "secret", "algorithm": "sha256"}
    headers = signed_headers({}, {"authenticationPlan": plan}, b"{}")
    assert names["is_ours"](b"secret", headers, b"{}")
    assert not names["is_ours"](b"other", headers, b"{}")
