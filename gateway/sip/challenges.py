"""How often a registrar asked for other credentials before it accepted an account: what that cost of its time."""

from __future__ import annotations

import re

from gateway.sip import pjsip
from gateway.sip.headers import parse_message
from gateway.sip.pjsip import Received

_CHALLENGE = re.compile(rb"Response msg (?:401|407)/REGISTER/")
_CALLS_LIMIT = 4096


class Challenges:
    """Counts 401 and 407 to REGISTER by Call-ID, before the stack answers them. Must outlive the stack that it is
    registered in."""

    def __init__(self, received: Received) -> None:
        self._messages = received
        self._pjsip = pjsip.functions()
        self._counts: dict[str, int] = {}
        self._module = pjsip.module(b"mod-parley-challenges", pjsip.BEFORE_TRANSACTIONS, on_response=self._received)

    def register(self) -> None:
        """Put the module into a stack that is initialised. :raises SetupError: when pjsip does not take it."""
        pjsip.register(self._module)

    def take(self, call_id: str) -> int:
        """How many came for a Call-ID since it was asked last."""
        return self._counts.pop(call_id, 0)

    def _received(self, response: int) -> int:
        if _CHALLENGE.match(self._pjsip.pjsip_rx_data_get_info(response)):
            call_id = parse_message(self._messages.message(response).decode(errors="replace")).first("call-id")
            self._counts[call_id] = self._counts.pop(call_id, 0) + 1
            if len(self._counts) > _CALLS_LIMIT:
                del self._counts[next(iter(self._counts))]
        return 0
