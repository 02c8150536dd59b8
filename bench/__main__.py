"""`python -m bench` lists the benchmarks; `python -m bench NAME…` runs them, with `--json` for machines."""

from __future__ import annotations

import argparse
import asyncio
import importlib
import shutil
import sys
import tempfile
from inspect import signature
from pathlib import Path

from bench.published import publish
from bench.report import Report, target_table
from tests.peers.missing import PeerMissing
from tests.peers.process import PeerFailed

BENCHMARKS = {
    "conversation": "bench.conversation",
    "latency": "bench.latency",
    "overhead": "bench.overhead",
    "barge_in": "bench.barge_in",
    "transcription": "bench.recognition",
    "call_recognition": "bench.call_recognition",
    "turn_ends": "bench.turn_ends.benchmark",
    "capacity": "bench.capacity",
    "overload": "bench.overload",
    "setup_rate": "bench.setup_rate",
    "memory": "bench.memory",
    "cancel_race": "bench.cancel_race",
    "overlaps": "bench.overlaps.run",
    "turn_taking": "bench.turn_taking.run",
    "voicemail": "bench.voicemail",
    "failover": "bench.failover",
    "worker_loss": "bench.worker_loss",
    "rest": "bench.rest",
    "api": "bench.api",
}
"""Name → module with a `SUMMARY` and `async measure(folder) -> Report`; a `measure` that takes `everything` has more
material than it usually runs."""
PICTURES = Path("bench-results")
"""Where pictures go when nothing else is kept."""


def main() -> int:
    """Exit status 1 when a benchmark could not be run."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure Parley on this machine.")
    parser.add_argument("benchmarks", nargs="*", metavar="NAME", choices=[*BENCHMARKS, []], help=", ".join(BENCHMARKS))
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="keep captures, recordings and logs here")
    parser.add_argument("--all", action="store_true", help="all material, where a usual run takes a part of it")
    parser.add_argument("--publish", type=Path, metavar="FOLDER", help="write a page with tables and pictures there")
    arguments = parser.parse_args()
    if not arguments.benchmarks:
        for name, module in BENCHMARKS.items():
            print(f"{name:<16} {importlib.import_module(module).SUMMARY}")
        return 0
    reports = [_run(name, arguments) for name in arguments.benchmarks]
    done = [report for report in reports if report is not None]
    if len(done) > 1 and not arguments.json:
        print(target_table(done))
    if done and arguments.publish:
        publish(done, arguments.publish)
    return int(len(done) < len(reports))


def _run(name: str, arguments: argparse.Namespace) -> Report | None:
    """Run one and print what it found; None when it could not be run."""
    module = importlib.import_module(BENCHMARKS[name])
    more = {"everything": True} if arguments.all and "everything" in signature(module.measure).parameters else {}
    with tempfile.TemporaryDirectory(prefix="parley-bench-") as scratch:
        folder = (arguments.keep or Path(scratch)) / name
        folder.mkdir(parents=True, exist_ok=True)
        try:
            report: Report = asyncio.run(module.measure(folder, **more))
        except (PeerMissing, PeerFailed) as error:
            print(f"{name}: {error}", file=sys.stderr)
            return None
        if not arguments.keep:
            _keep_pictures(folder)
    print(report.json() if arguments.json else report.text())
    return report


def _keep_pictures(folder: Path) -> None:
    for picture in folder.glob("*.png"):
        PICTURES.mkdir(exist_ok=True)
        shutil.copy(picture, PICTURES)


if __name__ == "__main__":
    sys.exit(main())
