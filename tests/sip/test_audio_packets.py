"""What comes in RTP is what is heard: packets of any size, silence that is not sent, clocks that jump, senders that
change."""

from __future__ import annotations

import asyncio
import random
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import pytest

from gateway.media.audio import FRAME_MS, FRAME_SAMPLES
from tests.peers.capture import capture
from tests.peers.ports import free_ports
from tests.peers.rtp import pacing, streams
from tests.peers.speech import RATE
from tests.sip.audio_packets import QUIET_MS, Heard, Pcm, Sent, broken_ms, packets, positions, said, send
from tests.sip.exchange import Told, exchange
from tests.sip.party import Party, party

_COMFORT_NOISE = 13
_TAIL_SECONDS = 0.5


async def hear(told: Told, ann: Party, address: tuple[str, int], stream: list[Sent]) -> None:
    """Everything is sent, and has come to the call."""
    await send(ann.rtp, address, stream)
    await asyncio.sleep(_TAIL_SECONDS)


def _row(number: str) -> pytest.MarkDecorator:
    return pytest.mark.scenario(number, peer="scripted party", transport="udp")


SIZES = [(10,), (20,), (30,), (40,), (60,), (20, 10, 40, 30, 60)]


@_row("RTP-01")
@pytest.mark.parametrize(
    "broken",
    [60, pytest.param(0, marks=[pytest.mark.long, pytest.mark.alone])],
    ids=["as far as the machine keeps time", "sample by sample"],
)
async def test_packets_of_any_size_are_heard_as_they_were_sent(broken: int) -> None:
    left = list(SIZES)
    # a machine that stands still for longer than the packets are ahead breaks one, not three
    for _ in range(3):
        left = await _broken(left, broken) if left else []
    assert not left


async def _broken(all_sizes: list[tuple[int, ...]], allowed_ms: int) -> list[tuple[int, ...]]:
    sound = said(1800)
    async with exchange(sip={"max_calls": len(all_sizes)}) as ours, AsyncExitStack() as lines:
        calls = []
        for index, sizes in enumerate(all_sizes):
            ann = await lines.enter_async_context(party(ours.address))
            answer = await ann.call()
            calls.append((ann, await ours.call(index), answer.media_address, packets(sound, sizes)))
        await asyncio.gather(*(hear(told, ann, address, stream) for ann, told, address, stream in calls))
        for ann, *_ in calls:
            await ann.bye()
    return [sizes for (_, told, *_), sizes in zip(calls, all_sizes, strict=True) if not _holds(told, sound, allowed_ms)]


def _holds(told: Told, sound: Pcm, allowed_ms: int) -> bool:
    quiet = QUIET_MS * RATE // 1000
    if sound[quiet:-quiet].tobytes() in b"".join(frame.caller for frame in told.frames):
        return True
    return allowed_ms > 0 and broken_ms(positions(told.frames, sound)) <= allowed_ms


@_row("RTP-02")
@pytest.mark.alone
async def test_silence_that_is_not_sent_ends_no_call_and_moves_no_clock() -> None:
    await _pause(2.0)


@_row("RTP-02")
@pytest.mark.long
@pytest.mark.alone
@pytest.mark.timeout(120)
async def test_a_minute_of_silence_with_our_packets_never_forty_milliseconds_apart(tmp_path: Path) -> None:
    async with exchange() as ours, party(ours.address) as ann:
        async with capture(tmp_path, ports=(ann.rtp_port, ann.rtp_port)) as wire:
            await ann.call()
            told = await ours.call()
            await asyncio.sleep(60)
            assert not told.all("ended")
        await ann.bye()
    (stream,) = [one for one in streams(wire.datagrams()) if one.destination[1] == ann.rtp_port]
    figures = pacing(stream.packets)
    print(f"\nlongest gap {figures.gap_max_ms:.1f} ms in {figures.packets} packets")
    assert figures.gap_max_ms <= 40
    assert set(figures.timestamp_steps) == {FRAME_SAMPLES}


async def _pause(seconds: float) -> None:
    sound, half = said(1800), 900
    stream = packets(sound)
    before = [packet for packet in stream if packet.first < half * RATE // 1000]
    comfort = replace(
        before[-1], kind=_COMFORT_NOISE, sequence=before[-1].sequence + 1, timestamp=half * RATE // 1000, pcm=sound[:1]
    )
    later = round(seconds * 1000)
    after = [
        replace(
            packet,
            at_ms=packet.at_ms + later,
            timestamp=packet.timestamp + later * RATE // 1000,
            sequence=packet.sequence + 1,
            marker=packet.first == half * RATE // 1000,
        )
        for packet in stream[len(before) :]
    ]
    async with exchange() as ours, party(ours.address) as ann:
        answer = await ann.call()
        told = await ours.call()
        await hear(told, ann, answer.media_address, [*before, comfort, *after])
        assert not told.all("ended")
        ours_sent = [ann.rtp_received.get_nowait()[0] for _ in range(ann.rtp_received.qsize())]
        await ann.bye()
    heard = positions(told.frames, sound)
    # two parts, each without a break, and the silence between them as long as it was
    assert broken_ms(heard) <= later + 3 * FRAME_MS
    assert _delay(heard, half * RATE // 1000, later * RATE // 1000) <= 2 * FRAME_SAMPLES
    steps = {int.from_bytes(b[4:8], "big") - int.from_bytes(a[4:8], "big") for a, b in pairwise(ours_sent)}
    assert steps == {FRAME_SAMPLES}
    assert len(ours_sent) * FRAME_MS >= later + 1800


def _delay(heard: list[Heard], half: int, pause: int) -> int:
    """By how many samples the end is heard later than the beginning, `pause` before the second half left out."""
    known = [(one.tick * FRAME_SAMPLES, one.position) for one in heard if one.position is not None]
    first, last = (at - place - (pause if place >= half else 0) for at, place in (known[2], known[-3]))
    return last - first


# ---------------------------------------------------------------- senders that begin to count anew


@dataclass(frozen=True, slots=True)
class Change:
    """What becomes of the second half of a stream. `sequence` and `timestamp` are jumps; `pause_ms` comes before it."""

    name: str
    sequence: int = 0
    timestamp: int = 0
    ssrc: int = 0x1234
    marker: bool = False
    pause_ms: int = 0
    start: tuple[int, int] = (100, 1000)
    """Sequence number and timestamp of the first packet."""

    def apply(self, stream: list[Sent], half: int) -> list[Sent]:
        sequence, timestamp = self.start
        changed = []
        for index, packet in enumerate(stream):
            second = packet.first >= half
            changed.append(
                replace(
                    packet,
                    at_ms=packet.at_ms + (self.pause_ms if second else 0),
                    sequence=sequence + index + (self.sequence if second else 0),
                    timestamp=timestamp + packet.first + (self.timestamp if second else 0),
                    ssrc=self.ssrc if second else 0x1234,
                    marker=self.marker and packet.first == half,
                )
            )
        return changed


_NEW = 0xBEEF
_SEQUENCE_JUMPS = (50, 1000, 2990, 5000, 32768, 40000, -20, -99, -200, -5000)
_CHANGES = [
    Change("nothing"),
    Change("sequence wraps", start=(65510, 1000)),
    Change("timestamp wraps", start=(100, 0xFFFFFFFF - 4000)),
    Change("both wrap", start=(65510, 0xFFFFFFFF - 4000)),
    *(Change(f"sequence {jump:+}", sequence=jump) for jump in _SEQUENCE_JUMPS),
    *(
        Change(f"timestamp {jump:+}", timestamp=jump, marker=marker)
        for jump, marker in [
            (800, False), (2400, True), (8000, False), (40000, True), (240_000, False), (2**31, True), (-160, False),
            (-800, True), (-4000, False), (-8000, True), (-80_000, False), (-(2**31) + 7, True), (83, False),
        ]
    ),
    *(
        Change(f"source, {sequence:+}, {timestamp:+}, {pause} ms", sequence, timestamp, _NEW, marker, pause)
        for sequence, timestamp, marker, pause in [
            (0, 0, False, 0), (31_111, 123_456_789, True, 0), (-50, -4000, False, 0), (500, -160, True, 0),
            (12_345, 8000, False, 0), (-20_000, 400, True, 0), (31_111, 987_654_321, False, 300),
            (31_111, -3000, True, 1000),
        ]
    ),
    *(
        Change(f"restart, {sequence:+}, {timestamp:+}, {pause} ms", sequence, timestamp, marker=True, pause_ms=pause)
        for sequence, timestamp, pause in [
            (20_000, 55_555_555, 0), (-60, -6000, 0), (20_000, 55_555_555, 400), (-3000, 2000, 0), (7, -900, 1000),
        ]
    ),
]  # fmt: skip


@_row("RTP-03")
async def test_a_sender_that_begins_to_count_anew_is_heard_on() -> None:
    assert len(_CHANGES) == 40
    sound, half = said(2500), 1150 * RATE // 1000
    left: dict[str, str] = {change.name: "not tried" for change in _CHANGES}
    # see above: what is broken by the machine is not broken three times
    for _ in range(3):
        left = (
            await _changed([_CHANGES[0], *(one for one in _CHANGES if one.name in left)], sound, half) if left else {}
        )
    assert not left


async def _changed(changes: list[Change], sound: Pcm, half: int) -> dict[str, str]:
    async with (
        exchange(sip={"max_calls": len(changes)}, rtp={"ports": free_ports(128)}) as ours,
        AsyncExitStack() as lines,
    ):
        calls = []
        for index, change in enumerate(changes):
            ann = await lines.enter_async_context(party(ours.address))
            answer = await ann.call()
            stream = change.apply(packets(sound), half)
            calls.append((ann, await ours.call(index), answer.media_address, stream))
        await asyncio.gather(*(hear(told, ann, address, stream) for ann, told, address, stream in calls))
        for ann, *_ in calls:
            await ann.bye()
    heard = {change: positions(told.frames, sound) for change, (_, told, *_) in zip(changes, calls, strict=True)}
    return _faults(heard, half)


def _faults(heard: dict[Change, list[Heard]], half: int) -> dict[str, str]:
    """Glitches over 100 ms and delay that stays, beside what the machine did to a sender that changed nothing."""
    figures = {}
    for change, ticks in heard.items():
        delay = _delay(ticks, half, change.pause_ms * RATE // 1000) * 1000 // RATE
        figures[change] = (broken_ms(ticks) - change.pause_ms, delay)
    broken, delay = figures[_CHANGES[0]]
    return {
        change.name: f"{own_broken} ms broken, {own_delay} ms later"
        for change, (own_broken, own_delay) in figures.items()
        if own_broken > max(broken, 0) + 100 or own_delay > max(delay, 0) + 20
    }


@_row("RTP-03")
async def test_of_two_sources_at_once_one_is_heard() -> None:
    sound, other = said(1600), said(1600, seed=2)
    rng = random.Random(3)
    theirs = [
        replace(one, ssrc=_NEW, sequence=one.sequence + 9000, timestamp=one.timestamp + 77_777)
        for one in packets(other)
    ]
    both = sorted(
        [*packets(sound), *(replace(one, at_ms=one.at_ms + rng.uniform(3, 15)) for one in theirs[20:60])],
        key=lambda one: one.at_ms,
    )
    async with exchange() as ours, party(ours.address) as ann:
        answer = await ann.call()
        told = await ours.call()
        await hear(told, ann, answer.media_address, both)
        await ann.bye()
    assert broken_ms(positions(told.frames, sound)) <= 100
