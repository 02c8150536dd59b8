"""Requests from addresses that are no trunk's: refused or ignored before the stack keeps anything of them.

A SIP port that can be reached is found by scanners within the hour. So they are met by a pjsip module right behind the
transports: no transaction, no call, no leg. Requests inside a dialog pass, whoever sends them: a PBX may well have the
rest of a call sent from elsewhere, and who is in no dialog gets 481.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Literal

from gateway.observe.metrics import SIP_STRANGERS
from gateway.sip import pjsip
from gateway.sip.trunk import LINE_PARAMETER
from gateway.trunk.trust import Peer

Policy = Literal["accept", "refuse", "ignore"]

_LINE = re.compile(rb";" + LINE_PARAMETER.encode() + rb"=(\w+)")
IN_DIALOG = re.compile(rb"^(?:to|t)[ \t]*:[^\r\n]*;[ \t]*tag[ \t]*=", re.IGNORECASE | re.MULTILINE)
"""A request that says which dialog it is in."""
_FORBIDDEN = 403


class Strangers:
    """Must outlive the stack that it is registered in.

    :param knows: whether a source, or a line parameter of the Request-URI, is some trunk's
    """

    def __init__(self, policy: Policy, received: pjsip.Received, *, knows: Callable[[Peer, str | None], bool]) -> None:
        self._policy = policy
        self._received = received
        self._knows = knows
        self._module = pjsip.module(b"mod-parley-strangers", pjsip.BEFORE_TRANSACTIONS, on_request=self._judge)

    def register(self) -> None:
        """Put the module into a stack that is initialised, unless everybody is welcome.

        :raises SetupError: when pjsip does not take it
        """
        if self._policy != "accept":
            pjsip.register(self._module)

    def _judge(self, request: int) -> int:
        if self._knows(self._received.peer(request), None):
            return 0
        message = self._received.message(request)
        request_line = message.partition(b"\r\n")[0]
        line = _LINE.search(request_line)
        if (line and self._knows(self._received.peer(request), line[1].decode())) or IN_DIALOG.search(message):
            return 0
        SIP_STRANGERS.inc()
        # an ACK is never answered (RFC 3261 section 17)
        if self._policy == "refuse" and not request_line.startswith(b"ACK "):
            library = pjsip.functions()
            endpoint = library.pjsua_get_pjsip_endpt()
            library.pjsip_endpt_respond_stateless(endpoint, request, _FORBIDDEN, None, None, None)
        return 1
