"""Where pjproject's source comes from: Debian's signed source package, or a tarball given by path or URL."""

from __future__ import annotations

import hashlib
import re
import shutil
import urllib.error
import urllib.request
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from gateway.errors import SetupError
from gateway.sip.native.buildlog import BuildLog
from gateway.sip.native.toolchain import KEYRING

DEBIAN_PACKAGE = "asterisk"
"""Debian's Asterisk carries the whole of pjproject as a component of its source package."""
DEBIAN_SUITE = "sid"
COMPONENT = "*.orig-Xpjproject.tar.*"
DOWNLOAD_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Tarball:
    """An archive of pjproject on this disk."""

    path: Path
    sha256: str


def fetch(source: str | None, *, sha256: str | None, folder: Path, log: BuildLog) -> Tarball:
    """Gets the archive; None as the source means Debian's.

    :param folder: keeps what was downloaded, so that the next build needs no network
    :raises SetupError: when it cannot be had, or is not what `sha256` says
    """
    folder.mkdir(parents=True, exist_ok=True)
    if source is None:
        path = _from_debian(folder, log)
    elif source.startswith(("https://", "http://")):
        path = _download(source, folder)
    else:
        path = Path(source).expanduser()
        if not path.is_file():
            raise SetupError(f"There is no source archive {path}: give the path or URL of a pjproject tarball.")
    digest = _digest(path)
    if sha256 is not None and digest != sha256.lower():
        raise SetupError(f"The source archive {path} has the checksum {digest}, not {sha256}: get it again.")
    return Tarball(path, digest)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _download(url: str, folder: Path) -> Path:
    name = hashlib.sha256(url.encode()).hexdigest()[:12] + "-" + (url.rsplit("/", 1)[-1] or "source")
    path = folder / name
    if path.exists():
        return path
    part = path.with_suffix(".part")
    try:
        with urllib.request.urlopen(url, timeout=DOWNLOAD_SECONDS) as response, part.open("wb") as file:  # noqa: S310  only http(s) gets here
            shutil.copyfileobj(response, file)
    except (OSError, urllib.error.URLError) as error:
        raise SetupError(f"{url} cannot be downloaded: {error}.") from error
    return part.rename(path)


def _from_debian(folder: Path, log: BuildLog) -> Path:
    """apt verifies Debian's signature and the checksums, with a state of its own: the host's apt is not touched."""
    kept = sorted(folder.glob(COMPONENT))
    if kept:
        return kept[-1]
    state = folder / "apt"
    shutil.rmtree(state, ignore_errors=True)
    downloads = state / "downloads"
    for directory in (state / "lists/partial", state / "cache/archives/partial", state / "none", downloads):
        directory.mkdir(parents=True)
    (state / "status").touch()
    (state / "sources.list").write_text(f"deb-src [signed-by={KEYRING}] {debian_mirror()} {DEBIAN_SUITE} main\n")
    (state / "apt.conf").write_text(_apt_configuration(state))
    environment = {"APT_CONFIG": str(state / "apt.conf")}
    log.run(["apt-get", "update"], cwd=downloads, environment=environment)
    log.run(["apt-get", "source", "--download-only", DEBIAN_PACKAGE], cwd=downloads, environment=environment)
    found = sorted(downloads.glob(COMPONENT))
    if not found:
        raise SetupError(
            f"Debian's source package {DEBIAN_PACKAGE} carries pjproject no more: give a tarball as the source."
        )
    path = found[0].rename(folder / found[0].name)
    shutil.rmtree(state)
    return path


def _apt_configuration(state: Path) -> str:
    settings = {
        "Dir::State": state,
        "Dir::State::lists": state / "lists",
        "Dir::State::status": state / "status",
        "Dir::Cache": state / "cache",
        "Dir::Etc::sourcelist": state / "sources.list",
        "Dir::Etc::sourceparts": state / "none",
        "Acquire::Check-Valid-Until": "false",
        "Acquire::Languages": "none",
        "APT::Sandbox::User": "",
        "Debug::NoLocking": "true",
    }
    return "".join(f'{name} "{value}";\n' for name, value in settings.items())


def debian_mirror() -> str:
    """The Debian mirror that this machine's apt uses.

    :raises SetupError: when it uses none
    """
    for path in [Path("/etc/apt/sources.list"), *sorted(Path("/etc/apt/sources.list.d").glob("*"))]:
        mirror = find_mirror(path.read_text().splitlines()) if path.is_file() else None
        if mirror:
            return mirror
    raise SetupError("apt knows no Debian mirror: give a pjproject tarball, by path or URL, as the source.")


def find_mirror(lines: Iterable[str]) -> str | None:
    """The first URI ending in /debian in a sources.list or a .sources file."""
    for line in lines:
        if re.match(r"(deb|deb-src|URIs:)\s", line):
            for uri in re.findall(r"https?://\S+/debian(?=/?(?:\s|$))", line):
                return str(uri)
    return None
