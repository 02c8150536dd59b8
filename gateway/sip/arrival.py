"""An INVITE that begins a call, before the stack makes one of it; on the owner thread."""

from __future__ import annotations

from functools import cached_property

from gateway.call.leg import LegInfo
from gateway.sip.call_table import CallTable, inbound_info
from gateway.sip.headers import parse_message
from gateway.sip.stack import Stack
from gateway.trunk.trust import Peer


class SipArrival:
    """Implements `gateway.call.entrance.Arrival`. What is not asked for costs nothing.

    :param text: the request as it came
    :param peer: who sent it
    """

    def __init__(self, text: str, peer: Peer, stack: Stack, calls: CallTable) -> None:
        self._text = text
        self._peer = peer
        self._stack = stack
        self._calls = calls

    @cached_property
    def info(self) -> LegInfo:
        """What is known of the caller."""
        name = self._stack.trunk_of(self._text, self._peer)
        trunk = self._stack.trunks[name].trunk if name is not None else None
        return inbound_info(parse_message(self._text), trunk, self._source)

    @property
    def calls(self) -> int:
        """Places that are taken."""
        return self._calls.places

    @property
    def unanswered(self) -> int:
        """Calls that came and were not answered yet."""
        return self._calls.unanswered

    @property
    def _source(self) -> str:
        host = f"[{self._peer.address}]" if ":" in self._peer.address else self._peer.address
        return f"{host}:{self._peer.port};{self._peer.transport}"
