"""How much of this machine, or of the control group that it allows us, is in use."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_BUSY_EXCEPT = (3, 4)
"""Fields of /proc/stat's first line that are no work: idle, iowait."""
_COUNTED = 8
"""Of its fields; guest time is in user time already."""


@dataclass(frozen=True, slots=True)
class _Used:
    """Processor time used at a time, in seconds, of what may be used per second."""

    seconds: float
    at: float
    per_second: float


class MachineMeter:
    """Reads /proc, and the files of control groups (version 2).

    :param proc: where proc is mounted
    :param groups: where control groups are
    """

    def __init__(self, proc: Path = Path("/proc"), groups: Path = Path("/sys/fs/cgroup")) -> None:
        self._proc = proc
        self._groups = list(_groups_of(proc, groups))
        self._before: dict[Path, _Used] = {}

    def processor(self, now: float) -> float:
        """The fullest of machine and groups since the last time it was asked, 0 to 1; 0 the first time.

        :param now: seconds of any steady clock
        """
        shares = [0.0]
        for path, used in self._processor_times(now):
            before = self._before.get(path)
            if before is not None and now > before.at:
                shares.append((used.seconds - before.seconds) / (now - before.at) / used.per_second)
            self._before[path] = used
        return min(1.0, max(shares))

    def memory(self) -> float:
        """The fullest of machine and groups, 0 to 1. What the kernel would give back at once counts as free."""
        shares = [0.0]
        found = dict(line.split(":", 1) for line in _text(self._proc / "meminfo").splitlines() if ":" in line)
        if "MemTotal" in found and "MemAvailable" in found:
            shares.append(1 - _first_number(found["MemAvailable"]) / max(1, _first_number(found["MemTotal"])))
        for group in self._groups:
            limit, current = _text(group / "memory.max").strip(), _text(group / "memory.current").strip()
            if limit.isdecimal() and current.isdecimal() and int(limit):
                cached = _fields(group / "memory.stat").get("inactive_file", 0)
                shares.append(max(0, int(current) - cached) / int(limit))
        return min(1.0, max(shares))

    def _processor_times(self, now: float) -> Iterator[tuple[Path, _Used]]:
        line = _text(self._proc / "stat").partition("\n")[0].split()[1 : 1 + _COUNTED]
        if line:
            ticks = [int(field) for field in line]
            busy = sum(tick for index, tick in enumerate(ticks) if index not in _BUSY_EXCEPT)
            second = os.sysconf("SC_CLK_TCK")
            yield self._proc, _Used(busy / second, now, os.cpu_count() or 1)
        for group in self._groups:
            quota, _, period = _text(group / "cpu.max").strip().partition(" ")
            if quota.isdecimal() and period.isdecimal():
                used = _fields(group / "cpu.stat").get("usage_usec", 0) / 1e6
                yield group, _Used(used, now, int(quota) / int(period))


def open_files() -> tuple[int, int]:
    """Descriptors that this process has open, and how many it may have."""
    return len(os.listdir("/proc/self/fd")), resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def allow_open_files() -> None:
    """Let this process, and those that it starts, open as many files as the system allows it."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _groups_of(proc: Path, groups: Path) -> Iterator[Path]:
    """The group of this process, and those that it is in."""
    for line in _text(proc / "self/cgroup").splitlines():
        number, _, name = line.split(":", 2)
        if number == "0":
            inner = groups / name.strip("/")
            yield from (one for one in (inner, *inner.parents) if one.is_relative_to(groups) and one.is_dir())


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""


def _fields(path: Path) -> dict[str, int]:
    lines = [line.split() for line in _text(path).splitlines()]
    return {line[0]: int(line[1]) for line in lines if len(line) == 2 and line[1].isdecimal()}


def _first_number(text: str) -> int:
    return int(text.split()[0])
