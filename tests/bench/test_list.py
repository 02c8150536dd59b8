from __future__ import annotations

import importlib
import inspect

import pytest

from bench.__main__ import BENCHMARKS, main


def test_without_a_name_the_benchmarks_are_listed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["bench"])
    assert main() == 0
    listed = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    assert listed == list(BENCHMARKS)


@pytest.mark.parametrize("module", BENCHMARKS.values())
def test_every_benchmark_tells_its_method_and_can_be_run(module: str) -> None:
    benchmark = importlib.import_module(module)
    assert len(benchmark.METHOD) > 40
    assert inspect.iscoroutinefunction(benchmark.measure)
