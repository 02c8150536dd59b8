"""Senders of telephone events (RFC 4733) as they are met: the packets of a press by each of them, good and bad."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from gateway.sip.keypad import KEYS

EVENT_TYPE, AUDIO_TYPE = 101, 0
PACKET = 160
"""Samples of 20 ms."""
_END = 0x80
_LONGEST = 0xFFFF
_SILENCE = b"\xff" * PACKET


@dataclass(frozen=True, slots=True)
class Packet:
    """RTP without sequence number, which the stream gives. `at` are samples since the stream began."""

    at: int
    payload: bytes
    kind: int = EVENT_TYPE
    marker: bool = False
    copies: int = 1
    late: int = 0
    """How many packets overtake it."""


AUDIO = Packet(0, _SILENCE, AUDIO_TYPE)


def event(key: str | int, at: int, duration: int, *, end: bool = False, marker: bool = False) -> Packet:
    """One packet of a press that began at `at`."""
    code = KEYS.index(key) if isinstance(key, str) else key
    payload = bytes([code, 10 | (_END if end else 0)]) + min(duration, _LONGEST).to_bytes(2, "big")
    return Packet(at, payload, marker=marker)


def press(key: str | int, at: int, *, packets: int = 8, ends: int = 3) -> list[Packet]:
    """A press as the standard has it: growing duration, marker on the first, the end three times."""
    going = [event(key, at, PACKET * (index + 1), marker=index == 0) for index in range(packets)]
    return going + [event(key, at, PACKET * packets, end=True)] * ends


def _segmented(key: str, at: int) -> list[Packet]:
    """Nine seconds: one segment follows the other, and only the last one has an end (section 2.5.1.3)."""
    step = PACKET * 10
    first = [event(key, at, step * (index + 1), marker=index == 0) for index in range(_LONGEST // step)]
    first.append(event(key, at, _LONGEST))
    second = [event(key, at + _LONGEST, step * (index + 1)) for index in range(5)]
    return first + second + [event(key, at + _LONGEST, step * 5, end=True)] * 3


def _with_moving_timestamp(key: str, at: int) -> list[Packet]:
    return [replace(one, at=at + PACKET * index) for index, one in enumerate(press(key, at))]


def _with_audio_between(key: str, at: int) -> list[Packet]:
    sound = [replace(AUDIO, at=at + PACKET * index) for index in range(11)]
    return [one for pair in zip(press(key, at), sound, strict=True) for one in pair]


def _twice(key: str, at: int, first: slice = slice(None), second: slice = slice(None)) -> list[Packet]:
    """The same key again after 40 ms."""
    return press(key, at)[first] + press(key, at + PACKET * 10)[second]


Sender = Callable[[str, int], list[Packet]]
SENDERS: dict[str, tuple[int, Sender]] = {
    "as the standard has it": (1, press),
    "short": (1, lambda key, at: press(key, at, packets=4)),
    "held for three seconds": (1, lambda key, at: press(key, at, packets=150)),
    "held for nine seconds": (1, _segmented),
    "without its start": (1, lambda key, at: press(key, at)[1:]),
    "without its first half": (1, lambda key, at: press(key, at)[4:]),
    "without an end": (1, lambda key, at: press(key, at)[:-3]),
    "with nothing but ends": (1, lambda key, at: press(key, at, ends=6)[-6:]),
    "with one end": (1, lambda key, at: press(key, at, ends=1)),
    "with six ends": (1, lambda key, at: press(key, at, ends=6)),
    "without a marker": (1, lambda key, at: [replace(one, marker=False) for one in press(key, at)]),
    "with a marker on each packet": (1, lambda key, at: [replace(one, marker=True) for one in press(key, at)]),
    "in doubled packets": (1, lambda key, at: [replace(one, copies=2) for one in press(key, at)]),
    "in reordered packets": (
        1, lambda key, at: [replace(one, late=index % 3) for index, one in enumerate(press(key, at))],
    ),
    "with ends behind the next sound": (
        1, lambda key, at: [replace(one, late=3 if index > 8 else 0) for index, one in enumerate(press(key, at))],
    ),
    "with a timestamp that goes on": (1, _with_moving_timestamp),
    "with a duration of nothing": (1, lambda key, at: [event(key, at, 0)] * 8 + press(key, at)[-3:]),
    "with sound between": (1, _with_audio_between),
    "twice": (2, _twice),
    "twice, the first without an end": (2, lambda key, at: _twice(key, at, first=slice(0, -3))),
    "twice, the first without an end and the second without its start": (
        2, lambda key, at: _twice(key, at, slice(0, -3), slice(3, None)),
    ),
    "behind a hook flash": (1, lambda key, at: [*press(16, at), *press(36, at + 2400), *press(key, at + 4800)]),
}  # fmt: skip
"""What is sent for a key, and how often it is pressed."""


def stream(rng: random.Random, count: int) -> tuple[str, list[Packet]]:
    """Presses by all senders in turn with sound between them, and the keys that must be told."""
    keys, packets, at = "", [], 0
    senders = list(SENDERS.values())
    for index in range(count):
        times, sender = senders[index % len(senders)]
        if index % len(senders) == 0:
            rng.shuffle(senders)
        key = rng.choice(KEYS)
        sent = sender(key, at)
        at = max(one.at + _length(one) for one in sent) + PACKET * rng.randrange(4, 10)
        sound = [replace(AUDIO, at=at + PACKET * one) for one in range(rng.randrange(1, 5))]
        keys += key * times
        packets += sent + sound
        at = sound[-1].at + PACKET
    return keys, packets


def _length(packet: Packet) -> int:
    return PACKET if packet.kind == AUDIO_TYPE else int.from_bytes(packet.payload[2:], "big")


def datagrams(packets: list[Packet], *, start: int, sequence: int, ssrc: int = 0x1234) -> Iterator[bytes]:
    """What goes over the wire, in the order in which it goes; `start` is the timestamp of the stream's beginning."""
    going: list[tuple[float, bytes]] = []
    for index, packet in enumerate(packets):
        head = bytes([0x80, packet.kind | (0x80 if packet.marker else 0)])
        head += ((sequence + index) & 0xFFFF).to_bytes(2, "big") + ((start + packet.at) & 0xFFFFFFFF).to_bytes(4, "big")
        place = index + packet.late + (0.5 if packet.late else 0)
        going += [(place, head + ssrc.to_bytes(4, "big") + packet.payload)] * packet.copies
    for _, data in sorted(going, key=lambda one: one[0]):
        yield data
