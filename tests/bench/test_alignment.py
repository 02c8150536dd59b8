from __future__ import annotations

from pathlib import Path

import pytest

from bench.alignment import Alignment
from tests.bench.held import START_NS, noise, recording, stream
from tests.peers import wire

PHASE_NS = 7_000_000
"""The phone's frames end this much after ours."""


@pytest.fixture
def sides() -> tuple[list[bytes], list[bytes]]:
    return noise(60, seed=1), [*wire.quiet(400), *noise(40, seed=2)]


def test_the_call_clock_is_read_off_the_wire(tmp_path: Path, sides: tuple[list[bytes], list[bytes]]) -> None:
    caller, agent = sides
    file = recording(tmp_path, caller, agent, shift_ms=40)
    alignment = Alignment.of(stream(agent[3:], start_ns=START_NS + 3 * wire.FRAME_NS), file)
    assert alignment.clock_ms(START_NS + 10 * wire.FRAME_NS) == pytest.approx(220), "the end of the tenth tick's frame"


def test_the_way_from_the_wire_to_the_call_clock_is_measured_to_the_sample(
    tmp_path: Path, sides: tuple[list[bytes], list[bytes]]
) -> None:
    caller, agent = sides
    # The first packet ends at 20 ms on the wire plus the phase, and at 20 + 28 ms of the recording.
    file = recording(tmp_path, caller, agent, shift_ms=28)
    alignment = Alignment.of(stream(agent, start_ns=START_NS), file)
    phone = stream(caller, start_ns=START_NS + PHASE_NS)
    ways = [alignment.buffering_ms(phone, packet.at_ns) for packet in phone.packets[5:50]]
    assert ways == pytest.approx([21.0] * len(ways))


def test_a_packet_that_the_recording_lacks_is_passed_over(
    tmp_path: Path, sides: tuple[list[bytes], list[bytes]]
) -> None:
    caller, agent = sides
    file = recording(tmp_path, [*caller[:30], *wire.quiet(600)], agent, shift_ms=20)
    alignment = Alignment.of(stream(agent, start_ns=START_NS), file)
    phone = stream(caller, start_ns=START_NS)
    assert alignment.heard_ms(phone.packets[31]) is None
    assert alignment.buffering_ms(phone, phone.packets[31].at_ns) == pytest.approx(20.0)
    assert alignment.buffering_ms(phone, START_NS - 1) is None


def test_another_calls_recording_is_refused(tmp_path: Path, sides: tuple[list[bytes], list[bytes]]) -> None:
    caller, agent = sides
    file = recording(tmp_path, caller, agent, shift_ms=20)
    with pytest.raises(ValueError, match="holds nothing of the captured agent"):
        Alignment.of(stream(noise(40, seed=9), start_ns=START_NS), file)
