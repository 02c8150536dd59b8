"""Asterisk over TLS, with SRTP whose keys come by SDES and by DTLS: calls both ways, judged by what comes back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.peers.asterisk import Asterisk, AsteriskPlan, AsteriskTls, running_asterisk
from tests.peers.certificates import Authority
from tests.peers.ports import LOOPBACK
from tests.sip.echo import echoed
from tests.sip.exchange import Exchange, Told, exchange
from tests.sip.test_registering import state


@asynccontextmanager
async def registered(folder: Path, encryption: str) -> AsyncIterator[tuple[Exchange, Asterisk]]:
    """Parley at Asterisk, each with a certificate that the other asks for; no call without encryption."""
    authority = Authority(folder)
    server, client = authority.issue("pbx", hosts=[LOOPBACK]), authority.issue("parley", hosts=[LOOPBACK])
    tls = AsteriskTls(authority.ca_file, server.certificate_file, server.key_file, verify_client=True)
    async with running_asterisk(AsteriskPlan(tls=tls, encryption=encryption)) as pbx:
        trunk = {
            "name": "pbx", "registrar": f"{LOOPBACK}:{pbx.plan.tls_port}", "username": "parley",
            "password": pbx.plan.parley_password, "transport": "tls", "srtp": "required", "srtp_keying": encryption,
            "tls": {
                "ca_file": str(authority.ca_file), "certificate_file": str(client.certificate_file),
                "key_file": str(client.key_file),
            },
        }  # fmt: skip
        async with exchange(trunks=[trunk]) as ours:
            await state(ours, lambda one: one.registered)
            yield ours, pbx


@pytest.mark.parametrize(
    "encryption",
    [
        pytest.param(keying, marks=pytest.mark.scenario("NET-02", peer="Asterisk 22", transport=f"tls + srtp {keying}"))
        for keying in ("sdes", "dtls")
    ],
)
async def test_calls_both_ways_are_encrypted_and_heard(tmp_path: Path, encryption: str) -> None:
    async with registered(tmp_path, encryption) as (ours, pbx):
        leg = await ours.endpoint.dial("200", trunk="pbx")
        told = Told(leg)
        leg.attach(told)
        await told.event("answered")
        assert await echoed(leg, told)
        await leg.hangup()
        await told.event("ended")
        await pbx.cli("channel originate PJSIP/100@parley application Echo")
        inbound = await ours.call()
        assert inbound.leg.info.trunk == "pbx"
        assert await echoed(inbound.leg, inbound)
        await inbound.leg.hangup()
        await inbound.event("ended")
