"""Keys as telephone events through a network that loses packets: each is told once, whoever sends it and however."""

from __future__ import annotations

import asyncio
import difflib
import random

import pytest

from gateway.sip.keypad import KEYS
from tests.peers.impairment import Impairments
from tests.peers.ports import LOOPBACK
from tests.peers.relay import TO_GATEWAY, RelayPlan, running_relay
from tests.sip.exchange import Told, exchange
from tests.sip.party import Party, party
from tests.sip.telephone_events import SENDERS, Packet, datagrams, stream

ROW = pytest.mark.scenario("DTM-01", peer="scripted party", transport="udp")
LOSSY = pytest.mark.scenario("DTM-01", peer="scripted party + relay", transport="udp")
_WRAPS_SOON = 0xFFFFFFFF - 3000
_PACE_SECONDS = 0.001
_SETTLED_SECONDS = 0.3


async def send(ann: Party, packets: list[Packet], address: tuple[str, int], *, start: int, sequence: int) -> None:
    """Everything as fast as sockets take it: the time of a press is in its packets."""
    for data in datagrams(packets, start=start, sequence=sequence):
        ann.rtp.sendto(data, address)
        await asyncio.sleep(_PACE_SECONDS)
    await asyncio.sleep(_SETTLED_SECONDS)


def told_keys(told: Told) -> str:
    return "".join(key for (key,) in told.all("digit"))


@ROW
async def test_each_sender_s_keys_are_told_once() -> None:
    at, expected, packets = 0, "", []
    for index, (times, sender) in enumerate(SENDERS.values()):
        key = KEYS[index % len(KEYS)]
        packets += sender(key, at)
        expected += key * times
        at = packets[-1].at + 80_000
    async with exchange() as ours, party(ours.address) as ann:
        answer = await ann.call()
        told = await ours.call()
        await send(ann, packets, answer.media_address, start=_WRAPS_SOON, sequence=65000)
        await ann.bye()
    assert told_keys(told) == expected


@LOSSY
@pytest.mark.parametrize(
    "presses",
    [110, pytest.param(10_000, marks=[pytest.mark.long, pytest.mark.timeout(1200)])],
    ids=["a few", "ten thousand"],
)
async def test_no_key_is_lost_or_doubled_by_a_network_that_loses_one_packet_in_twenty(presses: int) -> None:
    keys, packets = stream(random.Random(7), presses)
    async with exchange() as ours, party(ours.address) as ann:
        host, port = ours.address.rsplit(":", 1)
        plan = RelayPlan((host, int(port)), 11, Impairments(loss=0.05), caller_media=ann.rtp_port)
        async with running_relay(plan) as relay:
            await ann.call(body=ann.sdp().replace(f"m=audio {ann.rtp_port} ", f"m=audio {plan.gateway_side} "))
            told = await ours.call()
            await asyncio.wait_for(ann.rtp_received.get(), 5)
            await send(ann, packets, (LOOPBACK, plan.caller_side), start=_WRAPS_SOON, sequence=65000)
            truth = (await relay.truth())[TO_GATEWAY]
            await ann.bye()
    assert truth.arrived == sum(packet.copies for packet in packets), "more was lost than the relay says"
    assert truth.loss == pytest.approx(0.05, abs=0.02)
    assert not _differences(keys, told_keys(told))
    print(f"\n{len(keys)} keys in {truth.arrived} packets of which {truth.lost} were lost: all told, none doubled")


def _differences(wanted: str, told: str) -> list[tuple[str, str, int]]:
    """What was wanted, what was told in its place, and at which key."""
    if wanted == told:
        return []
    matcher = difflib.SequenceMatcher(None, wanted, told, autojunk=False)
    return [(wanted[a:b], told[c:d], a) for kind, a, b, c, d in matcher.get_opcodes() if kind != "equal"]
