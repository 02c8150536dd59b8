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
_FAST = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "shared_buffers=16MB", "listen_addresses=")


class PostgreSQL:
    """:param folder: of the socket
    :param programs: where psql is
    """

    def __init__(self, folder: Path, programs: Path) -> None:
        self._folder = folder
        self._programs = programs

    def url(self, database: str) -> str:
        """As `store.url` has it."""
        return f"postgresql://{_USER}@/{database}?host={self._folder}"

    def execute(self, statement: str) -> None:
        """Run SQL in the database `postgres`."""
        command = [str(self._programs / "psql"), "-X", "-q", "-h", str(self._folder), "-U", _USER, "-c", statement]
        subprocess.run([*command, "postgres"], check=True, capture_output=True)


@contextmanager
def postgresql() -> Iterator[PostgreSQL]:
    """A server that runs until the end of the block, and no longer than this process.

    :raises PeerMissing: it is not installed, or does not start
    """
    programs = _programs()
    folder = Path(tempfile.mkdtemp(prefix="parley-postgresql-"))
    try:
        as_user = _become_ordinary(folder)
        _initialise(as_user, programs, folder)
        server = _start(as_user, programs, folder)
        try:
            _wait(server, folder)
            yield PostgreSQL(folder, programs)
        finally:
            server.send_signal(signal.SIGQUIT)  # at once: nothing of it is kept
            server.wait(_SECONDS)
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


def _start(as_user: Sequence[str], programs: Path, folder: Path) -> subprocess.Popen[bytes]:
    options = [part for option in _FAST for part in ("-c", option)]
    arguments = [str(programs / "postgres"), "-D", str(folder / "data"), "-k", str(folder), *options]
    with (folder / "log").open("wb") as log:
        return subprocess.Popen([*as_user, *arguments], stdout=log, stderr=log, cwd=folder, start_new_session=True)


def _wait(server: subprocess.Popen[bytes], folder: Path) -> None:
    until = time.monotonic() + _SECONDS
    log = folder / "log"
    while b"ready to accept connections" not in log.read_bytes():
        if server.poll() is not None or time.monotonic() > until:
            raise PeerMissing(f"PostgreSQL did not start: {log.read_text(errors='replace').strip()[-400:]}")
        time.sleep(0.02)
