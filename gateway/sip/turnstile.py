"""INVITEs that are refused before the stack keeps anything of them: no transaction, no dialog, no port.

A pjsip module right behind the transports, where an INVITE costs a look at its text. It sees each repetition of a
request, too, and those of a call that was let in pass, or its caller would be told both that it rings and 503.
"""

from __future__ import annotations

import ctypes
import re
import time
from collections.abc import Callable

from gateway.call.strain import Measure
from gateway.errors import CallRefused, Overloaded
from gateway.sip import pjsip
from gateway.sip.headers import quoted
from gateway.sip.strangers import IN_DIALOG
from gateway.trunk.trust import Peer

MayEnter = Callable[[str, Peer], None]
"""Given the text of an INVITE that begins a call, and who sent it. :raises CallRefused: the call is not taken"""
OnRefused = Callable[[CallRefused, str, Peer], None]
"""Told of each INVITE that was refused: why, its text, and who sent it."""

REPEATED_SECONDS = 64.0
"""For how long an INVITE that was let in may come again: twice what RFC 3261 gives its transaction."""

_BRANCH = re.compile(rb"^(?:via|v)[ \t]*:[^\r\n]*?;[ \t]*branch[ \t]*=[ \t]*([^;,\s]+)", re.IGNORECASE | re.MULTILINE)
_REPLACES = re.compile(rb"^replaces[ \t]*:", re.IGNORECASE | re.MULTILINE)
_TO_TAG = re.compile(rb"^(?:to|t)[ \t]*:[^\r\n]*;[ \t]*tag[ \t]*=[ \t]*([^;,\s]+)", re.IGNORECASE | re.MULTILINE)


class Answers:
    """The headers of refusals, made once for each pair of reason and Retry-After."""

    def __init__(self) -> None:
        self._pool: int | None = None
        self._made: dict[tuple[int | None, str], pjsip.Links] = {}
        self._kept: list[object] = []

    def headers(self, refusal: CallRefused) -> pjsip.Links:
        """A pjsip_hdr list, for as long as the stack lives."""
        key = (refusal.retry_after, refusal.reason)
        if key not in self._made:
            named = {"Warning": f"399 parley {quoted(refusal.reason)}"}
            if refusal.retry_after is not None:
                named["Retry-After"] = str(refusal.retry_after)
            self._made[key] = self._list(named)
        return self._made[key]

    def _list(self, headers: dict[str, str]) -> pjsip.Links:
        library = pjsip.functions()
        if self._pool is None:
            self._pool = library.pjsua_pool_create(b"parley-refusals", 4000, 4000)
        head = pjsip.Links()
        last, links = ctypes.addressof(head), head
        for name, value in headers.items():
            texts = pjsip.text(name), pjsip.text(value)
            self._kept.append(texts)
            made = library.pjsip_generic_string_hdr_create(self._pool, *map(ctypes.byref, texts))
            links.next = made
            links = pjsip.Links.from_address(made)
            links.previous = last
            last = made
        links.next, head.previous = ctypes.addressof(head), last
        return head


class Turnstile:
    """Must outlive the stack that it is registered in.

    :param may_enter: asked about each INVITE that begins a call
    """

    def __init__(self, received: pjsip.Received, *, may_enter: MayEnter, on_refused: OnRefused) -> None:
        self._received = received
        self._may_enter = may_enter
        self._on_refused = on_refused
        self._answers = Answers()
        self._entered: dict[bytes, float] = {}
        """When each INVITE was let in, by its branch, oldest first."""
        self._newest: tuple[str, Peer] | None = None
        """The INVITE that was let in since the last look at `_missing`."""
        self._missing = 0
        """How often the stack has found no port for media."""
        self._module = pjsip.module(b"mod-parley-turnstile", pjsip.BEFORE_TRANSACTIONS + 1, on_request=self._judge)

    def register(self) -> None:
        """Put the module into a stack that is initialised. :raises SetupError: when pjsip does not take it"""
        pjsip.register(self._module)
        self._missing = pjsip.rtp_ports_missing()

    def look(self) -> None:
        """After each poll: whoever was let in and found no port for its media was refused by the stack itself."""
        missing = pjsip.rtp_ports_missing()
        newest, self._newest = self._newest, None
        if missing != self._missing and newest is not None:
            self._on_refused(
                Overloaded("No port of rtp.ports is free for another call.", reason=Measure.RTP_PORTS), *newest
            )
        self._missing = missing

    def _judge(self, request: int) -> int:
        message = self._received.message(request)
        if message.startswith(b"ACK "):
            return _acknowledges_refusal(message)
        if not message.startswith(b"INVITE ") or IN_DIALOG.search(message) or _REPLACES.search(message):
            return 0
        branch = _branch(message)
        if branch in self._entered:
            return 0
        text, peer = message.decode(errors="replace"), self._received.peer(request)
        try:
            self._may_enter(text, peer)
        except CallRefused as refusal:
            self._refuse(request, refusal)
            self._on_refused(refusal, text, peer)
            return 1
        self._remember(branch, time.monotonic())
        self._newest = text, peer
        return 0

    def _remember(self, branch: bytes, now: float) -> None:
        while self._entered and now - self._entered[oldest := next(iter(self._entered))] > REPEATED_SECONDS:
            del self._entered[oldest]
        self._entered[branch] = now

    def _refuse(self, request: int, refusal: CallRefused) -> None:
        library = pjsip.functions()
        headers = ctypes.byref(self._answers.headers(refusal))
        library.pjsip_endpt_respond_stateless(
            library.pjsua_get_pjsip_endpt(), request, refusal.status, None, headers, None
        )


def _branch(message: bytes) -> bytes:
    """Of the topmost Via, which is the same in each repetition of a request, and in no other request."""
    found = _BRANCH.search(message)
    return found[1] if found else b""


def _acknowledges_refusal(message: bytes) -> int:
    """Whether an ACK is for an answer of no transaction: such an answer has the request's branch as its tag in To."""
    tag = _TO_TAG.search(message)
    return int(tag is not None and tag[1] == _branch(message))
