"""Who calls, as a leg tells it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from gateway.call.leg import Diversion, Identity, Leg, LegInfo
from tests.sip.exchange import exchange
from tests.sip.party import LOOPBACK, party

BOSS = ('P-Asserted-Identity: "Boss" <sip:+15550002@pbx>', "Diversion: <sip:600@pbx>;reason=user-busy")


async def ring(leg: Leg) -> None:
    """Leave it ringing."""


@asynccontextmanager
async def invited(*headers: str, trusted: bool) -> AsyncIterator[LegInfo]:
    """Ann has called by a trunk."""
    trunk = {"name": "pbx", "registrar": f"{LOOPBACK}:9", "username": "4711", "trusted": trusted}
    async with exchange(ring, trunks=[trunk]) as ours, party(ours.address) as ann:
        ann.request("INVITE", body=ann.sdp(), headers=headers)
        info = (await ours.call()).leg.info
        assert (info.trunk, info.source) == ("pbx", f"{LOOPBACK}:{ann.port};udp")
        yield info
        ann.request("CANCEL")
        await ann.response(487, "INVITE")
        ann.request("ACK", same_transaction=True)


@pytest.mark.scenario("INV-18", peer="scripted party", transport="udp")
async def test_a_trusted_trunk_says_who_calls_and_who_sent_the_call_on() -> None:
    async with invited(*BOSS, trusted=True) as info:
        assert (info.caller, info.display_name) == ("sip:+15550002@pbx", "Boss")
        assert info.identity == Identity("+15550002", "Boss", "P-Asserted-Identity", private=False)
        assert info.diverted_by == (Diversion("600", "", "user-busy"),)


@pytest.mark.scenario("INV-18", peer="scripted party", transport="udp")
async def test_another_trunks_callers_are_who_they_say_themselves() -> None:
    async with invited(*BOSS, trusted=False) as info:
        assert info.identity == Identity("ann", "Ann", "From", private=False)
        assert info.diverted_by == ()


@pytest.mark.scenario("INV-18", peer="scripted party", transport="udp")
async def test_a_private_caller_is_in_no_header_that_is_kept() -> None:
    async with invited(*BOSS, "Privacy: id", "Remote-Party-ID: <sip:1@h>", trusted=True) as info:
        assert info.caller == f"sip:anonymous@{LOOPBACK}"
        assert set(info.headers) == {"Diversion", "Privacy"}
