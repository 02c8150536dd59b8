"""Messages in a stream and messages of any size: TCP framing (RFC 3261 section 18.3), keep-alive, large datagrams, and
what is too large for any buffer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from structlog.testing import capture_logs

from tests.peers.ports import LOOPBACK
from tests.sip.exchange import Exchange, exchange
from tests.sip.party import party
from tests.sip.stream_peer import Connection, connection, read_message

PIPELINED = 50
LONGEST = 65_535
"""Bytes of the longest message that is read, PJSIP_MAX_PKT_LEN."""
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


@pytest.mark.scenario("NET-03", peer="scripted party", transport="tcp")
async def test_the_longest_message_is_taken_and_a_longer_one_refused_and_the_stream_goes_on(ours: Exchange) -> None:
    async with connection(LOOPBACK, port(ours)) as caller:
        sizes = [LONGEST, LONGEST + 1, 2000, 90_000, 400_000, 500]
        for size in sizes:
            caller.writer.write(caller.long_options(f"of{size}", size))
        answers = [await caller.message() for _ in sizes]
    told = {int(answer.first("call-id")[2:]): answer.start_line.split()[1] for answer in answers}
    assert told == {size: "200" if size <= LONGEST else "513" for size in sizes}


@pytest.mark.scenario("NET-03", peer="scripted party", transport="tcp")
async def test_what_the_body_of_a_message_too_long_says_is_no_message(ours: Exchange) -> None:
    async with connection(LOOPBACK, port(ours)) as caller:
        smuggled = caller.options("smuggled")
        body = smuggled * (80_000 // len(smuggled))
        caller.writer.write(caller.options("outer", content_length=str(len(body))) + body + caller.options("next"))
        answers = [await caller.message() for _ in range(2)]
    assert [answer.first("call-id") for answer in answers] == ["outer", "next"]
    assert [answer.start_line.split()[1] for answer in answers] == ["513", "200"]


@pytest.mark.scenario("NET-03", peer="scripted party", transport="tcp")
async def test_a_header_without_an_end_is_refused_and_the_connection_closed(ours: Exchange) -> None:
    async with connection(LOOPBACK, port(ours)) as caller, connection(LOOPBACK, port(ours)) as other:
        start = caller.options("endless").removesuffix(b"\r\n")
        caller.writer.write(start + b"".join(line.encode() + b"\r\n" for line in padding(100_000)))
        answer = await caller.message()
        assert (answer.start_line.split()[1], answer.first("call-id")) == ("513", "endless")
        assert await caller.closed()
        other.writer.write(other.options("good"))
        assert await call_ids(other, 1) == ["good"]


@pytest.mark.scenario("NET-03", peer="scripted party", transport="tcp")
async def test_what_is_too_long_and_no_request_has_no_answer(ours: Exchange) -> None:
    async with connection(LOOPBACK, port(ours)) as caller:
        request = caller.long_options("mute", 70_000)
        caller.writer.write(request.replace(b"OPTIONS sip:parley@127.0.0.1 SIP/2.0", b"SIP/2.0 200 OK", 1))
        caller.writer.write(request.replace(b"OPTIONS", b"ACK"))
        caller.writer.write(caller.options("after"))
        assert await call_ids(caller, 1) == ["after"]


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
    with capture_logs() as logs:
        leg = await ours.endpoint.dial(f"sip:bob@{LOOPBACK}:{number}", headers=headers)
        line = await asyncio.wait_for(got.get(), 8)
    assert line.startswith("INVITE ")
    assert line.endswith("x" * HEADER)
    assert [(log["by"], log["log_level"]) for log in logs if log["event"] == "sip.long_request"] == [("TCP", "info")]
    await leg.hangup()
    server.close()


@pytest.mark.scenario("NET-03", peer="scripted party", transport="udp")
async def test_a_large_request_to_who_has_no_tcp_goes_by_udp_and_the_log_tells(ours: Exchange) -> None:
    headers = {line.partition(": ")[0]: line.partition(": ")[2] for line in padding(4000)}
    async with party(ours.address) as bob:
        with capture_logs() as logs:
            leg = await ours.endpoint.dial(f"sip:bob@{LOOPBACK}:{bob.port}", headers=headers)
            invite = await bob.incoming("INVITE")
        assert [value for name in headers for value in invite.message.all(name.lower())] == list(headers.values())
        told = [(log["by"], log["log_level"]) for log in logs if log["event"] == "sip.long_request"]
        assert told == [("TCP", "info"), ("UDP after all", "warning")]
        await leg.hangup()
