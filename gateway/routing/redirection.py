"""Where a caller is told to call instead. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from gateway.call.leg import LegInfo


def contact_of(destination: Mapping[str, Any], info: LegInfo) -> str:
    """The SIP URI of Vapi's sip or number destination; a number is one of where the caller calls from."""
    if uri := str(destination.get("sipUri") or ""):
        return uri
    number = re.sub(r"[^0-9A-Za-z+*#]", "", str(destination.get("number") or ""))
    host = re.search(r"@([^>;?\s]+)", info.caller)
    return f"sip:{number}@{host[1]}" if host else f"tel:{number}"
