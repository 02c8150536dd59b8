"""Start a program that dies with its parent: `python -m gateway.link.child PARENT_PID PROGRAM ARGUMENT…`.

The kernel sends SIGKILL to the program when the thread that started it ends (prctl(2), PR_SET_PDEATHSIG), so that no
worker outlives a gateway that was killed. Where there is no such call the program just runs. Its priority is lower:
when the processor is short, a later answer is better than late RTP.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1
NICENESS = 5


def main(arguments: list[str]) -> None:
    """Replace this process by the program."""
    parent, *program = arguments
    prctl = getattr(ctypes.CDLL(None), "prctl", None)
    if prctl is not None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != int(parent):
        sys.exit("the parent ended before its child began")
    os.nice(NICENESS)
    os.execv(program[0], program)  # noqa: S606  the parent chose the program


if __name__ == "__main__":
    main(sys.argv[1:])
