"""Requests outside of calls, and what is no request at all."""

from __future__ import annotations

import asyncio

import pytest

from tests.sip.exchange import exchange
from tests.sip.party import party


async def test_options_is_answered_with_what_we_can_do() -> None:
    async with exchange() as ours, party(ours.address) as ann:
        ann.request("OPTIONS")
        answer = (await ann.response(200, "OPTIONS")).message
        assert "INVITE" in answer.first("allow")
        assert "application/sdp" in answer.first("accept")
        assert "timer" in answer.first("supported")


async def test_options_is_503_while_draining() -> None:
    async with exchange() as ours, party(ours.address) as ann:
        ours.endpoint.stop_accepting()
        ann.request("OPTIONS")
        await ann.response(503, "OPTIONS")


async def test_options_is_503_while_no_worker_is_there() -> None:
    async with exchange() as ours, party(ours.address) as ann:
        staffed = False
        ours.endpoint.admit_by(lambda arrival: None, lambda refusal, arrival: None, lambda: staffed)
        ann.request("OPTIONS")
        await ann.response(503, "OPTIONS")
        staffed = True
        ann.request("OPTIONS")
        await ann.response(200, "OPTIONS")


async def test_options_inside_a_call_is_200_even_while_draining() -> None:
    async with exchange() as ours, party(ours.address) as ann:
        await ann.call()
        ours.endpoint.stop_accepting()
        ann.request("OPTIONS")
        await ann.response(200, "OPTIONS")
        await ann.bye()


async def test_an_unknown_method_is_405_with_allow() -> None:
    async with exchange() as ours, party(ours.address) as ann:
        ann.request("FROBNICATE")
        assert "INVITE" in (await ann.response(405, "FROBNICATE")).message.first("allow")


@pytest.mark.parametrize("method", ["BYE", "INFO"])
async def test_a_request_of_no_dialog_is_481(method: str) -> None:
    async with exchange() as ours, party(ours.address) as ann:
        ann.to = f"<sip:4711@{ours.address}>;tag=nobody"
        ann.request(method)
        await ann.response(481, method)


async def test_a_subscription_is_refused() -> None:
    async with exchange() as ours, party(ours.address) as ann:
        ann.request("SUBSCRIBE", headers=("Event: presence", "Expires: 60"))
        await ann.response(489, "SUBSCRIBE")


GARBAGE = [
    b"\x00" * 40,
    b"INVITE sip:4711@127.0.0.1 SIP/2.0\r\nVia: nonsense\r\n\r\n",
    b"\xff\xfe\xfd" * 500,
]


async def test_garbage_is_counted_and_the_next_call_is_taken() -> None:
    async with exchange() as ours, party(ours.address) as ann:
        for datagram in GARBAGE:
            ann.raw(datagram)
        await asyncio.sleep(0.2)
        await ann.call()
        await ann.bye()
        assert ours.endpoint.malformed_datagrams == len(GARBAGE)


async def test_a_keep_alive_is_no_garbage() -> None:
    async with exchange() as ours, party(ours.address) as ann:
        ann.raw(b"\r\n\r\n")
        ann.raw(b"\r\n")
        ann.request("OPTIONS")
        await ann.response(200, "OPTIONS")
        assert ours.endpoint.malformed_datagrams == 0
