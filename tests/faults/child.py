"""Processes of a test that begin in an instant: forked from one that has imported everything already."""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
from collections.abc import Callable
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

_PR_SET_PDEATHSIG = 1
_IMPORTED_BEFORE = ["gateway.api.process", "tests.faults.gateway_process", "uvloop", "asyncpg", "aiosqlite", "re2"]

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(_IMPORTED_BEFORE)


def start(work: Callable[..., None], *arguments: Any) -> ForkServerProcess:
    """Run a function of a module in a process of its own."""
    process = _context.Process(target=work, args=arguments, daemon=True)
    process.start()
    return process


def end_with_parent() -> None:
    """In a child: have the kernel kill it when the tests are gone."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def output_to(path: Path) -> None:
    """In a child: what it prints goes to the end of a file."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    for descriptor in (1, 2):
        os.dup2(file, descriptor)
    os.close(file)
