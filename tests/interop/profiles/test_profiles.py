"""Each system's calls in its own form, through the trunk of its file in deploy/."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from gateway.call.outgoing import Outgoing
from gateway.config import load
from tests.interop.profiles.peer import (
    DEPLOY,
    NUMBER,
    OWN_NUMBER,
    Peer,
    event_payload,
    first_payload,
    playing,
    system,
    trunk_of,
)
from tests.interop.profiles.profile import Profile
from tests.interop.profiles.systems import SYSTEMS
from tests.peers.certificates import Authority
from tests.peers.ports import LOOPBACK, free_port
from tests.sip.exchange import Exchange, Told, exchange
from tests.sip.party import Received
from tests.sip.registrar import Registrar
from tests.sip.telephone_events import press

HOLDS = {
    "sendonly": {"direction": "sendonly"},
    "inactive": {"direction": "inactive"},
    "0.0.0.0": {"direction": "sendonly", "connection": "0.0.0.0"},
    "no offer": {"direction": "inactive"},
}
IN_MODULE = pytest.mark.asyncio(loop_scope="module")
NOTIFY = ("Event: refer", "Content-Type: message/sipfrag;version=2.0")


def each(systems: list[Profile]) -> pytest.MarkDecorator:
    rows = [
        pytest.param(
            one,
            id=one.name,
            marks=pytest.mark.scenario("PRO-01", peer=f"{one.name} (scripted party)", transport=one.transport),
        )
        for one in systems
    ]
    return pytest.mark.parametrize("profile", rows)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def endpoint(authority: Authority) -> AsyncIterator[Exchange]:
    own = authority.issue("own", hosts=[LOOPBACK])
    tls: dict[str, Any] = {"port": free_port(), "ca_file": str(authority.ca_file)}
    tls |= {"certificate_file": str(own.certificate_file), "key_file": str(own.key_file)}
    async with exchange(sip={"max_calls": 16, "transports": ["udp", "tcp", "tls"], "tls": tls}) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def peer(endpoint: Exchange, authority: Authority, profile: Profile) -> AsyncIterator[Peer]:
    endpoint.calls.clear()
    async with playing(profile, endpoint, authority) as one:
        yield one
    await endpoint.endpoint.set_trunks([])


@pytest.mark.parametrize("folder", sorted(one.settings for one in SYSTEMS if one.settings))
def test_the_settings_that_are_shipped_are_without_a_mistake(folder: str) -> None:
    assert load(DEPLOY / folder / "parley.yaml", environ={}).trunks


@each(SYSTEMS)
@IN_MODULE
async def test_each_finds_out_that_the_other_is_there(peer: Peer) -> None:
    far = peer.party
    if peer.trunk.registrar:
        answers = Registrar(realm=peer.profile.name)
        for _ in range(2):
            request = await far.incoming("REGISTER")
            far.deliver_to(request, answers.answer(request.message))
        user = peer.trunk.auth_username or peer.trunk.username
        assert f'username="{user}"' in request.message.first("authorization")
        assert f"sip:{peer.trunk.username}@" in request.message.first("to")
        await _until(peer, registered=True)
    else:
        asked = await far.incoming("OPTIONS")
        if peer.trunk.contact_host:
            port = peer.ours.settings.sip.tls.port
            assert asked.message.first("contact") == f"<sip:{peer.trunk.contact_host}:{port};transport=tls>"
            assert asked.message.first("from").startswith(f"<sip:{peer.trunk.contact_host}>")
        far.respond(asked, "200 OK")
        await _until(peer, registered=False)
    far.request("OPTIONS")
    assert "INVITE" in (await far.response(200, "OPTIONS")).message.first("allow")


async def _until(peer: Peer, *, registered: bool) -> None:
    async with asyncio.timeout(5):
        while True:
            state = peer.ours.endpoint.trunk_states()[peer.trunk.name]
            if state.usable if registered else all(one.reachable for one in state.gateways.values()):
                return
            await asyncio.sleep(0.01)


@each(SYSTEMS)
@IN_MODULE
async def test_it_calls_and_hangs_up_with_a_reason(peer: Peer) -> None:
    told, answer = await peer.calls()
    info = told.leg.info
    assert info.trunk == peer.trunk.name
    assert peer.profile.caller_number in (info.caller if not info.identity else info.identity.number or info.caller)
    if peer.trunk.contact_host:
        assert f"@{peer.trunk.contact_host}:" in answer.message.first("contact")
    await peer.hears_and_is_heard(told, answer)
    await peer.hangs_up(told)


@each(SYSTEMS)
@IN_MODULE
async def test_we_call_it(peer: Peer) -> None:
    told, invite = await peer.is_called()
    assert invite.message.request_uri.startswith(f"sip:{NUMBER}@")
    host = peer.trunk.contact_host or ""
    assert f"sip:{OWN_NUMBER}@{host}" in invite.message.first("from")
    assert f"@{host}" in invite.message.first("contact")
    assert not invite.message.first("replaces")
    assert "REFER" not in invite.message.first("allow"), "it would ask us to transfer, in vain"
    assert (" RTP/SAVP " in invite.body) is peer.profile.encrypted
    await peer.hears_and_is_heard(told, invite)
    hanging_up = asyncio.create_task(told.leg.hangup())
    peer.party.respond(await peer.party.incoming("BYE"), "200 OK")
    await hanging_up
    await told.event("ended")


@each(SYSTEMS)
@IN_MODULE
async def test_it_holds_and_resumes(peer: Peer) -> None:
    told, _ = await peer.calls()
    await peer.offers(peer.sdp(**HOLDS[peer.profile.hold]))
    await told.until(lambda one: one.all("hold") == [(True,)], "hold")
    if peer.profile.hold == "no offer":
        peer.party.request("INVITE")
        answer = await peer.party.response(200, "INVITE")
        peer.party.request("ACK", body=peer.answer_to(answer))
    else:
        answer = await peer.offers(peer.sdp())
    await told.until(lambda one: one.all("hold") == [(True,), (False,)], "resume")
    assert answer.direction == "sendrecv"
    await peer.hears_and_is_heard(told, answer)
    await peer.hangs_up(told)


@each(SYSTEMS)
@IN_MODULE
async def test_it_offers_without_sdp_or_changes_to_that_in_the_call(peer: Peer) -> None:
    told, _ = await peer.calls()
    peer.party.request("INVITE")
    offer = await peer.party.response(200, "INVITE")
    assert "m=audio" in offer.body
    peer.party.request("ACK", body=peer.answer_to(offer))
    await peer.hears_and_is_heard(told, offer)
    await peer.hangs_up(told)


@each(SYSTEMS)
@IN_MODULE
async def test_it_changes_the_codec(peer: Peer) -> None:
    told, _ = await peer.calls()
    answer = await peer.offers(peer.sdp(payloads=peer.profile.changed_payloads))
    assert first_payload(answer) == int(peer.profile.changed_payloads.split(" ")[0])
    await peer.hears_and_is_heard(told, answer)
    await peer.hangs_up(told)


@each(SYSTEMS)
@IN_MODULE
async def test_its_keys_are_told_once(peer: Peer) -> None:
    told, answer = await peer.calls()
    if peer.profile.digit == "info":
        peer.party.request(
            "INFO", headers=("Content-Type: application/dtmf-relay",), body="Signal=5\r\nDuration=160\r\n"
        )
        await peer.party.response(200, "INFO")
    else:
        for index, packet in enumerate(press("5", 0)):
            head = bytes([0x80, event_payload(answer) | (0x80 if packet.marker else 0)]) + (3000 + index).to_bytes(
                2, "big"
            )
            peer.send_rtp(head, packet.at, packet.payload, answer.media_address)
    assert await told.event("digit") == ("5",)
    await peer.hangs_up(told)
    assert told.all("digit") == [("5",)]


@each(SYSTEMS)
@IN_MODULE
async def test_it_takes_the_caller_by_refer(peer: Peer) -> None:
    told, _ = await peer.calls()
    far = peer.party
    await told.leg.transfer("sip:sales@127.0.0.1")
    far.respond(await far.incoming("REFER"), "202 Accepted")
    if peer.profile.transfer_end == "bye at once":
        await asyncio.sleep(0.28)
    else:
        for fragment, state in (("100 Trying", "active;expires=60"), ("200 OK", "terminated;reason=noresource")):
            far.request("NOTIFY", body=f"SIP/2.0 {fragment}\r\n", headers=(*NOTIFY, f"Subscription-State: {state}"))
            await far.response(200, "NOTIFY")
        assert await told.event("transfer") == (True, "200 OK")
    if peer.profile.transfer_end == "notify":
        # it waits for our BYE
        hanging_up = asyncio.create_task(told.leg.hangup())
        far.respond(await far.incoming("BYE"), "200 OK")
        await hanging_up
        await told.event("ended")
    else:
        await peer.hangs_up(told)
    assert [ok for ok, _ in told.all("transfer")] == [True]


@each(SYSTEMS)
@IN_MODULE
async def test_a_transfer_that_it_refuses_leaves_the_call(peer: Peer) -> None:
    told, answer = await peer.calls()
    await told.leg.transfer("sip:sales@127.0.0.1")
    peer.party.respond(await peer.party.incoming("REFER"), "405 Method Not Allowed")
    assert await told.event("transfer") == (False, "405 Method Not Allowed")
    await peer.hears_and_is_heard(told, answer)
    await peer.hangs_up(told)


@each(SYSTEMS)
@IN_MODULE
async def test_it_refreshes_the_session(peer: Peer) -> None:
    told, _ = await peer.calls()
    headers = (f"Session-Expires: {peer.profile.session};refresher=uac", "Supported: timer")
    for _ in range(2):
        body = "" if peer.profile.refresh == "UPDATE" else peer.sdp()
        peer.party.request(peer.profile.refresh, body=body, headers=headers)
        answer = await peer.party.response(200, peer.profile.refresh)
        assert answer.message.first("session-expires").startswith(peer.profile.session)
        if body:
            peer.party.request("ACK")
    assert not told.all("hold")
    await peer.hangs_up(told)


@each([one for one in SYSTEMS if one.settings not in ("3cx", "telnyx")])
@IN_MODULE
async def test_a_call_that_one_host_cannot_take_goes_to_the_next(
    endpoint: Exchange, authority: Authority, profile: Profile
) -> None:
    endpoint.calls.clear()
    async with system(profile, endpoint, authority) as first, system(profile, endpoint, authority) as second:
        trunk = trunk_of(profile, first, second).model_copy(update={"qualify_seconds": 0})
        await endpoint.endpoint.set_trunks([trunk])
        outgoing = Outgoing(endpoint.settings.outbound, list)
        async with outgoing.call(endpoint.endpoint, NUMBER, trunk=trunk.name, caller=None, organisation=None) as begun:
            told, attempts = Told(begun.leg), list[Any]()
            begun.leg.attach(told)
            running = asyncio.create_task(begun.dialling.run(attempts.append))
            refused = await first.incoming("INVITE")
            first.respond(refused, "503 Service Unavailable")
            await first.incoming("ACK")
            await _busy(second.incoming("INVITE"), second)
            assert (await told.event("ended"))[0] == 486
            running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await running
        assert [one["status"] for one in attempts] == [503, 486]
    await endpoint.endpoint.set_trunks([])


async def _busy(invite: Any, at: Any) -> None:
    request: Received = await invite
    at.respond(request, "486 Busy Here")
    await at.incoming("ACK")
