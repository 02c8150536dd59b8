"""Collects rows while pytest runs. `--matrix FILE` writes them; `--long` also runs what takes minutes."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from tests.matrix.row import FAIL, NOT_RUN, PASS, Row, behaviour_of, reason_of

_PROPERTY = "scenario"


def add_options(parser: pytest.Parser) -> None:
    """The options of the matrix."""
    group = parser.getgroup("matrix", "the matrix of interoperability")
    group.addoption("--matrix", type=Path, metavar="FILE", help="write the outcome of each scenario to FILE")
    group.addoption("--long", action="store_true", help="also run tests that take minutes")


def prepare(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Let each test tell its scenarios, also to another process, and leave out long ones nobody asked for."""
    for item in items:
        item.user_properties += [(_PROPERTY, _scenario(mark)) for mark in item.iter_markers(_PROPERTY)]
    if not config.getoption("--long"):
        long = [item for item in items if item.get_closest_marker("long")]
        config.hook.pytest_deselected(items=long)
        items[:] = [item for item in items if item not in long]


def _scenario(mark: pytest.Mark) -> dict[str, str]:
    name, peer, transport = (*mark.args, "", "")[:3]
    return {"name": name, "peer": mark.kwargs.get("peer", peer), "transport": mark.kwargs.get("transport", transport)}


class Collector:
    """Hears every report of the run, those of other processes too, and writes rows as they come: a run that is broken
    off leaves what it found. A test that passes and cannot be ended has two, and the worse one counts."""

    def __init__(self, path: Path) -> None:
        self._path = path
        path.write_text("")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        with self._path.open("a") as rows:
            rows.writelines(f"{json.dumps(row.plain(), ensure_ascii=False)}\n" for row in rows_of(report))


def rows_of(report: pytest.TestReport) -> list[Row]:
    """What one phase of a test tells: its outcome, or a failure of what it needs."""
    if report.when != "call" and report.passed:
        return []
    result = {"passed": PASS, "failed": FAIL}.get(report.outcome, NOT_RUN)
    reason = "" if result == PASS else reason_of(_text(report.longrepr))
    behaviour = behaviour_of(report.nodeid.rsplit("::", 1)[-1])
    return [
        Row(told["name"], behaviour, told["peer"], told["transport"], result, reason)
        for told in _scenarios(report.user_properties)
    ]


def _scenarios(properties: Iterable[tuple[str, Any]]) -> list[dict[str, str]]:
    return [value for name, value in properties if name == _PROPERTY]


def _text(longrepr: object) -> str:
    return str(longrepr[2]) if isinstance(longrepr, tuple) else str(longrepr or "")
