"""Who may call: requests from addresses that are no trunk's."""

from __future__ import annotations

import asyncio
import threading
import time
from uuid import uuid4

import pytest

from gateway.observe.metrics import SIP_STRANGERS
from tests.sip.exchange import Exchange, exchange
from tests.sip.party import party

TRUSTED, STRANGERS = "127.0.0.2", [f"127.0.0.{index}" for index in range(3, 10)]


class Sender(asyncio.DatagramProtocol):
    """Sends from an address of its own and keeps what comes back."""

    def __init__(self) -> None:
        self.answers: list[str] = []
        self.came = asyncio.Event()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.answers.append(data.decode())
        self.came.set()


async def send(ours: Exchange, source: str, method: str = "INVITE", *, seconds: float = 3.0) -> list[str]:
    """Answers that come to a request whose From claims to be the trusted peer's."""
    host, port = ours.address.rsplit(":", 1)
    transport, sender = await asyncio.get_running_loop().create_datagram_endpoint(Sender, local_addr=(source, 0))
    own = transport.get_extra_info("sockname")[1]
    lines = [
        f"{method} sip:4711@{ours.address} SIP/2.0",
        f"Via: SIP/2.0/UDP {source}:{own};branch=z9hG4bK{uuid4().hex};rport",
        f"From: <sip:carrier@{TRUSTED}>;tag=1",
        "To: <sip:4711@parley>",
        f"Call-ID: {uuid4().hex}",
        f"CSeq: 1 {method}",
        f"Contact: <sip:carrier@{TRUSTED}>",
        "User-Agent: Carrier",
        "Max-Forwards: 70",
    ]
    transport.sendto("\r\n".join([*lines, "Content-Length: 0", "", ""]).encode(), (host, int(port)))
    try:
        async with asyncio.timeout(seconds):
            await sender.came.wait()
    except TimeoutError:
        pass
    finally:
        transport.close()
    return sender.answers


def counted() -> float:
    return float(SIP_STRANGERS._value.get())


@pytest.mark.scenario("TRK-01", peer="scripted party", transport="udp")
async def test_strangers_are_refused_before_there_is_a_call_whatever_they_claim() -> None:
    trunks = [{"name": "carrier", "allow": [TRUSTED]}]
    async with exchange(sip={"strangers": "refuse"}, trunks=trunks) as ours:
        before = counted()
        for source in STRANGERS:
            (answer, *_) = await send(ours, source)
            assert answer.startswith("SIP/2.0 403 ")
        assert ours.endpoint.live_calls == 0
        assert counted() - before == len(STRANGERS)
        (answer, *_) = await send(ours, TRUSTED)
        assert answer.startswith("SIP/2.0 100 ")
        assert (await ours.call()).leg.info.trunk == "carrier"
        assert len(ours.calls) == 1


@pytest.mark.scenario("TRK-01", peer="scripted party", transport="udp")
async def test_strangers_that_are_ignored_hear_nothing_and_trusted_ports_count() -> None:
    async with party("127.0.0.1:9") as ann:
        trunks = [{"name": "carrier", "allow": [f"127.0.0.1:{ann.port}/udp"]}]
        async with exchange(sip={"strangers": "ignore"}, trunks=trunks) as ours:
            assert await send(ours, STRANGERS[0], seconds=0.3) == []
            assert await send(ours, STRANGERS[0], "OPTIONS", seconds=0.3) == []
            assert await send(ours, "127.0.0.1", seconds=0.3) == []
            ann.target = ours.address
            await ann.call()
            assert (await ours.call()).leg.info.trunk == "carrier"
            await ann.bye()
            assert len(ours.calls) == 1


ALLOWED_SECONDS = 0.2e-3
"""Of a processor, for each INVITE that is refused."""


@pytest.mark.long
@pytest.mark.alone
@pytest.mark.parametrize("policy", ["refuse", "ignore"])
@pytest.mark.scenario("TRK-01", peer="scripted party", transport="udp")
async def test_a_flood_of_strangers_costs_little(policy: str) -> None:
    count, at_once = 20_000, 50
    trunks = [{"name": "carrier", "allow": [TRUSTED]}]
    async with exchange(sip={"strangers": policy}, trunks=trunks) as ours, party(ours.address) as ann:
        (thread,) = [one for one in threading.enumerate() if one.name == "parley-sip"]
        clock = time.pthread_getcpuclockid(thread.ident or 0)
        before = counted()

        async def flood() -> None:
            for sent in range(0, count, at_once):
                for _ in range(at_once):
                    ann.call_id, ann.tag = uuid4().hex, uuid4().hex[:8]
                    ann.request("INVITE", body=ann.sdp())
                while counted() - before < sent + at_once:  # noqa: ASYNC110  no datagram is to be lost
                    await asyncio.sleep(0.001)

        begun = time.clock_gettime(clock)
        await flood()
        # what the thread does beside it is in it
        each = (time.clock_gettime(clock) - begun) / count
        print(f"{policy}: {each * 1e6:.0f} µs of a processor for each of {count} strangers")
        assert each <= ALLOWED_SECONDS
        assert ours.endpoint.live_calls == 0
        assert not ours.calls
