"""A disk that works when told, or at once."""

from __future__ import annotations

from collections.abc import Callable


class NowDisk:
    """Does each job where it is submitted."""

    def submit(self, job: Callable[[], object]) -> None:
        job()

    async def barrier(self) -> None:
        return


class LateDisk:
    """Keeps jobs until `work`."""

    def __init__(self) -> None:
        self.jobs: list[Callable[[], object]] = []

    def submit(self, job: Callable[[], object]) -> None:
        self.jobs.append(job)

    async def barrier(self) -> None:
        self.work()

    def work(self) -> None:
        jobs, self.jobs = self.jobs, []
        for job in jobs:
            job()
