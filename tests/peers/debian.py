"""Puts packages of another Debian suite into a folder of their own, so that a test can run a newer peer.

apt works with a state of its own: the host's lists, sources and packages stay as they are. Signatures are checked with
Debian's keyring; only the expiry date of the index is not. No maintainer script runs: the folder is a file tree to
chroot into, or whose own loader runs a program.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from tests.peers.cache import exclusive, peers_folder
from tests.peers.missing import PeerMissing

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
_APT_CONF = """\
Dir::Etc::sourcelist "{state}/etc/sources.list"; Dir::Etc::sourceparts "{state}/none"; Dir::State "{state}";
Dir::State::lists "{state}/lists"; Dir::Cache "{state}/cache"; Dir::State::status "{state}/status";
Acquire::Check-Valid-Until "false"; Acquire::Languages "none"; APT::Install-Recommends "false"; Debug::NoLocking "true";
APT::Sandbox::User "";
"""
_DEVICES = {"null": 3, "zero": 5, "random": 8, "urandom": 9}
"""Character devices of major number 1 that programs in the tree expect → minor number."""


def unpack(name: str, suite: str, packages: Sequence[str]) -> Path:
    """The folder with `packages` of `suite` and all they need; made once and kept under `name`.

    :raises PeerMissing: when there is no apt, no Debian mirror in its sources, or the packages cannot be had
    """
    root = peers_folder() / f"{name}-{suite}"
    receipt = root / ".packages"
    wanted = " ".join(sorted(packages))
    with exclusive(name):
        if receipt.exists() and receipt.read_text() == wanted:
            return root
        if not shutil.which("apt-get") or not KEYRING.exists():
            raise PeerMissing(f"{name} needs apt and {KEYRING}: run these tests on Debian or in a Debian container.")
        shutil.rmtree(root, ignore_errors=True)
        with tempfile.TemporaryDirectory() as state:
            _extract(_download(Path(state), suite, packages), root)
        _complete(root)
        receipt.write_text(wanted)
    return root


def mirror(sources: Iterable[str]) -> str | None:
    """The first Debian mirror named in apt's sources (one-line and deb822 style), given as their lines."""
    for line in sources:
        if line.startswith(("deb ", "URIs:")):
            for word in line.split()[1:]:
                if re.fullmatch(r"https?://\S+/debian/?", word):
                    return word
    return None


def _host_sources() -> list[str]:
    folder = Path("/etc/apt")
    files = [folder / "sources.list", *sorted((folder / "sources.list.d").glob("*"))]
    return [line for file in files if file.is_file() for line in file.read_text().splitlines()]


def _download(state: Path, suite: str, packages: Sequence[str]) -> list[Path]:
    url = mirror(_host_sources())
    if not url:
        raise PeerMissing("apt's sources name no Debian mirror.")
    for folder in ("lists/partial", "cache/archives/partial", "etc", "none"):
        (state / folder).mkdir(parents=True)
    (state / "status").touch()
    (state / "etc/sources.list").write_text(f"deb [signed-by={KEYRING}] {url} {suite} main\n")
    (state / "apt.conf").write_text(_APT_CONF.format(state=state))
    environment = {**os.environ, "APT_CONFIG": str(state / "apt.conf"), "LC_ALL": "C"}
    for command in (["update"], ["install", "-y", "--download-only", *packages]):
        done = subprocess.run(
            ["apt-get", "-qq", *command], env=environment, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise PeerMissing(f"apt-get {command[0]} for {suite} failed: {done.stderr.strip()[-400:]}")
    return sorted((state / "cache/archives").glob("*.deb"))


def _extract(archives: Sequence[Path], root: Path) -> None:
    for folder in ("bin", "sbin", "lib", "lib64"):
        (root / "usr" / folder).mkdir(parents=True)
        (root / folder).symlink_to(f"usr/{folder}")
    for archive in archives:
        subprocess.run(["dpkg-deb", "-x", str(archive), str(root)], check=True)


def _complete(root: Path) -> None:
    for folder in ("dev", "tmp", "proc", "etc"):
        (root / folder).mkdir(exist_ok=True)
    for file, line in (("passwd", "root:x:0:0:root:/root:/bin/sh\n"), ("group", "root:x:0:\n")):
        if not (root / "etc" / file).exists():
            (root / "etc" / file).write_text(line)
    if os.geteuid() != 0:
        return
    for device, minor in _DEVICES.items():
        if not (root / "dev" / device).exists():
            os.mknod(root / "dev" / device, 0o666 | stat.S_IFCHR, os.makedev(1, minor))
            (root / "dev" / device).chmod(0o666)
    subprocess.run(["ldconfig", "-r", str(root)], check=True)
