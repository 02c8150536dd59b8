"""A worker process for tests: `python -m tests.link.child_worker [MODE]`; prints its address like `parley worker`."""

from __future__ import annotations

import asyncio
import os
import sys

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
        await asyncio.sleep(600)


if __name__ == "__main__":
    asyncio.run(main((sys.argv[1:] or [""])[0]))
    os._exit(0)
