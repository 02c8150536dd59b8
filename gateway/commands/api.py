"""`parley api`: the control plane, on its own or below `parley serve`."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable

from gateway.api.announcement import Announcement
from gateway.api.process import serve_api
from gateway.observe import logging
from gateway.observe.sdnotify import SystemdNotifier
from gateway.settings import Settings


def run(settings: Settings) -> None:
    """Serve the REST API and the gateways that attach, until SIGTERM.

    :raises ParleyError: a port is taken, or the database cannot be used
    """
    logging.configure(settings.log, process="api")
    notifier = SystemdNotifier()

    def announce(announcement: Announcement) -> None:
        for line in filter(None, (announcement.key_line, announcement.ready_line)):
            sys.stdout.write(f"{line}\n")
        sys.stdout.flush()
        notifier.ready(announcement.ready_line)

    with asyncio.Runner(loop_factory=fast_loop()) as runner:
        runner.run(serve_api(settings, on_ready=announce))


def fast_loop() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop, where there is one for this system: a request costs two thirds of the time."""
    try:
        import uvloop
    except ImportError:
        return None
    make: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return make
