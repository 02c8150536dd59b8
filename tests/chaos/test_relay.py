"""Connections that are held up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from gateway.chaos.relay import HOST, Relay, relay


@asynccontextmanager
async def echo() -> AsyncIterator[int]:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1000):
            writer.write(data)
        writer.close()

    server = await asyncio.start_server(answer, HOST, 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


@asynccontextmanager
async def passage() -> AsyncIterator[tuple[Relay, asyncio.StreamReader, asyncio.StreamWriter]]:
    async with echo() as port, relay(port) as made:
        reader, writer = await asyncio.open_connection(HOST, made.port)
        try:
            yield made, reader, writer
        finally:
            writer.close()


async def test_what_is_sent_comes_and_goes() -> None:
    async with passage() as (_, reader, writer):
        writer.write(b"hello")
        assert await reader.readexactly(5) == b"hello"


async def test_nothing_passes_a_cut_and_all_of_it_comes_when_it_is_mended() -> None:
    async with passage() as (made, reader, writer):
        writer.write(b"one ")
        assert await reader.readexactly(4) == b"one "
        made.cut()
        writer.write(b"two ")
        with suppress(TimeoutError):
            async with asyncio.timeout(0.1):
                raise AssertionError(await reader.read(10))
        made.mend()
        writer.write(b"three")
        assert await reader.readexactly(9) == b"two three"


async def test_a_delay_counts_for_both_directions_and_keeps_the_order() -> None:
    async with passage() as (made, reader, writer):
        made.delay_seconds = 0.05
        began = asyncio.get_running_loop().time()
        for piece in (b"a", b"b", b"c"):
            writer.write(piece)
        assert await reader.readexactly(3) == b"abc"
        assert asyncio.get_running_loop().time() - began >= 0.1


async def test_the_end_of_one_side_comes_behind_all_that_it_sent() -> None:
    async def say_goodbye(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"goodbye")
        writer.close()

    server = await asyncio.start_server(say_goodbye, HOST, 0)
    async with server, relay(server.sockets[0].getsockname()[1]) as made:
        made.delay_seconds = 0.02
        reader, writer = await asyncio.open_connection(HOST, made.port)
        assert await reader.read() == b"goodbye"
        writer.close()
