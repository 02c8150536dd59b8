"""Installs what the tests' peers need: `python -m tests.peers.setup`. Does nothing, at once, when all is there.

Debian packages on this machine (root only), Asterisk and its prompts in the cache, the softphone's virtual environment,
llama.cpp's server, Vapi's SDKs, the optional models.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from gateway.errors import ParleyError
from gateway.models import ensure_models
from gateway.models.catalogue import OPTIONAL
from tests.peers import postgresql
from tests.peers.asterisk import asterisk_root
from tests.peers.llama_cpp import llama_cpp_folder
from tests.peers.missing import PeerMissing
from tests.peers.softphone import softphone_python
from tests.peers.vapi_sdks import vapi_python, vapi_typescript

PROGRAMS = {
    "sipp": "sip-tester",
    "tcpdump": "tcpdump",
    "baresip": "baresip",
    "espeak-ng": "espeak-ng",
    "flite": "flite",
    "kamailio": "kamailio",
    "linphonec": "linphone-cli",
    "multimon-ng": "multimon-ng",
    "tshark": "tshark",
    "ip": "iproute2",
    "systemd-analyze": "systemd",
}
"""Program → Debian package that brings it."""
FOLDERS = {
    Path("/usr/share/pocketsphinx/test/data/librivox"): "pocketsphinx-testdata",
    postgresql.FOLDER: "postgresql",
    Path("/usr/lib/x86_64-linux-gnu/kamailio/modules/tls.so"): "kamailio-tls-modules",
}
"""Folder or file that has no name on the path → Debian package that brings it."""


def missing_packages() -> list[str]:
    """Debian packages that are not there yet."""
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    programs = [package for name, package in PROGRAMS.items() if not shutil.which(name, path=path)]
    return programs + [package for folder, package in FOLDERS.items() if not folder.exists()]


def install(packages: list[str]) -> None:
    """:raises PeerMissing: when this user may not install them, or apt cannot"""
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise PeerMissing(f"install these Debian packages as root: apt-get install {' '.join(packages)}")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["update"], ["install", "-y", "--no-install-recommends", *packages]):
        done = subprocess.run(
            ["apt-get", "-qq", *command], env=environment, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise PeerMissing(f"apt-get {command[0]} failed: {done.stderr.strip()[-400:]}")


def optional_models() -> None:
    """:raises PeerMissing: a model that a user may add cannot be fetched"""
    try:
        ensure_models(catalogue=OPTIONAL)
    except ParleyError as error:
        raise PeerMissing(str(error)) from error


def main() -> int:
    """Prepare every part that can be prepared; one line for each that cannot. Exit status 1 when one is missing."""
    status = 0
    packages = missing_packages()
    debian = partial(install, packages) if packages else lambda: None
    steps: tuple[Callable[[], object], ...] = (
        debian,
        asterisk_root,
        softphone_python,
        llama_cpp_folder,
        vapi_python,
        vapi_typescript,
        optional_models,
    )
    for step in steps:
        try:
            step()
        except PeerMissing as error:
            print(f"tests/peers: {error}", file=sys.stderr)
            status = 1
    if not status:
        print("tests/peers: ready")
    return status


if __name__ == "__main__":
    sys.exit(main())
