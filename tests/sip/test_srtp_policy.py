"""What is encrypted, and that nobody can talk us out of it: policy off, preferred and required."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from gateway.settings import Settings
from gateway.sip.trunk import line_of
from tests.peers.ports import LOOPBACK, free_port
from tests.sip.exchange import Exchange, Told, exchange
from tests.sip.party import Party, party

KEY = base64.b64encode(bytes(range(30))).decode()
CRYPTO = f"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}"
FINGERPRINT = "a=fingerprint:sha-256 " + ":".join(["AB"] * 32)

pytestmark = pytest.mark.asyncio(loop_scope="module")


def trunk(name: str, **changes: Any) -> dict[str, Any]:
    gateways = [{"host": LOOPBACK, "port": free_port(), "inbound": False}]
    registrar = {"registrar": f"{LOOPBACK}:{free_port()}", "username": name}
    return {"name": name, "gateways": gateways, "qualify_seconds": 0, **registrar, **changes}


TRUNKS = [
    trunk("required", srtp="required", srtp_without_tls=True),
    trunk("preferred", srtp="preferred", srtp_without_tls=True),
    trunk("dtls", srtp="required", srtp_keying="dtls"),
    trunk("off"),
    trunk("tls", transport="tls", srtp="required"),
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def ours() -> AsyncIterator[Exchange]:
    async with exchange(trunks=TRUNKS, sip={"srtp": "required", "max_calls": 8}) as running:
        yield running


def by_trunk(bob: Party, settings: Settings, name: str) -> None:
    """Bob's requests come by a trunk: they are for the contact that it was told."""
    (chosen,) = [one for one in settings.trunks if one.name == name]
    bob.remote = f"sip:{name}@{bob.target};line={line_of(chosen)}"


def offer(bob: Party, kind: str) -> str:
    plain = bob.sdp()
    secure = plain.replace("RTP/AVP", "RTP/SAVP")
    offers = {
        "plain": plain,
        "crypto": secure + CRYPTO + "\r\n",
        "optional crypto": plain + CRYPTO + "\r\n",
        "SAVP without crypto": secure,
        "another suite": secure + f"a=crypto:1 F8_128_HMAC_SHA1_80 inline:{KEY}\r\n",
        "short key": secure + "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:c2hvcnQ=\r\n",
        "dtls": plain.replace("RTP/AVP", "UDP/TLS/RTP/SAVP") + FINGERPRINT + "\r\na=setup:actpass\r\n",
        "dtls without fingerprint": plain.replace("RTP/AVP", "UDP/TLS/RTP/SAVP") + "a=setup:actpass\r\n",
    }
    return offers[kind]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("required", "plain"), ("required", "SAVP without crypto"), ("required", "another suite"),
        ("required", "short key"), ("required", "dtls"),
        ("dtls", "plain"), ("dtls", "crypto"), ("dtls", "dtls without fingerprint"),
        ("off", "crypto"), ("off", "dtls"),
        # the line is known, and the datagram is not the trunk's: what is left is a call of anybody, encrypted or none
        ("tls", "plain"), ("tls", "crypto"),
    ],
)  # fmt: skip
@pytest.mark.scenario("NET-02", peer="scripted party", transport="udp")
async def test_an_offer_that_is_not_encrypted_as_the_trunk_asks_is_488(ours: Exchange, name: str, kind: str) -> None:
    async with party(ours.address) as bob:
        by_trunk(bob, ours.settings, name)
        bob.request("INVITE", body=offer(bob, kind))
        answer = await bob.expect(lambda one: one.status >= 200 and one.method == "INVITE", "a final answer")
        assert answer.status in (488, 406), answer.message.start_line
        bob.request("ACK", same_transaction=True)


@pytest.mark.parametrize(
    ("name", "kind", "profile", "encrypted"),
    [
        ("required", "crypto", "RTP/SAVP", True),
        ("preferred", "crypto", "RTP/SAVP", True),
        ("preferred", "optional crypto", "RTP/AVP", True),
        ("preferred", "plain", "RTP/AVP", False),
        ("off", "plain", "RTP/AVP", False),
    ],
)
@pytest.mark.scenario("NET-02", peer="scripted party", transport="udp")
async def test_what_is_answered_is_encrypted_when_the_policy_says_so(
    ours: Exchange, name: str, kind: str, profile: str, encrypted: bool
) -> None:
    async with party(ours.address) as bob:
        by_trunk(bob, ours.settings, name)
        answer = await bob.call(body=offer(bob, kind))
        assert f" {profile} " in answer.body
        assert ("a=crypto:" in answer.body) is encrypted
        await bob.bye()


@pytest.mark.parametrize("answer", ["plain", "SAVP without crypto", "short key"])
@pytest.mark.scenario("NET-02", peer="scripted party", transport="udp")
async def test_keys_that_somebody_took_out_of_the_answer_end_the_call(ours: Exchange, answer: str) -> None:
    async with party(ours.address) as bob:
        leg = await ours.endpoint.dial(f"sip:bob@{LOOPBACK}:{bob.port}", trunk="required")
        told = Told(leg)
        leg.attach(told)
        invite = await bob.incoming("INVITE")
        assert " RTP/SAVP " in invite.body
        assert "a=crypto:" in invite.body
        bob.respond(invite, "200 OK", body=offer(bob, answer))
        await bob.incoming("ACK")
        bob.respond(await bob.incoming("BYE"), "200 OK")
        await told.event("ended")
        assert bob.rtp_received.empty()


@pytest.mark.scenario("NET-02", peer="scripted party", transport="udp")
async def test_a_call_that_is_encrypted_cannot_be_made_plain_later(ours: Exchange) -> None:
    async with party(ours.address) as bob:
        by_trunk(bob, ours.settings, "required")
        await bob.call(body=offer(bob, "crypto"))
        bob.request("INVITE", body=bob.sdp())
        refused = await bob.expect(lambda one: one.status >= 200 and one.method == "INVITE", "a final answer")
        assert refused.status == 488
        bob.request("ACK", same_transaction=True)
        await asyncio.sleep(0.1)
        await bob.bye()


@pytest.mark.scenario("NET-02", peer="scripted party", transport="udp")
async def test_keys_in_a_datagram_are_not_taken_even_for_a_sips_address(ours: Exchange) -> None:
    async with party(ours.address) as bob:
        bob.remote = f"sips:100@{bob.target}"
        bob.request("INVITE", body=offer(bob, "crypto"))
        answer = await bob.expect(lambda one: one.status >= 200 and one.method == "INVITE", "a final answer")
        assert answer.status == 480
        assert "SIPS Required" in answer.message.first("warning")
        bob.request("ACK", same_transaction=True)
