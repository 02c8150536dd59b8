"""The connections that trunks are registered over, the flows of RFC 5626, and whether anybody is at their far end.

A connection whose packets vanish on the way stays open here for a quarter of an hour, and calls do not arrive. So each
is asked by OPTIONS, and one that was answered before and is no longer is closed, and its trunks register again. On the
owner thread.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

import structlog

from gateway.sip import pjsip
from gateway.sip.probes import Asker
from gateway.sip.source import source_of, transport_of
from gateway.sip.trunk import transport_parameter
from gateway.trunk.qualification import Qualification

log = structlog.get_logger(__name__)

FlowProbe = Callable[[str, Asker, Callable[[int], None]], object]
"""(target, who asks, told the status of the answer)"""
_POLL_SECONDS = 0.2


class FlowUser(Protocol):
    """A trunk's account."""

    def flow_lost(self) -> None:
        """Its connection leads nowhere and was closed."""


@dataclass(slots=True)
class _Flow:
    """`target` is the far end's URI, `identity` ours there."""

    target: str
    identity: str
    qualification: Qualification
    users: list[FlowUser] = field(default_factory=list)


class Flows:
    """By the address of pjsip's transport, of which a reference is held so that it stays valid."""

    def __init__(self, probe: FlowProbe) -> None:
        self._probe = probe
        self._pjsip = pjsip.functions()
        self._flows: dict[int, _Flow] = {}
        self._poll_at = 0.0

    def __len__(self) -> int:
        return len(self._flows)

    def used(self, user: FlowUser, answer: Any, *, identity: str, seconds: float) -> None:
        """A registrar accepted an account over a connection.

        :param answer: SipRxData of its response
        :param identity: our SIP URI there
        :param seconds: between two OPTIONS, 0 for none
        """
        connection = transport_of(answer)
        address, _, transport = source_of(answer).rpartition(";")
        if transport == "udp" or not connection or not seconds:
            return
        if connection not in self._flows:
            self._pjsip.pjsip_transport_add_ref(connection)
            qualification = Qualification(seconds, due_at=time.monotonic() + seconds)
            target = f"sip:{address}{transport_parameter(transport)}"
            self._flows[connection] = _Flow(target, identity, qualification)
        if user not in self._flows[connection].users:
            self.left(user)
            self._flows[connection].users.append(user)

    def left(self, user: FlowUser) -> None:
        """An account uses none any longer."""
        for connection, flow in list(self._flows.items()):
            if user in flow.users:
                flow.users.remove(user)
                if not flow.users:
                    self.closed(connection)

    def closed(self, connection: int) -> None:
        """A connection ended."""
        if self._flows.pop(connection, None) is not None:
            self._pjsip.pjsip_transport_dec_ref(connection)

    def drop(self) -> None:
        """None of them leads anywhere: this machine has another address."""
        for connection, flow in list(self._flows.items()):
            self._give_up(connection, flow)

    def close(self) -> None:
        """Hold none any longer."""
        for connection in list(self._flows):
            self.closed(connection)

    def poll(self, now: float) -> None:
        """Ask who is due, and close what leads nowhere."""
        if now < self._poll_at:
            return
        self._poll_at = now + _POLL_SECONDS
        for connection, flow in list(self._flows.items()):
            was_reachable = flow.qualification.reachable
            if flow.qualification.take(now):
                self._ask(connection, flow)
            # some never answer OPTIONS
            if was_reachable and flow.qualification.reachable is False:
                self._give_up(connection, flow)

    def _ask(self, connection: int, flow: _Flow) -> None:
        qualification = flow.qualification

        def answered(status: int) -> None:
            qualification.answered(status, now=time.monotonic())

        self._probe(flow.target, Asker(flow.identity, connection=connection), answered)

    def _give_up(self, connection: int, flow: _Flow) -> None:
        log.warning("sip.connection_dead", far_end=flow.target, trunks=len(flow.users))
        # tells us that it is closed, too
        self._pjsip.pjsip_transport_shutdown2(connection, 1)
        self.closed(connection)
        for user in flow.users:
            user.flow_lost()
