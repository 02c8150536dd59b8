"""Free ports on the loopback address, each given to one peer only until all others were given too.

A range that a peer binds later, call by call, looks free until then: so ports are given in a circle, from any place.
Processes of one pytest run have a part of the ports each.
"""

from __future__ import annotations

import os
import random
import socket
from collections.abc import Mapping
from contextlib import ExitStack

LOOPBACK = "127.0.0.1"


def share(environ: Mapping[str, str]) -> tuple[int, int]:
    """Borders of the ports that this process may give: below the range from which Linux takes ports for outgoing
    sockets (32768 and up), and not those of pytest-xdist's other workers."""
    workers = int(environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    number = int(environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % workers
    size = 22000 // workers & ~1
    return 10000 + number * size, 10000 + (number + 1) * size


_FIRST, _LAST = share(os.environ)
_next = random.randrange(_FIRST, _LAST, 2)


def free_port() -> int:
    """A port that is free for UDP and TCP."""
    return free_ports(1)[0]


def free_ports(count: int) -> tuple[int, int]:
    """First (even) and last port of `count` neighbouring ports, each free for UDP and TCP.

    :raises OSError: when no such place is found
    """
    global _next
    for _ in range(_FIRST, _LAST, 2):
        first = _next if _next + count <= _LAST else _FIRST
        if all(_is_free(port) for port in range(first, first + count)):
            _next = first + count + count % 2
            return first, first + count - 1
        _next = first + 2
    raise OSError(f"no {count} free neighbouring ports between {_FIRST} and {_LAST}")


def _is_free(port: int) -> bool:
    with ExitStack() as stack:
        for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
            probe = stack.enter_context(socket.socket(socket.AF_INET, kind))
            try:
                probe.bind((LOOPBACK, port))
            except OSError:
                return False
    return True
