"""The first sample after the answer, the last before the good-bye, and how long audio is on its way."""

from __future__ import annotations

import asyncio
import audioop
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from gateway.call.leg import LegFrame
from gateway.link.v1 import link_pb2 as pb
from tests.call.house import GREETING, greet
from tests.link.worker_double import WorkerDouble
from tests.sip.exchange import Told, exchange
from tests.sip.party import LOOPBACK, party
from tests.sip.test_one_way_calls import desk

_PULSES = 60
_EVERY = 17
"""Packets between two pulses: they fall on every phase of whatever else has a period."""
_PULSE = bytes([0x00]) * 160
_QUIET = bytes([0xFF]) * 160


def _greet_and_end(worker: WorkerDouble, event: pb.GatewayEvent) -> Iterator[pb.WorkerEvent]:
    yield from greet(worker, event)
    if event.HasField("answered") and worker.call_id(event.call) != "phrase":
        yield pb.WorkerEvent(action=pb.Action(action="end", hangup=pb.Hangup(after_playout=True)))


@pytest.mark.scenario("MED-10", peer="scripted party", transport="udp")
@pytest.mark.scenario("MED-11", peer="scripted party", transport="udp")
async def test_every_sample_from_the_answer_to_the_good_bye_is_sent(tmp_path: Path) -> None:
    async with desk(tmp_path, script=_greet_and_end) as house, party(house.address) as caller:
        await caller.call()
        caller.respond(await caller.incoming("BYE"), "200 OK")
        packets = [caller.rtp_received.get_nowait()[0] for _ in range(caller.rtp_received.qsize())]
    heard = b"".join(packet[12:] for packet in packets if packet[1] & 0x7F == 0)
    said = audioop.lin2ulaw(GREETING, 2)
    at = heard.find(said)
    assert at >= 0, "the greeting was not sent as a whole"
    assert len(heard) - at - len(said) <= 300 * 8, "the call went on for more than 300 ms"


@pytest.mark.long
@pytest.mark.alone
@pytest.mark.scenario("MED-15", peer="scripted party", transport="udp")
@pytest.mark.timeout(90)
async def test_audio_is_a_few_tens_of_milliseconds_on_its_way_through_the_gateway() -> None:
    """Caller to agent and back by an echo of each frame: both directions, of which half is one way."""
    async with exchange() as ours, party(ours.address) as caller:
        answer = await caller.call()
        told = await ours.call()
        address = LOOPBACK, int(answer.body.split("m=audio ")[1].split(" ")[0])
        _echo(told)
        sent: list[float] = []
        heard: list[float] = []
        listening = asyncio.create_task(_listen(caller.rtp_received, heard))
        start = time.monotonic()
        for index in range(_PULSES * _EVERY):
            await asyncio.sleep(max(0.0, start + index * 0.02 - time.monotonic()))
            pulse = index % _EVERY == 0 and index > 50
            caller.speak(index, address=address, payload=_PULSE if pulse else _QUIET)
            if pulse:
                sent.append(time.monotonic())
        await asyncio.sleep(0.3)
        listening.cancel()
        await caller.bye()
    ways = [1000 * min(at - began for at in heard if at > began) / 2 for began in sent]
    p50, p99 = np.percentile(ways, 50), np.percentile(ways, 99)
    print(f"\nthrough the gateway, one way: p50 {p50:.1f} ms, p99 {p99:.1f} ms, {len(ways)} pulses")
    assert p50 <= 35
    assert p99 <= 60


def _echo(told: Told) -> None:
    """What the caller says is said back, frame by frame."""
    position = 0

    def on_frame(frame: LegFrame) -> None:
        nonlocal position
        position += told.leg.play(1, position, frame.caller, final=False)

    told.leg.arm_pause(False)
    told.on_each_frame = on_frame


async def _listen(received: asyncio.Queue[tuple[bytes, tuple[str, int]]], heard: list[float]) -> None:
    """When each pulse comes back; it may lie across two packets."""
    loud = False
    while True:
        packet, _ = await received.get()
        was_loud, loud = loud, audioop.max(audioop.ulaw2lin(packet[12:], 2), 2) > 8000
        if loud and not was_loud:
            heard.append(time.monotonic())
