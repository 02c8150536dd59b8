"""The examination beside Asterisk: all well, and each thing that users get wrong."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from gateway.doctor.finding import Result
from tests.control.test_control import controlled
from tests.doctor.patients import examined, office, settings
from tests.peers.asterisk import Asterisk, AsteriskPlan, running_asterisk
from tests.peers.impairment import UNIMPAIRED, Impairments
from tests.peers.ports import LOOPBACK
from tests.peers.relay import RelayPlan, running_relay

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(60)]
_LOST = Impairments(loss=1.0)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pbx() -> AsyncIterator[Asterisk]:
    async with running_asterisk(AsteriskPlan(codecs="ulaw")) as running:
        yield running


async def test_all_is_well(pbx: Asterisk, tmp_path: Path) -> None:
    found = await examined(settings(tmp_path, trunks=[office(pbx)]), call="306")
    assert found.failed == []
    assert found.of("registration").result is Result.OK
    assert not [one for one in found.findings if one.check == "SIP ALG"]
    assert found.of("call").found == "It was answered with PCMU."
    assert found.of("audio").found.startswith("Both ways: 3 of 3 sounds came back after ")
    assert "jitter" in found.of("quality").found
    assert found.of("keys").found == "Pressed, and echoed: 5."


async def test_a_wrong_password_is_told_as_one(pbx: Asterisk, tmp_path: Path) -> None:
    found = await examined(settings(tmp_path, trunks=[office(pbx, password="guessed")]))
    assert found.failed == ["registration"]
    assert "does not believe the password" in found.of("registration").found


async def test_an_unknown_user_is_told_as_refused(pbx: Asterisk, tmp_path: Path) -> None:
    found = await examined(settings(tmp_path, trunks=[office(pbx, username="nobody")]))
    assert found.failed == ["registration"]
    assert "username" in found.of("registration").remedy


async def test_codecs_of_which_none_is_common(pbx: Asterisk, tmp_path: Path) -> None:
    found = await examined(settings(tmp_path, sip={"codecs": ["G722"]}, trunks=[office(pbx)]), call="306")
    assert "call" in found.failed
    assert "488" in found.of("call").found


@pytest.mark.parametrize(
    ("to_pbx", "to_us", "says"),
    [
        (_LOST, UNIMPAIRED, "our audio does not arrive there"),
        (UNIMPAIRED, _LOST, "nothing comes back to us"),
    ],
    ids=["from us", "to us"],
)
async def test_audio_that_goes_one_way_is_told_with_its_direction(
    pbx: Asterisk, tmp_path: Path, to_pbx: Impairments, to_us: Impairments, says: str
) -> None:
    plan = RelayPlan(gateway=(LOOPBACK, pbx.plan.sip_port), to_gateway=to_pbx, to_caller=to_us)
    async with running_relay(plan):
        trunk = office(pbx, registrar=None, gateways=[{"host": LOOPBACK, "port": plan.sip_port}])
        found = await examined(settings(tmp_path, trunks=[trunk]), call="306")
    assert found.failed == ["audio"]
    assert found.of("audio").found.startswith("One way: ")
    assert says in found.of("audio").found


@pytest.mark.long
async def test_a_call_beside_the_running_gateway_takes_no_registration_from_it(pbx: Asterisk, tmp_path: Path) -> None:
    chosen = settings(tmp_path, trunks=[office(pbx)])
    async with controlled(tmp_path):
        found = await examined(chosen, call="306", trunk="office")
    assert found.failed == []
    assert found.of("audio").found.startswith("Both ways: ")
    assert "parley/sip:" not in await pbx.cli("pjsip show contacts")
