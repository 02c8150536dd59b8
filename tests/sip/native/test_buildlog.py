"""What a user sees of a build, and what stays in its log."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest
from rich.console import Console

from gateway.errors import SetupError
from gateway.sip.native.buildlog import BuildLog

STAGES = {"first": 1.0, "second": 3.0}


@pytest.fixture
def shown() -> io.StringIO:
    return io.StringIO()


def build_log(path: Path, shown: io.StringIO, *, terminal: bool = False) -> BuildLog:
    console = Console(file=shown, force_terminal=terminal, width=100)
    return BuildLog(path / "logs" / "build.log", stages=STAGES, console=console)


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def test_without_a_terminal_each_stage_is_a_line(tmp_path: Path, shown: io.StringIO) -> None:
    with build_log(tmp_path, shown) as log:
        for name in STAGES:
            with log.stage(name):
                pass
    assert shown.getvalue().splitlines() == ["pjsua2: first", "pjsua2: second"]


def test_on_a_terminal_a_bar_moves_by_the_usual_seconds(tmp_path: Path, shown: io.StringIO) -> None:
    with build_log(tmp_path, shown, terminal=True) as log, log.stage("first"):
        pass
    assert "25%" in shown.getvalue()


def test_what_a_command_prints_is_kept_and_counted(tmp_path: Path, shown: io.StringIO) -> None:
    lines: list[str] = []
    with build_log(tmp_path, shown) as log, log.stage("first"):
        code = "import os; print(os.environ['COLOUR'], os.getcwd())"
        log.run(python(code), cwd=tmp_path, environment={"COLOUR": "red"}, on_line=lines.append)
    assert lines == [f"red {tmp_path}\n"]
    assert f"red {tmp_path}\n" in (tmp_path / "logs/build.log").read_text()


def test_a_failure_shows_its_last_lines_and_names_the_log(tmp_path: Path, shown: io.StringIO) -> None:
    with build_log(tmp_path, shown) as log, log.stage("first"):
        code = "[print(f'line [{n}]') for n in range(90)]; raise SystemExit(3)"
        with pytest.raises(SetupError, match=r"could not be built \(first\).*build\.log\.$"):
            log.run(python(code), cwd=tmp_path)
    assert "line [89]" in shown.getvalue()
    assert "line [60]" not in shown.getvalue()
    assert "line [0]" in (tmp_path / "logs/build.log").read_text()
