"""Whether a call that offers nothing could be answered.

The stack takes ports for media when it has an offer. An INVITE without one rings first, and fails when it is answered:
too late for its caller to be told when to come back. So it is tried before whether there are ports.
"""

from __future__ import annotations

import random
import re
import socket
from collections.abc import Callable

_BODY = re.compile(r"\r?\n\r?\n\s*\S")


def offers(message: str) -> bool:
    """Whether a request has a body."""
    return _BODY.search(message) is not None


def pair_is_free(host: str, ports: tuple[int, int], chance: Callable[[], float] = random.random) -> bool:
    """Whether a call would find ports for RTP and RTCP.

    :param host: the address that media is bound to
    :param ports: the first and the last one of `rtp.ports`
    :param chance: tells where to begin, from 0 to 1: the first ones of the range are not the likeliest to be free
    """
    first, last = ports
    evens = range(first + first % 2, last, 2)
    begin = int(chance() * len(evens))
    return any(_is_free(host, port) for port in (*evens[begin:], *evens[:begin]))


def _is_free(host: str, even: int) -> bool:
    return all(_binds(host, port) for port in (even, even + 1))


def _binds(host: str, port: int) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as tried:
        try:
            tried.bind((host, port))
        except OSError:
            return False
    return True
