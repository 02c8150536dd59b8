"""Asterisk over TLS, with SRTP whose keys come by SDES and by DTLS: calls both ways, judged by what comes back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from gateway.call.leg import Leg
from tests.peers.asterisk import Asterisk, AsteriskPlan, AsteriskTls, running_asterisk
from tests.peers.certificates import Authority
from tests.peers.ports import LOOPBACK
from tests.sip.exchange import Exchange, Told, exchange
from tests.sip.test_registering import state
from tests.sip.voice import voice

SPOKEN_MS = 600


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


async def echoed(leg: Leg, told: Told) -> bool:
    """Whether what we say comes back from the other side's echo: audio in both directions.

    Said up to eight times: DTLS begins when media does, and what is said before it is done is not sent; and a busy
    machine loses a packet now and then.
    """
    leg.arm_pause(False)  # the echo is speech over ours
    for utterance in range(1, 9):
        spoken = voice(SPOKEN_MS)
        heard = len(told.frames)
        leg.play(utterance, 0, spoken.tobytes(), final=True)
        await told.until(lambda one, heard=heard: len(one.frames) >= heard + SPOKEN_MS // 20 + 20, "the echo")  # type: ignore[misc]
        if _is_in(told, heard, spoken.astype(np.float64)):
            return True
    return False


def _is_in(told: Told, first: int, spoken: NDArray[np.float64]) -> bool:
    """Whether most of `spoken` was heard since frame `first`."""
    samples = np.frombuffer(b"".join(frame.caller for frame in told.frames[first:]), np.int16).astype(np.float64)
    return bool(np.correlate(samples, spoken, "valid").max() > 0.8 * np.square(spoken).sum())


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
