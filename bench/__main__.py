"""`python -m bench` lists the benchmarks; `python -m bench NAME…` runs them, with `--json` for machines."""

from __future__ import annotations

import argparse
import asyncio
import importlib
import sys
import tempfile
from pathlib import Path

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
    "overlaps": "bench.overlaps.run",
    "voicemail": "bench.voicemail",
}
"""Name → module with a `SUMMARY` and `async measure(folder) -> Report`."""


def main() -> int:
    """Exit status 1 when a benchmark could not be run."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure Parley on this machine.")
    parser.add_argument("benchmarks", nargs="*", metavar="NAME", choices=[*BENCHMARKS, []], help=", ".join(BENCHMARKS))
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="keep captures, recordings and logs here")
    arguments = parser.parse_args()
    if not arguments.benchmarks:
        for name, module in BENCHMARKS.items():
            print(f"{name:<16} {importlib.import_module(module).SUMMARY}")
        return 0
    return max(_run(name, keep=arguments.keep, as_json=arguments.json) for name in arguments.benchmarks)


def _run(name: str, *, keep: Path | None, as_json: bool) -> int:
    module = importlib.import_module(BENCHMARKS[name])
    with tempfile.TemporaryDirectory(prefix="parley-bench-") as scratch:
        folder = (keep or Path(scratch)) / name
        folder.mkdir(parents=True, exist_ok=True)
        try:
            report = asyncio.run(module.measure(folder))
        except (PeerMissing, PeerFailed) as error:
            print(f"{name}: {error}", file=sys.stderr)
            return 1
    print(report.json() if as_json else report.text())
    return 0


if __name__ == "__main__":
    sys.exit(main())
