"""A party that plays a profile, as the only trunk of an endpoint."""

from __future__ import annotations

import asyncio
import re
import secrets
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml

from gateway.trunk.settings import TrunkSettings
from tests.interop.profiles.profile import Profile
from tests.peers.certificates import Authority
from tests.sip.exchange import Exchange, Told
from tests.sip.party import LOOPBACK, Party, Received, party
from tests.sip.srtp import Keys, keys_of, tag_of
from tests.sip.stream_party import stream_party
from tests.sip.stream_peer import client_context, server_context

DEPLOY = Path(__file__).parents[3] / "deploy"
NUMBER = "+15551234"
OWN_NUMBER = "+15550001"
_LOUD = bytes([0x00, 0x80] * 80)
_QUIET = {0xFF, 0x7F, 0xD5, 0x55}
"""Silence in PCMU and PCMA."""
_RTCP = range(192, 224)
"""Packet types, on the port of RTP where both share it (RFC 5761)."""


@dataclass(slots=True)
class Peer:
    """The party and what it plays."""

    profile: Profile
    party: Party
    ours: Exchange
    trunk: TrunkSettings
    keys: Keys

    def text(self, template: str) -> str:
        """A text of the profile with the party's address and tag."""
        one = self.party
        return template.replace("{host}", one.host).replace("{port}", str(one.port)).replace("{tag}", one.tag)

    # ---------------------------------------------------------------- SDP

    def sdp(self, *, payloads: str | None = None, direction: str = "sendrecv", connection: str | None = None) -> str:
        """Its offer or answer."""
        keys = (self.keys.line,) if self.profile.encrypted else ()
        body = self.party.sdp(
            payloads=payloads or self.profile.payloads,
            attributes=tuple(self.text(one) for one in self.profile.attributes) + keys,
            direction=direction,
            connection=connection,
        )
        return body.replace("RTP/AVP", "RTP/SAVP") if self.profile.encrypted else body

    def answer_to(self, offer: Received) -> str:
        """PCMU, events and keys, as our offer numbers them."""
        event = event_payload(offer)
        body = self.sdp(payloads=f"0 {event}")
        if self.profile.encrypted:
            body = body.replace("a=crypto:1 ", f"a=crypto:{tag_of(offer.body)} ")
        return body.replace("a=rtpmap:101 ", f"a=rtpmap:{event} ").replace("a=fmtp:101 ", f"a=fmtp:{event} ")

    # ---------------------------------------------------------------- calls

    async def calls(self) -> tuple[Told, Received]:
        """It calls us in its way: what we are told, and the SDP of ours."""
        one = self.party
        one.own, one.user = self.text(self.profile.caller), OWN_NUMBER
        headers = tuple(self.text(header) for header in self.profile.headers)
        one.request("INVITE", body="" if self.profile.offers_late else self.sdp(), headers=headers)
        answer = await one.response(200, "INVITE")
        one.request("ACK", body=self.answer_to(answer) if self.profile.offers_late else "")
        told = await self.ours.call()
        await told.event("answered")
        return told, answer

    async def is_called(self) -> tuple[Told, Received]:
        """We call it, and it answers: what we are told, and our INVITE."""
        told = await self.dialled()
        invite = await self.party.incoming("INVITE")
        self.party.called(invite)
        self.party.respond(invite, "100 Trying")
        early = self.answer_to(invite) if self.profile.early_media else ""
        self.party.respond(invite, "183 Session Progress" if early else "180 Ringing", body=early)
        self.party.respond(invite, "200 OK", body=self.answer_to(invite))
        await self.party.incoming("ACK")
        await told.event("answered")
        return told, invite

    async def dialled(self) -> Told:
        """We dial a number through its trunk."""
        leg = await self.ours.endpoint.dial(NUMBER, trunk=self.trunk.name, caller=OWN_NUMBER)
        told = Told(leg)
        leg.attach(told)
        return told

    async def offers(self, body: str) -> Received:
        """re-INVITE to ACK; the 200."""
        return await self.party.reinvite(body)

    async def hangs_up(self, told: Told) -> None:
        """BYE with its Reason."""
        self.party.request("BYE", headers=(f"Reason: {self.profile.reason}",))
        await self.party.response(200, "BYE")
        *_, by_remote = await told.event("ended")
        assert by_remote

    # ---------------------------------------------------------------- audio

    async def hears_and_is_heard(self, told: Told, ours: Received, *, kind: int | None = None) -> None:
        """Audio goes both ways, encrypted where it has to be.

        :param ours: the message with our SDP
        :param kind: the payload type; default: the first of ours
        """
        kind = first_payload(ours) if kind is None else kind
        since, went = len(told.frames), self.party.rtp_received
        while not went.empty():
            went.get_nowait()
        told.leg.play(len(told.frames) + 1, 0, b"\x00\x20\x00\xe0" * 4000, final=True)
        sending = asyncio.create_task(self._speak(ours.media_address, kind))
        try:
            await told.until(lambda one: any(any(frame.caller) for frame in one.frames[since:]), "the far end's audio")
            async with asyncio.timeout(4):
                while not self._is_voice((await went.get())[0], ours, kind):
                    pass
        finally:
            sending.cancel()
            told.leg.flush()

    async def _speak(self, address: tuple[str, int], kind: int) -> None:
        for index in range(200):
            self.send_rtp(bytes([0x80, kind]) + (1000 + index).to_bytes(2, "big"), index * 160, _LOUD, address)
            await asyncio.sleep(0.02)

    def send_rtp(self, head: bytes, timestamp: int, payload: bytes, address: tuple[str, int]) -> None:
        """One packet; `head` are its first four bytes."""
        packet = head + timestamp.to_bytes(4, "big") + b"\x00\x00\x12\x34" + payload
        self.party.rtp.sendto(self.keys.protect(packet) if self.profile.encrypted else packet, address)

    def _is_voice(self, packet: bytes, ours: Received, kind: int) -> bool:
        if packet[1] in _RTCP:
            return False
        opened = keys_of(ours.body).unprotect(packet) if self.profile.encrypted else packet
        return opened[1] & 0x7F == kind and not set(opened[12:]) <= _QUIET


def event_payload(ours: Received) -> int:
    """The payload type of telephone events in an SDP."""
    found = re.search(r"a=rtpmap:(\d+) telephone-event/8000", ours.body)
    assert found is not None
    return int(found[1])


def first_payload(ours: Received) -> int:
    """The payload type that an SDP names first."""
    return int(ours.body.partition("m=audio ")[2].split(" ")[2])


def trunk_of(profile: Profile, *parties: Party) -> TrunkSettings:
    """The trunk of its file in deploy/, at the parties' addresses."""
    address = [{"host": one.host, "port": one.port, "priority": index} for index, one in enumerate(parties, start=1)]
    if profile.settings is None:
        plain = {"name": profile.name, "transport": profile.transport, "gateways": address, "leading_plus": "add"}
        return TrunkSettings.model_validate(plain)
    written = yaml.safe_load((DEPLOY / profile.settings / "parley.yaml").read_text(encoding="utf-8"))
    (trunk,) = written["trunks"]
    if "registrar" in trunk:
        trunk |= {"registrar": f"{parties[0].host}:{parties[0].port}", "password": "secret"}
    else:
        trunk |= {"gateways": address, "allow": [LOOPBACK]}
    return TrunkSettings.model_validate(trunk)


@asynccontextmanager
async def system(profile: Profile, ours: Exchange, authority: Authority) -> AsyncIterator[Party]:
    """A party on the profile's transport, of which the endpoint knows nothing yet."""
    if profile.transport == "udp":
        async with party(ours.address) as one:
            yield one
        return
    contexts: dict[str, ssl.SSLContext] = {}
    port = ours.settings.sip.port
    if profile.transport == "tls":
        contexts["server"] = server_context(authority.issue(profile.name, hosts=[LOOPBACK]))
        contexts["client"] = client_context(ca=authority)
        port = ours.settings.sip.tls.port
    async with stream_party(f"{LOOPBACK}:{port}", host=LOOPBACK, **contexts) as one:
        yield one


@asynccontextmanager
async def playing(profile: Profile, ours: Exchange, authority: Authority) -> AsyncIterator[Peer]:
    """The system, as the endpoint's only trunk."""
    async with system(profile, ours, authority) as one:
        trunk = trunk_of(profile, one)
        peer = Peer(profile, one, ours, trunk, Keys(secrets.token_bytes(30)))
        one.own_contact = peer.text(profile.contact)
        await ours.endpoint.set_trunks([trunk])
        yield peer
