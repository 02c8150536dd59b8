"""`parley worker`: one worker process, on its own or below `parley serve`."""

from __future__ import annotations

import asyncio
import os
import sys
from typing import NoReturn

from gateway.observe import logging
from gateway.observe.sdnotify import SystemdNotifier
from gateway.settings import Settings
from gateway.shutdown import leave
from gateway.worker.server import serve_worker


def run(settings: Settings, *, listen: str | None) -> NoReturn:
    """Serve conversations until SIGTERM, then end the process.

    Prints `parley worker ready HOST:PORT` on standard output, from which `gateway.link.processes` takes the address.

    :param listen: host:port that replaces `worker.listen`; port 0 for any free one
    :raises ParleyError: when the address is taken or a model is missing
    """
    logging.configure(settings.log, process=f"worker-{os.getpid()}")
    notifier = SystemdNotifier()

    def announce(address: str) -> None:
        notifier.ready(f"serving {address}")
        sys.stdout.write(f"parley worker ready {address}\n")
        sys.stdout.flush()

    asyncio.run(serve_worker(settings, listen=listen or settings.worker.listen, on_ready=announce))
    leave(0)
