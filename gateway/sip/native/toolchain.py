"""What the build needs of this machine, asked before anything is downloaded."""

from __future__ import annotations

import shutil
import subprocess
import sysconfig
from collections.abc import Iterable
from pathlib import Path

from gateway.errors import SetupError

TOOLS = {"gcc": "build-essential", "g++": "build-essential", "make": "build-essential", "swig": "swig"}
"""Program to the Debian package that brings it."""

HEADERS = {
    "openssl/ssl.h": "libssl-dev",
    "opus/opus.h": "libopus-dev",
    "srtp2/srtp.h": "libsrtp2-dev",
    "samplerate.h": "libsamplerate0-dev",
    "uuid/uuid.h": "uuid-dev",
}

APT_TOOLS = {"apt-get": "apt"}
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")


def check(*, from_debian: bool) -> None:
    """Finds tools and headers.

    :raises SetupError: naming the packages of all that are missing
    """
    missing = _missing_tools(TOOLS)
    if not missing:
        missing = [*_missing_headers(), *_missing_python_header()]
    if from_debian:
        missing += _missing_tools(APT_TOOLS)
        if not KEYRING.exists():
            missing.append("debian-archive-keyring")
    if missing:
        packages = " ".join(sorted(set(missing)))
        raise SetupError(f"Building pjsua2 needs packages that are not installed: run `apt-get install {packages}`.")


def _missing_tools(tools: dict[str, str]) -> list[str]:
    return [package for tool, package in tools.items() if shutil.which(tool) is None]


def _missing_headers() -> Iterable[str]:
    return (package for header, package in HEADERS.items() if not _preprocesses(header))


def _preprocesses(header: str) -> bool:
    command = ["gcc", "-E", "-x", "c", "-", "-o", "/dev/null"]
    found = subprocess.run(command, input=f"#include <{header}>\n", text=True, capture_output=True, check=False)  # noqa: S603  our own command
    return found.returncode == 0


def _missing_python_header() -> list[str]:
    header = Path(sysconfig.get_path("include")) / "Python.h"
    return [] if header.exists() else [f"python{sysconfig.get_python_version()}-dev"]
