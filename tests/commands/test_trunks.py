"""`parley trunks`: in words, and asked of a gateway."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from gateway.commands import trunks as command
from gateway.control.messages import TrunkReport
from gateway.settings import Settings
from gateway.trunk.registration import RegistrationState
from gateway.trunk.settings import TrunkSettings
from gateway.trunk.state import GatewayState, TrunkState
from tests.control.test_control import controlled, printed

OFFICE = TrunkSettings(name="office", registrar="sip:pbx.example.com", username="parley")
CARRIER = TrunkSettings.model_validate(
    {"name": "carrier", "organisation": "acme", "gateways": [{"host": "203.0.113.10"}, {"host": "203.0.113.11"}]}
)


def line(state: TrunkState, trunk: TrunkSettings = OFFICE) -> str:
    return next(command.told([TrunkReport.of(trunk, state)]))


def test_a_registration_is_told_with_what_is_left_of_it() -> None:
    state = TrunkState("office", RegistrationState(True, 200, "OK", 300, 0), {}, 214.4, 129.0)
    assert line(state) == "office: registered at sip:pbx.example.com for 214 s more; REGISTER: next in 129 s"


@pytest.mark.parametrize(
    ("status", "reason", "failures", "told"),
    [
        (0, "", 0, "no answer yet"),
        (403, "Forbidden", 3, "403 Forbidden, 3 failures in a row: correct username, password or realm, "
         "or make the account there"),
        (408, "Request Timeout", 1, "408 Request Timeout: nobody answers at that address"),
        (503, "Busy", 1, "503 Busy"),
    ],
)  # fmt: skip
def test_a_failure_is_told_with_what_to_do(status: int, reason: str, failures: int, told: str) -> None:
    state = TrunkState("Head office", RegistrationState(False, status, reason, 0, failures))
    assert line(state) == (
        f"office (Head office): NOT registered at sip:pbx.example.com: {told}; REGISTER: one is on its way"
    )


def test_gateways_are_told_one_in_a_line() -> None:
    gateways = {
        "203.0.113.10": GatewayState(1, 1, True, 405),
        "203.0.113.11:5070": GatewayState(2, 5, False),
        "203.0.113.12": GatewayState(3, 1),
    }
    assert list(command.told([TrunkReport.of(CARRIER, TrunkState("carrier", None, gateways))])) == [
        "carrier, of organisation acme: registers nowhere",
        "  203.0.113.10       priority 1  weight 1  reachable (405)",
        "  203.0.113.11:5070  priority 2  weight 5  NOT reachable: no answer to OPTIONS",
        "  203.0.113.12       priority 3  weight 1  not known",
    ]


async def test_a_running_gateway_is_asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with controlled(tmp_path) as h:
        h.endpoint.known = {"carrier": CARRIER}
        h.endpoint.gateways = {"203.0.113.10": GatewayState(1, 1, False)}
        usable = await asyncio.to_thread(command.run, Settings(data_dir=tmp_path), as_json=True)
        assert not usable
        out = capsys.readouterr().out
        (told,) = json.loads(out[out.index("[\n  {") :])
        assert (told["name"], told["registration"], told["gateways"][0]["reachable"]) == ("carrier", None, False)
        h.endpoint.known, h.endpoint.told = {}, []
        assert await asyncio.to_thread(command.run, Settings(data_dir=tmp_path), as_json=False)
        assert printed(capsys) == ["There is no trunk; name one under trunks in parley.yaml."]
