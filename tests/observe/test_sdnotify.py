"""What systemd hears."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.observe.sdnotify import SystemdNotifier


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        listener.settimeout(1)
        yield listener


def test_states_go_to_the_socket_that_is_named(systemd: socket.socket) -> None:
    notifier = SystemdNotifier({"NOTIFY_SOCKET": systemd.getsockname()})
    notifier.ready("sip:a@b\nready")
    assert systemd.recv(200) == b"READY=1\nSTATUS=sip:a@b ready"
    notifier.alive()
    assert systemd.recv(200) == b"WATCHDOG=1"
    notifier.stopping("3 calls left")
    assert systemd.recv(200) == b"STOPPING=1\nSTATUS=3 calls left"
    notifier.status("idle")
    assert systemd.recv(200) == b"STATUS=idle"


def test_an_abstract_socket_works() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(f"\0parley-test-{os.getpid()}")
        listener.settimeout(1)
        SystemdNotifier({"NOTIFY_SOCKET": f"@parley-test-{os.getpid()}"}).alive()
        assert listener.recv(200) == b"WATCHDOG=1"


def test_without_systemd_nothing_happens() -> None:
    notifier = SystemdNotifier({})
    notifier.ready("ready")
    assert notifier.watchdog_seconds is None


def test_a_socket_that_is_gone_does_no_harm(tmp_path: Path) -> None:
    SystemdNotifier({"NOTIFY_SOCKET": str(tmp_path / "gone")}).alive()


@pytest.mark.parametrize(
    ("environ", "seconds"),
    [
        ({"WATCHDOG_USEC": "30000000"}, 30),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())}, 30),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "x"}, None),
        ({}, None),
    ],
)
def test_the_watchdog_counts_only_when_it_is_meant_for_us(environ: dict[str, str], seconds: float | None) -> None:
    assert SystemdNotifier(environ).watchdog_seconds == seconds


def test_children_do_not_inherit_the_socket(systemd: socket.socket) -> None:
    environ = {"NOTIFY_SOCKET": systemd.getsockname(), "WATCHDOG_USEC": "1", "WATCHDOG_PID": "1", "PATH": "/bin"}
    SystemdNotifier(environ)
    assert environ == {"PATH": "/bin"}
