"""Work on the database that a cancellation does not cut: a connection cancelled in a transaction may never close."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import structlog

log = structlog.get_logger(__name__)

T = TypeVar("T")

END_SECONDS = 3.0


async def to_its_end(work: Coroutine[Any, Any, T], *, name: str) -> T:
    """Run `work`. When the caller is cancelled meanwhile, the work may end first, within three seconds."""
    task = asyncio.create_task(work, name=name)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        _, late = await asyncio.wait((task,), timeout=END_SECONDS)
        if late:
            task.cancel()
            await asyncio.wait((task,), timeout=END_SECONDS)
        elif not task.cancelled() and (error := task.exception()) is not None:
            log.info("failed after nobody waited for it", work=name, error=str(error))
        raise
