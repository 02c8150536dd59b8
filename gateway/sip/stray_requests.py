"""Requests that pjsua leaves to its application, answered here with pjsip's own functions.

pjsua2 gives no say in these: OPTIONS is 200 even from a gateway that takes no calls, which a dispatcher must know; a
method that nobody knows is dropped, so that its sender repeats it for 32 s; OPTIONS inside a call, by which some PBXes
keep it alive, is a 500. So two pjsip modules are registered around pjsua's. The structures used are part of pjsip's
interface (pjsip/sip_module.h, pjsip/sip_msg.h); pjsip calls them on the owner thread only.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from typing import Any

from gateway.errors import SetupError

_APPLICATION = 64
"""PJSIP_MOD_PRIORITY_APPLICATION, where pjsua answers; dialogs have taken what is theirs before."""
_BEFORE_PJSUA, _AFTER_ALL = _APPLICATION - 1, _APPLICATION + 99
_ALLOW = 4
"""PJSIP_H_ALLOW, in the order of pjsip_hdr_e."""

_Lifecycle = ctypes.CFUNCTYPE(ctypes.c_int)
_Load = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p)
_Message = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p)
_State = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)


class _Links(ctypes.Structure):
    """The head of a pjlib list, and the beginning of each of its nodes."""

    _fields_ = [("previous", ctypes.c_void_p), ("next", ctypes.c_void_p)]


class _Module(ctypes.Structure):
    """pjsip_module."""

    _fields_ = [
        ("links", _Links),
        ("name", ctypes.c_char_p),
        ("name_length", ctypes.c_ssize_t),
        ("id", ctypes.c_int),
        ("priority", ctypes.c_int),
        ("load", _Load),
        ("start", _Lifecycle),
        ("stop", _Lifecycle),
        ("unload", _Lifecycle),
        ("on_rx_request", _Message),
        ("on_rx_response", _Message),
        ("on_tx_request", _Message),
        ("on_tx_response", _Message),
        ("on_tsx_state", _State),
    ]


def _pjsip() -> Any:
    library = ctypes.CDLL(sys.modules["_pjsua2"].__file__)
    pointer, number = ctypes.c_void_p, ctypes.c_int
    signatures: dict[str, tuple[Any, list[Any]]] = {
        "pjsua_get_pjsip_endpt": (pointer, []),
        "pjsua_pool_create": (pointer, [ctypes.c_char_p, ctypes.c_size_t, ctypes.c_size_t]),
        "pjsip_rx_data_get_info": (ctypes.c_char_p, [pointer]),
        "pjsip_endpt_register_module": (number, [pointer, pointer]),
        "pjsip_endpt_get_capability": (pointer, [pointer, number, pointer]),
        "pjsip_hdr_clone": (pointer, [pointer, pointer]),
        "pjsip_endpt_respond_stateless": (number, [pointer, pointer, number, pointer, pointer, pointer]),
        "pjsip_tsx_get_dlg": (pointer, [pointer]),
        "pjsip_dlg_respond": (number, [pointer, pointer, number, pointer, pointer, pointer]),
    }
    for name, (result, arguments) in signatures.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


class StrayRequests:
    """Answers them as long as the stack lives; it must outlive the stack that it is registered in."""

    def __init__(self, is_draining: Callable[[], bool]) -> None:
        self._is_draining = is_draining
        self._pjsip = _pjsip()
        self._allow = _Links()
        self._modules = [
            self._module(b"mod-parley-draining", _BEFORE_PJSUA, self._refuse_options),
            self._module(b"mod-parley-unknown", _AFTER_ALL, self._refuse_unknown),
        ]

    def register(self) -> None:
        """Put the modules into a stack that is initialised; it lets go of them when it is destroyed.

        :raises SetupError: when pjsip does not take one
        """
        endpoint = self._pjsip.pjsua_get_pjsip_endpt()
        for module in self._modules:
            status = self._pjsip.pjsip_endpt_register_module(endpoint, ctypes.byref(module))
            if status:
                raise SetupError(f"The SIP stack refused a module (status {status}); rebuild it with `parley setup`.")
        self._list_allow(endpoint)

    def answer_in_dialog(self, transaction: Any, request: Any) -> None:
        """200 to a request inside a dialog.

        :param transaction: address of the pjsip_transaction
        :param request: address of the pjsip_rx_data
        """
        dialog = self._pjsip.pjsip_tsx_get_dlg(int(transaction))
        if dialog:
            self._pjsip.pjsip_dlg_respond(dialog, int(request), 200, None, ctypes.byref(self._allow), None)

    @staticmethod
    def _module(name: bytes, priority: int, on_request: Callable[[int], int]) -> _Module:
        module = _Module(name=name, name_length=len(name), id=-1, priority=priority)
        module.on_rx_request = _Message(on_request)
        return module

    def _list_allow(self, endpoint: int) -> None:
        """A list of one header, Allow with every method of the stack."""
        pool = self._pjsip.pjsua_pool_create(b"parley-allow", 1000, 1000)
        allow = self._pjsip.pjsip_hdr_clone(pool, self._pjsip.pjsip_endpt_get_capability(endpoint, _ALLOW, None))
        head = ctypes.addressof(self._allow)
        node = _Links.from_address(allow)
        self._allow.previous = self._allow.next = allow
        node.previous = node.next = head

    def _method(self, request: int) -> bytes:
        # "Request msg OPTIONS/cseq=1 (rdata0x…)"
        info: bytes = self._pjsip.pjsip_rx_data_get_info(request)
        return info.removeprefix(b"Request msg ").partition(b"/")[0]

    def _refuse_options(self, request: int) -> int:
        if not self._is_draining() or self._method(request) != b"OPTIONS":
            return 0
        return self._respond(request, 503)

    def _refuse_unknown(self, request: int) -> int:
        # an ACK is never answered (RFC 3261 section 17)
        return 0 if self._method(request) == b"ACK" else self._respond(request, 405)

    def _respond(self, request: int, status: int) -> int:
        endpoint = self._pjsip.pjsua_get_pjsip_endpt()
        headers = ctypes.byref(self._allow)
        self._pjsip.pjsip_endpt_respond_stateless(endpoint, request, status, None, headers, None)
        return 1
