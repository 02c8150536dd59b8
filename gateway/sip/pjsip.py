"""pjsip's own C interface, for what pjsua2 leaves out: modules that see messages before or after pjsua does.

The structures are part of pjsip's public interface (pjsip/sip_module.h, sip_transport.h, sip_msg.h), the functions are
called on the owner thread only, and so are the modules' callbacks.
"""

from __future__ import annotations

import ctypes
import functools
import re
import sys
from collections.abc import Callable
from typing import Any

import structlog

from gateway.errors import SetupError
from gateway.trunk.trust import Peer

log = structlog.get_logger(__name__)

BEFORE_TRANSACTIONS = 12
"""Between the transport layer (8) and the transactions (16): nothing of a message has been kept yet."""
_NAME_BYTES = 46
"""PJ_INET6_ADDRSTRLEN."""

Lifecycle = ctypes.CFUNCTYPE(ctypes.c_int)
Load = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p)
Message = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p)
State = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)


class Links(ctypes.Structure):
    """The head of a pjlib list, and the beginning of each of its nodes."""

    _fields_ = [("previous", ctypes.c_void_p), ("next", ctypes.c_void_p)]


class Text(ctypes.Structure):
    """pj_str_t."""

    _fields_ = [("text", ctypes.c_char_p), ("length", ctypes.c_ssize_t)]


class Methods(ctypes.Structure):
    """pjsip_allow_hdr."""

    _fields_ = [
        ("links", Links),
        ("type", ctypes.c_int),
        ("name", Text),
        ("short_name", Text),
        ("functions", ctypes.c_void_p),
        ("count", ctypes.c_uint),
        ("values", Text * 32),
    ]


class Way(ctypes.Structure):
    """pjsip_tpselector: the connection or listener that a message takes."""

    _fields_ = [("kind", ctypes.c_int), ("new", ctypes.c_int), ("connection", ctypes.c_void_p)]


class Module(ctypes.Structure):
    """pjsip_module."""

    _fields_ = [
        ("links", Links),
        ("name", ctypes.c_char_p),
        ("name_length", ctypes.c_ssize_t),
        ("id", ctypes.c_int),
        ("priority", ctypes.c_int),
        ("load", Load),
        ("start", Lifecycle),
        ("stop", Lifecycle),
        ("unload", Lifecycle),
        ("on_rx_request", Message),
        ("on_rx_response", Message),
        ("on_tx_request", Message),
        ("on_tx_response", Message),
        ("on_tsx_state", State),
    ]


def module(
    name: bytes,
    priority: int,
    *,
    on_request: Callable[[int], int] | None = None,
    on_response: Callable[[int], int] | None = None,
) -> Module:
    """A module whose callbacks get the address of a pjsip_rx_data, and return 1 when nobody else shall see it."""
    made = Module(name=name, name_length=len(name), id=-1, priority=priority)
    if on_request is not None:
        made.on_rx_request = Message(_guarded(on_request))
    if on_response is not None:
        made.on_rx_response = Message(_guarded(on_response))
    return made


def register(made: Module) -> None:
    """Put a module into a stack that is initialised. It must outlive the stack, which lets go of it at its end.

    :raises SetupError: when pjsip does not take it
    """
    library = functions()
    status = library.pjsip_endpt_register_module(library.pjsua_get_pjsip_endpt(), ctypes.byref(made))
    if status:
        raise SetupError(f"The SIP stack refused a module (status {status}); rebuild it with `parley setup`.")


def way_by(connection: int) -> Way:
    """What makes a message take a connection, by the address of its pjsip_transport."""
    return Way(1, 0, connection)


def text(value: str) -> Text:
    """A pj_str_t of a text; it must be kept as long as it is used."""
    data = value.encode()
    return Text(data, len(data))


@functools.cache
def functions() -> Any:
    """pjsip's functions, with their signatures."""
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
        "pjsip_get_options_method": (pointer, []),
        "pjsip_endpt_create_request": (number, [*[pointer] * 7, number, pointer, pointer]),
        "pjsip_endpt_send_request_stateless": (number, [pointer] * 4),
        "pjsip_tx_data_set_transport": (number, [pointer, pointer]),
        "pjsip_transport_add_ref": (number, [pointer]),
        "pjsip_transport_dec_ref": (number, [pointer]),
        "pjsip_transport_shutdown2": (number, [pointer, number]),
        "pjsua_init_tpselector": (None, [number, pointer]),
        "pjsip_generic_string_hdr_create": (pointer, [pointer] * 3),
        "pjsip_endpt_get_ioqueue": (pointer, [pointer]),
        "pj_ioqueue_op_key_init": (None, [pointer, ctypes.c_size_t]),
        "pj_ioqueue_register_sock": (number, [pointer, pointer, ctypes.c_long, pointer, pointer, pointer]),
        "pj_ioqueue_recv": (number, [*[pointer] * 4, ctypes.c_uint32]),
        "pj_ioqueue_unregister": (number, [pointer]),
    }
    for name, (result, arguments) in signatures.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


def rtp_ports_missing() -> int:
    """How often this process has found no port for media."""
    try:
        return int(functions().pjsua_rtp_ports_missing())
    except AttributeError:  # built before it was counted
        return 0


class Received:
    """Reads pjsip_rx_data, whose size the build's longest packet decides.

    :param packet_bytes: PJSIP_MAX_PKT_LEN of the build
    """

    def __init__(self, packet_bytes: int) -> None:
        self._layout: Any = _received_layout(packet_bytes)

    def peer(self, address: int) -> Peer:
        """Where a message came from, as its socket saw it."""
        data = self._layout.from_address(address)
        # a transport's name begins with its kind: udp0x…, udpv60x…, tcps0x…, tlss0x…
        transport = ctypes.string_at(data.transport, 3).decode(errors="replace")
        return Peer(data.source_name.decode(), int(data.source_port), transport)

    def message(self, address: int) -> bytes:
        """A message as it came."""
        data = self._layout.from_address(address)
        return ctypes.string_at(data.message, data.message_length)


def _received_layout(packet_bytes: int) -> type[ctypes.Structure]:
    class ReceivedData(ctypes.Structure):
        _fields_ = [
            # tp_info
            ("pool", ctypes.c_void_p),
            ("transport", ctypes.c_void_p),
            ("transport_data", ctypes.c_void_p),
            ("operation", ctypes.c_void_p * 35),
            # pkt_info
            ("seconds", ctypes.c_long),
            ("milliseconds", ctypes.c_long),
            ("packet", ctypes.c_char * packet_bytes),
            ("zero", ctypes.c_uint32),
            ("packet_length", ctypes.c_ssize_t),
            ("source", ctypes.c_uint32 * 7),
            ("source_length", ctypes.c_int),
            ("source_name", ctypes.c_char * _NAME_BYTES),
            ("source_port", ctypes.c_int),
            # msg_info
            ("message", ctypes.c_void_p),
            ("message_length", ctypes.c_int),
        ]

    return ReceivedData


_METHOD = re.compile(rb"Request msg ([^/]+)/")


def method(address: int) -> bytes:
    """The method of a request, by the address of its pjsip_rx_data."""
    # "Request msg OPTIONS/cseq=1 (rdata0x…)"
    match = _METHOD.match(functions().pjsip_rx_data_get_info(address))
    return match[1] if match else b""


def _guarded(callback: Callable[[int], int]) -> Callable[[int], int]:
    @functools.wraps(callback)
    def guard(address: int) -> int:
        try:
            return callback(address)
        except Exception:
            log.exception("sip.callback_failed", callback=callback.__qualname__)
            return 0

    return guard
