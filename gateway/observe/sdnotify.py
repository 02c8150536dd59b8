"""Tells systemd how the service is (sd_notify(3)): READY, STOPPING, WATCHDOG and a status line.

Outside systemd there is no NOTIFY_SOCKET, and nothing is sent.
"""

from __future__ import annotations

import os
import socket
from collections.abc import MutableMapping

import structlog

_log = structlog.get_logger(__name__)


class SystemdNotifier:
    """Sends state changes to the socket that systemd names.

    The variables are taken out of `environ`, or the workers that we start would speak for us.
    """

    def __init__(self, environ: MutableMapping[str, str] = os.environ) -> None:
        self._address = _address(environ.pop("NOTIFY_SOCKET", ""))
        self.watchdog_seconds = _watchdog_seconds(environ)
        """Within this time systemd expects `alive`; None when it does not watch this process."""

    def ready(self, status: str) -> None:
        """The service takes calls."""
        self._send(f"READY=1\nSTATUS={_line(status)}")

    def stopping(self, status: str) -> None:
        """The service goes down and takes no new calls."""
        self._send(f"STOPPING=1\nSTATUS={_line(status)}")

    def status(self, status: str) -> None:
        """One line for `systemctl status`."""
        self._send(f"STATUS={_line(status)}")

    def alive(self) -> None:
        """The watchdog's sign of life."""
        self._send("WATCHDOG=1")

    def _send(self, message: str) -> None:
        if self._address is None:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as notify:
                notify.setblocking(False)
                notify.sendto(message.encode(), self._address)
        except OSError as error:
            _log.warning("systemd was not told", message=message, error=str(error))


def _address(named: str) -> str | None:
    """A socket's path; a leading @ means the abstract namespace."""
    if named.startswith("@"):
        return "\0" + named[1:]
    return named or None


def _watchdog_seconds(environ: MutableMapping[str, str]) -> float | None:
    """WATCHDOG_USEC, when it is meant for this process."""
    microseconds = environ.pop("WATCHDOG_USEC", "")
    meant = environ.pop("WATCHDOG_PID", "") in ("", str(os.getpid()))
    return int(microseconds) / 1e6 if meant and microseconds.isdecimal() and int(microseconds) else None


def _line(status: str) -> str:
    return " ".join(status.split())
