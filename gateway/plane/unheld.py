"""Calls that ended before a gateway held them, or after it was lost: their events, as a gateway would have journalled
them. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from gateway.assistant.masking import without_secrets
from gateway.call.calls import LOST_ENTRIES
from gateway.store.events import NewEvent, StoredEvent

BEYOND = 10 * LOST_ENTRIES
"""The end of such a call has a sequence beyond any that the journal of its gateway may have, its own end included: the
gateway may come back with the journal after all."""
_AFTERWARDS = frozenset({"ended", "analysis", "report"})


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
    return [
        NewEvent(str(call["id"]), 1, 0, time_ms, "call", json.dumps(first, ensure_ascii=False)),
        _ended(str(call["id"]), 1, 0, time_ms, reason, detail),
    ]


def lost_call(last: StoredEvent, reason: str, detail: str) -> Sequence[NewEvent]:
    """The end of a call whose gateway told of it until `last`, which is as long as it is known to have lasted; empty
    where it has one."""
    if last.kind in _AFTERWARDS:
        return []
    return [_ended(last.call_id, last.sequence, last.at_ms, last.time_ms, reason, detail)]


def _ended(call_id: str, follows: int, at_ms: int, time_ms: int, reason: str, detail: str) -> NewEvent:
    at = datetime.fromtimestamp(time_ms / 1000, UTC).isoformat()
    data = {"at": at, "reason": reason, "sip_status": None, "detail": detail, "follows": follows}
    return NewEvent(call_id, follows + BEYOND, at_ms, time_ms, "ended", json.dumps(data, ensure_ascii=False))


def _address(party: object) -> str:
    if not isinstance(party, Mapping):
        return ""
    return str(party.get("number") or party.get("sipUri") or "")
