"""Where pjproject's source may come from."""

from __future__ import annotations

import functools
import hashlib
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from gateway.errors import SetupError
from gateway.sip.native.buildlog import BuildLog
from gateway.sip.native.source import COMPONENT, fetch, find_mirror

CONTENT = b"not really an archive"
CHECKSUM = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def log(tmp_path: Path) -> Iterator[BuildLog]:
    with BuildLog(tmp_path / "build.log", stages={}) as log:
        yield log


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the base class's name
        pass


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """A web server with one archive."""
    files = tmp_path / "served"
    files.mkdir()
    (files / "pjproject.tar.gz").write_bytes(CONTENT)
    web = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Quiet, directory=str(files)))
    thread = threading.Thread(target=web.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{web.server_port}"
    web.shutdown()
    thread.join()
    web.server_close()


def test_a_path_is_taken_as_it_is(tmp_path: Path, log: BuildLog) -> None:
    archive = tmp_path / "mine.tar.gz"
    archive.write_bytes(CONTENT)
    tarball = fetch(str(archive), sha256=CHECKSUM.upper(), folder=tmp_path / "kept", log=log)
    assert (tarball.path, tarball.sha256) == (archive, CHECKSUM)


def test_a_path_to_nothing_is_said(tmp_path: Path, log: BuildLog) -> None:
    with pytest.raises(SetupError, match="There is no source archive"):
        fetch(str(tmp_path / "missing.tar.gz"), sha256=None, folder=tmp_path / "kept", log=log)


def test_another_archive_than_the_expected_is_refused(tmp_path: Path, log: BuildLog) -> None:
    archive = tmp_path / "mine.tar.gz"
    archive.write_bytes(b"something else")
    with pytest.raises(SetupError, match="checksum"):
        fetch(str(archive), sha256=CHECKSUM, folder=tmp_path / "kept", log=log)


def test_a_download_is_kept_for_the_next_build(tmp_path: Path, server: str, log: BuildLog) -> None:
    url = f"{server}/pjproject.tar.gz"
    first = fetch(url, sha256=CHECKSUM, folder=tmp_path / "kept", log=log)
    assert first.path.read_bytes() == CONTENT
    (tmp_path / "served/pjproject.tar.gz").unlink()
    assert fetch(url, sha256=CHECKSUM, folder=tmp_path / "kept", log=log) == first


def test_a_download_that_fails_leaves_nothing(tmp_path: Path, server: str, log: BuildLog) -> None:
    with pytest.raises(SetupError, match="cannot be downloaded"):
        fetch(f"{server}/missing.tar.gz", sha256=None, folder=tmp_path / "kept", log=log)
    assert list((tmp_path / "kept").iterdir()) == []


def test_debians_component_is_taken_from_the_cache(tmp_path: Path, log: BuildLog, empty_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    archive = kept / COMPONENT.replace("*", "asterisk_1", 1).replace("*", "xz")
    archive.write_bytes(CONTENT)
    assert fetch(None, sha256=None, folder=kept, log=log).path == archive


@pytest.mark.parametrize(
    "lines",
    [
        ["# comment http://one.example/debian", "deb http://two.example/debian bookworm main"],
        ["deb [signed-by=/usr/share/keyrings/some.gpg] http://two.example/debian/ bookworm main"],
        ["Types: deb", "URIs: http://two.example/debian", "Suites: bookworm"],
        ["deb https://other.example/debian-security bookworm main", "deb http://two.example/debian trixie main"],
    ],
)
def test_the_mirror_is_read_from_both_kinds_of_apt_sources(lines: list[str]) -> None:
    assert (find_mirror(lines) or "").rstrip("/") == "http://two.example/debian"


def test_sources_without_debian_have_no_mirror() -> None:
    assert find_mirror(["deb http://one.example/ubuntu noble main", "URIs: https://one.example/node"]) is None
