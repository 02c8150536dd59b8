"""What a benchmark found: figures with their number and spread, the method, the machine."""

from __future__ import annotations

import json
import os
import platform
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured quantity."""

    name: str
    unit: str
    n: int
    median: float
    p95: float
    worst: float

    @classmethod
    def of(cls, name: str, values: Sequence[float], *, unit: str = "ms") -> Figure:
        """:raises ValueError: without a value"""
        if not len(values):
            raise ValueError(f"{name}: nothing was measured")
        median, p95, worst = (float(value) for value in np.percentile(values, [50, 95, 100]))
        return cls(name, unit, len(values), round(median, 3), round(p95, 3), round(worst, 3))

    def line(self) -> str:
        decimals = 1 if self.unit == "ms" else 3
        values = (("p50", self.median), ("p95", self.p95), ("max", self.worst))
        spread = "   ".join(f"{name} {value:8.{decimals}f}" for name, value in values)
        return f"  {self.name:<36} {spread}   {self.unit:<4} n={self.n}"


@dataclass(frozen=True, slots=True)
class Rate:
    """A share of `n` counted things, per cent."""

    name: str
    percent: float
    n: int

    @classmethod
    def of(cls, name: str, part: int, whole: int) -> Rate:
        """:raises ValueError: of nothing"""
        if not whole:
            raise ValueError(f"{name}: nothing was counted")
        return cls(name, round(100 * part / whole, 2), whole)

    def line(self) -> str:
        return f"  {self.name:<36} {self.percent:12.1f} %   n={self.n}"


@dataclass(frozen=True, slots=True)
class Target:
    """What was aimed at, beside what was found: passed when the value is at most, or at least, the limit."""

    name: str
    value: float
    limit: float
    unit: str = "ms"
    at_least: bool = False

    @property
    def passed(self) -> bool:
        return self.value >= self.limit if self.at_least else self.value <= self.limit

    def line(self) -> str:
        sign = "≥" if self.at_least else "≤"
        found = f"{self.value:8.1f}   target {sign} {self.limit:6.1f} {self.unit:<4}"
        return f"  {self.name:<46} {found} {'pass' if self.passed else 'MISS'}"


@dataclass(frozen=True, slots=True)
class Table:
    """Measurements side by side; the first column of each row is what was set."""

    name: str
    columns: Sequence[str]
    rows: Sequence[Sequence[float | str]]

    def lines(self) -> list[str]:
        """Columns under each other, for a terminal."""
        cells = [list(self.columns), *([shown(cell) for cell in row] for row in self.rows)]
        widths = [max(len(row[column]) for row in cells) for column in range(len(self.columns))]
        aligned = ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in cells]
        return [f"  {self.name}:", *(f"    {line}" for line in aligned)]


def shown(value: float | str) -> str:
    """A number with as many digits as say something."""
    if isinstance(value, str):
        return value
    decimals = 0 if value == int(value) else 3 if abs(value) < 1 else 1 if abs(value) < 1000 else 0
    return f"{value:.{decimals}f}"


@dataclass(frozen=True, slots=True)
class Report:
    """`notes` are facts of this run that a reader must know, such as turns that were not answered."""

    benchmark: str
    method: str
    figures: Sequence[Figure | Rate]
    reference: Sequence[Figure | Rate]
    notes: list[str] = field(default_factory=list)
    machine: str = field(default_factory=lambda: machine())
    targets: Sequence[Target] = ()
    tables: Sequence[Table] = ()

    def text(self) -> str:
        """For reading."""
        lines = [f"{self.benchmark}", f"  machine: {self.machine}", f"  method: {self.method}"]
        lines += [figure.line() for figure in self.figures]
        lines += [line for table in self.tables for line in table.lines()]
        lines += ["  reference, same run:", *(figure.line() for figure in self.reference)] if self.reference else []
        lines += [f"  note: {note}" for note in self.notes]
        lines += ["  targets:", *(target.line() for target in self.targets)] if self.targets else []
        return "\n".join(lines)

    def json(self) -> str:
        """For collecting."""
        targets = [{**asdict(target), "passed": target.passed} for target in self.targets]
        return json.dumps({**asdict(self), "targets": targets}, indent=2)


def target_table(reports: Sequence[Report]) -> str:
    """All targets of some reports; empty when they have none."""
    lines = [target.line() for report in reports for target in report.targets]
    return "\n".join(["all targets", *lines]) if lines else ""


def machine() -> str:
    """Processor, cores, load, kernel and Python in one line."""
    found = re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text())
    processor = found[1].strip() if found else platform.machine()
    load = f"load {os.getloadavg()[0]:.1f}"
    return (
        f"{processor}, {os.cpu_count()} cores, {load}, Linux {platform.release()}, Python {platform.python_version()}"
    )
