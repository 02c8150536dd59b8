"""Looks for answers of 5xx in a running `parley serve`: `python -m tests.api.fuzz --minutes 20`.

Schemathesis makes requests of /openapi.json, valid and not, one by one and in chains. The last lines tell what it
found; exit status 1 when that is something.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.interop.product import ProductPlan, running_product
from tests.interop.providers import fake_assistant
from tests.peers.ports import LOOPBACK, free_port

_KEY = "fuzz-0123456789abcdef0123456789abcdef"
_NICENESS = 10


async def fuzz(folder: Path, minutes: float) -> int:
    """Schemathesis' exit status."""
    port = free_port()
    changes: dict[str, dict[str, Any]] = {
        "api": {"enabled": True, "port": port, "bootstrap_key": _KEY},
        "media": {"port": free_port()},
        "sip": {"max_calls": 500},
    }
    async with running_product(ProductPlan(folder, fake_assistant(), changes=changes)):
        process = await asyncio.create_subprocess_exec(*_schemathesis(port, minutes))
        return await process.wait()


def _schemathesis(port: int, minutes: float) -> list[str]:
    return [
        *("nice", "-n", str(_NICENESS), str(Path(sys.executable).with_name("schemathesis"))),
        *("--no-color", "run", f"http://{LOOPBACK}:{port}/openapi.json", "-H", f"Authorization: Bearer {_KEY}"),
        *("--checks", "not_a_server_error", "--continue-on-failure", "--max-time", str(round(minutes * 60))),
        *("--exclude-path", "/events", "--suppress-health-check", "all", "--request-timeout", "20"),  # /events: endless
        *("--warnings", "off", "--generation-database", "none"),
    ]


def main() -> int:
    """Exit status 1 when there was an answer of 5xx."""
    parser = argparse.ArgumentParser(prog="python -m tests.api.fuzz", description=__doc__)
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="keep Parley's log and database here")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="parley-fuzz-") as scratch:
        return asyncio.run(fuzz(arguments.keep or Path(scratch), arguments.minutes))


if __name__ == "__main__":
    sys.exit(main())
