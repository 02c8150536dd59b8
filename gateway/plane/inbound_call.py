"""Vapi's Call of an inbound leg, as far as it is known when it rings. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.call.plan import number_of
from gateway.messages.parties import forwarder, sip_transport


def inbound_call(call_id: str, leg: Mapping[str, Any], *, organisation: str, number_id: str) -> dict[str, Any]:
    """:param leg: the fields of `LegInfo`, as JSON
    :param number_id: of the called number, empty for one that the store does not have
    """
    caller = str(leg.get("caller") or "")
    user = number_of(caller)
    customer: dict[str, Any] = {"number": user} if user.lstrip("+").isdigit() else {}
    if caller.lower().startswith(("sip:", "sips:")):
        customer["sipUri"] = caller
    if name := str(leg.get("display_name") or ""):
        customer["name"] = name[:40]
    signalling_id = str(leg.get("signalling_id") or "")
    return {
        "id": call_id,
        "orgId": organisation,
        "type": "inboundPhoneCall",
        "status": "ringing",
        **({"phoneNumberId": number_id} if number_id else {}),
        "customer": customer,
        "phoneCallProvider": "vapi",
        "phoneCallProviderId": signalling_id,
        "phoneCallTransport": "sip",
        "transport": sip_transport(signalling_id, forwarder(leg.get("diverted_by") or ())),
    }
