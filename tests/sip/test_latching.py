"""Where our audio goes and whose is heard when strangers send to our port (RFC 4961, RFC 7362 section 4)."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest

from tests.sip.audio_packets import broken_ms, packets, positions, said, send
from tests.sip.exchange import exchange
from tests.sip.party import party

_ELSEWHERE = "127.0.0.9"
_CALLER_SSRC, _STRANGER_SSRC = 0x1234, 0xBAD

ROW = pytest.mark.scenario("RTP-04", peer="scripted party", transport="udp")


@contextmanager
def stranger(host: str = _ELSEWHERE) -> Iterator[socket.socket]:
    """A socket of another host."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.bind((host, 0))
        one.setblocking(False)
        yield one


def received(one: socket.socket) -> int:
    """How many packets came."""
    count = 0
    with contextlib.suppress(BlockingIOError):
        while one.recv(2048):
            count += 1
    return count


async def flood(
    one: socket.socket, address: tuple[str, int], seconds: float, *, ssrc: int, after_seconds: float = 0
) -> None:
    """Loud packets, as good as the caller's."""
    await asyncio.sleep(after_seconds)
    loud = [replace(packet, ssrc=ssrc) for packet in packets(said(round(seconds * 1000), seed=9))]
    for packet in loud:
        one.sendto(packet.datagram(), address)
        await asyncio.sleep(0.02)


@ROW
@pytest.mark.parametrize("ssrc", [_STRANGER_SSRC, _CALLER_SSRC], ids=["own source", "the caller's source"])
async def test_a_stranger_is_not_heard_beside_the_caller_and_gets_nothing(ssrc: int) -> None:
    sound = said(1800)
    async with exchange() as ours, party(ours.address) as ann:
        address = (await ann.call()).media_address
        told = await ours.call()
        with stranger() as eve:
            await asyncio.gather(
                send(ann.rtp, address, packets(sound)), flood(eve, address, 1.2, ssrc=ssrc, after_seconds=0.4)
            )
            assert received(eve) == 0
        await ann.bye()
    assert broken_ms(positions(told.frames, sound)) <= 100


@ROW
async def test_a_stranger_gets_nothing_when_the_caller_falls_silent() -> None:
    async with exchange() as ours, party(ours.address) as ann:
        address = (await ann.call()).media_address
        told = await ours.call()
        await send(ann.rtp, address, packets(said(700)))
        with stranger() as eve:
            await flood(eve, address, 2.0, ssrc=_STRANGER_SSRC)
            assert received(eve) == 0
        heard = np.concatenate([np.frombuffer(frame.caller, np.int16) for frame in told.frames[-50:]])
        assert not np.abs(heard.astype(np.int32)).max() > 1000
        await ann.bye()


@ROW
async def test_a_caller_behind_a_nat_is_followed_to_its_next_port() -> None:
    async with exchange() as ours, party(ours.address) as ann:
        address = (await ann.call()).media_address
        await (await ours.call()).event("answered")
        await send(ann.rtp, address, packets(said(700)))
        with stranger("127.0.0.1") as moved:
            await flood(moved, address, 2.0, ssrc=_CALLER_SSRC)
            assert received(moved) > 20
        await ann.bye()


@ROW
async def test_a_stranger_who_was_first_gives_way_to_the_address_that_the_caller_named() -> None:
    async with exchange() as ours, party(ours.address) as ann:
        address = (await ann.call()).media_address
        await (await ours.call()).event("answered")
        with stranger() as eve:
            await flood(eve, address, 0.4, ssrc=_STRANGER_SSRC)
            await send(ann.rtp, address, packets(said(1000)))
            received(eve)
            while not ann.rtp_received.empty():
                ann.rtp_received.get_nowait()
            await flood(eve, address, 0.4, ssrc=_STRANGER_SSRC)
            assert received(eve) == 0
        assert ann.rtp_received.qsize() > 10
        await ann.bye()
