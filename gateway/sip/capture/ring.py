"""What native/bridge/capture.c has collected, as packets."""

from __future__ import annotations

import ctypes
import functools
import importlib
import struct
from collections.abc import Iterator
from typing import Any

from gateway.errors import NativeMissing, SetupError
from gateway.recording.packet import TRANSPORTS, Address, Kind, Packet

_HEAD = struct.Struct("<qIBBBB16s16sHHI")
"""parley_captured in capture.h."""


def packets(records: bytes) -> Iterator[Packet]:
    """The packets in what the library gave."""
    at = 0
    while at < len(records):
        time_ns, length, kind, sent, family, transport, local, remote, local_port, remote_port, name = (
            _HEAD.unpack_from(records, at)
        )
        host_bytes = 4 if family == 4 else 16
        start = at + _HEAD.size + name
        yield Packet(
            time_ns,
            Kind(kind),
            bool(sent),
            Address(local[:host_bytes], local_port),
            Address(remote[:host_bytes], remote_port),
            records[start : start + length],
            TRANSPORTS[transport],
            records[at + _HEAD.size : start].decode(errors="replace"),
        )
        at = start + length + -(start + length - at) % 8


class Ring:
    """The library's buffers, of which a process has one pair. :raises NativeMissing: when the library has none"""

    def __init__(self) -> None:
        self._library = _load()

    def start(self) -> None:
        """See messages from now on; on the thread that owns the stack, which is initialised.

        :raises SetupError: the stack does not take part
        """
        if status := self._library.parley_capture_start():
            raise SetupError(f"The SIP stack lets nobody see its messages (status {status}); run `parley setup`.")

    def watch(self, port: int, on: bool) -> None:
        """Whether packets of one of our media ports are collected."""
        self._library.parley_capture_port(port, int(on))

    def take(self) -> tuple[bytes, int]:
        """What came since the last time, and how many packets found no place in all. For one thread at a time."""
        records, length, dropped = ctypes.c_void_p(), ctypes.c_uint32(), ctypes.c_uint64()
        self._library.parley_capture_take(ctypes.byref(records), ctypes.byref(length), ctypes.byref(dropped))
        found = ctypes.string_at(records, length.value) if length.value and records.value else b""
        return found, dropped.value


@functools.cache
def _load() -> Any:
    try:
        library = ctypes.CDLL(importlib.import_module("_pjsua2").__file__)
        library.parley_capture_port.argtypes = [ctypes.c_uint16, ctypes.c_int]
        library.parley_capture_take.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p]
        library.parley_capture_start.argtypes = []
    except (ImportError, OSError, AttributeError) as error:
        raise NativeMissing("The installed pjsua2 captures nothing. Run `parley setup`, which builds it.") from error
    return library
