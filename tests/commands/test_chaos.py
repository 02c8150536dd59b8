"""`parley chaos`: for development, with a verdict that scripts can read."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gateway.chaos.events import Move
from gateway.chaos.outcome import Outcome
from gateway.chaos.plan import Plan
from gateway.cli import app
from gateway.commands import chaos
from gateway.errors import SetupError
from tests.chaos.test_outcome import GOOD, held, outcome

folders: list[Path] = []


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> Callable[[Outcome], None]:
    """Sets what the run of any plan finds."""
    folders.clear()

    def find(result: Outcome) -> None:
        async def run(plan: Plan, folder: Path, *, told: object) -> Outcome:
            folders.append(folder)
            return result

        monkeypatch.setattr(chaos, "run_plan", run)

    return find


def test_a_run_without_a_loss_exits_0_prints_its_table_and_leaves_nothing(found: Callable[[Outcome], None]) -> None:
    found(outcome(GOOD, moves=[Move("worker-died", 40), Move("worker-died", 60)]))
    done = CliRunner().invoke(app, ["chaos", "--seed", "3"], env={"COLUMNS": "120"})
    assert done.exit_code == 0
    assert "kill worker" in done.stdout
    assert "2 because of worker-died, 60 ms" in done.stdout
    assert "PASSED: nothing was lost" in done.stdout
    assert not folders[0].exists()


def test_a_loss_exits_1_as_json_and_keeps_the_files(found: Callable[[Outcome], None]) -> None:
    found(outcome(held(0, 1, 3)))
    done = CliRunner().invoke(app, ["chaos", "--json"])
    assert done.exit_code == 1
    assert json.loads(done.stdout)["wrong"] == ["1 words were missing"]
    assert folders[0].is_dir()
    folders[0].rmdir()


def test_a_silence_beyond_the_limit_exits_1(found: Callable[[Outcome], None]) -> None:
    found(outcome(held(0, 1, None, 2, 3)))
    assert CliRunner().invoke(app, ["chaos", "--silence-ms", "300"]).exit_code == 0
    assert CliRunner().invoke(app, ["chaos", "--silence-ms", "100"]).exit_code == 1
    folders[-1].rmdir()


def test_an_installed_package_is_left_alone_unless_it_is_told(
    monkeypatch: pytest.MonkeyPatch, found: Callable[[Outcome], None]
) -> None:
    found(outcome(GOOD))
    monkeypatch.setattr(chaos, "development_install", lambda: False)
    with pytest.raises(SetupError, match="--anyway"):
        chaos.run(chaos.ChaosOptions())
    assert chaos.run(chaos.ChaosOptions(anyway=True))
