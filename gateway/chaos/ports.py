"""Ports of this machine that nobody has."""

from __future__ import annotations

import secrets
import socket
from contextlib import ExitStack

from gateway.chaos.relay import HOST
from gateway.errors import SetupError

_FIRST, _LAST = 20000, 32000
"""Below those that the kernel gives away by itself."""
_TRIES = 50


def free_port() -> int:
    """For TCP."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def free_range(count: int) -> tuple[int, int]:
    """First and last of `count` ports for UDP.

    :raises SetupError: there are none
    """
    for _ in range(_TRIES):
        first = (_FIRST + secrets.randbelow(_LAST - _FIRST - count)) & ~1
        with ExitStack() as stack:
            try:
                for port in range(first, first + count):
                    probe = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
                    probe.bind((HOST, port))
            except OSError:
                continue
        return first, first + count - 1
    raise SetupError(f"There are no {count} free ports in a row between {_FIRST} and {_LAST} on this machine.")
