"""Reports as a page with tables and pictures, for docs/benchmarks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.report import Report, Table, shown


@dataclass(frozen=True, slots=True)
class Picture:
    """Columns of tables of one report against their first column. `lines` are (table, column, label)."""

    name: str
    title: str
    across: str
    up: str
    lines: Sequence[tuple[str, str, str]]
    budget: float | None = None


_PACING = [("echo", "p99.9", "echo"), ("conversation", "p99.9", "conversation"), ("reference: echo in C", "p99.9", "C")]
PICTURES = {
    "capacity": (
        Picture(
            "processor",
            "Processor time of the gateway",
            "calls at once",
            "% of a core per call",
            [("echo", "gateway %", "echo"), ("conversation", "gateway %", "conversation")],
            0.25,
        ),
        Picture("pacing", "Gaps of RTP, p99.9", "calls at once", "ms", _PACING, 40),
    ),
    "setup_rate": (
        Picture(
            "setup",
            "INVITE to 200",
            "calls a second",
            "ms",
            [("set-up, ms", "p99", "p99"), ("set-up, ms", "set-up p50", "p50")],
        ),
    ),
    "memory": (
        Picture(
            "memory",
            "Memory when no call is left",
            "calls before",
            "MiB",
            [("memory", "gateway MiB", "gateway"), ("memory", "workers MiB", "two workers")],
        ),
    ),
}
"""Benchmark → what is drawn of it."""


def publish(reports: Sequence[Report], folder: Path) -> None:
    """Write README.md and its pictures."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = ["# Benchmarks", "", "Written by `make bench`: all figures are of one run on one machine.", ""]
    lines += [f"Machine: {reports[0].machine}.", "", *_targets(reports)]
    for report in reports:
        lines += [f"## {report.benchmark}", "", f"{report.method}.", "", *_body(report)]
        for picture in PICTURES.get(report.benchmark, ()):
            _draw(picture, report, folder / f"{picture.name}.svg")
            lines += [f"![{picture.title}]({picture.name}.svg)", ""]
    (folder / "README.md").write_text("\n".join(lines).rstrip() + "\n")


def _targets(reports: Sequence[Report]) -> Iterator[str]:
    yield from ("| budget | found | bound | |", "|---|---|---|---|")
    for target in (target for report in reports for target in report.targets):
        sign = "at least" if target.at_least else "at most"
        bound = f"{sign} {target.limit:g} {target.unit}".strip()
        verdict = "met" if target.passed else "**missed**"
        yield f"| {target.name} | {shown(round(target.value, 3))} | {bound} | {verdict} |"
    yield ""


def _body(report: Report) -> Iterator[str]:
    for table in report.tables:
        yield from (f"**{table.name}**", "", *_table(table), "")
    measured = [*report.figures, *report.reference]
    if measured:
        yield from ("```text", *(figure.line().strip() for figure in measured), "```", "")
    yield from (f"- {note}" for note in report.notes)
    yield ""


def _table(table: Table) -> Iterator[str]:
    yield f"| {' | '.join(table.columns)} |"
    yield "|" + "---|" * len(table.columns)
    for row in table.rows:
        yield f"| {' | '.join(shown(cell) for cell in row)} |"


def _draw(picture: Picture, report: Report, path: Path) -> None:
    from matplotlib import rc_context  # here: it takes a second
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 3.4), layout="tight")
    axes = figure.subplots()
    tables = {table.name: table for table in report.tables}
    for name, column, label in picture.lines:
        table = tables[name]
        place = list(table.columns).index(column)
        across, up = ([float(row[at]) for row in table.rows] for at in (0, place))
        axes.plot(across, up, marker="o", label=label)
    if picture.budget is not None:
        axes.axhline(picture.budget, linestyle="--", color="grey", label="budget")
    axes.set(title=picture.title, xlabel=picture.across, ylabel=picture.up)
    axes.set_ylim(bottom=0)
    axes.legend()
    axes.grid(alpha=0.3)
    with rc_context({"svg.hashsalt": "parley"}):
        figure.savefig(path, metadata={"Date": None})
