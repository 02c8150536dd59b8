"""What is kept of a dialog, and the BYE in dialogs of an earlier process."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable

import pytest

from gateway.call.dialog import KeptDialog
from gateway.call.leg import Leg
from gateway.sip.dialogs import SEQUENCE_MARGIN
from gateway.sip.headers import SipMessage, parse_message
from tests.peers.ports import LOOPBACK
from tests.sip.exchange import exchange
from tests.sip.party import Party, Received, party
from tests.sip.test_outbound import dialled

TRUNK = {
    "name": "carrier",
    "gateways": [{"host": LOOPBACK, "port": 9, "inbound": False}],
    "username": "parley",
    "password": "secret",
}
ROUTES = ("<sip:edge.example;lr>", "<sip:core.example;lr>")


def keeping(kept: asyncio.Queue[KeptDialog]) -> Callable[[Leg], object]:
    """Answer, and keep the dialog."""

    async def answer(leg: Leg) -> None:
        leg.keep_dialog(kept.put_nowait)
        await leg.answer()

    return answer


def earlier(bob: Party, *, trunk: str | None = None, routes: tuple[str, ...] = ()) -> KeptDialog:
    """A dialog with Bob that another process had."""
    return KeptDialog(
        call_id="of-another-life",
        local="<sip:parley@127.0.0.1>;tag=ours",
        remote='"Bob" <sip:bob@127.0.0.1>;tag=theirs',
        target=f"sip:bob@{LOOPBACK}:{bob.port};ob",
        cseq=4711,
        routes=routes,
        trunk=trunk,
    )


async def next_kept(kept: asyncio.Queue[KeptDialog]) -> KeptDialog:
    return await asyncio.wait_for(kept.get(), 5)


async def test_an_inbound_dialog_is_kept_with_tags_target_and_routes_once() -> None:
    kept: asyncio.Queue[KeptDialog] = asyncio.Queue()
    async with exchange(keeping(kept)) as ours, party(ours.address) as ann:
        proxies = (f"Record-Route: <sip:{LOOPBACK}:{ann.port};lr>",)
        answer = await ann.call(headers=proxies)
        dialog = await next_kept(kept)
        assert dialog.call_id == ann.call_id
        assert dialog.local == answer.message.first("to")
        assert dialog.remote == answer.message.first("from")
        assert dialog.target == f"sip:ann@{LOOPBACK}:{ann.port}"
        assert dialog.routes == (f"<sip:{LOOPBACK}:{ann.port};lr>",)
        ann.name = "ann-at-home"
        await ann.update("")
        assert (await next_kept(kept)).target == f"sip:ann-at-home@{LOOPBACK}:{ann.port}"
        await ann.update("")
        await ann.reinvite(ann.sdp())
        await ann.bye()
        assert kept.empty(), "it was the same"


async def test_an_outbound_dialog_is_kept_when_it_is_answered() -> None:
    kept: asyncio.Queue[KeptDialog] = asyncio.Queue()
    async with exchange() as ours, party(ours.address) as bob, dialled(ours, bob) as (told, invite):
        told.leg.keep_dialog(kept.put_nowait)
        reverse = tuple(f"Record-Route: {one}" for one in (*ROUTES, f"<sip:{LOOPBACK}:{bob.port};lr>"))
        bob.respond(invite, "200 OK", body=bob.sdp(), headers=reverse)
        ack = await bob.incoming("ACK")
        dialog = await next_kept(kept)
        assert dialog.local == ack.message.first("from")
        assert dialog.remote == ack.message.first("to")
        assert dialog.routes == tuple(ack.message.all("route"))
        assert dialog.cseq == sequence(ack) + 1


@pytest.mark.scenario("FLT-05", peer="scripted party", transport="udp")
async def test_the_bye_of_an_earlier_dialog_is_one_that_the_far_end_knows() -> None:
    async with exchange() as ours, party(ours.address) as bob:
        dialog = earlier(bob, routes=(f"<sip:{LOOPBACK}:{bob.port};lr>", *ROUTES))
        ending = asyncio.create_task(ours.endpoint.end_dialog(dialog, "the gateway was restarted"))
        bye = await bob.incoming("BYE")
        said = bye.message
        assert said.start_line == f"BYE {dialog.target} SIP/2.0"
        assert (said.first("call-id"), said.first("from"), said.first("to")) == (
            dialog.call_id,
            dialog.local,
            dialog.remote,
        )
        assert tuple(said.all("route")) == dialog.routes
        assert said.first("cseq") == f"{dialog.cseq + SEQUENCE_MARGIN} BYE"
        assert said.first("reason") == 'SIP;cause=200;text="the gateway was restarted"'
        again = await bob.incoming("BYE")
        assert again.message.first("via") == bye.message.first("via"), "repeated, as nobody answered"
        bob.respond(bye, "481 Call Does Not Exist")
        assert await ending == 481


@pytest.mark.scenario("FLT-05", peer="scripted party", transport="udp")
async def test_who_asks_for_credentials_gets_those_of_the_trunk() -> None:
    async with exchange(trunks=[TRUNK]) as ours, party(ours.address) as bob:
        ending = asyncio.create_task(ours.endpoint.end_dialog(earlier(bob, trunk="carrier"), "restarted"))
        first = await challenged(bob, 0, "407 Proxy Authentication Required", "Proxy-Authenticate", "edge")
        second = await challenged(bob, sequence(first), "401 Unauthorized", "WWW-Authenticate", "pbx")
        third = await bye_after(bob, sequence(second))
        assert (sequence(second), sequence(third)) == (sequence(first) + 1, sequence(first) + 2)
        assert 'realm="edge"' in second.message.first("proxy-authorization")
        assert 'username="parley"' in third.message.first("authorization")
        bob.respond(third, "200 OK")
        assert await ending == 200


async def test_who_is_not_content_with_the_credentials_is_not_asked_for_ever() -> None:
    async with exchange(trunks=[TRUNK]) as ours, party(ours.address) as bob:
        ending = asyncio.create_task(ours.endpoint.end_dialog(earlier(bob, trunk="carrier"), "restarted"))
        last = 0
        for _ in range(2):
            last = sequence(await challenged(bob, last, "401 Unauthorized", "WWW-Authenticate", "pbx"))
        assert await ending == 401


@pytest.mark.parametrize(
    "changes", [{"target": "nowhere at all"}, {"local": "<<"}, {"target": "sip:bob@127.0.0.1:1;transport=tcp"}]
)
async def test_a_dialog_that_cannot_be_ended_is_told_so(changes: dict[str, str]) -> None:
    async with exchange() as ours, party(ours.address) as bob:
        dialog = KeptDialog.read({**earlier(bob).shown(), **changes})
        assert await ours.endpoint.end_dialog(dialog, "restarted") in (400, 502, 503)


@pytest.mark.scenario("FLT-05", peer="scripted party", transport="tcp")
async def test_a_dialog_over_tcp_is_ended_over_tcp() -> None:
    came: asyncio.Future[SipMessage] = asyncio.get_running_loop().create_future()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        message = parse_message((await reader.readuntil(b"\r\n\r\n")).decode())
        came.set_result(message)
        copied = [f"{name}: {message.first(name)}" for name in ("via", "from", "to", "call-id", "cseq")]
        writer.write("\r\n".join(["SIP/2.0 200 OK", *copied, "Content-Length: 0", "", ""]).encode())
        await writer.drain()
        await reader.read()
        writer.close()

    server = await asyncio.start_server(serve, LOOPBACK, 0)
    port = server.sockets[0].getsockname()[1]
    async with server, exchange() as ours, party(ours.address) as bob:
        target = f"sip:bob@{LOOPBACK}:{port};transport=tcp"
        dialog = KeptDialog.read({**earlier(bob).shown(), "target": target})
        assert await ours.endpoint.end_dialog(dialog, "restarted") == 200
        assert (await came).start_line == f"BYE {target} SIP/2.0"
        assert re.match(r"SIP/2\.0/TCP ", (await came).first("via"))


def sequence(received: Received) -> int:
    return int(received.message.first("cseq").split(" ")[0])


async def bye_after(bob: Party, last: int) -> Received:
    """The next BYE that is no repetition."""
    return await bob.expect(lambda one: one.method == "BYE" and sequence(one) > last, "BYE")


async def challenged(bob: Party, last: int, status: str, header: str, realm: str) -> Received:
    bye = await bye_after(bob, last)
    bob.respond(bye, status, headers=(f'{header}: Digest realm="{realm}", nonce="n-{realm}", algorithm=MD5',))
    return bye
