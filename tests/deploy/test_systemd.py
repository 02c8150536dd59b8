"""The units, as systemd's own tools judge them."""

from __future__ import annotations

import configparser
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WITH_CALLS = ("parley.service", "parley-worker@.service")
UNITS = (*WITH_CALLS, "parley-api.service")
EXPOSURE_LIMIT = 1.5


def analyze(*arguments: str) -> str:
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd-analyze is not installed")
    done = subprocess.run(["systemd-analyze", *arguments], capture_output=True, text=True, timeout=60, check=False)
    return done.stdout + done.stderr


def service(unit: str) -> dict[str, str]:
    """The [Service] section; of a key that is repeated, the last value."""
    parser = configparser.RawConfigParser(strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(ROOT / "systemd" / unit)
    return dict(parser["Service"])


@pytest.mark.parametrize("unit", UNITS)
def test_systemd_finds_no_mistake(unit: str, tmp_path: Path) -> None:
    program = tmp_path / "parley"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    text = (ROOT / "systemd" / unit).read_text().replace("/opt/parley/.venv/bin/parley", str(program))
    copy = tmp_path / unit.replace("@", "@7000")
    copy.write_text(text)
    said = [line for line in analyze("verify", "--man=no", str(copy)).splitlines() if "parley" in line]
    assert said == []


@pytest.mark.parametrize("unit", UNITS)
def test_little_is_exposed(unit: str) -> None:
    said = analyze("security", "--offline=true", str(ROOT / "systemd" / unit))
    (exposure,) = re.findall(r"Overall exposure level .*: ([\d.]+)", said)
    assert float(exposure) <= EXPOSURE_LIMIT


@pytest.mark.parametrize("unit", UNITS)
def test_memory_may_be_executed_because_ctypes_makes_callbacks(unit: str) -> None:
    assert "MemoryDenyWriteExecute" not in service(unit)


@pytest.mark.parametrize("unit", WITH_CALLS)
def test_calls_get_their_time_to_finish(unit: str) -> None:
    """drain_seconds is 300: systemd must not kill before."""
    assert int(service(unit)["TimeoutStopSec"]) > 300
    assert service(unit)["KillMode"] == "mixed"


@pytest.mark.parametrize("unit", UNITS)
def test_the_command_line_exists(unit: str) -> None:
    from typer.main import get_command

    from gateway.cli import app

    _, name, *options = service(unit)["ExecStart"].split()
    command = get_command(app).commands[name]  # type: ignore[attr-defined]
    known = {option for parameter in command.params for option in parameter.opts}
    assert {option for option in options if option.startswith("--")} <= known
