"""`parley api` in a process of its own."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from gateway.api.announcement import Announcement
from gateway.api.process import serve_api
from gateway.commands.api import fast_loop
from gateway.observe import logging
from gateway.settings import Settings
from tests.faults.child import end_with_parent, output_to


def run(settings: dict[str, Any], log: Path) -> None:
    """Until it is killed, or told to stop."""
    end_with_parent()
    output_to(log)
    chosen = Settings.model_validate(settings)
    logging.configure(chosen.log, process="api")
    with asyncio.Runner(loop_factory=fast_loop()) as runner:
        runner.run(serve_api(chosen, on_ready=_say_nothing))


def _say_nothing(_: Announcement) -> None:
    return
