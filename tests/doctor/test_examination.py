"""The examination without a PBX: ports that are taken, a gateway that runs, a call that comes, and the command."""

from __future__ import annotations

import asyncio
import json
import socket
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from gateway.cli import app
from gateway.doctor.examination import Begun, Examination, Wanted
from gateway.doctor.finding import Result
from gateway.errors import SetupError
from tests.control.test_control import controlled
from tests.doctor.patients import Found, examined, settings
from tests.peers.ports import LOOPBACK, free_port, free_ports
from tests.sip.party import Party, party


async def test_rtp_ports_that_another_program_has(tmp_path: Path) -> None:
    chosen = settings(tmp_path)
    first, last = chosen.rtp.ports
    blockers = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(first, last + 1)]
    try:
        for port, blocker in zip(range(first, last + 1), blockers, strict=True):
            blocker.bind((LOOPBACK, port))
        found = await examined(chosen)
    finally:
        for blocker in blockers:
            blocker.close()
    assert found.failed == ["RTP ports"]


async def test_a_sip_port_that_another_program_has(tmp_path: Path) -> None:
    chosen = settings(tmp_path, trunks=[{"name": "office", "allow": [LOOPBACK]}])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as blocker:
        blocker.bind((LOOPBACK, chosen.sip.port))
        found = await examined(chosen)
    assert found.failed == ["port"]
    assert found.of("registration").result is Result.SKIPPED


async def test_the_running_gateway_is_asked_for_its_trunks(tmp_path: Path) -> None:
    async with controlled(tmp_path) as house:
        names = set(house.endpoint.trunks())
        found = await examined(settings(tmp_path))
        with pytest.raises(SetupError, match="stop it"):
            await examined(settings(tmp_path), wait=1.0)
    assert found.of("gateway").result is Result.WARNING, "nothing listens at http.port in this test"
    assert {one.about for one in found.findings if one.check == "registration"} == names


async def test_a_trunk_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="no trunk 'nowhere'"):
        await examined(settings(tmp_path), trunk="nowhere")


@pytest.mark.timeout(40)
async def test_a_call_that_comes_is_answered_and_told(tmp_path: Path) -> None:
    came: asyncio.Queue[str] = asyncio.Queue()
    examination = Examination(settings(tmp_path), Wanted(wait=20.0), came.put_nowait)

    async def run() -> Found:
        return Found([one async for one in examination.run() if not isinstance(one, Begun)])

    examining = asyncio.create_task(run())
    async with party(await came.get()) as caller:
        address = (await caller.call()).media_address
        speaking = asyncio.create_task(_speak(caller, address))
        await caller.incoming("BYE")
        speaking.cancel()
        found = await examining
    assert found.failed == []
    assert found.of("trunk").result is Result.WARNING
    assert found.of("route").found == "routes[0]: assistant desk."
    assert "packets of PCMU" in found.of("audio in").found
    assert found.of("audio in").result is Result.OK


async def _speak(caller: Party, address: tuple[str, int]) -> None:
    """A loud tone: four samples up, four down."""
    for index in range(2000):
        caller.speak(index, address=address, payload=(b"\x90" * 4 + b"\x10" * 4) * 20)
        await asyncio.sleep(0.02)


def _written(folder: Path, **changes: object) -> str:
    first, last = free_ports(16)
    body = {
        "data_dir": str(folder), "sip": {"host": LOOPBACK, "port": free_port(), "max_calls": 4},
        "rtp": {"ports": f"{first}-{last}"}, "http": {"port": free_port()}, "api": {"enabled": False}, **changes,
    }  # fmt: skip
    file = folder / "parley.yaml"
    file.write_text(yaml.safe_dump(body))
    return str(file)


def test_the_command_exits_1_when_a_check_failed(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["doctor", "--config", _written(tmp_path)])
    assert done.exit_code == 1
    assert "failed   routes: There are none" in done.output
    assert "         -> Write routes" in done.output


def test_the_command_prints_json(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["doctor", "--json", "--config", _written(tmp_path)])
    told = {one["check"]: one["result"] for one in json.loads(done.stdout)}
    assert told["routes"] == "failed"
    assert told["settings"] == "ok"


def test_the_command_exits_2_when_it_cannot_run(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["doctor", "--trunk", "x", "--config", _written(tmp_path)])
    assert done.exit_code == 2
    assert "There is no trunk 'x'" in done.output
