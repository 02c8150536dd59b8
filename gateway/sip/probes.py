"""OPTIONS requests that ask whether somebody is there: one datagram each, never repeated by the stack.

pjsua2's own would be sent eleven times in 32 s to whom nobody answers; when to ask again is decided by whoever asks
(`gateway.trunk.registrar`, `gateway.trunk.qualification`). So they leave without a transaction, and a pjsip module
before the transactions takes their answers, which are known by their sequence number.
"""

from __future__ import annotations

import ctypes
import itertools
import re
from collections.abc import Callable
from dataclasses import dataclass

from gateway.sip import pjsip
from gateway.sip.headers import parse_message
from gateway.sip.pjsip import Received
from gateway.sip.trunk import ANONYMOUS_USER

OnAnswer = Callable[[int], None]
"""Told the status of the answer, if one comes."""

OnSeen = Callable[[str], None]
"""Told host:port that the request came from, where the answer tells it."""

_FIRST_SEQUENCE = 1_000_000
"""Beyond the sequence numbers of other OPTIONS requests of this stack."""
_OUTSTANDING_LIMIT = 4096
_SEEN = re.compile(r";\s*(received|rport)\s*=\s*([^;,\s]+)")
_ANSWER = re.compile(rb"Response msg (\d+)/OPTIONS/cseq=(\d+)")


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks: our SIP URI at the target, for From, and our Contact there, empty for that of the first transport.

    The request takes a `connection`, the address of pjsip's transport, or the transport of an `account`, by its id.
    """

    identity: str
    contact: str = ""
    account: int = 0
    connection: int = 0


class Probes:
    """Must outlive the stack that it is registered in."""

    def __init__(self, received: Received) -> None:
        self._messages = received
        self.address = ""
        """host:port of ours, for Contact."""
        self._pjsip = pjsip.functions()
        self._sequence = itertools.count(_FIRST_SEQUENCE)
        self._outstanding: dict[int, OnAnswer] = {}
        self._seeing: dict[int, OnSeen] = {}
        self._module = pjsip.module(b"mod-parley-probes", pjsip.BEFORE_TRANSACTIONS, on_response=self._received)

    def register(self) -> None:
        """Put the module into a stack that is initialised. :raises SetupError: when pjsip does not take it."""
        pjsip.register(self._module)

    def send(self, target: str, asker: Asker, on_answer: OnAnswer, *, on_seen: OnSeen | None = None) -> bool:
        """Ask once; False when the request cannot even be made.

        :param target: a SIP URI
        """
        sequence = next(self._sequence)
        endpoint = self._pjsip.pjsua_get_pjsip_endpt()
        own = asker.contact or f"<sip:{ANONYMOUS_USER}@{self.address}>"
        uri, sender, contact = (pjsip.text(one) for one in (target, asker.identity, own))
        request = ctypes.c_void_p()
        made = self._pjsip.pjsip_endpt_create_request(
            endpoint,
            self._pjsip.pjsip_get_options_method(),
            ctypes.byref(uri),
            ctypes.byref(sender),
            ctypes.byref(uri),
            ctypes.byref(contact),
            None,
            sequence,
            None,
            ctypes.byref(request),
        )
        if made:
            return False
        if self._pjsip.pjsip_tx_data_set_transport(request, ctypes.byref(self._way(asker))):
            return False
        self._remember(sequence, on_answer)
        if on_seen is not None:
            self._seeing[sequence] = on_seen
        return not self._pjsip.pjsip_endpt_send_request_stateless(endpoint, request, None, None)

    def _way(self, asker: Asker) -> pjsip.Way:
        if asker.connection:
            return pjsip.way_by(asker.connection)
        # of TLS there may be several listeners, each with certificates of its own
        way = pjsip.Way()
        self._pjsip.pjsua_init_tpselector(asker.account, ctypes.byref(way))
        return way

    def _remember(self, sequence: int, on_answer: OnAnswer) -> None:
        self._outstanding[sequence] = on_answer
        if len(self._outstanding) > _OUTSTANDING_LIMIT:
            forgotten = next(iter(self._outstanding))
            del self._outstanding[forgotten]
            self._seeing.pop(forgotten, None)

    def _received(self, response: int) -> int:
        match = _ANSWER.match(self._pjsip.pjsip_rx_data_get_info(response))
        if match is None or int(match[2]) < _FIRST_SEQUENCE:
            return 0
        status = int(match[1])
        on_answer = self._outstanding.get(int(match[2])) if status < 200 else self._outstanding.pop(int(match[2]), None)
        if on_answer is not None and status >= 200:
            on_answer(status)
            if on_seen := self._seeing.pop(int(match[2]), None):
                on_seen(_seen_at(self._messages.message(response)))
        return 1


def _seen_at(answer: bytes) -> str:
    """host:port of received and rport (RFC 3581) in the first Via of an answer, empty without them."""
    via = parse_message(answer.decode(errors="replace")).first("via")
    found = dict(_SEEN.findall(via))
    return f"{found['received']}:{found['rport']}" if len(found) == 2 else found.get("rport", "")
