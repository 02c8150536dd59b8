"""A machine whose address changes: it registers anew and tells its calls, which go on."""

from __future__ import annotations

import asyncio
import json
import os
import sys

import pytest

from gateway.sip.relocation import Sources
from tests.peers.missing import FORBIDDEN
from tests.sip.moving_host import AFTER, BEFORE

WITHIN_SECONDS = 5


@pytest.mark.scenario("NET-05", peer="scripted party and registrar in a network namespace", transport="udp")
@pytest.mark.timeout(60)
async def test_a_call_goes_on_from_another_address() -> None:
    own = [] if os.geteuid() == 0 else ["--map-root-user"]
    command = ["unshare", *own, "--net", sys.executable, "-m", "tests.sip.moving_host"]
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    output, errors = await asyncio.wait_for(process.communicate(), 50)
    if b"unshare: " in errors:
        pytest.skip(f"{FORBIDDEN} network namespaces: {errors.decode().strip()}")
    assert process.returncode == 0, errors.decode()[-2000:]
    seen = json.loads(output.decode().splitlines()[-1])
    # Contact and SDP; then also where the re-INVITE and the audio come from
    assert seen["before"] == [BEFORE, BEFORE]
    assert seen["after"] == [AFTER] * 4
    assert seen["registered"] == [BEFORE, AFTER]
    assert seen["seconds"] < WITHIN_SECONDS


def test_another_address_towards_a_host_is_told_once() -> None:
    sources = Sources()
    assert not sources.look({"192.0.2.1": "10.0.0.5", "192.0.2.2": "10.1.0.5"})
    assert sources.look({"192.0.2.1": "10.0.0.6", "192.0.2.2": "10.1.0.5"}) == {"192.0.2.1"}
    assert not sources.look({"192.0.2.1": "10.0.0.6"})


def test_a_host_without_a_way_has_not_moved() -> None:
    sources = Sources()
    sources.look({"192.0.2.1": "10.0.0.5"})
    assert not sources.look({})
    assert not sources.look({"192.0.2.1": "10.0.0.5"})
