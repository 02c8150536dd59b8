"""A part that a test needs and this machine does not have."""

from __future__ import annotations

import shutil

FORBIDDEN = "this machine allows no"
"""Begins the reason of a skip that no package mends: it is no failure under CI=true."""


class PeerMissing(Exception):
    """`str(error)` is one sentence with the remedy; `tests/conftest.py` makes it a skip, or a failure under CI=true."""


def program(name: str, package: str) -> str:
    """Path of an installed program.

    :raises PeerMissing: when it is not installed, naming the Debian package that brings it
    """
    path = shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")
    if not path:
        raise PeerMissing(f"{name} is not installed: run `python -m tests.peers.setup`, or apt-get install {package}.")
    return path
