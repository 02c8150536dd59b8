"""Requests that pjsua leaves to its application, answered here with pjsip's own functions.

pjsua2 gives no say in these: OPTIONS is 200 even from a gateway that takes no calls, which a dispatcher must know; a
method that nobody knows is dropped, so that its sender repeats it for 32 s; OPTIONS inside a call, by which some PBXes
keep it alive, is a 500. So two pjsip modules are registered around pjsua's. And REFER stands in every Allow, though
nobody may send us elsewhere: a far end that believes it (Teams) asks in vain where it could transfer by itself.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

from gateway.sip import pjsip

_APPLICATION = 64
"""PJSIP_MOD_PRIORITY_APPLICATION, where pjsua answers; dialogs have taken what is theirs before."""
_BEFORE_PJSUA, _AFTER_ALL = _APPLICATION - 1, _APPLICATION + 99
_ALLOW = 4
"""PJSIP_H_ALLOW, in the order of pjsip_hdr_e."""


def _withhold(methods: pjsip.Methods, method: bytes) -> None:
    """Leave a method out of what the stack says that it takes."""
    names = [methods.values[index].text[: methods.values[index].length] for index in range(methods.count)]
    if method in names:
        for index in range(names.index(method), len(names) - 1):
            methods.values[index] = methods.values[index + 1]
        methods.count -= 1


class StrayRequests:
    """Answers them as long as the stack lives; it must outlive the stack that it is registered in.

    :param takes_calls: whether OPTIONS is 200; a dispatcher passes over who says 503
    """

    def __init__(self, takes_calls: Callable[[], bool]) -> None:
        self._takes_calls = takes_calls
        self._pjsip = pjsip.functions()
        self._allow = pjsip.Links()
        self._modules = [
            pjsip.module(b"mod-parley-options", _BEFORE_PJSUA, on_request=self._refuse_options),
            pjsip.module(b"mod-parley-unknown", _AFTER_ALL, on_request=self._refuse_unknown),
        ]

    def register(self) -> None:
        """Put the modules into a stack that is initialised; it lets go of them when it is destroyed.

        :raises SetupError: when pjsip does not take one
        """
        for module in self._modules:
            pjsip.register(module)
        self._list_allow(self._pjsip.pjsua_get_pjsip_endpt())

    def answer_in_dialog(self, transaction: Any, request: Any) -> None:
        """200 to a request inside a dialog.

        :param transaction: address of the pjsip_transaction
        :param request: address of the pjsip_rx_data
        """
        dialog = self._pjsip.pjsip_tsx_get_dlg(int(transaction))
        if dialog:
            self._pjsip.pjsip_dlg_respond(dialog, int(request), 200, None, ctypes.byref(self._allow), None)

    def _list_allow(self, endpoint: int) -> None:
        """A list of one header, Allow with every method of the stack."""
        pool = self._pjsip.pjsua_pool_create(b"parley-allow", 1000, 1000)
        taken = self._pjsip.pjsip_endpt_get_capability(endpoint, _ALLOW, None)
        _withhold(pjsip.Methods.from_address(taken), b"REFER")
        allow = self._pjsip.pjsip_hdr_clone(pool, taken)
        head = ctypes.addressof(self._allow)
        node = pjsip.Links.from_address(allow)
        self._allow.previous = self._allow.next = allow
        node.previous = node.next = head

    def _refuse_options(self, request: int) -> int:
        if self._takes_calls() or pjsip.method(request) != b"OPTIONS":
            return 0
        return self._respond(request, 503)

    def _refuse_unknown(self, request: int) -> int:
        # an ACK is never answered (RFC 3261 section 17)
        return 0 if pjsip.method(request) == b"ACK" else self._respond(request, 405)

    def _respond(self, request: int, status: int) -> int:
        endpoint = self._pjsip.pjsua_get_pjsip_endpt()
        headers = ctypes.byref(self._allow)
        self._pjsip.pjsip_endpt_respond_stateless(endpoint, request, status, None, headers, None)
        return 1
