"""Rubbish on the SIP and RTP ports while a call goes on: the call does not notice, the process lives."""

from __future__ import annotations

import asyncio
import random
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.interop.continuity import assert_continuous, from_ports, longest, to_ports
from tests.interop.product import Product
from tests.peers import speech
from tests.peers.capture import BLOCK_SECONDS, Capture, capture
from tests.peers.ports import LOOPBACK
from tests.peers.sipp import SippPlan, running_sipp, sipp
from tests.peers.wire import rtp_bytes

pytestmark = [pytest.mark.timeout(90), pytest.mark.asyncio(loop_scope="session")]

_INVITE = (
    b"INVITE sip:demo@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\n"
    b"To: <sip:demo@127.0.0.1>\r\nCall-ID: x\r\nCSeq: 1 INVITE\r\nContact: <sip:a@127.0.0.1:9>\r\nMax-Forwards: 70\r\n"
    b"Content-Type: application/sdp\r\nContent-Length: 9999\r\n\r\nv=0\r\n"
)


def rubbish(seed: int) -> Iterator[bytes]:
    """Random bytes, truncated and damaged requests, and the largest datagrams that UDP carries."""
    source = random.Random(seed)
    for length in (0, 1, 4, 100, 1400, 8000, 65507):
        yield source.randbytes(length)
        yield (b"INVITE " + b"A" * length)[:65507]
    for cut in range(0, len(_INVITE), 7):
        yield _INVITE[:cut]
    for _ in range(200):
        damaged = bytearray(_INVITE)
        for _ in range(source.randrange(1, 12)):
            damaged[source.randrange(len(damaged))] = source.randrange(256)
        yield bytes(damaged)
    yield b"SIP/2.0 200 OK\r\n\r\n"
    yield b"\r\n\r\n" * 1000


def rtp_rubbish(seed: int) -> Iterator[bytes]:
    """What no stream of the call would send."""
    source = random.Random(seed)
    for length in (0, 1, 11, 12, 172, 1500, 65507):
        yield source.randbytes(length)
        yield bytes([0x80, 0]) + source.randbytes(length)[:65505]
        yield bytes([0xBF, 0xFF]) + source.randbytes(length)[:65505]
    for index in range(100):
        yield rtp_bytes(
            source.randrange(65536), timestamp=source.randrange(2**32), ssrc=index, payload=source.randbytes(160)
        )


async def _throw(data: Iterator[bytes], ports: list[int]) -> int:
    thrown = 0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for datagram in data:
            for port in ports:
                sender.sendto(datagram, (LOOPBACK, port))
                thrown += 1
            if thrown % 8 == 0:
                await asyncio.sleep(0.005)
    return thrown


@pytest.mark.parametrize("thrown_at", ["sip", "rtp"])
async def test_a_call_goes_on_undisturbed_while_rubbish_comes(product: Product, tmp_path: Path, thrown_at: str) -> None:
    plan = product.plan
    audio = speech.join(speech.synthetic("Can you hear me?"), speech.silence(2500))
    call = SippPlan("talking_call", product.address, tmp_path / "call", hold_ms=7000, audio=audio)
    async with capture(tmp_path, ports=plan.rtp_ports) as captured, running_sipp(call) as running:
        await product.wait_until_active(1)
        if thrown_at == "sip":
            await _throw(rubbish(seed=1), [plan.sip_port])
        else:
            await _throw(rtp_rubbish(seed=2), await _ports_in_use(captured, plan.rtp_ports))
        result = await running.result(seconds=30)
    assert result.failed == 0, result.errors
    product.child.require_running()
    ours = from_ports(captured.datagrams(), plan.rtp_ports)
    assert len(ours) == 1, f"audio went to strangers: {[stream.destination for stream in ours]}"
    assert_continuous(ours[0], longest(to_ports(captured.datagrams(), plan.rtp_ports)))
    if thrown_at == "sip":
        assert await product.metric("parley_sip_malformed_datagrams_total") > 0
    after = await sipp(SippPlan("silent_call", product.address, tmp_path / "after"), seconds=20)
    assert after.failed == 0, after.errors


async def _ports_in_use(captured: Capture, ports: tuple[int, int]) -> list[int]:
    """RTP and RTCP ports of the call that goes on."""
    await asyncio.sleep(BLOCK_SECONDS)
    used = {stream.source[1] for stream in from_ports(captured.datagrams(), ports)}
    assert used, "no RTP of ours yet"
    return sorted(used | {port + 1 for port in used})
