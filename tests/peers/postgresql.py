"""A PostgreSQL server of the tests' own: on a socket in a new folder, without any of its safety against power cuts."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from pwd import getpwnam

from tests.peers.missing import PeerMissing

FOLDER = Path("/usr/lib/postgresql")
_USER = "parley"
_SECONDS = 30
_OPTIONS = ("fsync=off", "full_page_writes=off", "shared_buffers=16MB", "listen_addresses=")
_FORGETFUL = "synchronous_commit=off"
"""Commits are lost when the server is killed."""


class PostgreSQL:
    """:param folder: of the socket and the data
    :param programs: where postgres and psql are
    :param as_user: what a command begins with
    :param options: settings of the server
    """

    def __init__(self, folder: Path, programs: Path, as_user: Sequence[str], options: Sequence[str]) -> None:
        self._folder = folder
        self._programs = programs
        self._as_user = as_user
        self._options = options
        self._server: subprocess.Popen[bytes] | None = None

    def url(self, database: str) -> str:
        """As `store.url` has it."""
        return f"postgresql://{_USER}@/{database}?host={self._folder}"

    def execute(self, statement: str) -> None:
        """Run SQL in the database `postgres`."""
        command = [str(self._programs / "psql"), "-X", "-q", "-h", str(self._folder), "-U", _USER, "-c", statement]
        subprocess.run([*command, "postgres"], check=True, capture_output=True)

    def start(self) -> None:
        """Returns when it takes connections. :raises PeerMissing: it does not start"""
        until = time.monotonic() + _SECONDS
        while not self._started():
            # The processes of one that was killed may live a moment longer.
            if time.monotonic() > until:
                said = (self._folder / "log").read_text(errors="replace").strip()[-400:]
                raise PeerMissing(f"PostgreSQL did not start: {said}")
            time.sleep(0.05)

    def stop(self, how: signal.Signals) -> None:
        """SIGQUIT for at once, SIGKILL for a crash."""
        assert self._server is not None
        self._server.send_signal(how)
        self._server.wait(_SECONDS)

    def _started(self) -> bool:
        options = [part for option in self._options for part in ("-c", option)]
        folder, log = self._folder, self._folder / "log"
        arguments = [str(self._programs / "postgres"), "-D", str(folder / "data"), "-k", str(folder), *options]
        with log.open("wb") as output:
            self._server = subprocess.Popen(
                [*self._as_user, *arguments], stdout=output, stderr=output, cwd=folder, start_new_session=True
            )
        while b"ready to accept connections" not in log.read_bytes():
            if self._server.poll() is not None:
                return False
            time.sleep(0.02)
        return True


@contextmanager
def postgresql(*, forgetful: bool = True) -> Iterator[PostgreSQL]:
    """A server that runs until the end of the block, and no longer than this process.

    :param forgetful: faster, but what was committed is lost when it is killed
    :raises PeerMissing: it is not installed, or does not start
    """
    programs = _programs()
    folder = Path(tempfile.mkdtemp(prefix="parley-postgresql-"))
    try:
        as_user = _become_ordinary(folder)
        _initialise(as_user, programs, folder)
        options = (*_OPTIONS, _FORGETFUL) if forgetful else _OPTIONS
        server = PostgreSQL(folder, programs, as_user, options)
        server.start()
        try:
            yield server
        finally:
            server.stop(signal.SIGQUIT)  # at once: nothing of it is kept
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _programs() -> Path:
    found = sorted(FOLDER.glob("*/bin"), key=lambda path: int(path.parent.name), reverse=True)
    if not found:
        raise PeerMissing(
            "PostgreSQL is not installed: run `python -m tests.peers.setup`, or apt-get install postgresql."
        )
    return found[0]


def _become_ordinary(folder: Path) -> Sequence[str]:
    """What a command begins with, so that it does not run as root, which PostgreSQL refuses, nor outlive the tests."""
    tied = ["setpriv", "--pdeathsig", "QUIT"]
    if os.geteuid() != 0:
        return tied
    for name in ("postgres", "nobody"):
        with suppress(KeyError):
            user = getpwnam(name)
            os.chown(folder, user.pw_uid, user.pw_gid)
            return [*tied, f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
    raise PeerMissing("PostgreSQL does not run as root, and this machine has neither a user postgres nor nobody.")


def _initialise(as_user: Sequence[str], programs: Path, folder: Path) -> None:
    options = [
        "--no-sync",
        "--no-instructions",
        "--no-locale",
        "--encoding=UTF8",
        "--auth=trust",
        f"--username={_USER}",
    ]
    done = subprocess.run(
        [*as_user, str(programs / "initdb"), "-D", str(folder / "data"), *options],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
    )
    if done.returncode:
        raise PeerMissing(f"initdb failed: {done.stderr.strip()[-400:]}")
