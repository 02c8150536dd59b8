"""The calls of a gateway, as its media port reaches them."""

from __future__ import annotations

import re
from typing import Final

from gateway.call.gateway import Gateway
from gateway.call.session import Call
from gateway.carriers.client_messages import ClientMessages
from gateway.carriers.media_app import Use

_BEARER: Final = re.compile(r"Bearer\s+(\S+)", re.IGNORECASE)
_DISABLED: Final = "The assistant's monitorPlan does not allow to {use} this call."
_NO_KEY: Final = "To {use} this call send a key of its organisation: Authorization: Bearer …"
_WRONG_KEY: Final = "This key may not {use} the call."


class GatewayCalls:
    """Implements `LiveCalls`."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    def call(self, call_id: str) -> Call:
        """The live call with this id, which must be whole: an id is what protects a call."""
        return self._gateway.live_call(call_id)

    def messages(self, call_id: str) -> ClientMessages:
        """What makes the call's client messages from its journal."""
        return ClientMessages(self.call(call_id))

    async def refusal(self, call_id: str, use: Use, authorization: str) -> str:
        """Why who sends this Authorization header may not do that with the call; empty when they may."""
        call = self.call(call_id)
        plan = call.assistant.monitor_plan
        enabled = plan.listen_enabled if use is Use.LISTEN else plan.control_enabled
        asks = plan.listen_authentication_enabled if use is Use.LISTEN else plan.control_authentication_enabled
        if not enabled:
            return _DISABLED.format(use=_SAID[use])
        if not asks:
            return ""
        key = _BEARER.fullmatch(authorization.strip())
        if key is None:
            return _NO_KEY.format(use=_SAID[use])
        plane, organisation = self._gateway.plane, call.plan.organisation if call.plan else ""
        allowed = plane is not None and await plane.authorize(organisation, key[1])
        return "" if allowed else _WRONG_KEY.format(use=_SAID[use])


_SAID: Final = {Use.LISTEN: "listen to", Use.CONTROL: "control"}
