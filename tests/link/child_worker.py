"""A worker process for tests: `python -m tests.link.child_worker [MODE]`; prints its address like `parley worker`."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from functools import partial

from tests.link.worker_double import WorkerDouble, serving


async def main(mode: str) -> None:
    if mode == "broken":
        sys.exit("this worker cannot start")
    async with serving(WorkerDouble(capacity=1000 if mode == "big" else 10)) as worker:
        print("loading models", flush=True)
        print(f"parley worker ready {worker.address}", flush=True)
        if mode == "parent":
            # A child that outlives the worker and holds its standard output.
            await asyncio.create_subprocess_exec("sleep", "5")
        if mode == "chatty":
            print("x" * 1_000_000, flush=True)
        if mode == "draining":
            # It says that it drains, and ends a moment later.
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, partial(_drain, worker))
        await asyncio.sleep(600)


def _drain(worker: WorkerDouble) -> None:
    worker.report_load(draining=True)
    asyncio.get_running_loop().call_later(0.5, os._exit, 0)


if __name__ == "__main__":
    asyncio.run(main((sys.argv[1:] or [""])[0]))
    os._exit(0)
