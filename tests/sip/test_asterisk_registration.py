"""Registration at Asterisk 22 by the digests that it offers."""

from __future__ import annotations

import asyncio
import re

import pytest

from tests.peers.asterisk import AsteriskPlan, running_asterisk
from tests.peers.ports import LOOPBACK
from tests.sip.exchange import Told, exchange
from tests.sip.test_registering import state

SECONDS = 8


@pytest.mark.scenario("REG-01", peer="Asterisk 22", transport="udp")
async def test_it_registers_and_calls_by_the_first_digest_that_is_offered() -> None:
    async with running_asterisk(AsteriskPlan(digests="SHA-256,MD5")) as pbx:
        await pbx.cli("pjsip set logger on")
        trunk = {
            "name": "pbx",
            "registrar": f"{LOOPBACK}:{pbx.plan.sip_port}",
            "username": "parley",
            "password": pbx.plan.parley_password,
        }
        async with exchange(trunks=[trunk]) as ours:
            await state(ours, lambda one: one.registered)
            leg = await ours.endpoint.dial("200", trunk="pbx")
            told = Told(leg)
            leg.attach(told)
            await told.event("answered")
            await leg.hangup()
            async with asyncio.timeout(SECONDS):
                while "BYE sip:" not in pbx.log:  # noqa: ASYNC110  a file of another process
                    await asyncio.sleep(0.1)
        # of REGISTER and INVITE
        assert re.findall(r"^WWW-Authenticate:.*algorithm=([\w-]+)", pbx.log, re.MULTILINE)[:2] == ["SHA-256", "MD5"]
        assert set(re.findall(r"^Authorization:.*algorithm=([\w-]+)", pbx.log, re.MULTILINE)) == {"SHA-256"}
