"""The page that `make bench` writes."""

from __future__ import annotations

from pathlib import Path

from bench.memory import slope_mib
from bench.published import publish
from bench.report import Figure, Report, Table, Target


def test_a_page_has_tables_targets_and_pictures(tmp_path: Path) -> None:
    columns = ("calls", "gateway MiB", "workers MiB")
    table = Table("memory", columns, [[0, 100.0, 200.0], [1000, 101.25, 200.5]])
    targets = [Target("growth", 2.5, 2, "MiB"), Target("answered", 100, 99, "%", at_least=True)]
    report = Report("memory", "method", [Figure.of("delay", [1.0])], [], ["a note"], targets=targets, tables=[table])

    publish([report], tmp_path)

    page = (tmp_path / "README.md").read_text()
    assert "| growth | 2.5 | at most 2 MiB | **missed** |" in page
    assert "| answered | 100 | at least 99 % | met |" in page
    assert "| 1000 | 101.2 | 200.5 |" in page
    assert "- a note" in page
    assert "memory.svg" in page
    assert (tmp_path / "memory.svg").read_text().count("<path") > 4


def test_the_slope_is_that_of_ten_thousand_calls() -> None:
    assert round(slope_mib([(1000, 50.0), (2000, 50.5), (3000, 51.0)]), 6) == 5.0
