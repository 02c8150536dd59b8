"""The C media bridge that is compiled into pjsua2: legs on the conference bridge, driven by the media clock thread.

No Python runs in that thread. Python queues PCM, asks for a pause, and fetches what happened in each 20 ms tick of
every leg with one call. The rules of playout and the order of a tick are in native/bridge/playout.h and bridge.h.
"""

from __future__ import annotations

import ctypes
import importlib
import struct
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum, IntFlag
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gateway.errors import LegError, NativeMissing
from gateway.media.audio import FRAME_BYTES, FRAME_SAMPLES, SAMPLE_BYTES

ABI = 2
"""Version of the functions and structures in bridge.h that this module speaks."""

TICK = np.dtype(
    [
        ("tick", "<u8"),
        ("captured_ns", "<i8"),
        ("utterance", "<u8"),
        ("position", "<u4"),
        ("leg", "<u4"),
        ("generation", "<u4"),
        ("flags", "<u4"),
        ("caller_db", "<f4"),
        ("agent_db", "<f4"),
        ("caller", "<i2", (FRAME_SAMPLES,)),
        ("agent", "<i2", (FRAME_SAMPLES,)),
    ]
)
"""One tick of one leg; the fields of `parley_tick` in bridge.h."""
RECORD = struct.Struct(f"<QqQ4I2f{FRAME_BYTES}s{FRAME_BYTES}s")
"""The same, field by field into Python objects."""


class TickFlag(IntFlag):
    """What happened in a tick, see bridge.h."""

    CALLER = 1
    UNDERRUN = 2
    PAUSED = 4
    FINISHED = 8
    FLUSHED = 16
    OVERFLOW = 32
    DISCONNECTED = 64
    KEY = 128


KEY_SHIFT = 8
"""Where the flags of a tick with KEY hold its event code, four bits."""


class ClockPriority(IntEnum):
    """How the media clock thread is scheduled; UNSEEN before the first tick of the first leg."""

    UNSEEN = 0
    NORMAL = 1
    NICE = 2
    REALTIME = 3


class _Statistics(ctypes.Structure):
    _fields_ = [
        (name, ctypes.c_uint64)
        for name in (
            "ticks",
            "caller_ticks",
            "samples_played",
            "samples_dropped",
            "underruns",
            "overflows",
            "largest_gap_us",
        )
    ]


class _Limits(ctypes.Structure):
    _fields_ = [
        (name, ctypes.c_uint32)
        for name in (
            "abi",
            "calls",
            "accounts",
            "conference_ports",
            "sockets",
            "transactions",
            "dialogs",
            "packet_bytes",
            "tick_bytes",
            "play_samples",
            "record_ticks",
        )
    ]


@dataclass(frozen=True, slots=True)
class LegStatistics:
    """Figures of a leg since it was opened. `caller_ticks` are those with caller audio; `samples_dropped` were flushed;
    `underruns` counts how often playout ran dry inside an utterance, `overflows` records lost to a late reader."""

    ticks: int
    caller_ticks: int
    samples_played: int
    samples_dropped: int
    underruns: int
    overflows: int
    largest_gap_us: int


@dataclass(frozen=True, slots=True)
class CompiledLimits:
    """What pjproject and the bridge were compiled for. `play_samples` and `record_ticks` are a leg's two rings."""

    calls: int
    accounts: int
    conference_ports: int
    sockets: int
    transactions: int
    dialogs: int
    packet_bytes: int
    play_samples: int
    record_ticks: int


_UNSIGNED, _SIGNED, _WIDE, _POINTER = ctypes.c_uint32, ctypes.c_int, ctypes.c_uint64, ctypes.c_void_p

_ARGUMENTS: dict[str, list[type[Any]]] = {
    "parley_bridge_create": [_UNSIGNED],
    "parley_leg_open": [],
    "parley_leg_connect": [_UNSIGNED, _SIGNED],
    "parley_leg_disconnect": [_UNSIGNED],
    "parley_leg_close": [_UNSIGNED],
    "parley_leg_play": [_UNSIGNED, _WIDE, _UNSIGNED, _POINTER, _UNSIGNED, _SIGNED],
    "parley_leg_queued": [_UNSIGNED],
    "parley_leg_pause": [_UNSIGNED],
    "parley_leg_resume": [_UNSIGNED],
    "parley_leg_flush": [_UNSIGNED],
    "parley_leg_generation": [_UNSIGNED],
    "parley_leg_statistics": [_UNSIGNED, ctypes.POINTER(_Statistics)],
    "parley_leg_waited": [_UNSIGNED, _SIGNED],
    "parley_leg_slot": [_UNSIGNED],
    "parley_wire": [_SIGNED, _SIGNED, _SIGNED],
    "parley_loop_open": [_POINTER, _UNSIGNED],
    "parley_loop_close": [_SIGNED],
    "parley_leg_hear_keys": [_UNSIGNED, _SIGNED],
    "parley_leg_send_keys": [_UNSIGNED, ctypes.c_char_p, _UNSIGNED, _UNSIGNED],
    "parley_call_events": [_SIGNED],
    "parley_bridge_wait": [_UNSIGNED],
    "parley_bridge_drain": [_POINTER, _UNSIGNED],
    "parley_bridge_clock": [],
    "parley_bridge_ports": [],
    "parley_bridge_limits": [ctypes.POINTER(_Limits)],
    "parley_bridge_error": [_SIGNED, ctypes.c_char_p, _UNSIGNED],
}

_NO_LEG, _NO_PLACE, _NO_ENDPOINT, _WRONG_CLOCK, _NO_MEMORY, _NOT_KNOWN = range(-1, -7, -1)

_REASONS = {
    _NO_LEG: "it is not open",
    _NO_PLACE: "all places are in use",
    _NO_ENDPOINT: "pjsua is not initialised, or this thread is not its owner",
    _WRONG_CLOCK: "the conference bridge must run at 8000 Hz, mono, 20 ms (MediaConfig.clockRate and audioFramePtime)",
    _NO_MEMORY: "there is no memory left",
}

_ERROR_BYTES = 128

_INSTALL = "Run `parley setup`, which builds and installs it."


def _load() -> ctypes.CDLL:
    """The shared object that `import pjsua2` loads, so that bridge and pjsua2 are one pjlib.

    :raises NativeMissing: when it is not installed, has no bridge, or has the bridge of another version
    """
    try:
        module: ModuleType = importlib.import_module("_pjsua2")
        library = ctypes.CDLL(module.__file__)
    except (ImportError, OSError) as error:
        raise NativeMissing(f"pjsua2 cannot be loaded ({error}). {_INSTALL}") from error
    try:
        for name, arguments in _ARGUMENTS.items():
            getattr(library, name).argtypes = arguments
    except AttributeError as error:
        raise NativeMissing(f"The installed pjsua2 has no media bridge of this version. {_INSTALL}") from error
    limits = _read_limits(library)
    if limits.abi != ABI or limits.tick_bytes != TICK.itemsize:
        raise NativeMissing(f"The installed pjsua2 has the media bridge of another Parley version. {_INSTALL}")
    return library


def _read_limits(library: ctypes.CDLL) -> _Limits:
    limits = _Limits()
    library.parley_bridge_limits(ctypes.byref(limits))
    return limits


def limits() -> CompiledLimits:
    """What the installed pjsua2 was compiled for. :raises NativeMissing: when it is not installed."""
    compiled = _read_limits(_load())
    return CompiledLimits(**{name: getattr(compiled, name) for name in CompiledLimits.__slots__})


class MediaBridge:
    """The legs of this process. Methods that say so are for the thread that owns pjsua2; the others are for any thread.

    pjsua2 is one per process, and so are its legs: a later MediaBridge goes on with them under its own capacity.

    :raises NativeMissing: when pjsua2 with the bridge is not installed
    """

    def __init__(self, *, capacity: int) -> None:
        self._library = _load()
        self._check(self._library.parley_bridge_create(capacity), "The media bridge cannot be made")
        self._most = max(64, 8 * capacity)
        self._records = ctypes.create_string_buffer(self._most * RECORD.size)

    def open(self) -> int:
        """Puts a leg on the conference bridge; owner thread. Its index is used again as late as possible.

        :raises LegError: when all legs are in use or the conference does not fit
        """
        return self._check(self._library.parley_leg_open(), "A leg cannot be opened")

    def connect(self, leg: int, call_slot: int) -> None:
        """Connects the leg both ways to a call's conference slot, instead of its last one; owner thread."""
        self._command(self._library.parley_leg_connect, leg, call_slot)

    def disconnect(self, leg: int) -> None:
        """Stops playout and caller audio while ticks go on, as for a call on hold; owner thread."""
        self._command(self._library.parley_leg_disconnect, leg)

    def close(self, leg: int) -> None:
        """Takes the leg off the conference; owner thread. Harmless when closed; its records can still be drained."""
        result = self._library.parley_leg_close(leg)
        if result != _NO_LEG:
            self._check(result, f"Leg {leg} cannot be closed")

    def slot(self, leg: int) -> int:
        """The leg's conference slot; owner thread."""
        return self._command(self._library.parley_leg_slot, leg)

    def wire(self, source: int, sink: int, on: bool) -> None:
        """What comes from the one conference slot is heard in the other, or no longer; owner thread.

        :raises LegError: when one of them is free
        """
        self._check(self._library.parley_wire(source, sink, int(on)), f"Slots {source} and {sink} cannot be wired")

    def open_loop(self, pcm: bytes) -> int:
        """A conference slot that plays these samples over and over; owner thread. :raises LegError: without a place."""
        count = len(pcm) // SAMPLE_BYTES
        return self._check(self._library.parley_loop_open(pcm, count), "A sound cannot be played")

    def close_loop(self, slot: int) -> None:
        """Ends it; owner thread."""
        self._check(self._library.parley_loop_close(slot), "A sound cannot be ended")

    def generation(self, leg: int) -> int:
        """What records of this opening of the leg carry."""
        return self._command(self._library.parley_leg_generation, leg)

    def play(
        self, leg: int, *, utterance: int, offset: int, pcm: bytes | memoryview | NDArray[np.int16], final: bool
    ) -> int:
        """Queues samples of an utterance, the first of which is its sample `offset`; returns how many fitted.

        `final` says that the utterance ends with them; it counts only when all fitted, and `pcm` may be empty then.
        """
        samples = bytes(pcm)
        count = len(samples) // SAMPLE_BYTES
        return self._command(self._library.parley_leg_play, leg, utterance, offset, samples, count, int(final))

    def queued(self, leg: int) -> int:
        """Samples waiting to be played."""
        return self._command(self._library.parley_leg_queued, leg)

    def pause(self, leg: int) -> None:
        """Fades out over 5 ms at the next tick and keeps what is queued."""
        self._command(self._library.parley_leg_pause, leg)

    def resume(self, leg: int) -> None:
        """Fades in at the next tick."""
        self._command(self._library.parley_leg_resume, leg)

    def flush(self, leg: int) -> None:
        """Fades out over 5 ms at the next tick and drops what is queued; ends a pause."""
        self._command(self._library.parley_leg_flush, leg)

    def hear_keys(self, leg: int, on: bool) -> None:
        """Whether DTMF is looked for in the leg's caller audio; its ticks have KEY then, and silence for its tones."""
        self._command(self._library.parley_leg_hear_keys, leg, int(on))

    def send_keys(self, leg: int, keys: str, *, tone_ms: int, gap_ms: int) -> int:
        """Queues keys to be sent as tones while what is played stands still.

        :returns: milliseconds until the last one is over
        :raises LegError: for more than 64 keys, and for what is no key
        """
        return self._command(self._library.parley_leg_send_keys, leg, keys.encode(), tone_ms, gap_ms)

    def takes_events(self, call_slot: int) -> bool:
        """Whether the far end of a call takes telephone events (RFC 4733); owner thread."""
        return bool(self._library.parley_call_events(call_slot) > 0)

    def wait(self, timeout_ms: int) -> bool:
        """Blocks, without the GIL, until all legs had a tick since the last drain; False when the time is over."""
        return bool(self._library.parley_bridge_wait(timeout_ms * 1000))

    def drain(self) -> NDArray[np.void]:
        """All records that wait, as an array of TICK, oldest first within a leg."""
        return np.frombuffer(self.drain_bytes(), dtype=TICK)

    def drain_bytes(self) -> bytes:
        """All records that wait, one RECORD after the other: without numpy, for a reader in a hurry."""
        drained = b""
        while True:
            count = self._library.parley_bridge_drain(self._records, self._most)
            drained += ctypes.string_at(self._records, count * RECORD.size)
            if count < self._most:
                return drained

    def statistics(self, leg: int) -> LegStatistics:
        """Figures of an open leg."""
        counted = _Statistics()
        self._command(self._library.parley_leg_statistics, leg, ctypes.byref(counted))
        return LegStatistics(**{name: getattr(counted, name) for name in LegStatistics.__slots__})

    def waited_us(self, leg: int, tick: int) -> int | None:
        """How long the caller audio of a tick of the last ten seconds had waited since its packet came, µs.

        :returns: None when that is not known: no stream, or the far end sent nothing then
        """
        result = int(self._library.parley_leg_waited(leg, tick))
        return result if result >= 0 else None

    def clock_priority(self) -> ClockPriority:
        """How the system lets the media clock run."""
        return ClockPriority(self._library.parley_bridge_clock())

    def conference_ports(self) -> int:
        """Ports on the conference bridge: one for each leg, one for each call with media, one of its own."""
        return self._check(self._library.parley_bridge_ports(), "The conference cannot be read")

    def _command(self, function: Callable[..., int], leg: int, *arguments: object) -> int:
        result = function(leg, *arguments)
        # the sentence is made only where it is needed: playout gives commands all the time
        return result if result >= 0 else self._check(result, f"Leg {leg} did not take the command")

    def _check(self, result: int, failure: str) -> int:
        if result < 0:
            raise LegError(f"{failure}: {_REASONS.get(result) or self._describe(result)}")
        return result

    def _describe(self, result: int) -> str:
        text = ctypes.create_string_buffer(_ERROR_BYTES)
        self._library.parley_bridge_error(result, text, _ERROR_BYTES)
        return text.value.decode(errors="replace")
