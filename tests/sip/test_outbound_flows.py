"""Who we are at a registrar over connections (RFC 5626): the same after a restart, and not somebody else."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gateway.gateway_id import gateway_id
from tests.sip.exchange import exchange
from tests.sip.stream_peer import stream_registrar
from tests.sip.test_flows import trunk
from tests.sip.test_registering import state


async def contact(data_dir: Path) -> str:
    """The Contact that a gateway registers, by TCP."""
    async with stream_registrar() as pbx:
        async with exchange(trunks=[trunk(pbx.port, 15)], data_dir=data_dir) as ours:
            await state(ours, lambda one: one.registered)
        assert "outbound" in pbx.answers.requests[0].first("supported")
        return pbx.answers.registered[0]


def instance(registered: str) -> str:
    (found,) = re.findall(r'\+sip\.instance="<urn:uuid:([^>]+)>"', registered)
    return str(found)


@pytest.mark.scenario("REG-11", peer="scripted registrar", transport="tcp")
async def test_the_instance_is_the_gateways_own_and_outlives_a_restart(tmp_path: Path) -> None:
    first = await contact(tmp_path / "one")
    assert ";reg-id=1" in first
    assert instance(first) == gateway_id(tmp_path / "one")
    assert instance(await contact(tmp_path / "one")) == instance(first)
    assert instance(await contact(tmp_path / "two")) != instance(first)
