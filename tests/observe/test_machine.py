from __future__ import annotations

from pathlib import Path

import pytest

from gateway.observe.machine import MachineMeter, open_files


def write(folder: Path, **files: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text)


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    proc = tmp_path / "proc"
    write(proc, stat="cpu  100 0 100 800 0 0 0 0 0 0\n", meminfo="MemTotal: 1000 kB\nMemAvailable: 600 kB\n")
    write(proc / "self", cgroup="0::/a/b\n")
    return proc


def test_the_fullest_of_machine_and_groups_counts(proc: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 4)
    monkeypatch.setattr("os.sysconf", lambda name: 100)
    groups = tmp_path / "groups"
    write(groups / "a/b", cpu__max="max 100000\n")
    write(groups / "a", cpu__max="50000 100000\n", cpu__stat="usage_usec 1000000\n")
    meter = MachineMeter(proc, groups)
    assert meter.processor(10) == 0
    write(proc, stat="cpu  200 0 200 1400 0 0 0 0 0 0\n")
    write(groups / "a", cpu__stat="usage_usec 1900000\n")
    assert meter.processor(12) == pytest.approx(0.9), "0.45 of the half processor; the machine is at a quarter"
    write(proc, stat="cpu  600 0 600 1400 0 0 0 0 0 0\n")
    assert meter.processor(14) == 1.0


def test_memory_is_that_of_the_machine_or_the_group(proc: Path, tmp_path: Path) -> None:
    groups = tmp_path / "groups"
    meter = MachineMeter(proc, groups)
    assert meter.memory() == pytest.approx(0.4)
    write(groups / "a/b", memory__max="1000\n", memory__current="950\n", memory__stat="anon 1\ninactive_file 50\n")
    assert MachineMeter(proc, groups).memory() == pytest.approx(0.9)


def test_a_machine_that_tells_nothing_is_not_loaded(tmp_path: Path) -> None:
    meter = MachineMeter(tmp_path / "proc", tmp_path / "groups")
    assert (meter.processor(0), meter.processor(1), meter.memory()) == (0, 0, 0)


def test_files_that_are_open_are_counted(tmp_path: Path) -> None:
    before, most = open_files()
    with (tmp_path / "one").open("w"):
        assert open_files() == (before + 1, most)
