"""A disk that works when told, or at once."""

from __future__ import annotations

from collections.abc import Callable


class NowDisk:
    """Does each job where it is submitted."""

    room = True

    def keep(self, job: Callable[[], object]) -> None:
        job()

    def waits(self, size: int) -> None:
        return

    def wrote(self, size: int) -> None:
        return

    def submit(self, job: Callable[[], object]) -> None:
        job()

    async def barrier(self) -> None:
        return


class LateDisk:
    """Keeps jobs until `work`."""

    room = True

    def __init__(self) -> None:
        self.jobs: list[Callable[[], object]] = []

    def waits(self, size: int) -> None:
        return

    def wrote(self, size: int) -> None:
        return

    def keep(self, job: Callable[[], object]) -> None:
        self.submit(job)

    def submit(self, job: Callable[[], object]) -> None:
        self.jobs.append(job)

    async def barrier(self) -> None:
        self.work()

    def work(self) -> None:
        jobs, self.jobs = self.jobs, []
        for job in jobs:
            job()
