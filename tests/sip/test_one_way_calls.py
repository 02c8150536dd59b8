"""Calls on the wire that go one way, and callers that are gone."""

from __future__ import annotations

import asyncio
import random
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from gateway.assistant.assistant import Assistant, Model
from gateway.call import endings
from gateway.call.gateway import Gateway
from gateway.call.record import CallRecord
from gateway.link.pool import WorkerPool
from gateway.media.one_way import Sense
from gateway.routing.settings import RouteSettings
from gateway.settings import ApiSettings, Settings, WorkerSettings
from gateway.sip.endpoint import SipEndpoint
from gateway.sip.settings import SipSettings
from tests.call.house import greet
from tests.link.worker_double import Script, WorkerDouble, serving, until
from tests.peers.ports import LOOPBACK, free_port, free_ports
from tests.sip.party import Party, Received, party

_SECONDS = 7
_PACKETS_A_SECOND = 50


@dataclass(frozen=True, slots=True)
class Desk:
    """A gateway that takes calls on the wire."""

    gateway: Gateway
    address: str

    async def record_of(self, caller: Party) -> CallRecord:
        """Of a call that has ended."""

        def found() -> list[CallRecord]:
            return [one for one in self.gateway.records.newest() if one.signalling_id == caller.call_id]

        await until(lambda: bool(found()), 10)
        return found()[0]


@asynccontextmanager
async def desk(folder: Path, *, script: Script = greet, **rtp: float) -> AsyncIterator[Desk]:
    """:param rtp: the timeouts of the settings"""
    worker = WorkerDouble(script)
    async with serving(worker):
        settings = Settings(
            data_dir=folder,
            api=ApiSettings(enabled=False),
            sip=SipSettings(host=LOOPBACK, port=free_port(), max_calls=8),
            rtp={"ports": free_ports(64), **rtp},
            worker=WorkerSettings(count=0, addresses=[worker.address]),
            routes=[RouteSettings(assistant="desk", number="*")],
            assistants={"desk": Assistant(model=Model(provider="dialogue"), first_message="hello there")},
        )
        loop = asyncio.get_running_loop()
        gateway = Gateway(
            settings,
            pool=WorkerPool(settings.worker),
            make_endpoint=lambda on_leg: SipEndpoint(settings, loop=loop, on_leg=on_leg),
        )
        await gateway.start(worker_seconds=5)
        try:
            yield Desk(gateway, f"{LOOPBACK}:{settings.sip.port}")
        finally:
            await gateway.close()


def _media(answer: Received) -> tuple[str, int]:
    return LOOPBACK, int(answer.body.split("m=audio ")[1].split(" ")[0])


def _noise(seed: int) -> bytes:
    """A quiet room in PCMU: the smallest steps around zero."""
    return bytes(random.Random(seed).choices(b"\xfe\xfd\xfc\x7e\x7d\x7c\xff", k=160))


async def _all_lost(caller: Party, address: tuple[str, int], second: int) -> None:
    """A receiver report by which none of our packets arrived in the last second (RFC 3550 section 6.4.2)."""
    packet, _ = await caller.rtp_received.get()
    ours = struct.unpack_from(">I", packet, 8)[0]
    lost = 255 << 24 | second * _PACKETS_A_SECOND
    report = struct.pack(">BBHIIIIIII", 0x81, 201, 7, 0x1234, ours, lost, 0, 0, 0, 0)
    caller.rtp.sendto(report, (address[0], address[1] + 1))


async def _call(house: Desk, payload: bytes | None, *, all_lost: bool = False) -> CallRecord:
    """A call of some seconds in which the caller sends `payload`, or nothing."""
    async with party(house.address) as caller:
        address = _media(await caller.call())
        for index in range(_SECONDS * _PACKETS_A_SECOND):
            if payload is not None:
                caller.speak(index, address=address, payload=payload)
            if all_lost and index % _PACKETS_A_SECOND == 0:
                await _all_lost(caller, address, index // _PACKETS_A_SECOND)
            await asyncio.sleep(0.02)
        await caller.bye()
        return await house.record_of(caller)


def _counted(sense: Sense) -> float:
    return REGISTRY.get_sample_value("parley_one_way_audio_total", {"sense": sense.value}) or 0


@pytest.mark.scenario("MED-13", peer="scripted party", transport="udp")
@pytest.mark.timeout(60)
async def test_each_call_that_goes_one_way_is_told_and_no_other(tmp_path: Path) -> None:
    before = {sense: _counted(sense) for sense in Sense}
    async with desk(tmp_path) as house:
        records = await asyncio.gather(
            _call(house, None),
            _call(house, b"\xff" * 160),
            _call(house, _noise(1), all_lost=True),
            _call(house, _noise(2)),
        )
    told = [[note for note in record.notes if note["event"] == "one-way-audio"] for record in records]
    assert [[note["sense"] for note in notes] for notes in told] == [
        ["nothing-received"],
        ["only-silence-received"],
        ["nothing-arrives"],
        [],
    ]
    assert all(note["at_ms"] <= 6000 for notes in told for note in notes)
    assert {sense: _counted(sense) - before[sense] for sense in Sense} == dict.fromkeys(Sense, 1)


@pytest.mark.scenario("MED-12", peer="scripted party", transport="udp")
@pytest.mark.parametrize("packets", [0, 25], ids=["from the start", "in the middle"])
async def test_a_caller_that_is_gone_is_hung_up_on_with_a_reason(tmp_path: Path, packets: int) -> None:
    async with desk(tmp_path, start_timeout_seconds=2, timeout_seconds=1.5) as house, party(house.address) as caller:
        address = _media(await caller.call())
        for index in range(packets):
            caller.speak(index, address=address, payload=_noise(index))
            await asyncio.sleep(0.02)
        bye = await caller.incoming("BYE")
        caller.respond(bye, "200 OK")
        record = await house.record_of(caller)
    assert endings.NO_CUSTOMER_AUDIO in bye.message.first("reason")
    assert record.end_reason == endings.NO_CUSTOMER_AUDIO
    assert {"event": "media-timeout", "seconds": 1.5 if packets else 2.0}.items() <= record.notes[-1].items()


@pytest.mark.scenario("MED-12", peer="scripted party", transport="udp")
async def test_a_call_on_hold_does_not_time_out(tmp_path: Path) -> None:
    async with desk(tmp_path, start_timeout_seconds=1.5, timeout_seconds=1.5) as house, party(house.address) as caller:
        await caller.call()
        await caller.reinvite(caller.sdp(direction="sendonly"))
        assert not [one for one in await caller.nothing(4) if one.method == "BYE"]
        await caller.bye()
