"""What processes use: processor time by thread, memory, threads, descriptors. Read from /proc."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.interop.product import Product


@dataclass(frozen=True, slots=True)
class Used:
    """Processor time so far of each thread that lives, by its id, s."""

    threads: Mapping[int, float]

    @classmethod
    def of(cls, pid: int) -> Used:
        """By the scheduler's own count, in ns: clock ticks of 10 ms are too coarse for single calls."""
        found = {}
        for task in Path(f"/proc/{pid}/task").iterdir():
            try:
                found[int(task.name)] = int((task / "schedstat").read_text().split()[0]) / 1e9
            except (FileNotFoundError, ProcessLookupError):
                continue
        return cls(found)

    def since(self, before: Used) -> dict[int, float]:
        """By thread."""
        return {thread: used - before.threads.get(thread, 0.0) for thread, used in self.threads.items()}


@dataclass(frozen=True, slots=True)
class Processes:
    """The gateway and its workers."""

    gateway: int
    workers: list[int]

    @classmethod
    def of(cls, product: Product) -> Processes:
        """Of a running product, whose workers are its child processes."""
        pid = product.child.pid
        return cls(pid, [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()])

    def used(self) -> tuple[Used, list[Used]]:
        """By the gateway, and by each worker."""
        return Used.of(self.gateway), [Used.of(pid) for pid in self.workers]


def resident_mib(pid: int) -> float:
    """Memory of a process, all of its pages that are in memory."""
    found = re.search(r"^Rss:\s+(\d+) kB", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.MULTILINE)
    assert found is not None
    return int(found[1]) / 1024
