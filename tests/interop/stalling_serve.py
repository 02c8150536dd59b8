"""The `parley` command with a flaw on purpose: SIGUSR1 holds the interpreter's lock for 500 ms.

`ctypes.PyDLL` calls C without releasing the lock, so every Python thread of the process stands still, as it would in a
long garbage collection or a careless extension. RTP must not notice.
"""

from __future__ import annotations

import ctypes
import signal
from types import FrameType

from gateway.cli import main

STALL_US = 500_000


def _stall(_signal: int, _frame: FrameType | None) -> None:
    ctypes.PyDLL(None).usleep(STALL_US)


if __name__ == "__main__":
    signal.signal(signal.SIGUSR1, _stall)
    main()
