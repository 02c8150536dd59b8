"""A run of pytest inside a test: what the matrix holds afterwards."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

_TEST = """
import pytest

@pytest.mark.scenario("INV-04", peer="SIPp", transport="udp")
@pytest.mark.parametrize("form", ["sendonly", "inactive"])
def test_hold(form):
    assert form == "sendonly", "inactive is not taken"

@pytest.mark.long
@pytest.mark.scenario("INV-11", peer="SIPp", transport="udp")
def test_many():
    pass
"""


def run(folder: Path, *options: str) -> dict[tuple[str, str], str]:
    test = folder / "test_it.py"
    test.write_text(_TEST)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", "pyproject.toml", *options]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_XDIST")}
    plugin = ["-p", "tests.conftest", "--matrix", str(folder / "rows"), str(test)]
    subprocess.run([*command, *plugin], check=False, capture_output=True, env=environment)
    rows = [json.loads(line) for line in (folder / "rows").read_text().splitlines()]
    return {(row["scenario"], row["result"]): row["reason"] for row in rows}


def test_each_scenario_tells_its_outcome_and_why(tmp_path: Path) -> None:
    rows = run(tmp_path)
    assert set(rows) == {("INV-04", "PASS"), ("INV-04", "FAIL")}
    assert "inactive is not taken" in rows["INV-04", "FAIL"]


def test_long_runs_are_run_when_they_are_asked_for(tmp_path: Path) -> None:
    assert ("INV-11", "PASS") in run(tmp_path, "--long")
