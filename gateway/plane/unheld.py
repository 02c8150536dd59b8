"""Calls that ended before a gateway held them: their few events, as a gateway would have journalled them. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from gateway.assistant.masking import without_secrets
from gateway.store.events import NewEvent


def unheld_call(
    call: Mapping[str, Any], plan: Mapping[str, Any], reason: str, detail: str, time_ms: int
) -> Sequence[NewEvent]:
    """The whole life of such a call.

    :param call: Vapi's Call, with `id` and `type`
    :param plan: as `CallPlan.shown`; secrets in it are left out
    :param reason: endedReason
    :param detail: one sentence for the user
    :param time_ms: wall clock
    """
    at = datetime.fromtimestamp(time_ms / 1000, UTC).isoformat()
    customer = _address(call.get("customer"))
    ours = _address(plan.get("phoneNumber"))
    outbound = call.get("type") != "inboundPhoneCall"
    first = {
        "id": call["id"],
        "direction": "outbound" if outbound else "inbound",
        "caller": ours if outbound else customer,
        "called": customer if outbound else ours,
        "trunk": None,
        "signalling_id": "",
        "assistant": "",
        "started_at": at,
        "plan": without_secrets(plan),
    }
    last = {"at": at, "reason": reason, "sip_status": None, "detail": detail}
    return [
        NewEvent(str(call["id"]), sequence, 0, time_ms, kind, json.dumps(data, ensure_ascii=False))
        for sequence, kind, data in ((1, "call", first), (2, "ended", last))
    ]


def _address(party: object) -> str:
    if not isinstance(party, Mapping):
        return ""
    return str(party.get("number") or party.get("sipUri") or "")
