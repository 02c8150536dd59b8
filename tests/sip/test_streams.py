"""Messages in a stream and messages of any size: TCP framing (RFC 3261 section 18.3), keep-alive, large datagrams."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.peers.ports import LOOPBACK
from tests.sip.exchange import Exchange, exchange
from tests.sip.party import party
from tests.sip.stream_peer import Connection, connection, read_message

PIPELINED = 50
HEADER = 900
"""Characters of each padding header; one line of a message may be long, and an X- header's value is bounded."""

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def ours() -> AsyncIterator[Exchange]:
    async with exchange(sip={"max_calls": 8}) as running:
        yield running


def port(ours: Exchange) -> int:
    return ours.settings.sip.port


async def call_ids(caller: Connection, count: int) -> list[str]:
    """Call-IDs of the next `count` responses, all of them 200."""
    answers = [await caller.message() for _ in range(count)]
    assert {answer.start_line for answer in answers} == {"SIP/2.0 200 OK"}
    return [answer.first("call-id") for answer in answers]


@pytest.mark.scenario("NET-01", peer="scripted party", transport="tcp")
async def test_a_message_that_is_split_at_any_byte_is_one_message(ours: Exchange) -> None:
    async with connection(LOOPBACK, port(ours)) as caller:
        caller.writer.get_extra_info("socket").setsockopt(6, 1, 1)  # TCP_NODELAY
        whole = caller.options("split000")
        for cut in range(1, len(whole)):
            message = whole.replace(b"split000", f"split{cut:03}".encode())
            caller.writer.write(message[:cut])
            await caller.writer.drain()
            await asyncio.sleep(0)
            caller.writer.write(message[cut:])
            assert await call_ids(caller, 1) == [f"split{cut:03}"]


@pytest.mark.scenario("NET-01", peer="scripted party", transport="tcp")
async def test_a_message_that_comes_byte_by_byte_is_one_message(ours: Exchange) -> None:
    async with connection(LOOPBACK, port(ours)) as caller:
        caller.writer.get_extra_info("socket").setsockopt(6, 1, 1)
        for byte in caller.options("slowly"):
            caller.writer.write(bytes([byte]))
            await caller.writer.drain()
        assert await call_ids(caller, 1) == ["slowly"]


@pytest.mark.scenario("NET-01", peer="scripted party", transport="tcp")
async def test_messages_that_come_in_one_packet_are_all_answered_in_order(ours: Exchange) -> None:
    async with connection(LOOPBACK, port(ours)) as caller:
        names = [f"piped{index}" for index in range(PIPELINED)]
        caller.writer.write(b"".join(caller.options(name) for name in names))
        assert await call_ids(caller, PIPELINED) == names


@pytest.mark.scenario("NET-01", peer="scripted party", transport="tcp")
async def test_a_ping_is_answered_by_a_pong_and_is_no_message(ours: Exchange) -> None:
    async with connection(LOOPBACK, port(ours)) as caller:
        caller.writer.write(b"\r\n\r\n")
        assert await asyncio.wait_for(caller.reader.readexactly(2), 5) == b"\r\n"
        caller.writer.write(b"\r\n\r\n" + caller.options("before") + b"\r\n\r\n" + caller.options("after"))
        assert await call_ids(caller, 2) == ["before", "after"]


@pytest.mark.parametrize("length", ["x", "-1", "99999999999999999999", ""])
@pytest.mark.scenario("NET-01", peer="scripted party", transport="tcp")
async def test_a_stream_whose_lengths_are_wrong_is_closed_and_others_go_on(ours: Exchange, length: str) -> None:
    async with connection(LOOPBACK, port(ours)) as bad, connection(LOOPBACK, port(ours)) as good:
        bad.writer.write(bad.options("bad", content_length=length))
        assert await bad.closed()
        good.writer.write(good.options("good"))
        assert await call_ids(good, 1) == ["good"]


def padding(size: int) -> tuple[str, ...]:
    """Headers of about `size` bytes in all."""
    return tuple(f"X-Padding-{index}: {'x' * HEADER}" for index in range(size // (HEADER + 14) + 1))


@pytest.mark.parametrize("size", [1200, 2000, 4000, 8000, 20_000])
@pytest.mark.scenario("NET-03", peer="scripted party", transport="udp")
async def test_a_large_datagram_is_taken_whole(ours: Exchange, size: int) -> None:
    async with party(ours.address) as bob:
        before = len(ours.calls)
        await bob.call(headers=padding(size))
        told = await ours.call(before)
        kept = [value for name, value in told.leg.info.headers.items() if name.startswith("X-Padding")]
        assert kept
        assert all(value == "x" * HEADER for value in kept)
        await bob.bye()


@pytest.mark.parametrize("size", [1200, 8000])
@pytest.mark.scenario("NET-03", peer="scripted party", transport="udp → tcp")
async def test_a_large_request_of_ours_goes_by_tcp(ours: Exchange, size: int) -> None:
    got: asyncio.Queue[str] = asyncio.Queue()

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        message, _ = await read_message(reader)
        got.put_nowait(message.start_line + " " + " ".join(message.all("x-padding-0")))
        writer.close()

    server = await asyncio.start_server(take, LOOPBACK, 0)
    number = server.sockets[0].getsockname()[1]
    headers = {line.partition(": ")[0]: line.partition(": ")[2] for line in padding(size)}
    leg = await ours.endpoint.dial(f"sip:bob@{LOOPBACK}:{number}", headers=headers)
    line = await asyncio.wait_for(got.get(), 8)
    assert line.startswith("INVITE ")
    assert line.endswith("x" * HEADER)
    await leg.hangup()
    server.close()
