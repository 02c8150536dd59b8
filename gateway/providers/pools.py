"""The threads in which embedded models run, one set per process."""

from __future__ import annotations

import functools
import os
from concurrent.futures import Executor, ThreadPoolExecutor


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0))


@functools.cache
def recognition_pool() -> Executor:
    """Threads of all recognisers: one per core, so that a burst of segments queues here and not in the scheduler."""
    return ThreadPoolExecutor(cores(), thread_name_prefix="recognition")


@functools.cache
def voice_pool() -> Executor:
    """One thread: the synthesisers are not made for more."""
    return ThreadPoolExecutor(1, thread_name_prefix="voice")


@functools.cache
def turn_end_pool() -> Executor:
    """Threads that judge the ends of turns."""
    return ThreadPoolExecutor(cores(), thread_name_prefix="turn ends")
