"""Wakes the stack from its wait for the network, so that a command of another thread runs at once.

The stack waits for its sockets inside its own poll. So it gets one more: a byte that comes there ends the wait.
"""

from __future__ import annotations

import ctypes
import socket
from typing import Any

import structlog

from gateway.sip import pjsip

log = structlog.get_logger(__name__)

_BYTES = 64
_ALWAYS_ASYNC = 1 << 31
"""PJ_IOQUEUE_ALWAYS_ASYNC."""

_Completed = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_ssize_t)


class _Callbacks(ctypes.Structure):
    """pj_ioqueue_callback."""

    _fields_ = [
        ("on_read", _Completed),
        ("on_write", ctypes.c_void_p),
        ("on_accept", ctypes.c_void_p),
        ("on_connect", ctypes.c_void_p),
    ]


class _Operation(ctypes.Structure):
    """pj_ioqueue_op_key_t."""

    _fields_ = [("internal", ctypes.c_void_p * 32), ("socket_data", ctypes.c_void_p), ("user_data", ctypes.c_void_p)]


class AlarmClock:
    """Must outlive the stack that it is set up in; `ring` is for any thread, all else for the owner thread."""

    def __init__(self) -> None:
        self._heard, self._bell = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._bell.setblocking(False)
        self._buffer = ctypes.create_string_buffer(_BYTES)
        self._length = ctypes.c_ssize_t(_BYTES)
        self._operation = _Operation()
        self._callbacks = _Callbacks(on_read=_Completed(self._rung))
        self._key: int | None = None

    def set_up(self) -> None:
        """In a stack that is initialised; without it commands wait for the end of a poll."""
        library = pjsip.functions()
        endpoint = library.pjsua_get_pjsip_endpt()
        pool = library.pjsua_pool_create(b"parley-alarm", 1000, 1000)
        library.pj_ioqueue_op_key_init(ctypes.byref(self._operation), ctypes.sizeof(self._operation))
        key = ctypes.c_void_p()
        status = library.pj_ioqueue_register_sock(
            pool,
            library.pjsip_endpt_get_ioqueue(endpoint),
            self._heard.fileno(),
            None,
            ctypes.byref(self._callbacks),
            ctypes.byref(key),
        )
        if status or key.value is None:
            log.warning("sip.commands_wait", status=status)
            return
        # the stack closes the socket with its key
        self._heard.detach()
        self._key = key.value
        self._listen()

    def ring(self) -> None:
        """End the wait, now or the next one."""
        try:
            self._bell.send(b"\0")
        except OSError:
            # it rings already, or nobody waits any more
            return

    def stop(self) -> None:
        """Before the stack is destroyed."""
        if self._key is not None:
            pjsip.functions().pj_ioqueue_unregister(self._key)
            self._key = None
        self._heard.close()
        self._bell.close()

    def _listen(self) -> None:
        self._length.value = _BYTES
        pjsip.functions().pj_ioqueue_recv(
            self._key,
            ctypes.byref(self._operation),
            self._buffer,
            ctypes.byref(self._length),
            _ALWAYS_ASYNC,
        )

    def _rung(self, key: Any, operation: Any, count: int) -> None:
        if self._key is not None:
            self._listen()
